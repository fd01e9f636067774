"""Shockley's diode: i = Is (exp(w / nVt) - 1) + gmin w, with Vt = k T / q (25.8649 mV at 27 C).

Its co-content is Is (nVt (exp(w / nVt) - 1) - w) + gmin w^2 / 2. Source: W. Shockley, Bell System Technical Journal 28
(1949) 435; gmin as in SPICE2, L. Nagel, Memorandum ERL-M520, Berkeley 1975.
"""

from __future__ import annotations

import math
from typing import Any

from neurosim.jit import inlined


@inlined
def shockley_current(w: Any, p: Any, at: int) -> Any:
    """Return the current in A; p: Is in A, nVt in V, gmin in S."""
    return p[at] * math.expm1(w / p[at + 1]) + p[at + 2] * w


@inlined
def shockley_slope(w: Any, p: Any, at: int) -> Any:
    """Return di/dw in S."""
    return p[at] / p[at + 1] * math.exp(w / p[at + 1]) + p[at + 2]
