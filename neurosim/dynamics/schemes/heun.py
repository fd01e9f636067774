"""Heun's method (explicit trapezoid): two drift evaluations per step, order 2.

    k1 = f(t, y),   k2 = f(t + h, y + h k1),   y <- y + h (k1 + k2) / 2

Source: E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I (1993), table II.1.1.
"""

from __future__ import annotations

from typing import Any

from neurosim.dynamics.scheme import FixedScheme, step_signature
from neurosim.jit import kernel


@kernel(step_signature)
def heun_step(drift: Any, t: float, h: float, y: Any, model: Any, k: Any, scratch: Any) -> None:
    """Advance `y` by `h`; k holds f(t, y) and has room for a second stage."""
    n = y.size
    step, half = y.dtype.type(h), y.dtype.type(0.5 * h)
    k1, k2 = k[:n], k[n : 2 * n]
    for i in range(n):
        scratch[i] = y[i] + step * k1[i]
    drift(t + h, scratch, model, k2)
    for i in range(n):
        y[i] += half * (k1[i] + k2[i])


HEUN = FixedScheme(name="heun", order=2, stages=2, step=heun_step)
