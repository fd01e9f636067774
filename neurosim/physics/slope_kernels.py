"""Slopes f' of the activations inside kernels, for circuits whose compartments feel each other through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurosim.jit import inlined
from neurosim.physics.activation_kernels import DSILU_GAP, SCALARS, by_name, hyperbolic_tangent, sigmoid


@inlined
def identity_slope(x: Any) -> Any:
    """Return 1."""
    return type(x)(1.0)


@inlined
def relu_slope(x: Any) -> Any:
    """Return 1 where x > 0, else 0."""
    return type(x)(1.0) if x > type(x)(0.0) else type(x)(0.0)


@inlined
def hard_sigmoid_slope(x: Any) -> Any:
    """Return 1 where 0 < x < 1, else 0."""
    one, zero = type(x)(1.0), type(x)(0.0)
    return (one if x > zero else zero) * (one if x < one else zero)


@inlined
def tanh_slope(x: Any) -> Any:
    """Return 1 - tanh^2 x."""
    t = hyperbolic_tangent(x)
    return type(x)(1.0) - t * t


@inlined
def sigmoid_slope(x: Any) -> Any:
    """Return sigmoid(x) sigmoid(-x)."""
    return sigmoid(x) * sigmoid(-x)


@inlined
def shifted_sigmoid_slope(x: Any) -> Any:
    """Return 4 sigmoid(4x - 2) sigmoid(2 - 4x)."""
    two, four = type(x)(2.0), type(x)(4.0)
    return four * sigmoid_slope(four * x - two)


@inlined
def silu_slope(x: Any) -> Any:
    """Return sigmoid(x) + x sigmoid(x) sigmoid(-x)."""
    return sigmoid(x) + x * sigmoid_slope(x)


@inlined
def dsilu_slope(x: Any) -> Any:
    """Return (sigmoid(x) - sigmoid(x - 2)) / 2 + (x/2) sigmoid'(x) + (1 - x/2) sigmoid'(x - 2)."""
    half, two = type(x)(0.5) * x, type(x)(2.0)
    gap = type(x)(0.5 * DSILU_GAP) * sigmoid(x) * sigmoid(two - x)
    return gap + half * sigmoid_slope(x) + (type(x)(1.0) - half) * sigmoid_slope(x - two)


@inlined
def softplus_slope(x: Any) -> Any:
    """Return sigmoid(x)."""
    return sigmoid(x)


SLOPES: dict[str, Any] = {
    "identity": identity_slope,
    "relu": relu_slope,
    "hard_sigmoid": hard_sigmoid_slope,
    "tanh": tanh_slope,
    "sigmoid": sigmoid_slope,
    "shifted_sigmoid": shifted_sigmoid_slope,
    "silu": silu_slope,
    "dsilu": dsilu_slope,
    "softplus": softplus_slope,
}


def by_activation_and_slope(loop_with: Callable[[Any], Any]) -> Any:
    """Return a helper ``chosen(code, *arguments)`` that runs ``loop_with((f, f'))`` for the activation of a code."""
    return by_name({name: (f, SLOPES[name]) for name, f in SCALARS.items()})(loop_with)
