"""``sweep.h5``: the figures of all points of a sweep in one file, made anew at any time from the folder's runs.

Attributes of the root: `neurosim_version`, `schema`, `name`, `run_id` (of the sweep), `analysis` = ``"sweep"``,
`point_analysis` (what every point did: ``"bias"``, ``"train"``), `scenario` (the base as YAML), `sweep` (the section as
JSON), `seed`, `created`, `command`, `sweep_dimensions` (names, space between), `points`, `done`, `failed`, `missing`,
`unsettled` (counts), `status` (``"finished"``: every point has a good result; else ``"failed"``, or ``"missing"`` where
points have not run yet) and `message`, a sentence.

Dimensions of the sweep, at the root, in the order of `sweep_dimensions`:

- one per key of the grid, with its values as coordinate: the last part of the dotted key, ``beta`` for ``rule.beta``,
  or more parts, ``rule_beta``, where that name is taken by another key, or by an array or dimension of the results;
- ``point``, counted from 0, for points of zip, list, random, sobol and lhs; their keys are arrays [point], named alike.

Each of these arrays of values has the attribute `key`, the dotted key. Numbers stay numbers; truth values, lists,
mappings and null are text, as JSON.

Arrays at the root, over all dimensions of the sweep: `status` (int8, with `flag_values` and `flag_meanings`: those of a
relaxation, then ``missing`` and ``failed``), `run_id`, `wall_seconds` (NaN where there is none).

Arrays of the results keep group and name: ``/bias/relative_norm[<sweep>, term, block]``, ``/nudges/error``. What goes
in is decided by size: every array of numbers, of at most 500 per point, none of whose dimensions is a sample, a time, a
unit, an input or an output; conductances stay in the runs. Of an array over epochs only ``final_<name>``, its value
after the last epoch, is kept and, for losses and errors, ``best_<name>``, the smallest: ``/train/final_test_error``,
``/train/best_test_error``. Numbers are float64, NaN where missing; arrays of statuses are int8, ``missing`` where
missing. Where points have different labels along a dimension, as blocks of circuits of different depth, the array has
them all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim import __version__
from neurosim.dynamics.status import Status, flags
from neurosim.results.reader import open_result, text, texts
from neurosim.results.stack import storable
from neurosim.results.writer import SCHEMA, ResultWriter
from neurosim.scenario.wording import count
from neurosim.sweep.axes import coordinate, short_names
from neurosim.sweep.figures import Figure, figures_of
from neurosim.sweep.folder import PART, SweepFolder
from neurosim.sweep.plan import Plan
from neurosim.sweep.table import Table

Array = npt.NDArray[Any]

MISSING, FAILED = len(Status), len(Status) + 1
FURTHER = ("missing", "failed")
MEANINGS = (*(status.key for status in Status), *FURTHER)
GOOD = tuple(status.code for status in Status if status.good)
OWN = ("point", "status", "run_id", "wall_seconds")  # names at the root of sweep.h5 that no key may take


@dataclass(frozen=True)
class Counts:
    """What became of the points of a sweep.

    Parameters
    ----------
    points, done, unsettled, failed, missing : int
        All; those with a result; those of them with a bad status; those without for a reason; those that have not run.
    """

    points: int
    done: int
    unsettled: int
    failed: int
    missing: int

    @property
    def good(self) -> bool:
        """Whether every point has a result that can be relied on."""
        return not (self.unsettled or self.failed or self.missing)

    def __str__(self) -> str:
        bad = {"with a bad status": self.unsettled, "failed": self.failed, "missing": self.missing}
        told = [f"{number} {what}" for what, number in bad.items() if number]
        return ", ".join([f"{self.done} of {count(self.points, 'point')} done", *told])


def collect(plan: Plan, folder: SweepFolder, command: str) -> Counts:
    """Write ``sweep.h5`` from the files of a folder, and return what became of the points.

    Parameters
    ----------
    plan : Plan
        The plan of the folder.
    folder : SweepFolder
        Where the runs are, and where ``sweep.h5`` goes.
    command : str
        The command as it was typed, for the record.

    Raises
    ------
    ResultFileError
        If a file of a run is damaged.
    """
    table = Table(plan.ids)
    layouts: dict[str, list[Figure]] = {}
    for path, many in folder.run_files():
        with open_result(path) as file:
            if many:
                _read_stack(file, table, layouts)
            else:
                _read_single(file, table)
    status = np.full(len(plan), MISSING, np.int8)
    status[table.places(folder.failures())] = FAILED
    status[table.known] = table.status[table.known]
    counts = Counts(
        points=len(plan),
        done=int(np.count_nonzero(status < MISSING)),
        unsettled=int(np.count_nonzero((status < MISSING) & ~np.isin(status, GOOD))),
        failed=int(np.count_nonzero(status == FAILED)),
        missing=int(np.count_nonzero(status == MISSING)),
    )
    part = folder.path / f"{folder.result.name}{PART}"
    _write(part, plan, table, status, counts, command)
    part.replace(folder.result)
    return counts


def _read_single(file: h5py.File, table: Table) -> None:
    code = Status[text(file.attrs["status"]).upper()].code
    table.add([text(file.attrs["run_id"])], np.array([code]), np.array([file.attrs["wall_seconds"]]))
    table.add_figures((figure, figure.read(file, 1)) for figure in figures_of(file))


def _read_stack(file: h5py.File, table: Table, layouts: dict[str, list[Figure]]) -> None:
    # Files of one shape have the same figures, except where an array happens to be the same for all points of one.
    ids = texts(file["run_id"])
    shape = f"{text(file.attrs['shape'])} {text(file.attrs['stacked'])}"
    if shape not in layouts:
        layouts[shape] = figures_of(file)
    table.add(ids, file["status"][:], file["wall_seconds"][:])
    table.add_figures((figure, figure.read(file, len(ids))) for figure in layouts[shape])


def _write(part: Path, plan: Plan, table: Table, status: Array, counts: Counts, command: str) -> None:
    figures = table.figures()
    taken = {*OWN, *(name for each in figures for name in (*each.dimensions, each.group.split("/")[0]))}
    names = short_names([key for axis in plan.axes for key in axis.keys], taken)
    dimensions = tuple(names[axis.keys[0]] if axis.grid else "point" for axis in plan.axes)
    with ResultWriter(part, _attributes(plan, dimensions, status, counts, command)) as writer:
        _write_axes(writer, plan, names)
        _write_points(writer, plan, table, status, dimensions)
        made: set[tuple[str, str]] = set()
        for figure in figures:
            for name in figure.dimensions:
                if (figure.group, name) not in made:
                    labels = table.labels(figure.group, name)
                    writer.dimension(f"/{figure.group}", name, list(labels.values), labels.long_name, labels.units)
                    made.add((figure.group, name))
            values = table.values(figure, MISSING)
            writer.variable(
                f"/{figure.group}", figure.name, (*dimensions, *figure.dimensions),
                values.reshape(*plan.shape, *values.shape[1:]), figure.long_name, figure.units,
                flags(*FURTHER) if figure.flags else None,
            )  # fmt: skip
        writer.finish({})


def _attributes(plan: Plan, dimensions: tuple[str, ...], status: Array, counts: Counts, command: str) -> dict[str, Any]:
    scenario = plan.base.scenario
    verdict = "finished" if counts.good else "missing" if counts.missing else "failed"
    return {
        "neurosim_version": __version__,
        "schema": SCHEMA,
        "name": scenario.name,
        "run_id": plan.sweep_id,
        "scenario": plan.base.to_yaml(),
        "sweep": json.dumps(plan.written),
        "seed": scenario.seed,
        "analysis": "sweep",
        "point_analysis": scenario.analysis.type,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "sweep_dimensions": " ".join(dimensions),
        **{name: getattr(counts, name) for name in ("points", "done", "unsettled", "failed", "missing")},
        "status": verdict,
        "message": str(counts),
    }


def _write_axes(writer: ResultWriter, plan: Plan, names: Mapping[str, str]) -> None:
    for axis in plan.axes:
        if axis.grid:
            (key,) = axis.keys
            writer.dimension("/", names[key], coordinate(_column(axis.values, 0)), key, attributes={"key": key})
            continue
        writer.dimension("/", "point", np.arange(len(axis)), "point of the sweep")
        for i, key in enumerate(axis.keys):
            values = storable(coordinate(_column(axis.values, i)))
            writer.variable("/", names[key], ("point",), values, key, attributes={"key": key})


def _column(rows: Iterable[tuple[Any, ...]], i: int) -> list[Any]:
    return [row[i] for row in rows]


def _write_points(writer: ResultWriter, plan: Plan, table: Table, status: Array, dimensions: tuple[str, ...]) -> None:
    shape = plan.shape
    ids = storable(np.array(plan.ids).reshape(shape))
    writer.variable("/", "run_id", dimensions, ids, "identity of the run, and name of its file where it has one")
    writer.variable(
        "/", "status", dimensions, status.reshape(shape), "how each point ended", attributes=flags(*FURTHER)
    )
    what = "wall time of each point"
    writer.variable("/", "wall_seconds", dimensions, table.seconds.reshape(shape), what, "s")
