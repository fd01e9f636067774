"""Activations and their slopes in NumPy: for Jacobians, exact gradients and tests, independent of the kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from neurosim.physics.names import ActivationName

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Activation:
    """An activation f, its slope f' and its curvature f'', all elementwise.

    Parameters
    ----------
    value, slope, curvature : callable
        Map an array of currents to an array of the same shape.
    """

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    curvature: Callable[[Array], Array] = np.zeros_like


def _logistic_slope(x: Array) -> Array:
    return np.asarray(expit(x) * expit(-x))


def _logistic_curvature(x: Array) -> Array:
    return np.asarray(_logistic_slope(x) * (expit(-x) - expit(x)))


def _silu_curvature(x: Array) -> Array:
    return np.asarray(2 * _logistic_slope(x) + x * _logistic_curvature(x))


def _dsilu_curvature(x: Array) -> Array:
    slopes = _logistic_slope(x) - _logistic_slope(x - 2)
    return np.asarray(slopes + x / 2 * _logistic_curvature(x) + (1 - x / 2) * _logistic_curvature(x - 2))


def _dsilu(x: Array) -> Array:
    # sigmoid(x) - sigmoid(x - 2) = (1 - e^-2) sigmoid(x) sigmoid(2 - x), which does not cancel at large currents.
    gap = x.dtype.type(-np.expm1(-2.0))
    return np.asarray(expit(x - 2) + x / 2 * (gap * expit(x) * expit(2 - x)))


def _dsilu_slope(x: Array) -> Array:
    return np.asarray((expit(x) - expit(x - 2)) / 2 + x / 2 * _logistic_slope(x) + (1 - x / 2) * _logistic_slope(x - 2))


ACTIVATIONS: dict[ActivationName, Activation] = {
    "identity": Activation(lambda x: x, np.ones_like),
    "relu": Activation(lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(x.dtype)),
    "hard_sigmoid": Activation(lambda x: np.clip(x, 0, 1), lambda x: ((x > 0) & (x < 1)).astype(x.dtype)),
    "tanh": Activation(
        np.tanh, lambda x: 1 - np.tanh(x) ** 2, lambda x: np.asarray(-2 * np.tanh(x) * (1 - np.tanh(x) ** 2))
    ),
    "sigmoid": Activation(expit, _logistic_slope, _logistic_curvature),
    "shifted_sigmoid": Activation(
        lambda x: np.asarray(expit(4 * x - 2)),
        lambda x: 4 * _logistic_slope(4 * x - 2),
        lambda x: 16 * _logistic_curvature(4 * x - 2),
    ),
    "silu": Activation(
        lambda x: np.asarray(x * expit(x)),
        lambda x: np.asarray(expit(x) + x * _logistic_slope(x)),
        _silu_curvature,
    ),
    "dsilu": Activation(_dsilu, _dsilu_slope, _dsilu_curvature),
    "softplus": Activation(lambda x: np.logaddexp(0, x).astype(x.dtype), expit, _logistic_slope),
}
