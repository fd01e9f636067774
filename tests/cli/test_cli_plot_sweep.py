"""`neurosim plot` of sweeps that were really run, and `neurosim sweep --plot`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neurosim.cli.main import main
from neurosim.plots.figure import draw_figure
from neurosim.results.reader import open_result

TINY = """\
schema: 1
name: tiny
seed: 5
dtype: float64
circuit: {layers: [2, 4, 2], activation: tanh}
data: {set: xor}
rule: {type: dual_propagation, alpha: 0.0, beta: 0.1}
dynamics: {solver: sweeps, max_steps: 200, tolerance: 1.0e-10}
analysis: {type: bias, samples: 4}
"""
GRID = ("--grid", "rule.beta=log:1e-3:0.1:3", "--grid", "rule.alpha=0.0,0.5")
POINTS = """\
sweep:
  sobol:
    points: 8
    keys: {rule.beta: {low: 0.01, high: 1.0, scale: log}, circuit.init.gain: {low: 0.5, high: 1.5}}
"""
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scenario and the sweep ``s`` over two keys, drawn as it was made."""
    at = tmp_path_factory.mktemp("swept")
    (at / "tiny.yaml").write_text(TINY)
    done = run(at, "sweep", "tiny.yaml", "-o", "s", "--workers", "1", "-q", "--plot", *GRID)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "s/sweep.png\ns/sweep.h5\n"
    return at


def run(at: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "neurosim", *arguments]
    return subprocess.run(command, cwd=at, capture_output=True, text=True, timeout=300)


@pytest.fixture
def plot(folder, monkeypatch, capsys):
    """Run `neurosim plot` in this process, in the folder; return exit status, stdout and stderr."""

    def plot(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["neurosim", "plot", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return plot


def test_a_sweep_is_drawn_as_it_ends(folder):
    assert (folder / "s" / "sweep.png").read_bytes().startswith(PNG)


def test_a_sweep_is_drawn_by_its_folder_or_its_file(folder, plot):
    assert plot("s") == (0, "s/sweep.png\n", "")
    assert plot("s/sweep.h5", "--kind", "lines") == (0, "s/sweep.lines.png\n", "")
    chosen = ("--x", "alpha", "--y", "rule.beta", "--value", "relative_norm[nudge,all]", "-o", "a.svg")
    assert plot("s", *chosen) == (0, "a.svg\n", "")
    assert "<svg" in (folder / "a.svg").read_text()


def test_lines_of_several_values(folder, plot):
    values = ("--value", "relative_norm[nudge]", "--value", "relative_norm[settling]")
    assert plot("s", "--color", "alpha", *values, "-o", "b.png") == (0, "b.png\n", "")
    assert plot("s", "--at", "rule.alpha=0.5", "-o", "c.png") == (0, "c.png\n", "")
    assert (folder / "b.png").read_bytes() != (folder / "c.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--x", "rule.bta"], "does not vary 'rule.bta'. Did you mean 'rule.beta'? It varies: "),
        (["--value", "relativ_norm"], "no array 'relativ_norm'. Did you mean 'relative_norm'? There are: bias/"),
        (["--at", "beta"], "--at beta: found no '='; write KEY=VALUE, for instance rule.beta=0.1."),
        (["--at", "beta=0.3"], "the sweep has no rule.beta = 0.3. Nearest: 0.1. Values: 0.001, 0.01, 0.1."),
        (["--kind", "heat_mop"], "unknown plot 'heat_mop'. Did you mean 'heat_map'?"),
        (
            ["--kind", "ladder"],
            "no plot 'ladder': it shows a single run, and this is a sweep. This file can give: sweep",
        ),
        (["--kind", "heat_map", "--at", "beta=0.1"], "a heat map needs two keys, and only rule."),
        (["-o", "a.gif"], "unknown picture format '.gif'."),
    ],
)
def test_what_cannot_be_drawn_is_explained(plot, arguments, said):
    code, out, err = plot("s", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_a_folder_without_a_sweep(folder, plot):
    (folder / "empty").mkdir(exist_ok=True)
    said = "neurosim: empty: is a folder without a sweep.h5; give a result file or the folder of a sweep.\n"
    assert plot("empty") == (2, "", said)


def test_points_keep_the_order_of_their_keys(tmp_path):
    """The first key of the scenario is the horizontal axis, whatever its place in the alphabet."""
    (tmp_path / "tiny.yaml").write_text(TINY + POINTS)
    done = run(tmp_path, "sweep", "tiny.yaml", "-o", "s", "--workers", "1", "-q")
    assert done.returncode == 0, done.stderr
    with open_result(tmp_path / "s" / "sweep.h5") as file:
        figure = draw_figure(file)
        axes = figure.axes[0]
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("rule.beta", "init.gain")
        assert len(axes.collections[0].get_offsets()) == 8


def test_a_sweep_without_any_figure_says_why_there_is_no_picture(tmp_path):
    """Its exit status is that of the failed points, and the last line is still the path."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    broken = ("--set", "data={set: file, path: nowhere.npz}", "--grid", "rule.beta=0.1,0.2")
    done = run(tmp_path, "sweep", "tiny.yaml", "-o", "s", "--workers", "1", "-q", "--plot", *broken)
    assert done.returncode == 3, done.stderr
    assert "no picture: s/sweep.h5: no plot 'sweep': no point of the sweep has a result." in done.stderr
    assert done.stdout == "s/sweep.h5\n"
