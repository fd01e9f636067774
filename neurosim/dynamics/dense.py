"""Rows one by one: what solvers need that treat every sample as a small problem of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.model import System

Array = npt.NDArray[Any]


def jacobian_matrix(system: System, state: Array) -> Array:
    """Return the Jacobian of a system of one row as a matrix, shape (size, size).

    The columns are found together: one copy of the sample per unit vector, all in one batch.
    """
    n = state.size
    copies = system.take([0] * n)
    stacked = system.take_state(state, [0] * n)
    # Unit vector i perturbs copy i; take_state gives the order of a batch, so the identity is spread the same way.
    units = np.concatenate(
        [
            np.eye(n, dtype=state.dtype)[:, lo:hi].reshape(n, planes, -1).transpose(1, 0, 2).ravel()
            for lo, hi, planes in _spans(system)
        ]
    )
    product = copies.linearise(stacked).times(units)
    return np.concatenate([view.transpose(1, 0, 2).reshape(n, -1) for view in copies.views(product)], axis=1).T


def _spans(system: System) -> list[tuple[int, int, int]]:
    spans, offset = [], 0
    for block in system.blocks:
        spans.append((offset, offset + block.planes * block.units, block.planes))
        offset += block.planes * block.units
    return spans


def put_row(system: System, state: Array, row: int, row_state: Array) -> None:
    """Write the state of the one-row system ``system.take([row])`` back into the state of the batch."""
    offset = 0
    for view in system.views(state):
        planes, _, units = view.shape
        view[:, row] = row_state[offset : offset + planes * units].reshape(planes, units)
        offset += planes * units
