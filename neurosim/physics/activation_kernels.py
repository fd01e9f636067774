"""Activations inside kernels: one scalar function each; every loop over units is made from it and vanishes into it.

A kernel gets the code of an activation once per layer. `by_activation` turns "a loop for any f" into one helper that
switches on that code outside the loop, so that each loop vectorises with its own f:

    @by_activation
    def shifted(f):
        def loop(v, by): ...  f(v[i] + by) ...
        return loop

    shifted(code, v, by)            # in a kernel
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from neurosim.jit import helper, inlined
from neurosim.physics.elementary import exp, log1p_unit, tanh
from neurosim.physics.names import ACTIVATION_CODE

DSILU_GAP = 1.0 - math.exp(-2.0)


@inlined
def identity(x: Any) -> Any:
    """Return x."""
    return x


@inlined
def relu(x: Any) -> Any:
    """Return max(x, 0)."""
    return max(x, type(x)(0.0))


@inlined
def hard_sigmoid(x: Any) -> Any:
    """Return x limited to [0, 1]."""
    return min(max(x, type(x)(0.0)), type(x)(1.0))


@inlined
def hyperbolic_tangent(x: Any) -> Any:
    """Return tanh x."""
    return tanh(x)


@inlined
def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + e^-x)."""
    return type(x)(1.0) / (exp(-x) + type(x)(1.0))


@inlined
def shifted_sigmoid(x: Any) -> Any:
    """Return 1 / (1 + e^(2 - 4x))."""
    two = type(x)(2.0)
    return sigmoid(two * (two * x - type(x)(1.0)))


@inlined
def silu(x: Any) -> Any:
    """Return x sigmoid(x)."""
    return x * sigmoid(x)


@inlined
def dsilu(x: Any) -> Any:
    """Return sigmoid(x - 2) + (x/2) (sigmoid(x) - sigmoid(x - 2)), the difference as a product that cannot cancel."""
    two = type(x)(2.0)
    return sigmoid(x - two) + type(x)(0.5) * x * (type(x)(DSILU_GAP) * sigmoid(x) * sigmoid(two - x))


@inlined
def softplus(x: Any) -> Any:
    """Return log(1 + e^x), as max(x, 0) + log(1 + e^-|x|)."""
    return max(x, type(x)(0.0)) + log1p_unit(exp(-abs(x)))


SCALARS: dict[str, Any] = {
    "identity": identity,
    "relu": relu,
    "hard_sigmoid": hard_sigmoid,
    "tanh": hyperbolic_tangent,
    "sigmoid": sigmoid,
    "shifted_sigmoid": shifted_sigmoid,
    "silu": silu,
    "dsilu": dsilu,
    "softplus": softplus,
}


def by_name(scalars: dict[str, Any]) -> Callable[[Callable[[Any], Any]], Any]:
    """Return a decorator like `by_activation` for another table of scalar functions, one for every activation.

    Parameters
    ----------
    scalars : dict
        What to hand to a loop for the activation of each name.
    """

    def decorate(loop_with: Callable[[Any], Any]) -> Any:
        def made_for(name: str) -> Any:
            loop = loop_with(scalars[name])
            loop.__qualname__ = f"{loop_with.__qualname__}_{name}"
            return helper(loop)

        # Not a chain of helpers that call each other: every link would compile all that follow it anew.
        names = sorted(ACTIVATION_CODE, key=ACTIVATION_CODE.__getitem__)
        f0, f1, f2, f3, f4, f5, f6, f7, f8 = [made_for(name) for name in names]

        def chosen(code: int, *arguments: Any) -> None:
            if code == 0:
                f0(*arguments)
            elif code == 1:
                f1(*arguments)
            elif code == 2:
                f2(*arguments)
            elif code == 3:
                f3(*arguments)
            elif code == 4:
                f4(*arguments)
            elif code == 5:
                f5(*arguments)
            elif code == 6:
                f6(*arguments)
            elif code == 7:
                f7(*arguments)
            elif code == 8:
                f8(*arguments)

        chosen.__module__, chosen.__qualname__ = loop_with.__module__, loop_with.__qualname__
        return helper(chosen)

    return decorate


def by_activation(loop_with: Callable[[Any], Any]) -> Any:
    """Return a helper ``chosen(code, *arguments)`` that runs ``loop_with(f)`` for the activation f with that code.

    Parameters
    ----------
    loop_with : callable
        Maps a scalar activation to a function for kernels; called once per activation.
    """
    return by_name(SCALARS)(loop_with)


@by_activation
def activate(f: Any) -> Any:
    """Make ``activate(code, v)``: replace every current in the flat array `v` by its activity."""

    def in_place(v: Any) -> None:
        for i in range(v.size):
            v[i] = f(v[i])

    return in_place
