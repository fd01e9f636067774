"""The operating point of a deep resistive network: sweeps, and between them Newton's method on the diodes that are off.

A sweep lowers the power whatever the diodes do. Where it has found which of them conduct, the rest is a linear system,
and one Newton step, clipped to the bounds, ends there; a row keeps that step only if it lowers its residual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.resistive.operating_point import OperatingPoint

if TYPE_CHECKING:
    from neurosim.physics.deep_resistive.system import DeepResistiveSystem

Array = npt.NDArray[Any]

DENSE_UNTIL = 600  # free nodes; larger networks settle by sweeps alone


def find_operating_point(
    system: DeepResistiveSystem,
    state: Array,
    tolerance: float,
    max_steps: int,
    watch: Callable[[int, Array, Array], None] | None = None,
) -> OperatingPoint:
    """Move `state`, shape (size,), in place to the operating point.

    Parameters
    ----------
    system : DeepResistiveSystem
        The network with its batch and its nudge.
    state : ndarray, shape (size,)
        Where to start.
    tolerance : float
        A row is there when the RMS of clip(z) - v falls below it, in V.
    max_steps : int
        Sweeps at the most, each with its Newton step.
    watch : callable, optional
        Called with the number of steps, the state and the residual of every row.
    """
    residuals, steps = _residuals(system, state), 0
    if watch is not None:
        watch(0, state, residuals)
    while steps < max_steps and (np.isfinite(residuals) & (residuals > tolerance)).any():
        system.sweep(state, "forward", first=False)
        residuals = _residuals(system, state)
        if state.size // system.rows <= DENSE_UNTIL and np.isfinite(residuals).all():
            residuals = _newton_step(system, state, residuals)
        steps += 1
        if watch is not None:
            watch(steps, state, residuals)
    return OperatingPoint(residuals <= tolerance, residuals, steps)


def _residuals(system: DeepResistiveSystem, state: Array) -> npt.NDArray[np.float64]:
    """Return the RMS of clip(z) - v of every row."""
    squares = sum((view[0].astype(np.float64) ** 2).sum(axis=1) for view in system.views(system.rate(state)))
    return np.asarray(np.sqrt(squares * (system.rows / system.size)))


def _newton_step(
    system: DeepResistiveSystem, state: Array, residuals: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Move the rows that a Newton step, clipped to the bounds, brings closer; return the residuals then."""
    right = np.hstack(system.layers_of(system.rate(state)))
    step = -np.linalg.solve(system.linearise(state).matrices(), right[..., None])[..., 0]
    trial, at = state.copy(), 0
    for view, (low, high) in zip(system.layers_of(trial), system.limits, strict=True):
        np.clip(view + step[:, at : at + view.shape[1]], low, high, out=view)
        at += view.shape[1]
    tried = _residuals(system, trial)
    better = tried < residuals
    for mine, new in zip(system.layers_of(state), system.layers_of(trial), strict=True):
        mine[better] = new[better]
    return np.where(better, tried, residuals)
