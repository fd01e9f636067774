"""What is drawn of every point: an array of ``sweep.h5``, or one element of it, in the units in which it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError, UnknownNameError, nearest
from neurosim.plots.gradient_alignment import SMALLEST_DEG
from neurosim.plots.sweeps.table import SweepTable
from neurosim.results.reader import text, texts

Array = npt.NDArray[Any]

# What says most of a point, by what was done there; the first that the file has.
FIRST = {
    "bias": ("bias/relative_norm",),
    "nudges": ("nudges/error",),
    "train": ("train/final_test_error", "train/final_test_loss"),
    "robustness": ("robustness/attacked_error", "robustness/clean_error"),
    "relax": ("relax/final_rate",),
}
ELEMENTS = {"term": "total", "block": "all"}  # of labelled dimensions; of others the first one
COSINES = ("bias/cosine", "train/final_gradient_cosine")  # of the update with the exact gradient
SMALL_IS_GOOD = ("error", "loss", "relative_norm", "angle")
WRITTEN = re.compile(r"\s*([^\[\]]+?)\s*(?:\[([^\[\]]*)\])?\s*")
SHORT = {
    "bias/relative_norm": "size of the term, relative to the exact gradient",
    "bias/update_error": "RMS distance of an update from the exact gradient, relative to it",
    "bias/noise_spread": "scatter of the update, relative to the exact gradient",
    "bias/cosine": "angle of the update to the exact gradient",
    "train/final_gradient_cosine": "angle of the update to the exact gradient after the last epoch",
    "train/final_test_error": "test samples misclassified after the last epoch",
    "train/best_test_error": "test samples misclassified, best epoch",
    "nudges/error": "distance from the exact gradient, relative to it",
}


@dataclass(frozen=True)
class Quantity:
    """One number per point.

    Parameters
    ----------
    name : str
        Its array and element, as a user would write them.
    label : str
        What it is, for an axis, without the unit.
    unit : str
        ``"%"``, ``"degrees"``, ``"s"``; empty for pure numbers.
    values : ndarray, shape of the sweep
        The numbers; NaN where there is none.
    small_is_good : bool
        Whether the smallest value is the one to look for.
    """

    name: str
    label: str
    unit: str
    values: Array
    small_is_good: bool

    @property
    def axis_label(self) -> str:
        """Label with unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def short(self) -> str:
        """The name of its array in words, with the element where that says more: "update error", "nudge"."""
        array, _, element = self.name.partition("/")[2].rpartition("/")[2].partition("[")
        parts = [part for part in element.rstrip("]").split(", ") if part and part != "all"]
        words = array.replace("_", " ")
        if array == "relative_norm":
            return " of ".join(parts)
        return ", ".join([words, *parts])


def default_value(table: SweepTable) -> str:
    """Return the name of the array that says most of a sweep.

    Raises
    ------
    SimulationError
        If the sweep has none that is known to say much.
    """
    analysis = text(table.file.attrs["point_analysis"])
    for name in FIRST.get(analysis, ()):
        if name in table.file:
            return name
    there = ", ".join(arrays(table))
    raise SimulationError(
        f"there is no array that says most of '{analysis}' points. "
        + (f"Choose one with --value: {there}." if there else "No point has left any figures.")
    )


def arrays(table: SweepTable) -> dict[str, h5py.Dataset]:
    """Return all arrays with numbers for every point, by path."""
    found: dict[str, h5py.Dataset] = {}

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f" and not item.is_scale and "key" not in item.attrs:
            names = _dimensions(item)
            if names[: len(table.dimensions)] == table.dimensions:
                found[name] = item

    table.file.visititems(visit)
    return found


def read_quantity(table: SweepTable, written: str) -> Quantity:
    """Return the numbers that a user asked for.

    Cosines become angles in degrees, fractions become percent.

    Parameters
    ----------
    table : SweepTable
        The sweep.
    written : str
        Path or last part of the path of an array, with elements of its labelled dimensions in brackets:
        ``"bias/relative_norm[nudge, W_0]"``, ``"relative_norm"``.

    Raises
    ------
    UnknownNameError
        If there is no such array or element.
    SimulationError
        If the name stands for several arrays, or there are more elements than dimensions.
    """
    match = WRITTEN.fullmatch(written)
    if match is None:
        raise UnknownNameError(f"'{written}' is no name of an array; write for instance relative_norm[total, all].")
    path = _path(table, match[1])
    dataset = table.file[path]
    asked = [part.strip() for part in match[2].split(",")] if match[2] is not None else []
    places, told = _elements(dataset, len(table.dimensions), asked, path)
    values = np.asarray(dataset[(..., *places)], np.float64)
    name = f"{path}[{', '.join(told)}]" if told else path
    long_name, unit = text(dataset.attrs.get("long_name", "")), text(dataset.attrs.get("units", ""))
    label, unit = SHORT.get(path, long_name) or name, "" if unit == "1" else unit
    small_is_good = path.endswith(SMALL_IS_GOOD)
    if path == "bias/relative_norm" and told[0] == "total":
        which = "mean update" if "bias/noise_spread" in table.file else "update"
        label, told = f"distance of the {which} from the exact gradient, relative to it", told[1:]
    if long_name.startswith("cosine"):
        values, unit, small_is_good = _degrees(values), "degrees", True
        label = label.replace("cosine", "angle")
    elif long_name.startswith("fraction"):
        values, unit, label = 100.0 * values, "%", label.removeprefix("fraction of ")
    rest = ", ".join(element for element in told if element != "all")
    return Quantity(name, f"{label}, {rest}" if rest else label, unit, values, small_is_good)


def read_cosine(table: SweepTable) -> Array | None:
    """Return the cosine of the update with the exact gradient, all parameters together; None where there is none."""
    for path in COSINES:
        if path in table.file and (blocks := _labels(table.file[path], len(table.dimensions))) and "all" in blocks:
            return np.asarray(table.file[path][..., blocks.index("all")], np.float64)
    return None


def _degrees(cosines: Array) -> Array:
    return np.asarray(np.maximum(np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0))), SMALLEST_DEG))


def _path(table: SweepTable, name: str) -> str:
    """Return the path of an array by its path or the last part of it."""
    there = arrays(table)
    if name in there:
        return name
    ends = [path for path in there if path.rpartition("/")[2] == name]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise SimulationError(f"'{name}' may be {' or '.join(ends)}; write which.")
    near = nearest(name, [*there, *(path.rpartition("/")[2] for path in there)])
    raise UnknownNameError(f"the sweep has no array '{name}'.{near} There are: {', '.join(there)}.")


def _elements(dataset: h5py.Dataset, first: int, asked: list[str], path: str) -> tuple[list[int], list[str]]:
    """Return places and labels of the element of an array that is asked for, or else of the one that says most."""
    names = _dimensions(dataset)[first:]
    if len(asked) > len(names):
        told = f"the dimensions {', '.join(names)}" if names else "no dimensions besides those of the sweep"
        raise SimulationError(f"[{', '.join(asked)}] is too much for {path}, which has {told}.")
    places, told_labels = [], []
    for i, name in enumerate(names):
        labels = _labels(dataset, first + i)
        wanted = asked[i] if i < len(asked) else ELEMENTS.get(name, labels[0])
        if wanted not in labels and i >= len(asked):
            wanted = labels[0]
        if wanted not in labels:
            raise UnknownNameError(
                f"{path} has no {name} '{wanted}'.{nearest(wanted, labels)} There are: {', '.join(labels)}."
            )
        places.append(labels.index(wanted))
        told_labels.append(wanted)
    return places, told_labels


def _dimensions(dataset: h5py.Dataset) -> tuple[str, ...]:
    return tuple(dims[0].name.rpartition("/")[2] if len(dims) else "" for dims in dataset.dims)


def _labels(dataset: h5py.Dataset, axis: int) -> list[str]:
    scale = dataset.dims[axis][0]
    return texts(scale) if scale.dtype.kind in "OSU" else [f"{value:g}" for value in scale[...].tolist()]
