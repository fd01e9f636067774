"""All laws by their code, for one branch inside kernels and for all branches of a batch."""

from __future__ import annotations

from typing import Any

from numba import types

from neurosim.jit import INDEX, helper, kernel, vector
from neurosim.physics.resistive.laws.current_source import source_current, source_slope
from neurosim.physics.resistive.laws.piecewise_linear import piecewise_linear_current, piecewise_linear_slope
from neurosim.physics.resistive.laws.resistor import resistor_current, resistor_slope
from neurosim.physics.resistive.laws.shockley import shockley_current, shockley_slope

RESISTOR, SHOCKLEY, PIECEWISE_LINEAR, CURRENT_SOURCE = range(4)


@helper
def branch_current(code: int, w: Any, p: Any, at: int) -> Any:
    """Return i(w) of the law `code`, in A."""
    if code == RESISTOR:
        return resistor_current(w, p, at)
    if code == SHOCKLEY:
        return shockley_current(w, p, at)
    if code == PIECEWISE_LINEAR:
        return piecewise_linear_current(w, p, at)
    return source_current(w, p, at)


@helper
def branch_slope(code: int, w: Any, p: Any, at: int) -> Any:
    """Return di/dw of the law `code`, in S."""
    if code == RESISTOR:
        return resistor_slope(w, p, at)
    if code == SHOCKLEY:
        return shockley_slope(w, p, at)
    if code == PIECEWISE_LINEAR:
        return piecewise_linear_slope(w, p, at)
    return source_slope(w, p, at)


@kernel(lambda real: types.void(INDEX, INDEX, vector(real), *[types.Array(real, 2, "C")] * 3))
def branch_laws(codes: Any, places: Any, p: Any, w: Any, currents: Any, slopes: Any) -> None:
    """Write i(w) and di/dw of every branch, arrays (rows, branches); laws read `p` from their `places` on."""
    for r in range(w.shape[0]):
        for k in range(w.shape[1]):
            currents[r, k] = branch_current(codes[k], w[r, k], p, places[k])
            slopes[r, k] = branch_slope(codes[k], w[r, k], p, places[k])
