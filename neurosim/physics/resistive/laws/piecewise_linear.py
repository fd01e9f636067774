"""Piecewise-linear diode: i = max((w - Vth) / Roff, (w - Vth) / Ron); it carries -Vth / Roff at w = 0.

Its co-content from Vth on is (w - Vth)^2 / 2R with the resistance of the side where w is.
"""

from __future__ import annotations

from typing import Any

from neurosim.jit import inlined


@inlined
def piecewise_linear_current(w: Any, p: Any, at: int) -> Any:
    """Return the current in A; p: 1/Ron and 1/Roff in S, Vth in V."""
    over = w - p[at + 2]
    return over * (p[at] if over > 0 else p[at + 1])


@inlined
def piecewise_linear_slope(w: Any, p: Any, at: int) -> Any:
    """Return di/dw in S; at the threshold that below it."""
    return p[at] if w > p[at + 2] else p[at + 1]
