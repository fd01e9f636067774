"""Euler and Maruyama: one evaluation of drift and diffusion per step, for the Ito equation.

    y <- y + h f(t, y) + g(t, y) dW

Strong order 1/2, and 1 where g does not depend on y; weak order 1. For coloured noise, g times its integral over the
step takes the place of g dW.
Source: P. E. Kloeden, E. Platen, Numerical Solution of Stochastic Differential Equations (1992), section 10.2.
"""

from __future__ import annotations

from typing import Any

from neurosim.dynamics.scheme import StochasticScheme, stochastic_signature
from neurosim.jit import kernel


@kernel(stochastic_signature)
def euler_maruyama_step(
    drift: Any, diffusion: Any, t: float, h: float, additive: int, y: Any, model: Any, noise: Any, k: Any, g: Any,
    dW: Any, scratch: Any,
) -> None:  # fmt: skip
    """Advance `y` by `h`; k and g hold f and g at (t, y)."""
    step = y.dtype.type(h)
    for i in range(y.size):
        y[i] += step * k[i] + g[i] * dW[i]


EULER_MARUYAMA = StochasticScheme(name="euler_maruyama", calculus="Ito", stages=1, step=euler_maruyama_step)
"""The Ito scheme."""
