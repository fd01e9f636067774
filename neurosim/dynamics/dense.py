"""Samples side by side: states as one line per row, and the Jacobian of every row as a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.model import System

Array = npt.NDArray[Any]

MOST_VALUES = 1 << 22  # of the matrices that are found together


def to_rows(system: System, state: Array) -> Array:
    """Return a flat state as a matrix with one line per row, shape (rows, n); its values are copied."""
    return np.concatenate([view.transpose(1, 0, 2).reshape(system.rows, -1) for view in system.views(state)], axis=1)


def from_rows(system: System, lines: Array) -> Array:
    """Return the flat state with the given lines, shape (rows, n): what `to_rows` undoes."""
    state, at = np.empty(lines.size, lines.dtype), 0
    for view in system.views(state):
        planes, rows, units = view.shape
        view[:] = lines[:, at : at + planes * units].reshape(rows, planes, units).transpose(1, 0, 2)
        at += planes * units
    return state


def put_row(system: System, state: Array, row: int, row_state: Array) -> None:
    """Write the state of the one-row system ``system.take([row])`` back into the state of the batch."""
    offset = 0
    for view in system.views(state):
        planes, _, units = view.shape
        view[:, row] = row_state[offset : offset + planes * units].reshape(planes, units)
        offset += planes * units


def jacobian_matrices(system: System, state: Array) -> Array:
    """Return the Jacobian of every row, shape (rows, n, n).

    All columns of several rows are found together: one copy of the row per unit vector, in one batch.
    """
    rows, n = system.rows, state.size // system.rows
    matrices = np.empty((rows, n, n), state.dtype)
    together = max(1, MOST_VALUES // (n * n))
    for first in range(0, rows, together):
        part = range(first, min(rows, first + together))
        copies = [row for row in part for _ in range(n)]
        stacked = system.take(copies)
        units = from_rows(stacked, np.tile(np.eye(n, dtype=state.dtype), (len(part), 1)))
        product = stacked.linearise(system.take_state(state, copies)).times(units)
        matrices[part.start : part.stop] = to_rows(stacked, product).reshape(len(part), n, n).transpose(0, 2, 1)
    return matrices
