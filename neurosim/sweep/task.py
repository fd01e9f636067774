"""What a worker does: some points of a sweep, one after the other, into files of their own.

A task of one point writes an ordinary result, with checkpoints; one of several keeps the results in memory and writes a
file per shape of result. Both run the same code on one thread, so the numbers do not depend on how points are grouped.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from neurosim import __version__
from neurosim.analysis.interruption import Interruption, never
from neurosim.analysis.memory import Memory
from neurosim.analysis.progress import Silence
from neurosim.analysis.run import Options, Outcome, Session, analyse, execute
from neurosim.analysis.setup import build
from neurosim.datasets.dataset import Dataset
from neurosim.datasets.load import load_dataset
from neurosim.dynamics.status import Status, flags, worst
from neurosim.errors import NeurosimError
from neurosim.jit import compile_seconds
from neurosim.results.memory import MemoryResult
from neurosim.results.provenance import provenance
from neurosim.results.stack import write_stack
from neurosim.results.writer import SCHEMA
from neurosim.scenario.load import LoadedScenario
from neurosim.sweep.folder import PART, TASK, Failure
from neurosim.sweep.plan import Point
from neurosim.sweep.points import Points, overrides
from neurosim.workers import Workers

# Whatever goes wrong inside of one point is recorded with its traceback and must not lose the others; what goes wrong
# outside, as with the disk, stops the sweep.
POINT_ERRORS = (
    NeurosimError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
DATA_SETS = 2  # kept from one point to the next


@dataclass(frozen=True)
class Task:
    """Points for one worker.

    Parameters
    ----------
    sweep_id : str
        Which sweep; what a worker keeps from one task to the next belongs to it.
    base : LoadedScenario
        The scenario that points are changes of.
    points : tuple of Point
        What to run, in this order.
    runs : Path
        Folder for result files, absolute.
    data_folders : tuple of Path
        Where data files may be.
    command : str
        The command as it was typed, for the record.
    """

    sweep_id: str
    base: LoadedScenario
    points: tuple[Point, ...]
    runs: Path
    data_folders: tuple[Path, ...] = ()
    command: str = ""


@dataclass
class Report:
    """What came of a task.

    Attributes
    ----------
    statuses : dict of str to int
        Status code of every point that has a result, by run id.
    failures : list of Failure
        Points that have none and never will.
    seconds : float
        Time for all of that, without compiling.
    interrupted : bool
        Whether points are left because the sweep should stop.
    disk : str
        Why a file could not be written; empty if all were.
    """

    statuses: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    disk: str = ""


class Bench:
    """What a worker keeps from task to task: validated sections, data sets, what points have in common, its one thread.

    Parameters
    ----------
    task : Task
        The first task.
    """

    def __init__(self, task: Task) -> None:
        self.sweep_id = task.sweep_id
        self.points = Points(task.base)
        self.workers = Workers(1)
        self.memory = Memory()
        self._data: OrderedDict[Any, Dataset] = OrderedDict()

    def dataset(self, scenario: Any, folders: tuple[Path, ...]) -> Dataset:
        """Return the data set of a scenario, loaded now or before."""
        key = (scenario.data.model_dump_json(), scenario.dtype, scenario.seed, folders)
        if key not in self._data:
            self._data[key] = load_dataset(scenario.data, scenario.dtype, scenario.seed, folders)
            while len(self._data) > DATA_SETS:
                self._data.popitem(last=False)
        self._data.move_to_end(key)
        return self._data[key]

    def close(self) -> None:
        """Give the threads of BLAS back."""
        self.workers.__exit__(None, None, None)


_bench: Bench | None = None


def bench_of(task: Task) -> Bench:
    """Return the bench of this process, cleared if it belongs to another sweep."""
    global _bench
    if _bench is None or _bench.sweep_id != task.sweep_id:
        clear_bench()
        _bench = Bench(task)
    return _bench


def clear_bench() -> None:
    """Forget what this process kept from earlier tasks."""
    global _bench
    if _bench is not None:
        _bench.close()
    _bench = None


def run_task(task: Task, stop: Callable[[], bool] = never) -> Report:
    """Run the points of a task and write their results.

    Parameters
    ----------
    task : Task
        What to do.
    stop : callable
        Whether the sweep should stop; asked between points and, by analyses that can, inside of them.
    """
    bench, report = bench_of(task), Report()
    began, compiled = time.perf_counter(), compile_seconds()
    try:
        if len(task.points) == 1:
            _run_alone(task, bench, report, stop)
        else:
            _run_together(task, bench, report, stop)
    except (OSError, RuntimeError) as error:
        if not is_full(error):
            raise
        report.disk = str(error)
    report.seconds = time.perf_counter() - began - (compile_seconds() - compiled)
    return report


def is_full(error: BaseException) -> bool:
    """Say whether an error means that the disk, or a quota on it, is full; HDF5 may pack that into its own."""
    number = getattr(error, "errno", None)
    return number in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error)


def _run_alone(task: Task, bench: Bench, report: Report, stop: Callable[[], bool]) -> None:
    """Run one point as `neurosim run` does. The file appears under its name when it is finished."""
    (point,) = task.points
    part = task.runs / f"{point.run_id}.{_own()}{PART}.h5"
    options = Options(
        output=part,
        force=False,
        data_folders=task.data_folders,
        threads=1,
        command=task.command,
        checkpoint=task.runs / f"{point.run_id}.checkpoint.h5",
        stop=stop,
    )
    try:
        outcome = execute(bench.points.scenario(point.changes), options)[1]
    except POINT_ERRORS as error:
        part.unlink(missing_ok=True)
        if is_full(error):
            raise
        report.failures.append(_failure(point, error))
        return
    if outcome.status is Status.INTERRUPTED:
        part.unlink()
        report.interrupted = True
        return
    os.replace(part, task.runs / f"{point.run_id}.h5")
    report.statuses[point.run_id] = outcome.status.code


@dataclass(frozen=True)
class _Finished:
    """A point with its result in memory."""

    point: Point
    outcome: Outcome
    warning: str
    seconds: float
    result: MemoryResult


def _run_together(task: Task, bench: Bench, report: Report, stop: Callable[[], bool]) -> None:
    """Run points with their results in memory, then write a file for every shape of result."""
    groups: dict[str, list[_Finished]] = {}
    with Interruption(stop) as interruption:
        for point in task.points:
            if interruption.wanted:
                report.interrupted = True
                break
            try:
                finished = _run_in_memory(task, bench, point, interruption)
            except POINT_ERRORS as error:
                report.failures.append(_failure(point, error))
                continue
            if finished.outcome.status is Status.INTERRUPTED:
                report.interrupted = True
                break
            groups.setdefault(finished.result.shape_digest(), []).append(finished)
    for shape, finished_ones in groups.items():
        _write(task, shape, finished_ones)
        report.statuses.update({each.point.run_id: each.outcome.status.code for each in finished_ones})


def _run_in_memory(task: Task, bench: Bench, point: Point, interruption: Interruption) -> _Finished:
    began, result = time.perf_counter(), MemoryResult()
    loaded = bench.points.scenario(point.changes)
    experiment = build(loaded, task.data_folders, bench.dataset(loaded.scenario, task.data_folders))
    session = Session(result, bench.workers, Silence(), interruption, checkpoint=None, memory=bench.memory)
    outcome, warning = analyse(experiment, session)
    return _Finished(point, outcome, warning, time.perf_counter() - began, result)


def _write(task: Task, shape: str, finished: list[_Finished]) -> None:
    codes = np.array([each.outcome.status.code for each in finished], np.int8)
    columns = {
        "run_id": ([each.point.run_id for each in finished], "identity of the run", None, {}),
        "status": (codes, "how the run ended", None, flags()),
        "message": ([each.outcome.message for each in finished], "how the run ended, in words", None, {}),
        "warning": ([each.warning for each in finished], "what to know about its times", None, {}),
        "wall_seconds": ([each.seconds for each in finished], "wall time of the run", "s", {}),
        "overrides": (
            [json.dumps(overrides(each.point.changes)) for each in finished],
            "how the scenario of the run differs from that of the file, as JSON",
            None,
            {},
        ),
    }
    scenario = task.base.scenario
    attributes = {
        "neurosim_version": __version__,
        "schema": SCHEMA,
        "name": scenario.name,
        "run_id": task.sweep_id,
        "scenario": _base_yaml(task.sweep_id, task.base),
        "seed": scenario.seed,
        "analysis": "sweep task",
        "point_analysis": scenario.analysis.type,
        "shape": shape,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": task.command,
        "status": worst(codes).key,
        "message": f"{len(finished)} points of a sweep",
        "wall_seconds": sum(each.seconds for each in finished),
        "compile_seconds": 0.0,
    }
    ids = ",".join(sorted(each.point.run_id for each in finished))
    name = TASK + sha256(ids.encode()).hexdigest()[:12]
    part = task.runs / f"{name}.{_own()}{PART}.h5"
    places = [each.point.index for each in finished]
    write_stack(part, attributes, places, columns, [each.result for each in finished], provenance(1))
    os.replace(part, task.runs / f"{name}.h5")


_yaml: dict[str, str] = {}


def _base_yaml(sweep_id: str, base: LoadedScenario) -> str:
    """Return the base as YAML, which takes as long to write as a short point to run."""
    if sweep_id not in _yaml:
        _yaml.clear()
        _yaml[sweep_id] = base.to_yaml()
    return _yaml[sweep_id]


def _own() -> str:
    """Return a name that no other process anywhere has now."""
    return f"{platform.node()}-{os.getpid()}"


def _failure(point: Point, error: BaseException) -> Failure:
    text = "".join(traceback.format_exception(error))
    return Failure(point.run_id, point.index, type(error).__name__, str(error), text, overrides(point.changes))
