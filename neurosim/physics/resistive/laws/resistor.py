"""Resistor: i = g w. Its co-content, the integral of i dw, is g w^2 / 2; it dissipates g w^2."""

from __future__ import annotations

from typing import Any

from neurosim.jit import inlined


@inlined
def resistor_current(w: Any, p: Any, at: int) -> Any:
    """Return g w in A; p: conductance g in S."""
    return p[at] * w


@inlined
def resistor_slope(w: Any, p: Any, at: int) -> Any:
    """Return g in S."""
    return p[at]
