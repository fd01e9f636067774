"""Result files are written whole or not at all, in a shape that netCDF readers know."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st

from neurosim.errors import ResultFileError
from neurosim.results.reader import open_result, text, texts
from neurosim.results.writer import CHUNK_BYTES, ResultWriter, _storage, check_writable

ROOT = {"neurosim_version": "0", "name": "x", "scenario": "schema: 1\nname: ü\n"}


def write_small(path: Path) -> None:
    with ResultWriter(path, ROOT) as writer:
        writer.dimension("train", "epoch", np.arange(1, 4), "epoch")
        writer.dimension("train", "block", ["W_0", "b_1", "Größe"], "parameter block")
        writer.variable("train", "loss", ("epoch",), np.array([3.0, 2.0, 1.0]), "loss", "1", {"note": "falls"})
        values = np.arange(9.0).reshape(3, 3)
        writer.variable("train", "gradient_cosine", ("epoch", "block"), values, "cosine", "1")
        writer.dimension("circuit", "unit_0", np.arange(2), "unit")
        writer.variable("circuit/parameters", "b_0", ("unit_0",), np.float32([1, 2]), "bias", "S")
        writer.set_attributes("/provenance", {"threads": 2})
        writer.finish({"status": "settled", "message": "done"})


def test_round_trip(tmp_path: Path):
    """Values, types, units, names and attributes come back; nothing but the file is left."""
    path = tmp_path / "a.h5"
    write_small(path)
    with open_result(path) as file:
        assert text(file.attrs["scenario"]) == ROOT["scenario"]
        assert text(file.attrs["status"]) == "settled"
        assert file["provenance"].attrs["threads"] == 2
        loss = file["train/loss"]
        assert loss[:].tolist() == [3.0, 2.0, 1.0]
        assert (loss.attrs["units"], loss.attrs["long_name"], loss.attrs["note"]) == ("1", "loss", "falls")
        assert texts(file["train/block"]) == ["W_0", "b_1", "Größe"]
        assert file["circuit/parameters/b_0"].dtype == np.float32
        assert [dim[0].name for dim in file["train/gradient_cosine"].dims] == ["/train/epoch", "/train/block"]
        assert file["circuit/parameters/b_0"].dims[0][0].name == "/circuit/unit_0"
    assert os.listdir(tmp_path) == ["a.h5"]


def test_netcdf_readers_see_dimensions(tmp_path: Path):
    """xarray with h5netcdf: named dimensions, coordinates, units, also where the dimension stands in a group above."""
    path = tmp_path / "a.h5"
    write_small(path)
    with xarray.open_dataset(path, group="train", engine="h5netcdf") as train:
        assert train["gradient_cosine"].dims == ("epoch", "block")
        assert train["epoch"].values.tolist() == [1, 2, 3]
        assert train["block"].values.tolist() == ["W_0", "b_1", "Größe"]
        assert train["loss"].attrs["units"] == "1"
        assert float(train["gradient_cosine"].sel(epoch=2, block="b_1")) == 4.0
    with xarray.open_dataset(path, group="circuit/parameters", engine="h5netcdf") as parameters:
        assert parameters["b_0"].dims == ("unit_0",)


def test_an_exception_leaves_nothing_behind(tmp_path: Path):
    """Neither a half file nor a temporary one; what stood there before is untouched."""
    path = tmp_path / "a.h5"
    path.write_text("precious")
    with pytest.raises(ZeroDivisionError), ResultWriter(path, ROOT) as writer:
        writer.dimension("train", "epoch", np.arange(1 // 0), "epoch")
    assert os.listdir(tmp_path) == ["a.h5"]
    assert path.read_text() == "precious"


def test_leaving_without_finishing_leaves_nothing_behind(tmp_path: Path):
    """A writer that was not told that the result is complete has not written one."""
    with ResultWriter(tmp_path / "a.h5", ROOT) as writer:
        writer.dimension("train", "epoch", np.arange(3), "epoch")
    assert os.listdir(tmp_path) == []


def test_the_old_result_stays_until_the_new_one_is_complete(tmp_path: Path):
    """Replacing is one step at the end."""
    path = tmp_path / "a.h5"
    write_small(path)
    before = path.read_bytes()
    with ResultWriter(path, ROOT) as writer:
        writer.variable("train", "x", (), 1.0, "x", "1")
        assert path.read_bytes() == before
        writer.finish({"status": "finished"})
    with open_result(path) as file:
        assert file["train/x"][()] == 1.0


def test_a_variable_needs_its_dimensions(tmp_path: Path):
    with ResultWriter(tmp_path / "a.h5", ROOT) as writer, pytest.raises(KeyError, match=r"dimension 'epoch'.*'train'"):
        writer.variable("train", "loss", ("epoch",), np.zeros(3), "loss", "1")


def test_growing_arrays_are_nan_until_filled_and_can_be_cut(tmp_path: Path):
    """What was not reached reads as NaN; an unlimited dimension and all arrays along it are cut together."""
    path = tmp_path / "a.h5"
    with ResultWriter(path, ROOT) as writer:
        writer.dimension("relax", "phase", ["free", "nudged"], "phase")
        writer.dimension("relax", "time", np.arange(10.0), "time", "s", unlimited=True)
        state = writer.growing("relax", "state", ("phase", "time"), np.float32, "state", "V")
        other = writer.growing("relax", "by_phase", ("phase",), np.float64, "other", "1")
        state[0, :4] = 1.0
        other[1] = 2.0
        writer.cut("relax", "time", 6)
        writer.finish({"status": "finished"})
    with open_result(path) as file:
        relax = file["relax"]
        assert relax["time"][:].tolist() == [0, 1, 2, 3, 4, 5]
        assert relax["state"].shape == (2, 6)
        assert relax["state"].dtype == np.float32
        assert np.isnan(relax["state"][:]).tolist() == [[False] * 4 + [True] * 2, [True] * 6]
        np.testing.assert_array_equal(relax["by_phase"][:], [np.nan, 2.0])
        assert relax["state"].attrs["units"] == "V"


def test_large_arrays_are_compressed_in_chunks(tmp_path: Path):
    """Smooth data shrink on disk; a chunk is about a megabyte; small arrays are stored as they are."""
    path = tmp_path / "a.h5"
    big = np.sin(np.arange(400 * 5000) / 1000.0).reshape(400, 5000)
    with ResultWriter(path, ROOT) as writer:
        writer.dimension("relax", "time", np.arange(400.0), "time", "s")
        writer.dimension("relax", "unit", np.arange(5000), "unit")
        writer.variable("relax", "big", ("time", "unit"), big, "big", "1")
        writer.variable("relax", "small", (), np.float64(1.0), "small", "1")
        writer.finish({"status": "finished"})
    with open_result(path) as file:
        stored = file["relax/big"]
        assert stored.compression == "gzip"
        assert stored.shuffle
        assert stored.chunks[1] == 5000
        assert CHUNK_BYTES / 2 < np.prod(stored.chunks) * 8 <= CHUNK_BYTES
        np.testing.assert_array_equal(stored[:], big)
        assert file["relax/small"].chunks is None
    assert path.stat().st_size < 0.8 * big.nbytes


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=5), st.sampled_from(["f4", "f8", "i8"]))
def test_chunks_are_valid_for_any_shape(shape: list[int], kind: str):
    """Within the array, at most about a megabyte, and not needlessly small."""
    dtype = np.dtype(kind)
    storage = _storage(tuple(shape), dtype, always=True)
    chunks = storage["chunks"]
    assert len(chunks) == len(shape)
    assert all(1 <= chunk <= size for chunk, size in zip(chunks, shape, strict=True))
    size = int(np.prod(chunks, dtype=object)) * dtype.itemsize
    assert size <= CHUNK_BYTES
    assert (
        size > CHUNK_BYTES / 4
        or list(chunks) == shape
        or _next_larger(list(chunks), shape) * dtype.itemsize > CHUNK_BYTES
    )


def _next_larger(chunks: list[int], shape: list[int]) -> int:
    """Values of the chunk with one more step along its first axis that could grow."""
    axis = max(i for i, (chunk, size) in enumerate(zip(chunks, shape, strict=True)) if chunk < size)
    return int(np.prod([*chunks[:axis], chunks[axis] + 1, *chunks[axis + 1 :]], dtype=object))


def test_an_existing_file_is_refused(tmp_path: Path):
    """Before any work is done, and without touching it; told to replace, it agrees."""
    path = tmp_path / "a.h5"
    path.write_text("precious")
    with pytest.raises(ResultFileError, match=r"a\.h5: exists already\. Give another name with -o, or --force"):
        check_writable(path, replace=False)
    check_writable(path, replace=True)
    assert path.read_text() == "precious"
    assert os.listdir(tmp_path) == ["a.h5"]


def test_a_folder_below_a_file_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ResultFileError, match=r"file/a\.h5: cannot be written: .*file is a file, not a folder\."):
        check_writable(tmp_path / "file" / "a.h5", replace=False)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_without_permission_is_refused(tmp_path: Path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    try:
        if os.access(locked, os.W_OK):
            pytest.skip("root may write everywhere")
        with pytest.raises(ResultFileError, match=r"cannot be written.*Permission denied"):
            check_writable(locked / "a.h5", replace=False)
    finally:
        locked.chmod(0o700)


def test_missing_folders_are_made_and_no_probe_is_left(tmp_path: Path):
    check_writable(tmp_path / "new" / "deep" / "a.h5", replace=False)
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == ["new", "new/deep"]


def test_a_folder_in_place_of_the_result_is_refused(tmp_path: Path):
    """No file can replace a folder, with --force or without: better said before the run than after it."""
    (tmp_path / "results").mkdir()
    with pytest.raises(ResultFileError, match="folder"):
        check_writable(tmp_path / "results", replace=True)


def test_text_attributes_come_back_as_text():
    assert text(b"bytes") == "bytes"
    assert text("str") == "str"
    assert text(h5py.Empty("S1")).startswith("Empty")
