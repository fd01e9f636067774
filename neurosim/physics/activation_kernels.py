"""Activations inside kernels: one switch per block of currents, one vectorised loop per activation.

`activate` works in place on a few kilobytes at a time, so that the extra pass stays in the first-level cache; in return
every drift and sweep is written once, for all activations.
"""

from __future__ import annotations

import math
from typing import Any

from neurosim.jit import helper, inlined
from neurosim.physics.elementary import exp, log1p_unit, tanh
from neurosim.physics.names import ACTIVATION_CODE

_RELU = ACTIVATION_CODE["relu"]
_HARD_SIGMOID = ACTIVATION_CODE["hard_sigmoid"]
_TANH = ACTIVATION_CODE["tanh"]
_SIGMOID = ACTIVATION_CODE["sigmoid"]
_SHIFTED_SIGMOID = ACTIVATION_CODE["shifted_sigmoid"]
_SILU = ACTIVATION_CODE["silu"]
_DSILU = ACTIVATION_CODE["dsilu"]
_SOFTPLUS = ACTIVATION_CODE["softplus"]


@inlined
def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + e^-x)."""
    return type(x)(1.0) / (exp(-x) + type(x)(1.0))


@inlined
def softplus(x: Any) -> Any:
    """Return log(1 + e^x), as max(x, 0) + log(1 + e^-|x|)."""
    return max(x, type(x)(0.0)) + log1p_unit(exp(-abs(x)))


@helper
def activate(code: int, v: Any) -> None:
    """Replace every current in the flat array `v` by its activity; `code` is from `names.ACTIVATION_CODE`."""
    real = v.dtype.type
    zero, one, two, half = real(0.0), real(1.0), real(2.0), real(0.5)
    gap = real(1.0 - math.exp(-2.0))
    n = v.size
    if code == _RELU:
        for i in range(n):
            v[i] = max(v[i], zero)
    elif code == _HARD_SIGMOID:
        for i in range(n):
            v[i] = min(max(v[i], zero), one)
    elif code == _TANH:
        for i in range(n):
            v[i] = tanh(v[i])
    elif code == _SIGMOID:
        for i in range(n):
            v[i] = sigmoid(v[i])
    elif code == _SHIFTED_SIGMOID:
        for i in range(n):
            v[i] = sigmoid(two * (two * v[i] - one))
    elif code == _SILU:
        for i in range(n):
            v[i] = v[i] * sigmoid(v[i])
    elif code == _DSILU:
        for i in range(n):
            # sigmoid(x) - sigmoid(x - 2) as a product: written as a difference it would cancel at large currents.
            x = v[i]
            v[i] = sigmoid(x - two) + half * x * (gap * sigmoid(x) * sigmoid(two - x))
    elif code == _SOFTPLUS:
        for i in range(n):
            v[i] = softplus(v[i])
