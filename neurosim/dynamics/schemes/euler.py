"""Explicit Euler: one drift evaluation per step, order 1.

y <- y + h f(t, y)
"""

from __future__ import annotations

from typing import Any

from neurosim.dynamics.scheme import FixedScheme, step_signature
from neurosim.jit import kernel


@kernel(step_signature)
def euler_step(drift: Any, t: float, h: float, y: Any, model: Any, k: Any, scratch: Any) -> None:
    """Advance `y` by `h`; k holds f(t, y)."""
    step = y.dtype.type(h)
    for i in range(y.size):
        y[i] += step * k[i]


EULER = FixedScheme(name="euler", order=1, stages=1, step=euler_step)
