"""A result in memory: the same interface as a result file, for runs so short that a file each would cost more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass
class MemoryArray:
    """An array of a result in memory.

    Parameters
    ----------
    values : ndarray
        The numbers, or text.
    dimensions : tuple of str
        Names of its axes; a coordinate has its own.
    long_name : str
        What it is.
    units : str, optional
        Its unit.
    attrs : dict
        Further attributes.
    """

    values: Array
    dimensions: tuple[str, ...]
    long_name: str
    units: str | None
    attrs: dict[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the values."""
        return self.values.shape

    def __setitem__(self, place: Any, values: Any) -> None:
        self.values[place] = values


class MemoryResult:
    """Groups, dimensions and arrays of a result, as `neurosim.results.sink.ResultSink` takes them.

    Attributes
    ----------
    attributes : dict
        Attributes by group; the root is ``""``.
    coordinates, arrays : dict of str to MemoryArray
        By path without a leading slash, in the order in which they were made.
    """

    def __init__(self) -> None:
        self.attributes: dict[str, dict[str, Any]] = {}
        self.coordinates: dict[str, MemoryArray] = {}
        self.arrays: dict[str, MemoryArray] = {}

    def set_attributes(self, group: str, attributes: Mapping[str, Any]) -> None:
        """Set attributes of a group."""
        self.attributes.setdefault(group.strip("/"), {}).update(attributes)

    def dimension(
        self, group: str, name: str, values: Any, long_name: str, units: str | None = None, unlimited: bool = False
    ) -> None:
        """Make a dimension with its coordinate values, numbers or text."""
        self._add(self.coordinates, group, name, MemoryArray(np.array(values), (name,), long_name, units))

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
        """Keep a copy of an array whose axes are dimensions of this group or of a group above it."""
        made = MemoryArray(np.array(data), tuple(dimensions), long_name, units, dict(attributes or {}))
        expected = tuple(len(self._coordinate(group, dimension).values) for dimension in dimensions)
        if made.shape != expected:
            raise ValueError(f"{group}/{name}: of shape {made.shape}, but its dimensions are {expected}")
        self._add(self.arrays, group, name, made)

    def growing(
        self, group: str, name: str, dimensions: Sequence[str], dtype: npt.DTypeLike, long_name: str, units: str
    ) -> MemoryArray:
        """Return an array of NaN to be filled piece by piece; its shape follows from its dimensions."""
        shape = [len(self._coordinate(group, dimension).values) for dimension in dimensions]
        made = MemoryArray(np.full(shape, np.nan, dtype), tuple(dimensions), long_name, units)
        self._add(self.arrays, group, name, made)
        return made

    def cut(self, group: str, dimension: str, length: int) -> None:
        """Shorten a dimension and every array of the group that has it."""
        prefix = group.strip("/") + "/"
        scale = self.coordinates[prefix + dimension]
        scale.values = scale.values[:length]
        for path, array in self.arrays.items():
            if path.startswith(prefix) and dimension in array.dimensions:
                axis = array.dimensions.index(dimension)
                array.values = array.values[(slice(None),) * axis + (slice(length),)]

    def shape_digest(self) -> str:
        """Return digits that are the same for results which differ in nothing but the numbers in their arrays."""
        digest = sha256()
        for path, array in (*self.coordinates.items(), *self.arrays.items()):
            facts = (path, array.dimensions, array.shape, array.values.dtype.str, array.units, array.long_name)
            digest.update(
                repr((*facts, {name: np.asarray(value).tolist() for name, value in array.attrs.items()})).encode()
            )
        for array in self.coordinates.values():
            digest.update(array.values.tobytes())
        digest.update(repr(self.attributes).encode())
        return digest.hexdigest()[:12]

    def _coordinate(self, group: str, dimension: str) -> MemoryArray:
        here = group.strip("/")
        while True:
            found = self.coordinates.get(f"{here}/{dimension}".lstrip("/"))
            if found is not None:
                return found
            if not here:
                raise KeyError(f"dimension '{dimension}' of group '{group}' does not exist")
            here = here.rpartition("/")[0]

    @staticmethod
    def _add(table: dict[str, MemoryArray], group: str, name: str, made: MemoryArray) -> None:
        path = f"{group.strip('/')}/{name}".lstrip("/")
        if path in table:
            raise ValueError(f"{path} is written twice")
        table[path] = made
