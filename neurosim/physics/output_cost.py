"""The cost as a function of the outputs that relax: read off them directly, or through a static linear readout.

    none     prediction = s_out              dC/ds = e              d2C/ds2 = H
    linear   prediction = s_out R + c        dC/ds = e R^T          d2C/ds2 = R H R^T

with e and H the slope and the curvature of the cost at the prediction. The readout takes no part in the dynamics; the
gradient of R is the product of s_out and e, that of c is e, both at the free state. Everything is holomorphic in s_out.
Source: the code of A. Laborieux, F. Zenke, Improving equilibrium propagation without weight symmetry through Jacobian
homeostasis, ICLR 2024: softmax(R s_out + c) outside the dynamics, with a cross-entropy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.costs import cost, cost_curvature, cost_curvature_times, cost_gradient
from neurosim.physics.names import CostName

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class OutputCost:
    """A cost behind an optional linear readout.

    Parameters
    ----------
    name : {"squared_error", "cross_entropy"}
        Which cost of the prediction.
    R : ndarray, shape (units, outputs), or None
        Weights of the readout; None where the outputs themselves are the prediction.
    c : ndarray, shape (outputs,), or None
        Its biases; given with `R`.
    """

    name: CostName
    R: Array | None = None
    c: Array | None = None

    def prediction(self, s: Array) -> Array:
        """Return the prediction, shape (rows, outputs), of outputs `s`, shape (rows, units), real or complex."""
        return s if self.R is None else np.asarray(s @ self.R + self.c)

    def value(self, prediction: Array, target: Array) -> Array:
        """Return the cost of each row, shape (rows,), of a prediction (rows, outputs)."""
        return cost(self.name, prediction, target)

    def error(self, s: Array, target: Array) -> Array:
        """Return dC/d(prediction), shape (rows, outputs), at outputs `s`."""
        return cost_gradient(self.name, self.prediction(s), target)

    def gradient(self, s: Array, target: Array) -> Array:
        """Return dC/ds, shape (rows, units)."""
        e = self.error(s, target)
        return e if self.R is None else np.asarray(e @ self.R.T)

    def curvature_times(self, s: Array, v: Array) -> Array:
        """Return (d2C/ds2) v of each row, shape (rows, units)."""
        if self.R is None:
            return cost_curvature_times(self.name, s, v)
        return np.asarray(cost_curvature_times(self.name, self.prediction(s), v @ self.R) @ self.R.T)

    def curvature(self, s: Array) -> Array:
        """Return d2C/ds2 of each row, shape (rows, units, units)."""
        H = cost_curvature(self.name, self.prediction(s))
        return H if self.R is None else np.asarray(self.R @ H @ self.R.T)
