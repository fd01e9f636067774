"""The best linear readout of given states: what a recurrent circuit has to beat to show that its recurrence learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from neurosim.errors import SimulationError

Array = npt.NDArray[Any]

PENALTY = 1e-6
"""The usual penalty of the readout of an untrained network."""


class RidgeReadout:
    """Ridge regression of targets on states, accumulated batch by batch; its memory does not grow with the number.

    The weights B minimise sum over all steps of |B z - y|^2, plus `penalty` times the sum of squares of B:
    B = Y^T Z (Z^T Z + penalty I)^-1, without an intercept. The sums are in double precision whatever comes in.

    A. E. Hoerl, R. W. Kennard, Ridge regression: biased estimation for nonorthogonal problems, Technometrics 12, 55
    (1970).

    Parameters
    ----------
    units : int
        States per step.
    outputs : int
        Targets per step.
    penalty : float
        Positive; relative to sums over steps, not to means.

    Raises
    ------
    ValueError
        If the penalty is not positive.
    """

    def __init__(self, units: int, outputs: int, penalty: float = PENALTY) -> None:
        if not penalty > 0.0:
            raise ValueError(f"penalty is {penalty}, but must be positive")
        self.penalty = penalty
        self.steps = 0
        self._gram = np.zeros((units, units))
        self._moments = np.zeros((units, outputs))

    def add(self, states: Array, targets: Array) -> None:
        """Take in more steps.

        Parameters
        ----------
        states : ndarray, shape (..., units)
            What the readout sees.
        targets : ndarray, shape (..., outputs)
            What it should show, with the same leading axes.

        Raises
        ------
        SimulationError
            If a state or target is NaN or infinite.
        ValueError
            If the shapes do not fit.
        """
        z, y = _table(states, len(self._gram), "states"), _table(targets, self._moments.shape[1], "targets")
        if len(z) != len(y):
            raise ValueError(f"{len(z)} steps of states beside {len(y)} of targets")
        self._gram += z.T @ z
        self._moments += z.T @ y
        self.steps += len(z)

    def weights(self) -> npt.NDArray[np.float64]:
        """Return B, shape (outputs, units).

        Raises
        ------
        SimulationError
            If nothing was taken in, or the states are so nearly dependent that the penalty vanishes beside them.
        """
        if not self.steps:
            raise SimulationError("a ridge readout needs at least one step")
        matrix = self._gram + self.penalty * np.eye(len(self._gram))
        try:
            factor = scipy.linalg.cho_factor(matrix, lower=True)
        except np.linalg.LinAlgError as error:
            raise SimulationError(
                f"the states of {self.steps} steps are linearly dependent to rounding, and a ridge penalty of "
                f"{self.penalty:g} is too small beside their squares to choose a readout"
            ) from error
        weights: npt.NDArray[np.float64] = np.ascontiguousarray(scipy.linalg.cho_solve(factor, self._moments).T)
        return weights


def readout_error(weights: Array, states: Array, targets: Array) -> float:
    """Return the mean squared error of a linear readout, over steps and outputs.

    Parameters
    ----------
    weights : ndarray, shape (outputs, units)
        As from `RidgeReadout.weights`.
    states : ndarray, shape (..., units)
        What the readout sees; steps it has not been fitted to.
    targets : ndarray, shape (..., outputs)
        What it should show.
    """
    z, y = _table(states, weights.shape[1], "states"), _table(targets, weights.shape[0], "targets")
    return float(np.mean((z @ weights.T - y) ** 2))


def _table(values: Array, columns: int, name: str) -> npt.NDArray[np.float64]:
    """Return `values` as rows of double precision, refusing what no regression can use."""
    if values.ndim < 1 or values.shape[-1] != columns:
        raise ValueError(f"{name} have the shape {values.shape}, expected (..., {columns})")
    table = np.asarray(values, np.float64).reshape(-1, columns)
    if not np.isfinite(table).all():
        raise SimulationError(f"{name} of a ridge readout are NaN or infinite")
    return table
