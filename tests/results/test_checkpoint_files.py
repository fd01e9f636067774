"""Checkpoints: what goes in comes out, bit for bit, and nothing else is accepted."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurosim.errors import ResultFileError
from neurosim.results.checkpoint import Checkpoint, checkpoint_path, load_checkpoint, save_checkpoint

CHECKPOINT = Checkpoint(
    "0123456789ab",
    {"steps": 17, "seconds": 0.1 + 0.2, "tally_loss": float(np.nextafter(1.0, 2.0)), "large": 2**53 + 1},
    {
        "parameters": np.random.default_rng(0).standard_normal(1000).astype(np.float32),
        "memory_mean": np.random.default_rng(1).standard_normal(1000),
        "log_loss": np.zeros(0),
        "cosines": np.array([[np.nan, 1.0]]),
        "none": np.zeros((0, 3)),
    },
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.checkpoint.h5"


def test_round_trip(path: Path):
    """Numbers keep their type and their last bit, arrays their type, shape and bits; nothing else is left."""
    save_checkpoint(path, CHECKPOINT)
    loaded = load_checkpoint(path, CHECKPOINT.run_id)
    assert loaded is not None
    assert loaded.run_id == CHECKPOINT.run_id
    assert loaded.numbers == CHECKPOINT.numbers
    assert {name: type(value) for name, value in loaded.numbers.items()} == {
        name: type(value) for name, value in CHECKPOINT.numbers.items()
    }
    assert loaded.arrays.keys() == CHECKPOINT.arrays.keys()
    for name, values in CHECKPOINT.arrays.items():
        assert loaded.arrays[name].dtype == values.dtype
        assert loaded.arrays[name].shape == values.shape
        assert loaded.arrays[name].tobytes() == values.tobytes()
    assert os.listdir(path.parent) == ["a.checkpoint.h5"]


def test_a_later_one_takes_the_place_of_an_earlier(path: Path):
    save_checkpoint(path, CHECKPOINT)
    save_checkpoint(path, Checkpoint(CHECKPOINT.run_id, {"steps": 18}, {}))
    loaded = load_checkpoint(path, CHECKPOINT.run_id)
    assert loaded is not None
    assert loaded.numbers == {"steps": 18}
    assert loaded.arrays == {}


def test_the_earlier_one_survives_a_failure(path: Path):
    """What cannot be written does not destroy what was."""
    save_checkpoint(path, CHECKPOINT)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save_checkpoint(path, Checkpoint(CHECKPOINT.run_id, {}, {"bad": np.array([object()])}))
    assert path.read_bytes() == before
    assert load_checkpoint(path, CHECKPOINT.run_id) is not None


def test_no_checkpoint(path: Path):
    assert load_checkpoint(path, "x") is None


def test_the_checkpoint_of_another_run(path: Path):
    save_checkpoint(path, CHECKPOINT)
    before = path.read_bytes()
    with pytest.raises(
        ResultFileError,
        match=r"checkpoint of run 0123456789ab, not of ba9876543210\. Give another name with -o, or --force",
    ):
        load_checkpoint(path, "ba9876543210")
    assert path.read_bytes() == before


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_a_truncated_checkpoint(path: Path, part: float):
    save_checkpoint(path, CHECKPOINT)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ResultFileError, match=r"is not a whole checkpoint\. Remove it, or give --force"):
        load_checkpoint(path, CHECKPOINT.run_id)


def test_something_else_in_its_place(path: Path):
    """A text file, or HDF5 that is no checkpoint."""
    path.write_text("hello")
    with pytest.raises(ResultFileError, match="not a whole checkpoint"):
        load_checkpoint(path, "x")
    with h5py.File(path, "w") as file:
        file["x"] = 1.0
    with pytest.raises(ResultFileError, match="not a whole checkpoint"):
        load_checkpoint(path, "x")


@pytest.mark.parametrize(
    ("result", "checkpoint"),
    [("a.h5", "a.checkpoint.h5"), ("b/a.nc", "b/a.checkpoint.h5"), ("dyad-1.5-x.h5", "dyad-1.5-x.checkpoint.h5")],
)
def test_it_lives_beside_its_result(result: str, checkpoint: str):
    assert checkpoint_path(Path(result)) == Path(checkpoint)
