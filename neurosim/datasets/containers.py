"""Named arrays out of NPZ and HDF5 files. Nothing is unpickled, so a file from a stranger cannot run code."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.datasets.settings import FILE_SUFFIXES
from neurosim.errors import DataError, nearest


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Return the arrays called `names` in an NPZ or HDF5 file.

    Parameters
    ----------
    path : Path
        A file ending in .npz, .h5 or .hdf5, in upper or lower case.
    names : iterable of str
        Names of arrays; in HDF5 files groups are separated by slashes: ``train/images``.

    Raises
    ------
    DataError
        If the file cannot be opened, is damaged or has another ending; if an array holds Python objects; if an array is
        absent, with the names of those present and the nearest match.
    """
    suffix = path.suffix.lower()
    if suffix not in FILE_SUFFIXES:
        raise DataError(f"{path}: found the ending '{path.suffix}', allowed are {', '.join(FILE_SUFFIXES)}")
    return _read_npz(path, names) if suffix == ".npz" else _read_hdf5(path, names)


def _read_npz(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    try:
        if not zipfile.is_zipfile(path):
            raise DataError(f"{path}: not an NPZ file, or a truncated one: it has no ZIP directory")
        with np.load(path, allow_pickle=False) as archive:
            for name in names:
                if name not in archive.files:
                    raise _absent(path, name, archive.files)
                arrays[name] = np.asarray(archive[name])
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as NPZ ({error})") from error
    return arrays


def _read_hdf5(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with h5py.File(path, "r") as file:
            for name in names:
                item = file.get(name)
                if not isinstance(item, h5py.Dataset):
                    raise _absent(path, name, _dataset_names(file))
                arrays[name] = np.asarray(item[()])
    except OSError as error:
        raise DataError(f"{path}: cannot be read as HDF5 ({error})") from error
    return arrays


def _dataset_names(file: h5py.File) -> list[str]:
    names: list[str] = []

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            names.append(name)

    file.visititems(visit)
    return names


def _absent(path: Path, name: str, present: list[str]) -> DataError:
    known = ", ".join(sorted(present)) or "none"
    return DataError(f"{path}: no array '{name}'.{nearest(name, present)} Arrays present: {known}.")
