"""What cannot be run is refused before anything is written, with the line of the scenario where there is one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from analysis_runs import RELAX, TINY, load, run

from neurosim.analysis.run import Options, execute, result_path
from neurosim.errors import DataError, NeurosimError, ResultFileError, ScenarioError
from neurosim.scenario.load import load_scenario


def refused(folder: Path, error: type[NeurosimError], match: str, *changes: str, **options: object) -> str:
    """Run, expect a refusal, and see that every file is what it was."""
    load(folder, *changes)
    before = {str(path): path.is_file() and path.read_bytes() for path in sorted(folder.rglob("*"))}
    with pytest.raises(error, match=match) as caught:
        run(folder, *changes, **options)
    assert {str(path): path.is_file() and path.read_bytes() for path in sorted(folder.rglob("*"))} == before
    return str(caught.value)


def own_data(folder: Path, inputs: int, targets: np.ndarray) -> str:
    draw = np.random.default_rng(0)
    np.savez(folder / "mine.npz", inputs=draw.random((len(targets), inputs)), targets=targets)
    return f"data={{set: file, path: {folder}/mine.npz}}"


def test_layers_that_do_not_fit_the_file(tmp_path: Path):
    """Both ends at once, each with file, line, key, what was found and what is needed."""
    data = own_data(tmp_path, 5, np.arange(30) % 3)
    told = refused(tmp_path, ScenarioError, "circuit.layers", data)
    first, second = told.splitlines()
    line = 1 + TINY.splitlines().index("  layers: [64, 12, 10]")
    for message, end, units, values in ((first, "first", 64, "5 inputs"), (second, "last", 10, "3 targets")):
        assert message.startswith(f"{tmp_path}/tiny.yaml:{line}: circuit.layers: ")
        assert f"the {end} layer has {units} units, but mine has {values} per sample" in message


def test_cross_entropy_needs_distributions(tmp_path: Path):
    """Targets of a regression do not sum to one."""
    data = own_data(tmp_path, 5, np.random.default_rng(1).random((30, 3)))
    refused(
        tmp_path, ScenarioError, r"circuit\.cost: cross_entropy needs targets that sum to one; those of mine do not",
        data, "circuit.layers=[5, 4, 3]", "circuit.cost=cross_entropy",
    )  # fmt: skip


def test_data_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NEUROSIM_DATA", raising=False)
    refused(tmp_path, DataError, "there is no file 'nowhere.npz'", "data={set: file, path: nowhere.npz}")


def test_data_that_are_not_numbers(tmp_path: Path):
    data = own_data(tmp_path, 5, np.array([np.nan, 1.0, 2.0] * 10))
    refused(tmp_path, DataError, r"array 'targets': 10 of 30 values are NaN", data, "circuit.layers=[5, 4, 1]")


@pytest.mark.parametrize(
    ("circuit", "rule", "told"),
    [
        ("activation: tanh", "variant: damped", "rule.variant: damping would move the fixed points of 'tanh' units"),
        ("output_activation: tanh", "output: prox", "rule.output: prox with output_activation tanh has no closed form"),
        ("cost: cross_entropy", "output: prox", "rule.output: prox with cross_entropy has no closed form"),
    ],
)
def test_what_cannot_run_is_not_valid(tmp_path: Path, circuit: str, rule: str, told: str):
    """What circuit, rule and solver cannot do together is known before anything runs: with file, line and key."""
    text = TINY.replace("activation: relu", circuit).replace("alpha: 0.0", rule)
    line = 1 + TINY.splitlines().index("rule: {type: dual_propagation, alpha: 0.0, beta: 0.01}")
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path, text=text)
    assert str(caught.value).startswith(f"{tmp_path}/tiny.yaml:{line}: {told}")


@pytest.mark.parametrize("analysis", ["train", "relax"])
def test_an_existing_file_is_refused(tmp_path: Path, analysis: str):
    """Not ours to overwrite, whatever it is."""
    (tmp_path / "a.h5").write_text("precious")
    changes = [RELAX] if analysis == "relax" else []
    refused(tmp_path, ResultFileError, r"a\.h5: exists already.*--force", *changes)


def test_an_output_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    loaded = load(tmp_path)
    with pytest.raises(ResultFileError, match="cannot be written"):
        execute(loaded, Options(output=tmp_path / "file" / "a.h5"))
    assert (tmp_path / "file").read_text() == "mine"


def test_an_exception_in_an_analysis_leaves_nothing(tmp_path: Path):
    """A bug is a bug, but not half a result."""

    class Broken:
        def begin(self, total: int, unit: str, done: int = 0) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(tmp_path, progress=Broken())
    assert os.listdir(tmp_path) == ["tiny.yaml"]


def test_the_default_path_names_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """results/<name>-<run id>.h5 in the working folder, which is made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY)
    loaded = load_scenario("tiny.yaml", ["analysis.epochs=1"])
    path, _ = execute(loaded, Options(threads=1))
    assert path == Path("results") / f"tiny-{loaded.run_id}.h5" == result_path(loaded, None)
    assert (tmp_path / path).exists()


def test_a_refusal_does_not_even_make_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`execute` promises: nothing has been written then."""
    monkeypatch.chdir(tmp_path)
    loaded = load(tmp_path, "data={set: file, path: nowhere.npz}")
    with pytest.raises(DataError):
        execute(loaded, Options())
    assert os.listdir(tmp_path) == ["tiny.yaml"]
