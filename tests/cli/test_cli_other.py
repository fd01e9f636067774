"""The commands that do not simulate: validate, list, schema, inspect, plot, warmup, help."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neurosim import __version__, registry
from neurosim.scenario.shipped import SCENARIOS

ROOT = Path(__file__).resolve().parents[2]


def test_version_and_help(shell):
    """--version, --help of the program and of every command."""
    assert shell("--version").stdout == f"neurosim {__version__}\n"
    told = shell("--help").stdout
    for command in ("run", "plot", "report", "inspect", "validate", "list", "schema", "warmup"):
        assert command in told
        assert shell(command, "--help").returncode == 0


@pytest.mark.parametrize("name", SCENARIOS.names())
def test_shipped_scenarios_are_valid(shell, name):
    """Every shipped scenario validates, and says how it is run."""
    done = shell("validate", name)
    assert done.returncode == 0, done.stderr
    assert "valid, run id" in done.stdout
    text = SCENARIOS.find(name).read_text()
    command = "sweep" if "\nsweep:" in text else "run"
    assert f"neurosim {command} {name}" in text


def test_list_knows_every_name(shell):
    """list without a kind shows everything; with a kind only that; an unknown kind gets the nearest one."""
    everything = shell("list").stdout
    for table in (registry.RULES, registry.SOLVERS, registry.DATASETS, registry.PLOTS, registry.ANALYSES):
        for name, entry in table.items():
            assert name in everything
            assert entry.summary in everything
    assert shell("list", "rules").stdout.startswith("dual_propagation")
    refused = shell("list", "rule")
    assert refused.returncode == 2
    assert "Did you mean 'rules'" in refused.stderr


def test_schema_is_the_shipped_one(shell):
    """Editors get what the code checks."""
    assert shell("schema").stdout == (ROOT / "scenarios" / "schema.json").read_text()


def test_inspect_and_plot(shell):
    """inspect tells status, figures and arrays and gives back a scenario that runs; plot draws beside the result."""
    assert shell("run", shell.write(), "-o", "a.h5", "-q").returncode == 0
    told = shell("inspect", "a.h5").stdout
    for word in ("settled", "test_error", "run_id", "provenance", "/circuit/parameters/W_0", "64 x 16"):
        assert word in told
    (shell.folder / "again.yaml").write_text(shell("inspect", "a.h5", "--scenario").stdout)
    assert shell("validate", "again.yaml").stdout.split()[-1] in told
    assert shell("plot", "a.h5").stdout == "a.png\n"
    assert (shell.folder / "a.png").read_bytes().startswith(b"\x89PNG")
    assert shell("plot", "a.h5", "--kind", "learning_curve", "-o", "b.svg").returncode == 0
    refused = shell("plot", "a.h5", "--kind", "rate")
    assert refused.returncode == 2
    assert "This file can give" in refused.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["validate", "dyad_digits"], ["list"], ["schema"]])
def test_quick_commands_import_nothing_heavy(arguments):
    """What has to answer at once does not wait for numerical libraries."""
    code = (
        "import sys\nfrom neurosim.cli.main import main\n"
        f"sys.argv[1:] = {arguments!r}\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('numpy', 'numba', 'h5py', 'matplotlib', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_warmup_fills_the_cache(shell, tmp_path, monkeypatch):
    """After warmup a run in a new process compiles nothing."""
    import h5py

    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path / "kernels"))
    done = shell("warmup")
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip())
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.nbi")}
    assert before
    assert shell("run", shell.write(), "-o", "a.h5", "-q").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.nbi")} == before
    with h5py.File(shell.folder / "a.h5") as file:
        assert file.attrs["compile_seconds"] >= 0
