"""Who does the work: this process, a pool of processes, or a cluster; the driver sees futures and nothing else.

Every engine hands tasks to a `concurrent.futures.Executor`. A worker has one thread for numbers.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any, Protocol

from neurosim.analysis.interruption import never
from neurosim.errors import ScenarioError, SimulationError
from neurosim.sweep.task import Report, Task, clear_bench, run_task


class Engine(Protocol):
    """Something that runs tasks.

    Attributes
    ----------
    slots : int
        Tasks that run at the same time.
    catches_signals : bool
        Whether Ctrl-C reaches a running task instead of the driver.
    breaks_as_one : bool
        Whether a worker that dies takes all others with it.
    deaths_per_error : int
        Deaths of workers behind one error that tells of them.
    waits : bool
        Whether tasks end soon when they are asked to.
    """

    slots: int
    catches_signals: bool
    breaks_as_one: bool
    deaths_per_error: int
    waits: bool

    def submit(self, task: Task) -> Future[Report]:
        """Start a task, or queue it."""

    def is_death(self, error: BaseException) -> bool:
        """Whether an error of a future means that the worker died."""

    def renew(self) -> None:
        """Get new workers after a death, if the old ones are lost."""

    def stop(self) -> None:
        """Ask running tasks to end at the next safe place."""

    def close(self, *, kill: bool = False) -> None:
        """Let the workers go; `kill`: whatever they are doing."""


class SerialEngine:
    """Runs every task at once, in this process."""

    slots = 1
    catches_signals = True
    breaks_as_one = False
    deaths_per_error = 1
    waits = True

    def submit(self, task: Task) -> Future[Report]:
        """Run a task; the future is done."""
        future: Future[Report] = Future()
        future.set_result(run_task(task))
        return future

    def is_death(self, error: BaseException) -> bool:
        """Return False: if this worker died, nobody would ask."""
        return False

    def renew(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing: no task is running while the driver is."""

    def close(self, *, kill: bool = False) -> None:
        """Forget what tasks left behind."""
        clear_bench()


class PoolEngine:
    """Processes on this machine, started afresh, not forked.

    Parameters
    ----------
    workers : int
        How many.
    """

    catches_signals = False
    breaks_as_one = True
    deaths_per_error = 1
    waits = True

    def __init__(self, workers: int) -> None:
        self.slots = workers
        self._context = multiprocessing.get_context("spawn")
        self._stop = self._context.Event()
        self._pool = self._start()

    def submit(self, task: Task) -> Future[Report]:
        """Queue a task."""
        try:
            return self._pool.submit(run_in_pool, task)
        except BrokenProcessPool as error:  # known before any future said so
            future: Future[Report] = Future()
            future.set_exception(error)
            return future

    def is_death(self, error: BaseException) -> bool:
        """Whether an error of a future means that a process of the pool died."""
        return isinstance(error, BrokenProcessPool)

    def renew(self) -> None:
        """Start new processes: a pool that lost one takes no more tasks."""
        self._pool.shutdown(wait=True)
        self._pool = self._start()

    def stop(self) -> None:
        """Ask running tasks to end."""
        self._stop.set()

    def close(self, *, kill: bool = False) -> None:
        """End the processes."""
        if kill:
            for process in multiprocessing.active_children():
                process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> Executor:
        return ProcessPoolExecutor(
            self.slots, mp_context=self._context, initializer=begin_worker, initargs=(self._stop,)
        )


class DaskEngine:
    """Workers of a dask.distributed cluster; they see the folder of the sweep under the same path.

    Parameters
    ----------
    address : str
        Of the scheduler, for instance ``tcp://host:8786``.

    Raises
    ------
    SimulationError
        If dask.distributed is not installed.
    ScenarioError
        If there is no scheduler at this address, or it has no workers.
    """

    catches_signals = False
    breaks_as_one = False
    deaths_per_error = 2  # in truth three or more: dask gives a task to others before it complains
    waits = False

    def __init__(self, address: str) -> None:
        try:
            import distributed
            from distributed.scheduler import KilledWorker
        except ImportError as error:
            raise SimulationError(
                "--scheduler needs dask.distributed, which is not installed: pip install 'neurosim[dist]'"
            ) from error
        try:
            module: Any = distributed  # without annotations
            self._client = module.Client(address, timeout=10)
        except (OSError, ValueError) as error:
            raise ScenarioError(f"--scheduler {address}: no dask scheduler answers there ({error}).") from error
        self._killed = KilledWorker
        self.slots = sum(self._client.nthreads().values())
        if not self.slots:
            self._client.close()
            raise ScenarioError(f"--scheduler {address}: the scheduler has no workers; start some with 'dask worker'.")
        self._executor: Executor = self._client.get_executor(pure=False)

    def submit(self, task: Task) -> Future[Report]:
        """Queue a task."""
        return self._executor.submit(run_task, task)

    def is_death(self, error: BaseException) -> bool:
        """Whether an error of a future means that the task took its workers with it; dask has tried several."""
        return isinstance(error, self._killed)

    def renew(self) -> None:
        """Do nothing: dask starts its workers itself."""

    def stop(self) -> None:
        """Do nothing: tasks on other machines run to their end, and a second run finds their results."""

    def close(self, *, kill: bool = False) -> None:
        """Leave the cluster."""
        self._executor.shutdown(wait=False)
        self._client.close()


def make_engine(workers: int, scheduler: str | None) -> Engine:
    """Return the engine for a number of workers, or for a scheduler where there is one."""
    if scheduler is not None:
        return DaskEngine(scheduler)
    return SerialEngine() if workers == 1 else PoolEngine(workers)


_stopping: Callable[[], bool] = never


def begin_worker(stop: Any) -> None:
    """Prepare a process of a pool: it stops when told, leaves Ctrl-C to the driver, and ends when that does."""
    global _stopping
    _stopping = stop.is_set
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def run_in_pool(task: Task) -> Report:
    """Run a task in a process of a pool."""
    return run_task(task, _stopping)


def _end_with_parent() -> None:
    """End this process when its parent has died: a pool would wait for tasks forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # only processes of a pool come here
    wait([parent.sentinel])
    os._exit(1)
