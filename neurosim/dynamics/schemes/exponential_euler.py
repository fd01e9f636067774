"""Exponential Euler: exact on the leak of every block, order 1.

    dy/dt = -lam y + N(y):   y <- y + h phi(-lam h) f(y),   phi(z) = (e^z - 1) / z

With N held constant over the step this is the exact solution, so a step of many tau is stable where Euler is not.
Where there is no leak, lam = 0 and phi = 1: a step of Euler.
Source: M. Hochbruck, A. Ostermann, Exponential integrators, Acta Numerica 19 (2010), eq. 2.2.
"""

from __future__ import annotations

import math
from typing import Any

from neurosim.dynamics.scheme import FixedScheme, step_signature
from neurosim.jit import block, kernel


@kernel(step_signature)
def exponential_euler_step(drift: Any, t: float, h: float, y: Any, model: Any, k: Any, scratch: Any) -> None:
    """Advance `y` by `h`; k holds f(t, y), model.p starts with the leak rate of every block."""
    rows, blocks = model.layout[0], model.layout[1]
    end = 0
    for b in range(blocks):
        lo, planes, n = block(model.layout, b)
        hi = lo + planes * rows * n
        z = float(model.p[b]) * h
        step = y.dtype.type(-math.expm1(-z) / z * h if z > 0 else h)
        for i in range(lo, hi):
            y[i] += step * k[i]
        end = hi
    whole = y.dtype.type(h)
    for i in range(end, y.size):
        y[i] += whole * k[i]


EXPONENTIAL_EULER = FixedScheme(name="exponential_euler", order=1, stages=1, step=exponential_euler_step)
