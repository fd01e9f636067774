"""Writing a result file: HDF5 with dimension scales, units and long names, as netCDF-4 readers expect it.

Everything goes to a temporary file beside the target, which takes its place only when it is complete: a result that
exists is whole, and what was there before stays until then.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import ResultFileError

Array = npt.NDArray[Any]

SCHEMA = 1
CHUNK_BYTES = 1 << 20


def check_free(path: Path, replace: bool) -> None:
    """Make sure that a result may go to `path`; touches nothing.

    Raises
    ------
    ResultFileError
        If a file exists there and may not be replaced, or a folder is in its place.
    """
    if path.is_dir():
        raise ResultFileError(f"{path}: is a folder. Give the name of a file with -o.")
    if path.exists() and not replace:
        raise ResultFileError(f"{path}: exists already. Give another name with -o, or --force to replace it.")


def check_writable(path: Path, replace: bool) -> None:
    """Make sure that a result can be written to `path` before any work is done; makes its folder.

    Raises
    ------
    ResultFileError
        As for `check_free`, or if the folder cannot be made or written.
    """
    check_free(path, replace)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe = path.with_name(f".{path.name}.probe-{os.getpid()}")
        probe.touch()
        probe.unlink()
    except (FileExistsError, NotADirectoryError) as error:
        wrong = next(parent for parent in path.parents if parent.exists())
        raise ResultFileError(f"{path}: cannot be written: {wrong} is a file, not a folder.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ResultFileError(f"{path}: cannot be written in folder {path.parent}: {reason}.") from error


class ResultWriter:
    """A result file in the making. Use as a context manager; on an error the temporary file is removed.

    Parameters
    ----------
    path : Path
        Where the finished file goes.
    attributes : mapping
        Attributes of the root.
    """

    def __init__(self, path: Path, attributes: Mapping[str, Any]) -> None:
        self.path = path
        self._temporary = path.with_name(path.name + ".tmp")
        self.file = h5py.File(self._temporary, "w")
        self.file.attrs["Conventions"] = "CF-1.11"
        self.set_attributes("/", attributes)

    def set_attributes(self, group: str, attributes: Mapping[str, Any]) -> None:
        """Set attributes of a group, which is made if it does not exist."""
        target = self.file.require_group(group)
        for name, value in attributes.items():
            target.attrs[name] = value

    def dimension(
        self,
        group: str,
        name: str,
        values: Any,
        long_name: str,
        units: str | None = None,
        unlimited: bool = False,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Make a dimension with its coordinate values, numbers or text; an `unlimited` one can be cut short later."""
        data = np.asarray(values)
        kind: Any = data.dtype
        if data.dtype.kind in "UO":
            data, kind = data.astype(object), h5py.string_dtype()
        limit = (None,) if unlimited else None
        dataset = self.file.require_group(group).create_dataset(name, data=data, dtype=kind, maxshape=limit)
        dataset.make_scale(name)
        _describe(dataset, long_name, units)
        for key, value in (attributes or {}).items():
            dataset.attrs[key] = value

    def variable(
        self,
        group: str,
        name: str,
        dimensions: Sequence[str],
        data: Any,
        long_name: str,
        units: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Write an array whose axes are dimensions of this group or of a group above it."""
        values = np.asarray(data)
        dataset = self.file.require_group(group).create_dataset(
            name, data=values, **_storage(values.shape, values.dtype)
        )
        self._attach(dataset, group, dimensions)
        _describe(dataset, long_name, units)
        for key, value in (attributes or {}).items():
            dataset.attrs[key] = value

    def growing(
        self, group: str, name: str, dimensions: Sequence[str], dtype: npt.DTypeLike, long_name: str, units: str
    ) -> h5py.Dataset:
        """Return an array of NaN to be filled piece by piece; its shape follows from its dimensions."""
        scales = [self._scale(group, dimension) for dimension in dimensions]
        shape, limits = tuple(scale.shape[0] for scale in scales), tuple(scale.maxshape[0] for scale in scales)
        storage = _storage(shape, np.dtype(dtype), always=None in limits)
        dataset = self.file.require_group(group).create_dataset(
            name, shape, dtype, fillvalue=np.nan, maxshape=limits, **storage
        )
        self._attach(dataset, group, dimensions)
        _describe(dataset, long_name, units)
        return dataset

    def cut(self, group: str, dimension: str, length: int) -> None:
        """Shorten an unlimited dimension and every array of the group that has it."""
        scale = self.file[group][dimension]
        for dataset in self.file[group].values():
            if isinstance(dataset, h5py.Dataset) and dataset != scale:
                for axis, dims in enumerate(dataset.dims):
                    if any(attached == scale for attached in dims.values()):
                        dataset.resize(length, axis=axis)
        scale.resize(length, axis=0)

    def finish(self, attributes: Mapping[str, Any]) -> None:
        """Add last attributes of the root, close the file and put it in place."""
        self.set_attributes("/", attributes)
        self.file.close()
        os.replace(self._temporary, self.path)

    def _scale(self, group: str, dimension: str) -> h5py.Dataset:
        here = self.file[group]
        while dimension not in here:
            if here.name == "/":
                raise KeyError(f"dimension '{dimension}' of group '{group}' does not exist")
            here = here.parent
        return here[dimension]

    def _attach(self, dataset: h5py.Dataset, group: str, dimensions: Sequence[str]) -> None:
        for axis, dimension in enumerate(dimensions):
            dataset.dims[axis].attach_scale(self._scale(group, dimension))

    def __enter__(self) -> ResultWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the temporary file unless the result was finished."""
        if self.file:
            self.file.close()
        self._temporary.unlink(missing_ok=True)


def _describe(dataset: h5py.Dataset, long_name: str, units: str | None) -> None:
    dataset.attrs["long_name"] = long_name
    if units is not None:
        dataset.attrs["units"] = units


def _storage(shape: tuple[int, ...], dtype: np.dtype[Any], always: bool = False) -> dict[str, Any]:
    """Return compression and chunks: whole trailing axes, as many leading steps as fit into about a megabyte."""
    if not always and (not shape or int(np.prod(shape)) * dtype.itemsize < 4096):
        return {}
    chunk = list(shape)
    for axis in range(len(shape)):
        rest = int(np.prod(chunk[axis + 1 :])) * dtype.itemsize
        chunk[axis] = max(1, min(shape[axis], CHUNK_BYTES // max(1, rest)))
        if rest <= CHUNK_BYTES:
            break
    return {"chunks": tuple(chunk), "compression": "gzip", "compression_opts": 4, "shuffle": True}
