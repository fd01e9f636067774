"""Threads that never change a number: work is cut by its size alone, and every piece runs on one BLAS thread.

Samples relax independently, so a batch is cut into blocks of rows, and threads take whole blocks. How many threads
there are decides who does a piece, not what the pieces are.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
Result = TypeVar("Result")

SMALLEST_SHARED_BATCH = 64  # rows; below, handing out work costs more than it saves
LARGEST_BLOCK = 128  # rows; above, a block outgrows the second-level cache


def row_blocks(rows: int) -> list[slice]:
    """Return the blocks of rows in which a batch is relaxed; a function of its size only."""
    count = 1 if rows < SMALLEST_SHARED_BATCH else max(2, math.ceil(rows / LARGEST_BLOCK))
    return slices(rows, count)


def slices(size: int, count: int) -> list[slice]:
    """Return `count` nearly equal slices of a length."""
    return [slice(i * size // count, (i + 1) * size // count) for i in range(count)]


class Workers:
    """A pool of threads, each with one BLAS thread. Use as a context manager.

    Parameters
    ----------
    threads : int, optional
        How many; default: all processors this process may use.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or len(
            os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else [0] * (os.cpu_count() or 1)
        )
        # The thread that asks works too.
        self._pool = ThreadPoolExecutor(self.threads - 1) if self.threads > 1 else None
        self._limit = threadpool_limits(1, "blas")

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return ``function(item)`` of every item, in order; each thread takes the next item when it is done with one.

        Samples that diverge overflow; that is reported by their status, and NumPy's warnings would add nothing.
        """
        items = list(items)
        results: dict[int, Result] = {}
        tickets = itertools.count()

        def work() -> None:
            with np.errstate(over="ignore", invalid="ignore"):
                while (i := next(tickets)) < len(items):
                    results[i] = function(items[i])

        helpers = 0 if self._pool is None else min(self.threads, len(items)) - 1
        others = [self._pool.submit(work) for _ in range(helpers)] if self._pool is not None else []
        try:
            work()
        finally:
            errors = [other.exception() for other in others]
        for error in errors:
            if error is not None:
                raise error
        return [results[i] for i in range(len(items))]

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        """Stop the threads and give BLAS its own back."""
        if self._pool is not None:
            self._pool.shutdown()
        self._limit.restore_original_limits()
