"""Keeps workers busy until every point has a result or a reason, whatever dies on the way.

A worker that dies takes its pool with it, and all tasks in flight are suspects. Their points run again; those that were
there twice run alone, one at a time, so that a third death has one culprit, which is recorded as failed.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Protocol

from neurosim.analysis.progress import Progress
from neurosim.sweep.batches import Batches
from neurosim.sweep.engines import Engine
from neurosim.sweep.folder import Failure
from neurosim.sweep.plan import Point
from neurosim.sweep.points import overrides
from neurosim.sweep.task import Report, Task

QUEUED = 2  # tasks per slot: one that runs, one that waits
DEATHS = 3
WAIT_SECONDS = 0.5


class SweepProgress(Progress, Protocol):
    """Progress that also hears of points without a result."""

    def fail(self, amount: int = 1) -> None:
        """Say that `amount` more points have failed."""


@dataclass
class Tally:
    """What came of the points of this session.

    Attributes
    ----------
    interrupted : bool
        Whether the user wanted to stop.
    disk : str
        Why a file could not be written; empty if all were.
    """

    interrupted: bool = False
    disk: str = ""


@dataclass
class Driver:
    """Runs points on an engine.

    Parameters
    ----------
    engine : Engine
        Who runs them.
    make_task : callable
        From points to a task.
    point : callable
        From a place in the plan to the point.
    record : callable
        Takes the failure of a point, at once.
    finished : callable
        Returns the run ids of all points that have a result on disk; asked after a death, because a worker may have
        written its last results without living to say so.
    progress : SweepProgress
        Who watches.
    wanted : callable
        Whether the user wants to stop.
    """

    engine: Engine
    make_task: Callable[[tuple[Point, ...]], Task]
    point: Callable[[int], Point]
    record: Callable[[Failure], None]
    finished: Callable[[], Collection[str]]
    progress: SweepProgress
    wanted: Callable[[], bool]
    _flying: dict[Future[Report], Task] = field(default_factory=dict)
    _deaths: Counter[int] = field(default_factory=Counter)
    _suspects: deque[int] = field(default_factory=deque)
    _tally: Tally = field(default_factory=Tally)

    def run(self, points: Iterable[int]) -> Tally:
        """Run points by their places in the plan, until all are done or there is a reason to stop."""
        batches = Batches(points, self.engine.slots)
        while not self._stopping():
            self._submit(batches)
            if not self._flying:
                break
            self._gather(batches)
        self._finish(batches)
        return self._tally

    def _stopping(self) -> bool:
        self._tally.interrupted |= self.wanted()
        return self._tally.interrupted or bool(self._tally.disk)

    def _submit(self, batches: Batches) -> None:
        if self._suspects:
            if not self._flying:
                self._launch([self._suspects.popleft()])
            return
        while len(batches) and len(self._flying) < QUEUED * self.engine.slots:
            self._launch(batches.take())
            if self.engine.slots == 1 and self.engine.catches_signals:
                return  # the task is done already

    def _launch(self, places: list[int]) -> None:
        task = self.make_task(tuple(map(self.point, places)))
        self._flying[self.engine.submit(task)] = task

    def _gather(self, batches: Batches) -> None:
        """Take in what is done; a broken engine is renewed once all of its tasks have said so."""
        done = wait(self._flying, timeout=WAIT_SECONDS, return_when=FIRST_COMPLETED).done
        errors = [future.exception() for future in done]
        died = any(error is not None and self.engine.is_death(error) for error in errors)
        if died and self.engine.breaks_as_one:
            done = wait(self._flying).done  # the others fail a moment later, or were done before
        if died:
            self.engine.renew()  # no worker of before writes anything from here on
        written = self.finished() if died else ()
        for future in done:
            self._settle(future, batches, written)

    def _settle(self, future: Future[Report], batches: Batches, written: Collection[str] = ()) -> None:
        task = self._flying.pop(future)
        error = future.exception()
        if error is None:
            self._take(task, future.result(), batches)
        elif self.engine.is_death(error):
            self._bury(task, batches, written)
        else:
            raise error

    def _take(self, task: Task, report: Report, batches: Batches) -> None:
        finished = report.statuses.keys() | {failure.run_id for failure in report.failures}
        left = [point.index for point in task.points if point.run_id not in finished]
        for failure in report.failures:
            self._fail(failure)
        if report.statuses:
            self.progress.advance(len(report.statuses))
        if finished:
            batches.learn(len(finished), report.seconds)
        batches.give_back(left)
        self._tally.disk = self._tally.disk or report.disk
        if report.interrupted and self.engine.catches_signals:
            self._tally.interrupted = True

    def _bury(self, task: Task, batches: Batches, written: Collection[str]) -> None:
        """Decide what becomes of the points of a task whose worker died; those that were `written` are done."""
        again = []
        for point in task.points:
            if point.run_id in written:
                self.progress.advance(1)
                continue
            before = self._deaths[point.index]
            self._deaths[point.index] += self.engine.deaths_per_error
            if before >= DEATHS - 1:
                reason = f"the worker died {DEATHS} times while it ran this point, the last time alone"
                self._fail(Failure(point.run_id, point.index, "WorkerDied", reason, "", overrides(point.changes)))
            elif self._deaths[point.index] >= DEATHS - 1:
                self._suspects.append(point.index)
            else:
                again.append(point.index)
        self.progress.note(f"a worker died; {len(again) or 'no'} points of its task run again")
        batches.give_back(again)

    def _fail(self, failure: Failure) -> None:
        self.record(failure)
        self.progress.fail()

    def _finish(self, batches: Batches) -> None:
        """Let tasks that run come to an end, and forget those that wait."""
        if not self._flying:
            return
        self.progress.note("stopping; a second run of the same command goes on from here")
        self.engine.stop()
        for future in list(self._flying):
            if future.cancel():
                del self._flying[future]
        if self.engine.waits:
            for future in wait(self._flying).done:
                self._settle(future, batches)
