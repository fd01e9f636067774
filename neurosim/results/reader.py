"""Reading a result file, with a clear word where it is missing, truncated, or not one of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from neurosim.errors import ResultFileError


@contextmanager
def open_result(path: Path) -> Iterator[h5py.File]:
    """Open a result file for reading.

    Raises
    ------
    ResultFileError
        If it does not exist, is damaged or unfinished, or was not written by neurosim.
    """
    if not path.exists():
        raise ResultFileError(f"{path}: no such file.")
    if path.is_dir():
        raise ResultFileError(f"{path}: is a folder, not a result file.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        if path.suffix == ".tmp":
            raise ResultFileError(f"{path}: is unfinished; the run that wrote it did not end.") from error
        raise ResultFileError(f"{path}: is not a whole HDF5 file; it is damaged or was cut short.") from error
    with file:
        if "neurosim_version" not in file.attrs:
            raise ResultFileError(f"{path}: is an HDF5 file, but not a result of neurosim.")
        if "status" not in file.attrs:
            raise ResultFileError(f"{path}: is unfinished; the run that wrote it did not end.")
        try:
            yield file
        except BrokenPipeError:
            raise  # whoever reads our output has gone; the file is whole
        except (OSError, RuntimeError, KeyError) as error:
            # h5py reports damage inside a file when it gets there; a key that is missing for other reasons passes.
            if isinstance(error, KeyError) and "nable to" not in str(error):
                raise
            raise ResultFileError(f"{path}: is damaged: {error}") from error


def text(value: Any) -> str:
    """Return an attribute or string value as text."""
    return value.decode() if isinstance(value, bytes) else str(value)


def texts(dataset: h5py.Dataset) -> list[str]:
    """Return the values of a text array."""
    return [text(value) for value in dataset[:]]
