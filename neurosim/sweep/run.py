"""From a scenario with a sweep to a folder with the results of all points: plan, resume, run, collect."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from neurosim.analysis.interruption import Interruption
from neurosim.errors import DiskFullError
from neurosim.scenario.load import LoadedScenario
from neurosim.scenario.wording import count
from neurosim.sweep.collect import Counts, collect
from neurosim.sweep.driver import Driver, SweepProgress
from neurosim.sweep.engines import Engine, make_engine
from neurosim.sweep.folder import Failure, SweepFolder
from neurosim.sweep.lock import FolderLock
from neurosim.sweep.plan import Plan, Point
from neurosim.sweep.points import overrides
from neurosim.sweep.task import Task, is_full

NOTED = 5  # failures that are told one by one


@dataclass(frozen=True)
class SweepOptions:
    """How to run a sweep, as opposed to what: nothing here changes a number in the results.

    Parameters
    ----------
    progress : SweepProgress
        Who watches.
    folder : Path, optional
        Default ``results/<name>-sweep-<id>``.
    workers : int, optional
        Processes; default: all processors that this process may use.
    scheduler : str, optional
        Address of a dask scheduler, whose workers are used instead.
    restart : bool
        Delete what a sweep wrote to the folder before.
    retry_failed : bool
        Run failed points again.
    data_folders : tuple of Path
        Where data files may be.
    command : str
        The command as it was typed, for the record.
    """

    progress: SweepProgress
    folder: Path | None = None
    workers: int | None = None
    scheduler: str | None = None
    restart: bool = False
    retry_failed: bool = False
    data_folders: tuple[Path, ...] = ()
    command: str = ""


@dataclass(frozen=True)
class SweepOutcome:
    """How a sweep ended.

    Parameters
    ----------
    path : Path
        sweep.h5; it exists unless the disk is full.
    counts : Counts
        What became of the points.
    interrupted : bool
        Whether the user stopped it.
    message : str
        What happened, as a sentence for people.
    """

    path: Path
    counts: Counts
    interrupted: bool
    message: str

    @property
    def good(self) -> bool:
        """Whether every point has a result that can be relied on."""
        return self.counts.good


def execute_sweep(loaded: LoadedScenario, options: SweepOptions) -> SweepOutcome:
    """Run what is left of a sweep and collect its figures.

    Parameters
    ----------
    loaded : LoadedScenario
        A scenario with a section `sweep`.
    options : SweepOptions
        How to run it.

    Raises
    ------
    ScenarioError
        If the plan is wrong; nothing has been run then.
    ResultFileError
        If the folder belongs to another plan, is in use, or cannot be written.
    DiskFullError
        If the disk is full.
    """
    plan = Plan(loaded)
    folder = SweepFolder(options.folder or Path("results") / f"{loaded.scenario.name}-sweep-{plan.sweep_id}")
    with _disk(folder):
        folder.make()
        with FolderLock(folder.lock), Interruption() as interruption:
            if options.restart:
                for told in folder.clear():
                    options.progress.note(f"deleted {told}")
            folder.adopt(plan)
            if options.retry_failed:
                folder.forget_failures()
            tally_interrupted = _run(plan, folder, options, interruption)
            counts = collect(plan, folder, options.command)
    return SweepOutcome(folder.result, counts, tally_interrupted, f"{loaded.scenario.name}: {counts}")


def _run(plan: Plan, folder: SweepFolder, options: SweepOptions, interruption: Interruption) -> bool:
    """Run the points that have neither a result nor a failure; return whether the user stopped it."""
    done, failed, progress = folder.done(), folder.failures(), options.progress
    left = _left(plan, done | failed)
    finished = len(set(plan.ids) & done)
    if finished or failed:
        progress.note(f"resuming: {finished} of {count(len(set(plan.ids)), 'point')} done, {len(failed)} failed before")
    progress.begin(len(set(plan.ids)), "points", finished)
    progress.fail(len(failed))
    noted = 0

    def record(failure: Failure) -> None:
        nonlocal noted
        folder.write_failure(failure)
        noted += 1
        if noted <= NOTED:
            progress.note(f"point {failure.index} failed: {failure.reason}")

    invalid = set(plan.invalid)
    for index in [index for index in left if index in invalid]:
        record(_invalid(plan, plan.point(index)))
        progress.fail()
    left = [index for index in left if index not in invalid]
    if not left:
        return False
    runs, folders = folder.runs.resolve(), tuple(path.resolve() for path in options.data_folders)

    def make_task(points: tuple[Point, ...]) -> Task:
        return Task(plan.sweep_id, plan.base, points, runs, folders, options.command)

    with _engine(min(options.workers or _processors(), len(left)), options.scheduler) as engine:
        driver = Driver(engine, make_task, plan.point, record, folder.done, progress, lambda: interruption.wanted)
        tally = driver.run(plan.neighbours_first(left))
    if tally.disk:
        folder.remove_parts()  # they would keep what room there is
        raise DiskFullError(_full(folder, tally.disk))
    return tally.interrupted


@contextmanager
def _engine(workers: int, scheduler: str | None) -> Iterator[Engine]:
    """Yield an engine; if the driver fails, or the user insists, its workers are killed."""
    engine, clean = make_engine(workers, scheduler), False
    try:
        yield engine
        clean = True
    finally:
        engine.close(kill=not clean)


@contextmanager
def _disk(folder: SweepFolder) -> Iterator[None]:
    """Say it clearly where the disk is full."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if not is_full(error):
            raise
        raise DiskFullError(_full(folder, str(error))) from error


def _full(folder: SweepFolder, reason: str) -> str:
    return (
        f"{folder.path}: the disk is full ({reason}). What is there is whole: make room, "
        "and run the same command again to go on."
    )


def _left(plan: Plan, known: set[str]) -> list[int]:
    """Return the places of the points that have to run, one for each run id."""
    first: dict[str, int] = {}
    for index, run_id in enumerate(plan.ids):
        if run_id not in known:
            first.setdefault(run_id, index)
    return list(first.values())


def _invalid(plan: Plan, point: Point) -> Failure:
    reason = "\n".join(plan.points.complaints(point.changes))
    return Failure(point.run_id, point.index, "ScenarioError", reason, "", overrides(point.changes))


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
