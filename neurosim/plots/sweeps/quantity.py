"""What is drawn of every point: an array of ``sweep.h5``, or one element of it, in the units in which it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

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
    "relax": ("relax/steps",),
}
ELEMENTS = {"term": "total", "block": "all"}  # of labelled dimensions; of others the first one
COSINES = ("bias/cosine", "train/final_gradient_cosine")  # of the update with the exact gradient
SMALL_IS_GOOD = ("error", "loss", "relative_norm")
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
    what : str
        What the array is, without the unit.
    element : str
        Which element of it, as far as that says anything; empty for all parameters together.
    unit : str
        ``"%"``, ``"degrees"``, ``"s"``; empty for pure numbers.
    values : ndarray, shape of the sweep
        The numbers; NaN where there is none.
    small_is_good : bool
        Whether the smallest value is the one to look for.
    """

    name: str
    what: str
    element: str
    unit: str
    values: Array
    small_is_good: bool

    @property
    def axis_label(self) -> str:
        """What is drawn, with its unit."""
        label = f"{self.what}, {self.element}" if self.element else self.what
        return f"{label} ({self.unit})" if self.unit else label

    @property
    def short(self) -> str:
        """The name of its array in words, with the element where that says more: "update error", "nudge"."""
        array, _, labels = self.name.rpartition("/")[2].partition("[")
        if array == "relative_norm":  # terms have names of their own
            return " of ".join(label for label in labels.rstrip("]").split(", ") if label != "all")
        words = array.replace("_", " ")
        return f"{words}, {self.element}" if self.element else words


class Element(NamedTuple):
    """One place along a labelled dimension.

    Parameters
    ----------
    place : int
        Its place.
    label : str
        Its label, as a user would write it.
    told : str
        How a picture names it: a number says of what.
    """

    place: int
    label: str
    told: str


def default_value(table: SweepTable) -> str:
    """Return the name of the array that says most of a sweep.

    Raises
    ------
    SimulationError
        If the sweep has none that is known to say much, or no point has a result.
    """
    analysis = text(table.file.attrs["point_analysis"])
    for name in FIRST.get(analysis, ()):
        if name in table.file:
            return name
    if (table.failed | table.missing).all():
        raise SimulationError("no point of the sweep has a result.")
    there = ", ".join(arrays(table))
    raise SimulationError(f"there is no array that says most of '{analysis}' points. Choose one with --value: {there}.")


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
    elements = _elements(dataset, len(table.dimensions), asked, path)
    values = np.asarray(dataset[(..., *(each.place for each in elements))], np.float64)
    name = f"{path}[{', '.join(each.label for each in elements)}]" if elements else path
    long_name, unit = text(dataset.attrs.get("long_name", "")), text(dataset.attrs.get("units", ""))
    what, unit = SHORT.get(path, long_name) or name, "" if unit == "1" else unit
    small_is_good = path.endswith(SMALL_IS_GOOD)
    if path == "bias/relative_norm" and elements[0].label == "total":
        which = "mean update" if "bias/noise_spread" in table.file else "update"
        what, elements = f"distance of the {which} from the exact gradient, relative to it", elements[1:]
    if long_name.startswith("cosine"):
        values, unit, small_is_good = _degrees(values), "degrees", True
        what = what.replace("cosine", "angle")
    elif long_name.startswith("fraction"):
        values, unit, what = 100.0 * values, "%", what.removeprefix("fraction of ")
    element = ", ".join(each.told for each in elements if each.label != "all")
    return Quantity(name, what, element, unit, values, small_is_good)


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


def _elements(dataset: h5py.Dataset, first: int, asked: list[str], path: str) -> list[Element]:
    """Return the element of an array that is asked for, dimension by dimension, or else the one that says most."""
    names = _dimensions(dataset)[first:]
    if len(asked) > len(names):
        told = f"the dimensions {', '.join(names)}" if names else "no dimensions besides those of the sweep"
        raise SimulationError(f"[{', '.join(asked)}] is too much for {path}, which has {told}.")
    found = []
    for i, name in enumerate(names):
        labels = _labels(dataset, first + i)
        usual = ELEMENTS.get(name)
        label = asked[i] if i < len(asked) else usual if usual in labels else labels[0]
        if label not in labels:
            known = f"There are: {', '.join(labels)}."
            raise UnknownNameError(f"{path} has no {name} '{label}'.{nearest(label, labels)} {known}")
        number = dataset.dims[first + i][0].dtype.kind in "fiu"
        found.append(Element(labels.index(label), label, f"{name} {label}" if number else label))
    return found


def _dimensions(dataset: h5py.Dataset) -> tuple[str, ...]:
    return tuple(dims[0].name.rpartition("/")[2] if len(dims) else "" for dims in dataset.dims)


def _labels(dataset: h5py.Dataset, axis: int) -> list[str]:
    scale = dataset.dims[axis][0]
    return texts(scale) if scale.dtype.kind in "OSU" else [f"{value:g}" for value in scale[...].tolist()]
