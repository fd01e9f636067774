"""Costs of a prediction in NumPy: value, gradient and curvature, independent of the kernels.

Gradient and curvature take complex predictions as well, where they are holomorphic functions of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from neurosim.physics.names import CostName

Array = npt.NDArray[Any]


def softmax(s: Array) -> Array:
    """Return e^s / sum e^s of each row, shape (rows, outputs); `s` may be complex."""
    if np.iscomplexobj(s):
        e = np.exp(s - s.real.max(axis=1, keepdims=True))
        return np.asarray(e / e.sum(axis=1, keepdims=True))
    return np.asarray(special.softmax(s, axis=1))


def cost(name: CostName, s: Array, target: Array) -> Array:
    """Return the cost of each row, shape (rows,): |s - y|^2 / 2, or -y . log softmax(s).

    Parameters
    ----------
    name : {"squared_error", "cross_entropy"}
        Which cost.
    s, target : ndarray, shape (rows, outputs)
        Prediction and target; for cross-entropy the rows of `target` sum to one.
    """
    s = s.astype(np.float64)  # the square of a prediction that diverges leaves single precision long before double
    if name == "cross_entropy":
        return np.asarray(-np.sum(target * special.log_softmax(s, axis=1), axis=1))
    return np.asarray(np.sum((s - target) ** 2, axis=1) / 2)


def cost_gradient(name: CostName, s: Array, target: Array) -> Array:
    """Return dC/ds of each row, shape (rows, outputs): s - y, or softmax(s) - y."""
    return np.asarray((softmax(s) if name == "cross_entropy" else s) - target)


def cost_curvature_times(name: CostName, s: Array, v: Array) -> Array:
    """Return (d2C/ds2) v of each row, shape (rows, outputs)."""
    if name == "cross_entropy":
        p = softmax(s)
        return np.asarray(p * (v - np.sum(p * v, axis=1, keepdims=True)))
    return v


def cost_curvature(name: CostName, s: Array) -> Array:
    """Return d2C/ds2 of each row, shape (rows, outputs, outputs)."""
    unit = np.eye(s.shape[1], dtype=s.dtype)
    if name == "cross_entropy":
        p = softmax(s)
        return np.asarray(p[:, :, None] * (unit - p[:, None, :]))
    return np.broadcast_to(unit, (len(s), *unit.shape))
