"""Activations that are holomorphic, in NumPy, at complex currents: for Jacobians and tests, beside the kernels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.physics.activations import Activation
from neurosim.physics.names import HOLOMORPHIC, ActivationName

Array = npt.NDArray[Any]


def _logistic(z: Array) -> Array:
    # tanh neither overflows nor cancels where 1 / (1 + e^-z) does.
    return np.asarray((1 + np.tanh(z / 2)) / 2)


def _logistic_slope(z: Array) -> Array:
    return np.asarray(_logistic(z) * _logistic(-z))


def _dsilu(z: Array) -> Array:
    # sigmoid(z) - sigmoid(z - 2) = (1 - e^-2) sigmoid(z) sigmoid(2 - z), which does not cancel at large currents.
    return np.asarray(_logistic(z - 2) - z / 2 * math.expm1(-2.0) * _logistic(z) * _logistic(2 - z))


def _dsilu_slope(z: Array) -> Array:
    half_gap = -math.expm1(-2.0) / 2 * _logistic(z) * _logistic(2 - z)
    return np.asarray(half_gap + z / 2 * _logistic_slope(z) + (1 - z / 2) * _logistic_slope(z - 2))


_ACTIVATIONS: dict[ActivationName, Activation] = {
    "identity": Activation(lambda z: z, np.ones_like),
    "tanh": Activation(np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": Activation(_logistic, _logistic_slope),
    "shifted_sigmoid": Activation(lambda z: _logistic(4 * z - 2), lambda z: 4 * _logistic_slope(4 * z - 2)),
    "silu": Activation(lambda z: z * _logistic(z), lambda z: np.asarray(_logistic(z) + z * _logistic_slope(z))),
    "dsilu": Activation(_dsilu, _dsilu_slope),
}


def holomorphic(name: ActivationName) -> Activation:
    """Return an activation of complex currents.

    Raises
    ------
    SimulationError
        If it is not holomorphic.
    """
    if name not in HOLOMORPHIC:
        raise SimulationError(f"'{name}' is not holomorphic; complex states need one of {', '.join(HOLOMORPHIC)}")
    return _ACTIVATIONS[name]
