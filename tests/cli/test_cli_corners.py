"""The command line where it is thin: what else people type, in process where nothing but the message is at stake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest

from neurosim import registry
from neurosim.cli import listing
from neurosim.cli.main import main
from neurosim.cli.warmup import PACKAGES

RELAX = ["--set", "analysis={type: relax, samples: 2}", "--set", "dynamics={solver: heun, dt: 0.25, t_end: 30.0}"]


class Done(NamedTuple):
    """How a command ended, as `subprocess` has it."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Done]


@pytest.fixture
def neurosim(shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `neurosim` in this process, in the folder of the shell."""
    monkeypatch.chdir(shell.folder)
    monkeypatch.delenv("NEUROSIM_DATA", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["neurosim", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    return run


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Usage"),
        (["rum", "x.yaml"], "No such command 'rum'"),
        (["run"], "Missing argument"),
        (["run", "tiny.yaml", "--sett", "a=b"], "No such option"),
        (["run", "tiny.yaml", "--threads", "0"], "--threads"),
        (["run", "tiny.yaml", "--threads", "many"], "--threads"),
        (["run", "tiny.yaml", "--set", "rule.beta"], "rule.beta"),
        (["run", "tiny.yaml", "--set", "rule.beta=[1"], "rule.beta"),
        (["run", "tiny.yaml", "--set", "rule.betta=1"], "Did you mean 'beta'"),
        (["run", "tiny.yaml", "--set", "seed=many"], "seed"),
        (["list", "solver"], "Did you mean 'solvers'"),
        (["plot", "a.h5", "b.h5"], "unexpected extra argument"),
        (["validate"], "Missing argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_usage_has_status_2(neurosim: Command, shell, arguments: list[str], told: str):
    """One message, no traceback, and nothing is written."""
    shell.write()
    before = files(shell.folder)
    done = neurosim(*arguments)
    assert done.returncode == 2
    assert told in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert files(shell.folder) == before


def test_set_changes_what_is_run(neurosim: Command, shell):
    """Many of them, in order, of any kind; the scenario in the file has them, and so does the run id."""
    shell.write()
    done = neurosim(
        "run", "tiny.yaml", "-o", "a.h5", "-q", "--set", "analysis.epochs=1", "--set", "rule.beta=0.5",
        "--set", "rule.beta=0.25", "--set", "circuit.layers=[64, 5, 10]", "--set", "description=two words",
    )  # fmt: skip
    assert done == Done(0, "a.h5\n", "")
    with h5py.File("a.h5") as file:
        assert file["circuit/parameters/W_0"].shape == (64, 5)
        assert file["train/epoch"].shape == (1,)
        told = file.attrs["scenario"]
        assert "beta: 0.25" in told
        assert "two words" in told
        assert file.attrs["command"].startswith("neurosim run tiny.yaml -o a.h5 -q --set analysis.epochs=1")
        run_id = file.attrs["run_id"]
    assert run_id in neurosim("inspect", "a.h5").stdout
    assert run_id not in neurosim("validate", "tiny.yaml").stdout


def test_validate_goes_on_after_an_error(neurosim: Command, shell):
    """Several scenarios: the good ones are told as good, the bad ones as bad, the status is 2."""
    shell.write("good.yaml")
    shell.write("bad.yaml", rule={"beta": 0})
    done = neurosim("validate", "bad.yaml", "good.yaml", "dyad_digitz")
    assert done.returncode == 2
    assert "good.yaml: valid, run id" in done.stdout
    assert "bad.yaml:" in done.stderr
    assert "rule.beta" in done.stderr
    assert "Did you mean 'dyad_digits'" in done.stderr
    assert neurosim("validate", "bad.yaml", "--set", "rule.beta=0.1").returncode == 0


@pytest.mark.parametrize("kind", listing.KINDS)
def test_list_of_every_kind(neurosim: Command, kind: str):
    """Names in a column, one line each with its summary; every name of the registry, and nothing else."""
    done = neurosim("list", kind)
    assert done.returncode == 0
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert len(names) == len(set(names)) > 0
    assert all(len(line.split()) > 3 for line in done.stdout.splitlines()), "every name says what it is"
    tables = {"rules": "RULES", "solvers": "SOLVERS", "analyses": "ANALYSES", "datasets": "DATASETS", "plots": "PLOTS"}
    if kind in tables:
        assert names == list(getattr(registry, tables[kind]))
    else:
        shipped = {"circuits": "dyad_mlp", "scenarios": "dyad_digits", "imperfections": "asymmetry"}
        assert shipped[kind] in names


def test_inspect_a_relaxation(neurosim: Command, shell):
    """Key figures of every phase; the scenario printed by itself runs to the same run id."""
    shell.write()
    assert neurosim("run", "tiny.yaml", "-o", "a.h5", "-q", *RELAX).returncode == 0
    told = neurosim("inspect", "a.h5").stdout
    for word in ("phase free", "phase nudged", "steps, final RMS rate at most", "/relax/state_layer_1", "settled"):
        assert word in told
    Path("again.yaml").write_text(neurosim("inspect", "a.h5", "--scenario").stdout)
    assert neurosim("validate", "again.yaml").stdout.split()[-1] in told


def test_inspect_and_plot_a_run_without_an_epoch(neurosim: Command, shell):
    """Diverged in the first batch: there is little to tell, and it is told."""
    shell.write(
        circuit={"layers": [64, 32, 32, 10], "init": {"gain": 3.0}},
        rule={"variant": "original", "alpha": 0.0, "beta": 5.0},
        dynamics={"max_steps": 300},
    )
    assert neurosim("run", "tiny.yaml", "-o", "a.h5", "-q").returncode == 3
    told = neurosim("inspect", "a.h5")
    assert told.returncode == 0
    assert "diverged" in told.stdout
    plotted = neurosim("plot", "a.h5")
    assert plotted.returncode in (0, 2)
    assert "Traceback" not in plotted.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-o", "a.txt"], "unknown picture format '.txt'"),
        (["-o", "picture"], "no picture format"),
        (["-o", "nowhere/a.png"], "there is no folder 'nowhere'"),
        (["--kind", "trainin"], "Did you mean 'training'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_pictures_that_cannot_be_drawn(neurosim: Command, shell, arguments: list[str], told: str):
    shell.write()
    assert neurosim("run", "tiny.yaml", "-o", "a.h5", "-q", "--set", "analysis.epochs=1").returncode == 0
    before = files(shell.folder)
    done = neurosim("plot", "a.h5", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert files(shell.folder) == before


def test_run_can_draw_at_once(neurosim: Command, shell):
    """--plot: the picture beside the result; the last line is still the path of the result."""
    shell.write()
    done = neurosim("run", "tiny.yaml", "-o", "a.h5", "--plot", "-q", "--set", "analysis.epochs=1")
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["a.png", "a.h5"]
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")


def test_quiet_failures_are_still_told(neurosim: Command, shell):
    """--quiet leaves out what went well, not what went wrong."""
    shell.write(dynamics={"max_steps": 1})
    done = neurosim("run", "tiny.yaml", "-o", "a.h5", "--quiet")
    assert done.returncode == 3
    assert done.stdout == "a.h5\n"
    assert "did not settle" in done.stderr


def test_data_are_found_in_any_of_several_folders(neurosim: Command, shell):
    """--data-dir may be given many times; a relative data.path is sought in each."""
    (shell.folder / "one").mkdir()
    (shell.folder / "two").mkdir()
    draw = np.random.default_rng(0)
    np.savez(shell.folder / "two" / "mine.npz", inputs=draw.random((40, 5)), targets=np.arange(40) % 3)
    shell.write(circuit={"layers": [5, 4, 3]}, data={"set": "file", "path": "mine.npz"})
    missing = neurosim("run", "tiny.yaml", "-o", "a.h5", "--data-dir", "one")
    assert missing.returncode == 2
    assert "one" in missing.stderr
    assert "--data-dir" in missing.stderr
    assert neurosim("run", "tiny.yaml", "-o", "a.h5", "-q", "--data-dir", "one", "--data-dir", "two").returncode == 0


def test_ctrl_c_before_the_run_has_begun(neurosim: Command, shell, monkeypatch: pytest.MonkeyPatch):
    """While kernels compile or data load nobody listens yet: status 130, no traceback, nothing left."""
    from neurosim.analysis import run as module

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "build", interrupted)
    shell.write()
    done = neurosim("run", "tiny.yaml", "-o", "a.h5")
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert list(files(shell.folder)) == ["tiny.yaml"]


@pytest.mark.parametrize("command", ["schema", "inspect"])
def test_a_reader_that_goes_away_is_no_error(neurosim: Command, shell, command: str):
    """`neurosim schema | head -1`: the pipe closes early, and nobody calls that an error, least of all of the file."""
    arguments = [command]
    if command == "inspect":
        shell.write()
        assert neurosim("run", "tiny.yaml", "-o", "a.h5", "-q", "--set", "analysis.epochs=1").returncode == 0
        arguments.append("a.h5")
    ours, theirs = os.pipe()
    os.close(ours)
    command_line = [sys.executable, "-m", "neurosim", *arguments]
    done = subprocess.run(command_line, stdout=theirs, stderr=subprocess.PIPE, cwd=shell.folder, timeout=60)
    os.close(theirs)
    assert done.stderr == b""
    assert done.returncode in (0, 1), "click ends with 1 when the pipe is closed"


def test_sigterm_is_obeyed_like_ctrl_c(shell):
    """A scheduler that asks politely gets a result and a checkpoint: status 130."""
    shell.write(analysis={"epochs": 100000})
    command = [sys.executable, "-m", "neurosim", "run", "tiny.yaml", "-o", "a.h5"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, cwd=shell.folder, text=True)
    assert running.stderr is not None
    assert running.stderr.readline().startswith("epoch 1")
    running.send_signal(signal.SIGTERM)
    stdout, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert stdout == "a.h5\n"
    assert (shell.folder / "a.checkpoint.h5").exists()


def test_warmup_knows_every_package_with_kernels():
    """A kernel in a package that warmup does not walk would be compiled in somebody's first run."""
    root = Path(listing.__file__).parents[1]
    decorated = [path for path in root.rglob("*.py") if "@kernel" in path.read_text() and path.name != "jit.py"]
    assert decorated
    for path in decorated:
        package = ".".join(("neurosim", *path.relative_to(root).parts[:-1]))
        assert package.startswith(PACKAGES), path


def test_a_cache_that_cannot_be_written_is_told(shell):
    """A message of one line that names the variable, and status 2."""
    shell.write()
    environment = {**os.environ, "NEUROSIM_CACHE": os.devnull + "/cache"}
    command = [sys.executable, "-m", "neurosim", "run", "tiny.yaml", "-o", "a.h5"]
    done = subprocess.run(command, env=environment, cwd=shell.folder, capture_output=True, text=True, timeout=60)
    assert "NEUROSIM_CACHE" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 2


def test_a_folder_as_output_is_refused(neurosim: Command, shell):
    """-o somewhere/ --force: refused before the run, not a traceback after it that takes the result with it."""
    shell.write()
    (shell.folder / "results").mkdir()
    for force in ((), ("--force",)):
        done = neurosim("run", "tiny.yaml", "-o", "results", *force, "--set", "analysis.epochs=1")
        assert done.returncode == 2
        assert "results: is a folder" in done.stderr
    assert list(files(shell.folder)) == ["tiny.yaml"]


def test_inspect_of_a_file_damaged_in_the_middle(neurosim: Command, shell):
    """The table of names of /train overwritten: as clear a word as for a file that was cut short."""
    shell.write()
    assert neurosim("run", "tiny.yaml", "-o", "a.h5", "-q", "--set", "analysis.epochs=1").returncode == 0
    content = bytearray(Path("a.h5").read_bytes())
    with h5py.File("a.h5") as file:
        names = content.index(b"train_error\0")
        heap = content.rindex(b"HEAP", 0, names)
        assert "train_error" in file["train"]
    content[heap : heap + 4] = b"DAMN"
    Path("b.h5").write_bytes(content)
    done = neurosim("inspect", "b.h5")
    assert done.returncode == 2
    assert "damaged" in done.stderr
