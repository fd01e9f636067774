"""The classical Runge-Kutta method: four drift evaluations per step, order 4.

    k2 = f(t + h/2, y + h k1/2),  k3 = f(t + h/2, y + h k2/2),  k4 = f(t + h, y + h k3)
    y <- y + h (k1 + 2 k2 + 2 k3 + k4) / 6

Source: E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I (1993), table II.1.2.
"""

from __future__ import annotations

from typing import Any

from neurosim.dynamics.scheme import FixedScheme, step_signature
from neurosim.jit import helper, kernel


@helper
def shift(y: Any, h: Any, slope: Any, out: Any) -> None:
    """Write y + h slope into `out`."""
    for i in range(y.size):
        out[i] = y[i] + h * slope[i]


@kernel(step_signature)
def rk4_step(drift: Any, t: float, h: float, y: Any, model: Any, k: Any, scratch: Any) -> None:
    """Advance `y` by `h`; k holds f(t, y) and has room for three more stages."""
    n = y.size
    step, half, sixth, two = y.dtype.type(h), y.dtype.type(0.5 * h), y.dtype.type(h / 6.0), y.dtype.type(2.0)
    k1, k2, k3, k4 = k[:n], k[n : 2 * n], k[2 * n : 3 * n], k[3 * n : 4 * n]
    shift(y, half, k1, scratch)
    drift(t + 0.5 * h, scratch, model, k2)
    shift(y, half, k2, scratch)
    drift(t + 0.5 * h, scratch, model, k3)
    shift(y, step, k3, scratch)
    drift(t + h, scratch, model, k4)
    for i in range(n):
        y[i] += sixth * (k1[i] + two * (k2[i] + k3[i]) + k4[i])


RK4 = FixedScheme(name="rk4", order=4, stages=4, step=rk4_step)
