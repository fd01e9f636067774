"""Threads that never change a number: work is cut by its size alone, and every piece runs on one BLAS thread.

Samples relax independently, so a batch is cut into blocks of rows, and threads take whole blocks. How many threads
there are decides who does a piece, not what the pieces are.
"""

from __future__ import annotations

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
    return halves(rows, count)


def halves(size: int, count: int) -> list[slice]:
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
        self._pool = ThreadPoolExecutor(self.threads) if self.threads > 1 else None
        self._limit = threadpool_limits(1, "blas")

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return ``function(item)`` of every item, in order.

        Samples that diverge overflow; that is reported by their status, and NumPy's warnings would add nothing.
        """
        items = list(items)

        def quietly(item: Item) -> Result:
            with np.errstate(over="ignore", invalid="ignore"):
                return function(item)

        if self._pool is None or len(items) == 1:
            return [quietly(item) for item in items]
        return list(self._pool.map(quietly, items))

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        """Stop the threads and give BLAS its own back."""
        if self._pool is not None:
            self._pool.shutdown()
        self._limit.restore_original_limits()
