"""Heun's method with noise: two evaluations of drift and diffusion per step, for the Stratonovich equation.

    y_1 = y + h f(t, y) + g(t, y) dW
    y <- y + h (f(t, y) + f(t + h, y_1)) / 2 + (g(t, y) + g(t + h, y_1)) dW / 2

Strong and weak order 1 where every state value has noise of its own; order 2 where there is no noise. It is the limit
of coloured noise whose correlation time goes to zero.
Source: W. Ruemelin, Numerical treatment of stochastic differential equations, SIAM J. Numer. Anal. 19 (1982) 604.
"""

from __future__ import annotations

from typing import Any

from neurosim.dynamics.scheme import StochasticScheme, stochastic_signature
from neurosim.jit import kernel


@kernel(stochastic_signature)
def stochastic_heun_step(
    drift: Any, diffusion: Any, t: float, h: float, additive: int, y: Any, model: Any, noise: Any, k: Any, g: Any,
    dW: Any, scratch: Any,
) -> None:  # fmt: skip
    """Advance `y` by `h`; k and g hold f and g at (t, y)."""
    n = y.size
    step, half_step, half = y.dtype.type(h), y.dtype.type(0.5 * h), y.dtype.type(0.5)
    k1, k2, g1, g2 = k[:n], k[n : 2 * n], g[:n], g[n : 2 * n]
    for i in range(n):
        scratch[i] = y[i] + step * k1[i] + g1[i] * dW[i]
    drift(t + h, scratch, model, k2)
    if additive == 1:
        for i in range(n):
            y[i] += half_step * (k1[i] + k2[i]) + g1[i] * dW[i]
    else:
        diffusion(t + h, scratch, noise, g2)
        for i in range(n):
            y[i] += half_step * (k1[i] + k2[i]) + half * (g1[i] + g2[i]) * dW[i]


STOCHASTIC_HEUN = StochasticScheme(name="stochastic_heun", calculus="Stratonovich", stages=2, step=stochastic_heun_step)
"""The Stratonovich scheme."""
