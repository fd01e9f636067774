"""Which points of a sweep a picture shows: keys on its axes, keys at one value, and seeds, which are taken together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import ScenarioError, SimulationError
from neurosim.plots.sweeps.table import POINT, SweepTable, SweptKey

Array = npt.NDArray[Any]

MOST_PANELS = 12


@dataclass(frozen=True)
class Cell:
    """What became of the runs behind each place of a picture; arrays have the shape of its axes.

    Parameters
    ----------
    unsettled : ndarray of bool
        There is a value, but some run did not settle.
    lost, failed, missing, empty : ndarray of bool
        There is no value: since a run did not settle; since one failed; since one has not been done; though all were.
    """

    unsettled: Array
    lost: Array
    failed: Array
    missing: Array
    empty: Array

    def at(self, index: Any) -> Cell:
        """Return some of the places."""
        return Cell(**{each.name: getattr(self, each.name)[index] for each in fields(self)})


@dataclass(frozen=True)
class Selection:
    """Points of a grid, arranged for a picture.

    Parameters
    ----------
    table : SweepTable
        The sweep.
    axes : tuple of SweptKey
        Keys on the axes of the picture, each with a dimension of its own.
    fixed : tuple of (SweptKey, int)
        Keys at one value, and its place.
    together : tuple of SweptKey
        Seeds: runs that differ in nothing else are taken together.
    """

    table: SweepTable
    axes: tuple[SweptKey, ...]
    fixed: tuple[tuple[SweptKey, int], ...]
    together: tuple[SweptKey, ...]

    @property
    def runs(self) -> int:
        """How many runs are taken together."""
        return int(np.prod([len(key.values) for key in self.together], dtype=int))

    def take(self, values: Array) -> Array:
        """Return an array over the sweep as one over the axes of the picture, with the runs as last axis."""
        names, places = self.table.dimensions, {key.dimension: place for key, place in self.fixed}
        kept = values[tuple(places.get(name, slice(None)) for name in names)]
        left = [name for name in names if name not in places]
        order = [left.index(key.dimension) for key in (*self.axes, *self.together)]
        lengths = [len(key.values) for key in self.axes]
        return np.asarray(kept.transpose(order).reshape(*lengths, self.runs))

    def cells(self, values: Array) -> Cell:
        """Return what became of the runs behind every place, given the values of the sweep that are drawn there."""
        masks = (np.isfinite(values), self.table.unsettled, self.table.failed, self.table.missing)
        return judge(*(np.asarray(self.take(mask).any(axis=-1)) for mask in masks))

    @property
    def told(self) -> list[str]:
        """What a caption has to say of keys at one value."""
        parts = [f"{key.label} = {key.told(place)}" for key, place in self.fixed]
        return [", ".join(parts)] if parts else []

    def told_mean(self, values: Array) -> str:
        """Say over what means of `values` are taken."""
        seeds = " and ".join(key.label for key in self.together)
        there = np.isfinite(self.take(values)).sum(axis=-1)
        partly = ((there > 0) & (there < self.runs)).any()
        return f"means over {self.runs} values of {seeds}" + (", of those that have a value" if partly else "")


def judge(there: Array, unsettled: Array, failed: Array, missing: Array) -> Cell:
    """Return what became of places from whether any of their runs has a value, did not settle, failed, is missing."""
    return Cell(
        unsettled=unsettled & there,
        lost=unsettled & ~there,
        failed=failed & ~unsettled & ~there,
        missing=missing & ~failed & ~unsettled & ~there,
        empty=~(failed | missing | unsettled | there),
    )


def mean(values: Array) -> Array:
    """Return the mean over the last axis of what is finite; NaN where nothing is."""
    there = np.isfinite(values)
    number = there.sum(axis=-1)
    total = np.where(there, values, 0.0).sum(axis=-1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def fixed_places(table: SweepTable, at: Sequence[str]) -> dict[str, tuple[SweptKey, int]]:
    """Read ``KEY=VALUE`` and return keys and places of their values, by the name of the key.

    Raises
    ------
    ScenarioError
        If there is no ``=``, or a key stands there twice.
    UnknownNameError
        If the sweep has no such key or value.
    """
    found: dict[str, tuple[SweptKey, int]] = {}
    for written in at:
        name, equals, value = written.partition("=")
        if not equals:
            raise ScenarioError(f"--at {written}: found no '='; write KEY=VALUE, for instance rule.beta=0.1.")
        key = table.key(name.strip())
        if key.name in found:
            raise ScenarioError(f"--at {written}: {key.key} is given twice.")
        found[key.name] = (key, key.place(value.strip()))
    return found


def roles(table: SweepTable, wanted: Sequence[str | None], at: Sequence[str]) -> list[SweptKey | None]:
    """Return the keys that were asked for, in their places.

    Raises
    ------
    UnknownNameError
        If the sweep does not vary one of them.
    SimulationError
        If one has two places, stands also in `at`, or varies together with others.
    """
    keys = [table.key(name) if name is not None else None for name in wanted]
    fixed = fixed_places(table, at)
    for key in keys:
        if key is None:
            continue
        if keys.count(key) > 1:
            raise SimulationError(f"{key.key} can have one place in a picture, not two.")
        if key.name in fixed:
            raise SimulationError(f"{key.key} stands in --at, so it cannot be on an axis.")
    return keys


def free_keys(table: SweepTable, at: Sequence[str], taken: Sequence[SweptKey | None]) -> list[SweptKey]:
    """Return the grid keys of more than one value that still need a place, but no seeds; numbers come first."""
    fixed = fixed_places(table, at)
    left = [
        key
        for key in table.grid_keys
        if key not in taken and key.name not in fixed and not key.repeats and len(key.values) > 1
    ]
    return sorted(left, key=lambda key: not key.numeric)


def select(table: SweepTable, axes: Sequence[SweptKey], at: Sequence[str]) -> Selection:
    """Return the points for a picture with these keys on its axes.

    Raises
    ------
    SimulationError
        If another key has several values and nothing says which to take, or keys vary together.
    ScenarioError, UnknownNameError
        As `fixed_places`.
    """
    if POINT in table.dimensions:
        told = " and ".join(key.key for key in table.point_keys)
        raise SimulationError(f"{told} have no grid: their values belong to points, one by one. Draw a scatter.")
    fixed = fixed_places(table, at)
    together, places = [], []
    for key in table.grid_keys:
        if key in axes:
            continue
        if key.name in fixed or len(key.values) == 1:
            places.append(fixed.get(key.name, (key, 0)))
        elif key.repeats:
            together.append(key)
        else:
            raise SimulationError(
                f"{key.key} has {len(key.values)} values and no place in the picture; take one of them with "
                f"--at {key.key}=VALUE. {key.span()}"
            )
    return Selection(table, tuple(axes), tuple(places), tuple(together))


def check_panels(key: SweptKey) -> None:
    """Refuse a key with too many values for one panel each.

    Raises
    ------
    SimulationError
        If there are more than `MOST_PANELS`.
    """
    if len(key.values) > MOST_PANELS:
        raise SimulationError(
            f"{key.key} would need {len(key.values)} panels, and {MOST_PANELS} are the most; take one value with "
            f"--at {key.key}=VALUE, or another key with --panel."
        )
