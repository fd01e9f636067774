"""One file for the results of many short runs of the same shape, stacked along a first dimension `point`.

An array that is the same for every run, such as the samples that all of them were shown, is stored once and has no
dimension `point`; so are the dimensions. Per run there are `run_id`, `status`, `message`, `wall_seconds` and whatever
else the caller knows of each; the rest has the paths, names and units of an ordinary result file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurosim.results.memory import MemoryArray, MemoryResult
from neurosim.results.writer import ResultWriter

POINT = "point"


def write_stack(
    path: Path,
    attributes: Mapping[str, Any],
    places: Sequence[int],
    columns: Mapping[str, tuple[Any, str, str | None, Mapping[str, Any]]],
    results: Sequence[MemoryResult],
    origin: Mapping[str, Any],
) -> None:
    """Write results of the same shape into one file.

    Parameters
    ----------
    path : Path
        Where the finished file goes.
    attributes : mapping
        Attributes of the root.
    places : sequence of int
        Place of every run in its plan: the coordinate of `point`.
    columns : mapping of str to (values, long_name, units, attributes)
        What is known of every run by itself, one value each, numbers or text.
    results : sequence of MemoryResult
        The results, in the same order; their `shape_digest` is the same.
    origin : mapping
        What goes into /provenance.
    """
    first = results[0]
    stacked = {place: _stacked([result.arrays[place] for result in results]) for place in first.arrays}
    apart = "".join("1" if dimensions[:1] == (POINT,) else "0" for _, dimensions in stacked.values())
    with ResultWriter(path, attributes) as writer:
        writer.dimension("/", POINT, np.asarray(places, np.int64), "place of the point in the plan")
        for name, (values, long_name, units, more) in columns.items():
            writer.variable("/", name, (POINT,), storable(np.asarray(values)), long_name, units, more)
        writer.set_attributes("/provenance", origin)
        for group, facts in first.attributes.items():
            writer.set_attributes(f"/{group}", facts)
        for place, coordinate in first.coordinates.items():
            group, _, name = place.rpartition("/")
            writer.dimension(f"/{group}", name, coordinate.values, coordinate.long_name, coordinate.units)
        for place, array in first.arrays.items():
            group, _, name = place.rpartition("/")
            values, dimensions = stacked[place]
            writer.variable(f"/{group}", name, dimensions, values, array.long_name, array.units, array.attrs)
        writer.finish({"stacked": apart})


def _stacked(arrays: Sequence[MemoryArray]) -> tuple[Any, tuple[str, ...]]:
    first = arrays[0]
    exact = first.values.dtype.kind not in "fc"
    if all(np.array_equal(first.values, array.values, equal_nan=not exact) for array in arrays[1:]):
        return first.values, first.dimensions
    return np.stack([array.values for array in arrays]), (POINT, *first.dimensions)


def storable(values: Any) -> Any:
    """Return an array as HDF5 takes it: it knows no Unicode arrays of NumPy, and text of any length is objects."""
    return values.astype(object).astype(h5py.string_dtype()) if values.dtype.kind == "U" else values
