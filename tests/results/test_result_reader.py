"""Opening files that are no results: one clear message each, and the file stays as it is."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurosim.errors import ResultFileError
from neurosim.results.reader import open_result
from neurosim.results.writer import ResultWriter


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "whole.h5"
    with ResultWriter(path, {"neurosim_version": "0"}) as writer:
        writer.dimension("train", "epoch", np.arange(2000), "epoch")
        writer.variable("train", "loss", ("epoch",), np.random.default_rng(0).random(2000), "loss", "1")
        writer.finish({"status": "settled", "message": ""})
    return path


def refused(path: Path, match: str) -> None:
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(ResultFileError, match=match) as caught, open_result(path):
        pass
    assert str(caught.value).startswith(f"{path}: ")
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize("part", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_truncated(whole: Path, part: float):
    """Cut short anywhere, from empty to a byte before the end."""
    content = whole.read_bytes()
    whole.write_bytes(content[: int(part * len(content))])
    refused(whole, "is not a whole HDF5 file; it is damaged or was cut short")


def test_something_else_altogether(tmp_path: Path):
    """A text file, and one that begins like HDF5."""
    for content in (b"hello\n", b"\x89HDF\r\n\x1a\n" + b"\0" * 200):
        (tmp_path / "x.h5").write_bytes(content)
        refused(tmp_path / "x.h5", "is not a whole HDF5 file")


def test_somebody_elses_hdf5(tmp_path: Path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["data"] = np.arange(3)
    refused(tmp_path / "x.h5", "is an HDF5 file, but not a result of neurosim")


def test_unfinished(tmp_path: Path):
    """The temporary file of a run that was killed, whole or not."""
    writer = ResultWriter(tmp_path / "x.h5", {"neurosim_version": "0"})
    writer.file.close()
    refused(tmp_path / "x.h5.tmp", "is unfinished; the run that wrote it did not end")
    (tmp_path / "y.h5.tmp").write_bytes((tmp_path / "x.h5.tmp").read_bytes()[:200])
    refused(tmp_path / "y.h5.tmp", "is unfinished; the run that wrote it did not end")


def test_missing_and_folder(tmp_path: Path):
    refused(tmp_path / "no.h5", "no such file")
    refused(tmp_path, "is a folder, not a result file")
    assert os.listdir(tmp_path) == []


def test_reading_does_not_change_the_file(whole: Path):
    before = whole.read_bytes()
    with open_result(whole) as file:
        assert file["train/loss"].shape == (2000,)
        with pytest.raises((KeyError, ValueError, OSError), match=r"write|read"):
            file.attrs["status"] = "other"
    assert not file, "closed at the end of the block"
    assert whole.read_bytes() == before


def test_it_is_closed_after_an_error(whole: Path):
    with pytest.raises(ZeroDivisionError), open_result(whole) as file:
        raise ZeroDivisionError
    assert not file
