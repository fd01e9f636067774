"""The plan of a sweep: its axes, the scenario and run id of every point, and everything that is wrong with it.

    points = grid key 1 x grid key 2 x ... x (the points of zip, list, random, sobol or lhs)

Points are counted in the order of nested loops, the last axis innermost. Their run ids do not depend on that order, nor
on how many points there are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from neurosim.errors import ScenarioError, nearest
from neurosim.scenario.identity import canonical, digest
from neurosim.scenario.load import LoadedScenario
from neurosim.scenario.schema import Scenario
from neurosim.scenario.sweep_settings import MOST_POINTS, SweepSettings
from neurosim.scenario.trace import fields
from neurosim.scenario.tree import Location, Problem
from neurosim.scenario.wording import count
from neurosim.sweep.points import SWEPT, Changes, Points, change, told

_FIXED = {
    "circuit.use": "a file is no value. Vary circuit by mappings, for instance circuit: [{use: a}, {use: b}]",
    "schema": "the version of the format cannot vary",
    "name": "it names the whole sweep",
    "description": "it is for people",
    "sweep": "a sweep cannot vary itself",
}


@dataclass(frozen=True)
class Axis:
    """Keys that vary together, along one dimension of a sweep.

    Parameters
    ----------
    keys : tuple of str
        Dotted keys: one of a grid, several of zip, list or random points.
    values : tuple of tuple
        For every step along the axis, the values of the keys.
    places : tuple of Location
        Where each key was written.
    grid : bool
        Whether it is a key of the grid, which has a dimension of its own name.
    """

    keys: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    places: tuple[Location, ...]
    grid: bool

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.values)

    def changes(self, step: int) -> Changes:
        """Return what one step changes."""
        return tuple(map(change, self.keys, self.values[step], self.places))


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Parameters
    ----------
    index : int
        Place in the plan.
    run_id : str
        Identity of its scenario.
    changes : tuple of Change
        How it differs from the base.
    """

    index: int
    run_id: str
    changes: Changes


class Plan:
    """All points of a sweep, checked.

    Parameters
    ----------
    base : LoadedScenario
        A scenario with a section `sweep`.

    Attributes
    ----------
    axes : tuple of Axis
        The dimensions of the sweep.
    ids : list of str
        Run id of every point. Random points that happen to be the same share theirs.
    invalid : list of int
        Points whose scenario is invalid, although each of their values is valid beside others.

    Raises
    ------
    ScenarioError
        If there is no sweep, a key cannot be varied, a value is invalid at every point that has it, or two points of a
        grid, zip or list are the same.
    """

    def __init__(self, base: LoadedScenario) -> None:
        self.base = base
        self.settings = _settings(base)
        self.axes = tuple(_axes(base, self.settings))
        _check_size(base, self.axes)
        self.points = Points(base)
        self.ids: list[str] = []
        self.invalid: list[int] = []
        self._expand()

    @property
    def shape(self) -> tuple[int, ...]:
        """Steps along every axis."""
        return tuple(map(len, self.axes))

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.ids)

    def point(self, index: int) -> Point:
        """Return a point by its place."""
        steps = np.unravel_index(index, self.shape)
        changes = [axis.changes(int(step)) for axis, step in zip(self.axes, steps, strict=True)]
        return Point(index, self.ids[index], tuple(each for part in changes for each in part))

    def neighbours_first(self, places: Sequence[int]) -> list[int]:
        """Return points in an order in which keys of the rule change fastest.

        Points that differ in nothing else have the circuit in common, and what is known of it.
        """
        slow = [i for i, axis in enumerate(self.axes) if not all(key.startswith("rule.") for key in axis.keys)]
        if not places or not 0 < len(slow) < len(self.axes):
            return list(places)
        steps = np.unravel_index(np.asarray(places), self.shape)
        order = np.lexsort([np.asarray(places), *(steps[i] for i in reversed(slow))])
        return [places[i] for i in order.tolist()]

    @cached_property
    def sweep_id(self) -> str:
        """Twelve hexadecimal digits that are the same for the same base and the same points."""
        parts = {key: canonical(key, value) for key, value in self.base.resolved.items()}
        return digest(parts | {"sweep": json.dumps(self.written, sort_keys=True)})

    @property
    def written(self) -> dict[str, Any]:
        """The section `sweep` as plain data, ranges written out."""
        dumped: dict[str, Any] = self.settings.model_dump(mode="json", by_alias=True, exclude_none=True)
        return dumped

    def _expand(self) -> None:
        valid = [np.zeros(len(axis), bool) for axis in self.axes]
        first_bad: list[dict[int, int]] = [{} for _ in self.axes]
        for index, (steps, changes) in enumerate(self._combinations()):
            run_id, good = self.points.run_id(changes)
            self.ids.append(run_id)
            if not good:
                self.invalid.append(index)
            for axis, step in enumerate(steps):
                if good:
                    valid[axis][step] = True
                else:
                    first_bad[axis].setdefault(step, index)
        hopeless = [first_bad[axis][int(step)] for axis, good in enumerate(valid) for step in np.flatnonzero(~good)]
        if hopeless:
            self._refuse(min(hopeless))
        self._check_distinct()

    def _combinations(self) -> Iterator[tuple[tuple[int, ...], Changes]]:
        """Yield the steps and changes of every point; the last axis may be long, so its changes are made one by one."""
        *outer, inner = self.axes
        made = [[(step, axis.changes(step)) for step in range(len(axis))] for axis in outer]
        for chosen in product(*made):
            steps = tuple(step for step, _ in chosen)
            before = tuple(each for _, changes in chosen for each in changes)
            for step in range(len(inner)):
                yield (*steps, step), before + inner.changes(step)

    def _refuse(self, index: int) -> None:
        changes = self.point(index).changes
        where = f"point {index} ({told(changes)})"
        raise ScenarioError(
            *self.points.complaints(changes),
            f"The first invalid point is {where}; {len(self.invalid)} of {count(len(self), 'point')} are invalid. "
            "Nothing was run.",
        )

    def _check_distinct(self) -> None:
        if self.settings.sampling is not None:
            return
        seen: dict[str, int] = {}
        for index, run_id in enumerate(self.ids):
            other = seen.setdefault(run_id, index)
            if other != index:
                first, second = (f"point {i} ({told(self.point(i).changes)})" for i in (other, index))
                raise ScenarioError(f"{self.base.path}: sweep: {first} and {second} are the same run. Leave one out.")


def _settings(base: LoadedScenario) -> SweepSettings:
    settings: SweepSettings | None = base.scenario.sweep
    if settings is None:
        raise ScenarioError(
            f"{base.path}: there is nothing to sweep. Give the scenario a section 'sweep', for instance "
            "sweep: {grid: {rule.beta: [0.01, 0.1]}}, or --grid rule.beta=0.01,0.1."
        )
    return settings


def _axes(base: LoadedScenario, settings: SweepSettings) -> Iterator[Axis]:
    problems = [problem for way, key in _written_keys(settings) for problem in _check_key(base, f"sweep.{way}", key)]
    if problems:
        raise ScenarioError(*problems)
    for key, values in settings.grid.items():
        yield Axis((key,), tuple((value,) for value in values), (base.source.locate(f"sweep.grid.{key}"),), grid=True)
    keys = settings.point_keys
    if not keys:
        return
    if settings.zip is not None:
        rows = tuple(zip(*settings.zip.values(), strict=True))
    elif settings.rows is not None:
        rows = tuple(tuple(row[key] for key in keys) for row in settings.rows)
    else:
        from neurosim.sweep.sampling import sampled  # SciPy takes a second, and `validate` rarely needs it

        rows = sampled(settings, base.scenario.seed)
    places = {key: base.source.locate(f"sweep.{way}.{key}") for way, key in _written_keys(settings)}
    yield Axis(keys, rows, tuple(places[key] for key in keys), grid=False)


def _written_keys(settings: SweepSettings) -> list[tuple[str, str]]:
    """Return every swept key with the way to where it was written."""
    chosen = settings.sampling
    way = f"{chosen[0]}.keys" if chosen is not None else "zip" if settings.zip is not None else "list.0"
    return [*(("grid", key) for key in settings.grid), *((way, key) for key in settings.point_keys)]


def _check_key(base: LoadedScenario, way: str, key: str) -> Iterator[str]:
    name = key.partition(".")[0]
    where = base.source.locate(f"{way}.{key}")
    reason = _FIXED.get(key) or _FIXED.get(name)
    if reason is not None:
        yield str(Problem(where, f"{way}.{key}", f"'{key}' cannot be swept: {reason}."))
    elif name not in fields(Scenario):
        hint = nearest(name, SWEPT)
        yield str(Problem(where, f"{way}.{key}", f"unknown key '{name}'.{hint} Known: {', '.join(SWEPT)}."))


def _check_size(base: LoadedScenario, axes: tuple[Axis, ...]) -> None:
    points = 1
    for axis in axes:
        points *= len(axis)
    if points > MOST_POINTS:
        told_axes = " x ".join(str(len(axis)) for axis in axes)
        raise ScenarioError(f"{base.path}: sweep: {told_axes} = {points} points; at most {MOST_POINTS} are allowed.")
