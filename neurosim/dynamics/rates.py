"""RMS rates of rows, the measure that stop rules and reports use.

    rate_r = sqrt( mean over the state of row r of (tau dy/dt)^2 )

A sum of squares vectorises, a maximum does not; tau is one over the leak rate of each block, or 1 s where there is no
leak.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from neurosim.jit import block, helper, kernel, model_type, reduction, vector
from neurosim.physics.dynamical_system import DynamicalSystem


@reduction
def sum_of_squares(x: Any) -> float:
    """Return sum x^2 of a flat array."""
    total = x.dtype.type(0.0)
    for i in range(x.size):
        total += x[i] * x[i]
    return float(total)


@helper
def row_rates(rate: Any, model: Any, rows_out: Any) -> None:
    """Write the RMS of tau dy/dt of each row into `rows_out` (float64)."""
    p, layout = model.p, model.layout
    rows, blocks = layout[0], layout[1]
    rows_out[:] = 0.0
    count = 0
    for b in range(blocks):
        offset, planes, n = block(layout, b)
        tau = 1.0 / float(p[b]) if p[b] > 0 else 1.0
        count += planes * n
        for c in range(planes):
            for r in range(rows):
                lo = offset + (c * rows + r) * n
                rows_out[r] += tau * tau * sum_of_squares(rate[lo : lo + n])
    for r in range(rows):
        rows_out[r] = math.sqrt(rows_out[r] / count)


@helper
def all_ended(rates: Any, tolerance: float, limit: float) -> bool:
    """Say whether every row has settled or diverged; a NaN counts as diverged, a negative tolerance never settles."""
    for r in range(rates.size):  # noqa: SIM110  (all() of a generator does not compile)
        if rates[r] > tolerance and rates[r] <= limit:
            return False
    return True


@helper
def flush(y: Any) -> None:
    """Set values below 1e-30 to zero: silent units decay into subnormal numbers, a hundred times slower."""
    floor, zero = y.dtype.type(1e-30), y.dtype.type(0.0)
    for i in range(y.size):
        y[i] = y[i] if abs(y[i]) > floor or y[i] != y[i] else zero


@kernel(lambda real: types.void(vector(real), model_type(real), vector(types.float64)))
def row_rates_kernel(rate: Any, model: Any, rows_out: Any) -> None:
    """Write the RMS of tau dy/dt of each row into `rows_out`; for callers in Python."""
    row_rates(rate, model, rows_out)


def rms_rates(system: DynamicalSystem, rate: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the RMS of tau dy/dt of each row, shape (rows,), for the rates of all states, shape (size,)."""
    out = np.empty(system.rows)
    row_rates_kernel[system.dtype](rate, system.arrays, out)
    return out
