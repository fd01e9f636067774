"""Which arrays of a result are its figures, and how they are read: small arrays of numbers, epochs reduced to two.

See `neurosim.sweep.collect` for the rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.results.reader import text, texts
from neurosim.results.stack import POINT

Array = npt.NDArray[Any]

MOST_NUMBERS = 500  # per point
LEFT_OUT = ("sample", "time", "input", "output", "unit_")  # dimensions, or how their names begin
NO_FIGURES = ("provenance", "circuit", "parameters", "initial")  # groups
EPOCH = "epoch"
SMALL_IS_GOOD = ("error", "loss")  # how names of arrays end whose smallest value over epochs is worth keeping


@dataclass(frozen=True)
class Labels:
    """The coordinate of a dimension.

    Parameters
    ----------
    values : tuple of str, int or float
        Its values.
    long_name : str
        What it is.
    units : str, optional
        Its unit.
    """

    values: tuple[Any, ...]
    long_name: str
    units: str | None


@dataclass(frozen=True)
class Figure:
    """One array of ``sweep.h5``, and where it comes from in a result.

    Parameters
    ----------
    group, name : str
        Its place in ``sweep.h5``.
    path : str
        The array of the result.
    dimensions : tuple of str
        Names of its axes besides those of the sweep.
    labels : mapping of str to Labels
        Their coordinates.
    long_name : str
        What it is.
    units : str, optional
        Its unit.
    flags : str
        Names of the values, in order, where they are statuses; otherwise empty.
    stacked : bool
        Whether the array of the result has a first axis of points.
    epochs : int, optional
        Which axis of the array, points not counted, is over epochs.
    best : bool
        Whether to take the smallest of all epochs instead of the last.
    """

    group: str
    name: str
    path: str
    dimensions: tuple[str, ...]
    labels: Mapping[str, Labels]
    long_name: str
    units: str | None
    flags: str
    stacked: bool
    epochs: int | None = None
    best: bool = False

    def read(self, file: h5py.File, points: int) -> Array:
        """Return the values of all points of a file, of shape (points, ...)."""
        values = np.asarray(file[self.path][()])
        if not self.flags:
            values = values.astype(np.float64)
        if not self.stacked:
            values = np.broadcast_to(values, (points, *values.shape))
        if self.epochs is None:
            return values
        axis = self.epochs + 1
        if values.shape[axis] == 0:  # stopped before the first epoch was over
            return np.full(values.shape[:axis] + values.shape[axis + 1 :], np.nan)
        if self.best:
            return np.asarray(np.fmin.reduce(values, axis=axis))  # of numbers that are there
        return np.asarray(values.take(-1, axis=axis))


def figures_of(file: h5py.File) -> list[Figure]:
    """Return the figures of an open result, of one point or of many, in the order of their names."""
    found: list[Figure] = []

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        parts = name.split("/")
        if isinstance(item, h5py.Dataset) and len(parts) > 1 and not set(parts) & set(NO_FIGURES):
            found.extend(_figures(name, item))

    file.visititems(visit)
    return found


def _figures(path: str, dataset: h5py.Dataset) -> list[Figure]:
    if dataset.dtype.kind not in "fiub" or dataset.is_scale:
        return []
    scales = [dims[0] for dims in dataset.dims]
    names = [scale.name.rpartition("/")[2] for scale in scales]
    stacked = names[:1] == [POINT]
    if stacked:
        scales, names = scales[1:], names[1:]
    epochs = names.index(EPOCH) if EPOCH in names else None
    kept = [i for i in range(len(names)) if i != epochs]
    size = int(np.prod([scales[i].size for i in kept]))
    if size > MOST_NUMBERS or any(names[i].startswith(LEFT_OUT) for i in kept):
        return []
    group, _, name = path.rpartition("/")
    long_name = text(dataset.attrs.get("long_name", ""))
    made = Figure(
        group=group,
        name=name,
        path=path,
        dimensions=tuple(names[i] for i in kept),
        labels={names[i]: _labels(scales[i]) for i in kept},
        long_name=long_name,
        units=_units(dataset),
        flags=text(dataset.attrs.get("flag_meanings", "")),
        stacked=stacked,
    )
    if epochs is None:
        return [made]
    reduced = {"final_": (False, "after the last epoch")}
    if name.endswith(SMALL_IS_GOOD):
        reduced["best_"] = (True, "smallest of all epochs")
    return [
        Figure(
            **{**vars(made), "name": prefix + name, "long_name": f"{long_name}; {what}", "epochs": epochs, "best": best}
        )
        for prefix, (best, what) in reduced.items()
    ]


def _labels(scale: h5py.Dataset) -> Labels:
    kind = scale.dtype.kind
    values = texts(scale) if kind in "OS" else scale[:].tolist()
    return Labels(tuple(values), text(scale.attrs.get("long_name", "")), _units(scale))


def _units(dataset: h5py.Dataset) -> str | None:
    return text(dataset.attrs["units"]) if "units" in dataset.attrs else None
