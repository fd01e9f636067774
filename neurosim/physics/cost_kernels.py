"""Cost gradients inside kernels: dC/ds for half the squared error and the cross-entropy of the softmax."""

from __future__ import annotations

from typing import Any

from neurosim.jit import helper
from neurosim.physics.elementary import exp
from neurosim.physics.names import COST_CODE

_CROSS_ENTROPY = COST_CODE["cross_entropy"]


@helper
def cost_gradient(code: int, s: Any, target: Any, g: Any) -> None:
    """Write dC/ds at `s` into `g`, all (rows, outputs): s - y, or softmax(s) - y. `g` may be `s` itself."""
    rows, n = s.shape
    if code == _CROSS_ENTROPY:
        for r in range(rows):
            highest = s[r, 0]
            for j in range(1, n):
                highest = max(highest, s[r, j])
            total = type(highest)(0.0)
            for j in range(n):
                value = exp(s[r, j] - highest)
                g[r, j] = value
                total += value
            for j in range(n):
                g[r, j] = g[r, j] / total - target[r, j]
    else:
        for r in range(rows):
            for j in range(n):
                g[r, j] = s[r, j] - target[r, j]
