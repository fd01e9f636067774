"""Normals for whole batches: each value is a function of its key, path, step, stream and unit alone.

===========  ==========================================================================================
counter      what it holds
===========  ==========================================================================================
word 0       unit // n, where n is 4 in float32 and 2 in float64: one counter gives 16 bytes of normals
word 1       step, below 2^32
word 2       path, its lower 32 bits
word 3       stream, below 2^16, and above it bits 32 to 47 of the path
===========  ==========================================================================================

Batch, order of rows, chunk, thread and process do not enter. A path is one realisation of the noise: a sample, a
presentation. A stream tells apart what one path draws at one step: phases, or readings.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import overload

from neurosim.errors import SimulationError
from neurosim.jit import UNCONTRACTED, kernel, record, vector
from neurosim.noise.normal import normals_double, normals_single

BYTES = 16  # of one counter
_OPTIONS: Any = UNCONTRACTED
PATHS, STREAMS = 1 << 48, 1 << 16  # how many there are

_COUNTER_PART = types.Array(types.uint32, 1, "C")


class Lines(NamedTuple):
    """Counters of a loop over steps, each for one piece of the normals of one row, row after row.

    Parameters
    ----------
    block, path, high : ndarray of uint32, shape (counters,)
        Words 0 and 2 of each counter, and the part of word 3 that the path has in it.
    """

    block: Any
    path: Any
    high: Any


LINES: Any = record(Lines, _COUNTER_PART, _COUNTER_PART, _COUNTER_PART)


def line_width(units: int, dtype: npt.DTypeLike) -> int:
    """Return the room that the normals of one row take: `units`, up to a whole number of counters."""
    per = BYTES // np.dtype(dtype).itemsize
    return -(-units // per) * per


def lines(paths: npt.NDArray[np.int64], units: int, dtype: npt.DTypeLike) -> Lines:
    """Return the counters for `units` normals in every row, for `fill_lines`.

    Raises
    ------
    SimulationError
        If a path is not in the range of counters.
    """
    if paths.size and not (paths.min() >= 0 and paths.max() < PATHS):
        raise SimulationError(f"paths of noise are numbers from 0 to 2^48 - 1, found {paths.min()} to {paths.max()}")
    blocks = line_width(units, dtype) // (BYTES // np.dtype(dtype).itemsize)
    block = np.tile(np.arange(blocks, dtype=np.uint32), paths.size)
    path = np.repeat((paths & 0xFFFFFFFF).astype(np.uint32), blocks)
    high = np.repeat((paths >> 32 << 16).astype(np.uint32), blocks)
    return Lines(block, path, high)


def fill_lines(key0: Any, key1: Any, counters: Any, step: Any, stream: Any, out: Any) -> Any:
    """Write the normals of one step into `out`, flat, (rows, width): unit j of a row stands at j. For kernels.

    Unit numbers of a state count over its blocks, their planes, and their units. No row has gaps but at its end, so
    that one loop over all rows keeps whole vectors busy, however narrow the rows are.
    """
    raise NotImplementedError("compiled code only")


@overload(fill_lines, jit_options=_OPTIONS)
def _fill_lines(key0: Any, key1: Any, counters: Any, step: Any, stream: Any, out: Any) -> Any:
    # An array that is handed to an inlined function would be counted as referenced, and the loop not vectorise.
    if out.dtype == types.float32:

        def single(key0: Any, key1: Any, counters: Any, step: Any, stream: Any, out: Any) -> Any:
            block, path, high = counters
            k0, k1, when, tag = np.uint64(key0), np.uint64(key1), np.uint64(step), np.uint64(stream)
            for i in range(block.size):
                z0, z1, z2, z3 = normals_single(
                    np.uint64(block[i]), when, np.uint64(path[i]), np.uint64(high[i]) | tag, k0, k1
                )
                out[4 * i] = z0
                out[4 * i + 1] = z1
                out[4 * i + 2] = z2
                out[4 * i + 3] = z3

        return single
    if out.dtype == types.float64:

        def double(key0: Any, key1: Any, counters: Any, step: Any, stream: Any, out: Any) -> Any:
            block, path, high = counters
            k0, k1, when, tag = np.uint64(key0), np.uint64(key1), np.uint64(step), np.uint64(stream)
            for i in range(block.size):
                z0, z1 = normals_double(np.uint64(block[i]), when, np.uint64(path[i]), np.uint64(high[i]) | tag, k0, k1)
                out[2 * i] = z0
                out[2 * i + 1] = z1

        return double
    return None


def _fill_signature(real: Any) -> Any:
    word, index = types.uint32, types.int64
    return types.void(word, word, vector(index), index, index, types.Array(real, 2, "C"))


@kernel(_fill_signature)
def fill_normals(key0: int, key1: int, paths: Any, step: int, stream: int, out: Any) -> None:
    """Write standard normals into `out`, shape (rows, units): a function of (key, paths[r], step, stream, unit) alone.

    Parameters
    ----------
    key0, key1 : int
        The two words of a `neurosim.seeds.NoiseKey`.
    paths : ndarray of int64, shape (rows,)
        Path of each row, from 0 to 2^48 - 1; rows of the same path draw the same numbers.
    step, stream : int
        When, below 2^32, and for what, below 2^16.
    out : ndarray, shape (rows, units)
        Filled with normals, float32 or float64.
    """
    rows, units = out.shape
    per = BYTES // out.itemsize
    pieces = (units + per - 1) // per
    block, path = np.empty(rows * pieces, np.uint32), np.empty(rows * pieces, np.uint32)
    high, line = np.empty(rows * pieces, np.uint32), np.empty(rows * pieces * per, out.dtype)
    for r in range(rows):
        for i in range(pieces):
            at = r * pieces + i
            block[at], path[at], high[at] = i, paths[r] & 0xFFFFFFFF, paths[r] >> 32 << 16
    fill_lines(key0, key1, Lines(block, path, high), step, stream, line)
    for r in range(rows):
        for j in range(units):
            out[r, j] = line[r * pieces * per + j]
