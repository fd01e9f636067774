"""Workers that die, sweeps that are killed: nothing is lost, nothing runs twice in the result, one culprit is found."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest
from sweep_runs import ALPHAS, BETAS, TINY, Watcher, assert_same, load, plan, run_ids, sweep

from neurosim.sweep import batches, driver
from neurosim.sweep.driver import Driver
from neurosim.sweep.folder import Failure
from neurosim.sweep.plan import Point
from neurosim.sweep.run import SweepOptions, execute_sweep
from neurosim.sweep.task import Report, Task


class Pretender:
    """An engine of some slots that takes tasks in order; points in `deadly` kill their worker, and with it the pool."""

    catches_signals = False
    waits = True
    deaths_per_error = 1

    def __init__(self, deadly: set[int], slots: int = 2, breaks_as_one: bool = True) -> None:
        self.deadly, self.slots, self.breaks_as_one = deadly, slots, breaks_as_one
        self.queue: list[tuple[Future[Report], Task]] = []
        self.log: list[tuple[int, ...]] = []
        self.most = 0
        self.broken = False

    def submit(self, task: Task) -> Future[Report]:
        future: Future[Report] = Future()
        if self.broken:
            future.set_exception(BrokenProcessPool("gone before"))
            return future
        self.queue.append((future, task))
        self.most = max(self.most, len(self.queue))
        return future

    def work(self) -> None:
        """Finish the first task, or die of it."""
        future, task = self.queue.pop(0)
        places = tuple(point.index for point in task.points)
        self.log.append(places)
        if self.deadly & set(places):
            for each, _ in [(future, task), *(self.queue if self.breaks_as_one else [])]:
                each.set_exception(BrokenProcessPool("gone"))
            if self.breaks_as_one:
                self.queue, self.broken = [], True
        else:
            future.set_result(Report(statuses=dict.fromkeys((point.run_id for point in task.points), 0), seconds=0.1))

    def is_death(self, error: BaseException) -> bool:
        return isinstance(error, BrokenProcessPool)

    def renew(self) -> None:
        self.broken = False

    def stop(self) -> None:
        raise AssertionError("nobody wants to stop")

    def close(self, *, kill: bool = False) -> None:
        raise AssertionError("the driver does not own its engine")


def drive(engine: Pretender, points: int, written: set[str] = frozenset()) -> tuple[Watcher, list[Failure]]:
    """Run points whose run ids are their places; of some a result is `written` although nobody said so."""
    failures: list[Failure] = []
    watcher = Watcher()

    def working() -> bool:
        if engine.queue:
            engine.work()
        return False

    made = Driver(
        engine=engine,
        make_task=lambda chosen: Task("id", None, chosen, Path()),
        point=lambda index: Point(index, str(index), ()),
        record=failures.append,
        finished=lambda: written,
        progress=watcher,
        wanted=working,
    )
    made.run(range(points))
    return watcher, failures


@pytest.mark.parametrize("as_one", [True, False])
def test_what_a_worker_wrote_before_it_died_is_not_run_again(as_one, monkeypatch):
    """Its tasks had their results in place; only the word of it was lost."""
    monkeypatch.setattr(driver, "WAIT_SECONDS", 0.0)
    everything = {str(place) for place in range(100)}
    engine = Pretender({7}, breaks_as_one=as_one)
    watcher, failures = drive(engine, 100, everything)
    assert not failures
    assert watcher.done == 100
    assert sum(7 in places for places in engine.log) == 1


@pytest.mark.parametrize("deadly", [{7}, {0}, {99}, {3, 50}, set()])
@pytest.mark.parametrize("as_one", [True, False])
def test_only_points_that_kill_alone_fail(deadly, as_one, monkeypatch):
    """Whoever flies beside them runs again, and all others have a result once."""
    monkeypatch.setattr(driver, "WAIT_SECONDS", 0.0)  # the pretender works between two looks, not during them
    engine = Pretender(deadly, breaks_as_one=as_one)
    watcher, failures = drive(engine, 100)
    assert {failure.index for failure in failures} == deadly
    assert watcher.done == 100 - len(deadly)
    assert all("the worker died 3 times while it ran this point, the last time alone" in f.reason for f in failures)
    assert all(failure.kind == "WorkerDied" for failure in failures)
    for index in deadly:
        attempts = [places for places in engine.log if index in places]
        assert len(attempts) <= 3
        assert attempts[-1] == (index,)
    assert engine.most <= 4


def test_an_error_outside_of_points_ends_the_sweep():
    engine = Pretender(set())
    engine.submit = lambda task: _failed(OSError("the wire was cut"))
    with pytest.raises(OSError, match="the wire was cut"):
        drive(engine, 5)


def _failed(error: BaseException) -> Future[Report]:
    future: Future[Report] = Future()
    future.set_exception(error)
    return future


def test_tasks_grow_to_their_time_and_shrink_towards_the_end():
    left = batches.Batches(range(100_000), slots=2)
    sizes = []
    while len(left):
        taken = len(left.take())
        sizes.append(taken)
        left.learn(taken, 0.01 * taken)
    assert sizes[:4] == [1, 8, 64, 150]
    assert max(sizes) == 150
    assert sizes[-8:] == sorted(sizes[-8:], reverse=True)
    assert sizes[-1] == 1
    assert sum(sizes) == 100_000


def test_long_points_go_alone():
    left = batches.Batches(range(10), slots=2)
    left.take()
    left.learn(1, 2.0)
    assert left.size() == 1


class Assassin(Watcher):
    """Kills a worker of the pool when some points are done."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def advance(self, amount: int = 1) -> None:
        super().advance(amount)
        if self.times:
            self.times -= 1
            os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)


def test_a_pool_that_loses_a_worker_goes_on(tmp_path):
    """Real processes, one of them killed after the first points; the figures are those of an undisturbed sweep."""
    killer = Assassin(times=1)
    options = SweepOptions(progress=killer, folder=tmp_path / "killed", workers=2)
    outcome = execute_sweep(load(tmp_path, BETAS, ALPHAS), options)
    assert any("a worker died" in note for note in killer.notes)
    assert outcome.good
    assert sorted(run_ids(tmp_path / "killed" / "runs")) == sorted(plan(tmp_path, BETAS, ALPHAS).ids)
    assert_same(outcome.path, sweep(tmp_path, BETAS, ALPHAS, into="whole")[0].path)
    assert not multiprocessing.active_children()


def start(folder: Path, *grid: str, workers: int = 2) -> subprocess.Popen[str]:
    """Start the command in a folder, in a group of its own."""
    options = [part for text in grid for part in ("--grid", text)]
    command = [sys.executable, "-m", "neurosim", "sweep", "tiny.yaml", "-o", "s", "--workers", str(workers), *options]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for(what, seconds: float = 120.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def kill_again_and_again(folder: Path, grid: tuple[str, ...], times: int) -> None:
    """Start a sweep and kill its driver with SIGKILL some times, when it has written something; then let it end."""
    draw = random.Random(1)
    runs = folder / "s" / "runs"
    for _ in range(times):
        before = len(list(runs.glob("*.h5"))) if runs.exists() else 0
        running = start(folder, *grid)
        wait_for(lambda before=before, running=running: _files(runs) > before or running.poll() is not None)
        time.sleep(0.3 * draw.random())
        workers = psutil.Process(running.pid).children(recursive=True) if running.poll() is None else []
        running.kill()
        running.communicate()
        _, alive = psutil.wait_procs(workers, timeout=30)
        assert not alive, "workers outlive their driver"
    last = start(folder, *grid)
    told = last.communicate(timeout=300)
    assert last.returncode == 0, told
    assert "resuming" in told[1]


def _files(runs: Path) -> int:
    return len([path for path in runs.glob("*.h5") if ".part" not in path.name])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("grid", "times"),
    [(("rule.beta=log:1e-3:0.1:20", ALPHAS), 2), (("rule.beta=log:1e-3:0.1:100", "rule.alpha=lin:0:1:20"), 5)],
    ids=["60 points", "2000 points"],
)
def test_killing_the_whole_sweep_loses_nothing(tmp_path, grid, times):
    """Exactly one result per point, equal to an undisturbed sweep bit for bit."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    kill_again_and_again(tmp_path, grid, times)
    assert sorted(run_ids(tmp_path / "s" / "runs")) == sorted(plan(tmp_path, *grid).ids)
    assert_same(tmp_path / "s" / "sweep.h5", sweep(tmp_path, *grid, into="whole")[0].path)


LONG = TINY.replace("analysis: {type: bias, samples: 4}\n", "") + (
    "analysis: {type: train, epochs: 100000, optimizer: {type: sgd, rate: 0.1}}\n"
)


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_stops_cleanly_with_status_130(tmp_path, workers):
    """Trainings that would take hours write a checkpoint and end; there is no result, and no error."""
    (tmp_path / "tiny.yaml").write_text(LONG)
    running = start(tmp_path, "seed=1,2", workers=workers)
    runs = tmp_path / "s" / "runs"
    wait_for(lambda: len(list(runs.glob("*.checkpoint.h5"))) == workers or running.poll() is not None)
    os.killpg(running.pid, signal.SIGINT)
    out, told = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert "2 missing" in told
    assert "Traceback" not in told
    assert out.splitlines()[-1] == "s/sweep.h5"
    assert {path.name.split(".", 1)[1] for path in runs.iterdir()} == {"checkpoint.h5"}
