"""Samples side by side: states as one line per row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.dynamical_system import DynamicalSystem

Array = npt.NDArray[Any]


def to_rows(system: DynamicalSystem, state: Array) -> Array:
    """Return a flat state as a matrix with one line per row, shape (rows, n); its values are copied."""
    return np.concatenate([view.transpose(1, 0, 2).reshape(system.rows, -1) for view in system.views(state)], axis=1)


def from_rows(system: DynamicalSystem, lines: Array) -> Array:
    """Return the flat state with the given lines, shape (rows, n): what `to_rows` undoes."""
    state, at = np.empty(lines.size, lines.dtype), 0
    for view in system.views(state):
        planes, rows, units = view.shape
        view[:] = lines[:, at : at + planes * units].reshape(rows, planes, units).transpose(1, 0, 2)
        at += planes * units
    return state


def put_row(system: DynamicalSystem, state: Array, row: int, row_state: Array) -> None:
    """Write the state of the one-row system ``system.take([row])`` back into the state of the batch."""
    offset = 0
    for view in system.views(state):
        planes, _, units = view.shape
        view[:, row] = row_state[offset : offset + planes * units].reshape(planes, units)
        offset += planes * units
