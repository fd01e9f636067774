"""Activations of complex currents inside kernels: what `neurosim.physics.activation_kernels` is for real ones.

An activation that is not holomorphic has no value at a complex current; loops over it write NaN, and circuits refuse it
by name before they get there (`neurosim.physics.holomorphic.activations`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurosim.jit import inlined
from neurosim.physics.activation_kernels import DSILU_GAP, by_name
from neurosim.physics.holomorphic.elementary import complex_tanh, logistic, times
from neurosim.physics.names import ACTIVATION_CODE


@inlined
def no_value(x: Any, y: Any) -> Any:
    """Return NaN + i NaN."""
    nothing = type(x)(float("nan"))
    return nothing, nothing


@inlined
def identity(x: Any, y: Any) -> Any:
    """Return z."""
    return x, y


@inlined
def hyperbolic_tangent(x: Any, y: Any) -> Any:
    """Return tanh z; poles at i pi/2 (2m + 1)."""
    return complex_tanh(x, y)


@inlined
def sigmoid(x: Any, y: Any) -> Any:
    """Return 1 / (1 + e^-z); poles at i pi (2m + 1)."""
    return logistic(x, y)


@inlined
def shifted_sigmoid(x: Any, y: Any) -> Any:
    """Return 1 / (1 + e^(2 - 4z)); poles at 1/2 + i pi/4 (2m + 1)."""
    two, four = type(x)(2.0), type(x)(4.0)
    return logistic(four * x - two, four * y)


@inlined
def silu(x: Any, y: Any) -> Any:
    """Return z sigmoid(z)."""
    a, b = logistic(x, y)
    return times(a, b, x, y)


@inlined
def dsilu(x: Any, y: Any) -> Any:
    """Return sigmoid(z - 2) + (z/2) (sigmoid(z) - sigmoid(z - 2)), the difference as a product that cannot cancel."""
    half, one, gap = type(x)(0.5), type(x)(1.0), type(x)(DSILU_GAP)
    a, b = logistic(x, y)
    c, d = logistic(type(x)(2.0) - x, -y)  # one minus sigmoid(z - 2)
    a, b = times(a, b, half * gap * x, half * gap * y)
    a, b = times(a, b, c, d)
    return (one - c) + a, b - d


SCALARS: dict[str, Any] = {
    "identity": identity,
    "tanh": hyperbolic_tangent,
    "sigmoid": sigmoid,
    "shifted_sigmoid": shifted_sigmoid,
    "silu": silu,
    "dsilu": dsilu,
}


def by_holomorphic_activation(loop_with: Callable[[Any], Any]) -> Any:
    """Return a helper ``chosen(code, *arguments)`` that runs ``loop_with(f)`` for the f(x, y) -> (re, im) of a code."""
    return by_name({name: SCALARS.get(name, no_value) for name in ACTIVATION_CODE})(loop_with)


@by_holomorphic_activation
def activate(f: Any) -> Any:
    """Make ``activate(code, z)``: replace every current in the planes `z` (real, imaginary), flat, by its activity."""

    def in_place(z: Any) -> None:
        n = z.size // 2
        re, im = z[:n], z[n:]
        for i in range(n):
            re[i], im[i] = f(re[i], im[i])

    return in_place
