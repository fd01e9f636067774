"""What resistors and current sources contribute to Kirchhoff's law, F = J v + F0: it is the same at every Newton step.

    J[a, b] = -sum weight_a g gain_b (+-),    F0 = -sum weight (g (w0 of the branch) + I)

A walk over the branches sums both. Resistors between held nodes add nothing; those to one held node add a constant.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from neurosim.jit import INDEX, kernel, vector
from neurosim.physics.resistive.kirchhoff import Kirchhoff
from neurosim.physics.resistive.laws.table import RESISTOR

Array = npt.NDArray[Any]


def linear_matrix(equations: Kirchhoff, p: Array, dense: bool) -> Any:
    """Return J of the linear branches, (free, free), float64; not `dense`: as a sparse matrix."""
    net, linear = equations.netlist, equations.linear
    if not dense:
        slopes = np.where(linear.codes == RESISTOR, p[linear.places], 0.0)
        return linear.sparse_matrix(slopes, np.zeros(net.free))
    J = np.zeros((net.free, net.free))
    _add_conductances[p.dtype](
        linear.codes, linear.places, linear.first, linear.second, net.roots, equations.gains, equations.weights, p, J
    )
    return J


def linear_currents(equations: Kirchhoff, p: Array, fixed: Array) -> Array:
    """Return F0 of the linear branches, (rows, free), for what is `fixed` (rows, nodes); all float64."""
    net, linear = equations.netlist, equations.linear
    F = np.zeros((len(fixed), net.free))
    _add_currents[p.dtype](
        linear.codes, linear.places, linear.first, linear.second, net.roots, equations.weights, p,
        np.ascontiguousarray(fixed), F,
    )  # fmt: skip
    return F


@kernel(lambda real: types.void(*[INDEX] * 5, *[vector(real)] * 3, types.Array(real, 2, "C")))
def _add_conductances(
    codes: Any, places: Any, first: Any, second: Any, roots: Any, gains: Any, weights: Any, p: Any, J: Any
) -> None:
    for k in range(codes.size):
        if codes[k] == RESISTOR:
            g, a, b = p[places[k]], first[k], second[k]
            i, j = roots[a], roots[b]
            if i >= 0:
                J[i, i] -= weights[a] * g * gains[a]
                if j >= 0:
                    J[i, j] += weights[a] * g * gains[b]
                    J[j, i] += weights[b] * g * gains[a]
            if j >= 0:
                J[j, j] -= weights[b] * g * gains[b]


@kernel(lambda real: types.void(*[INDEX] * 5, *[vector(real)] * 2, *[types.Array(real, 2, "C")] * 2))
def _add_currents(
    codes: Any, places: Any, first: Any, second: Any, roots: Any, weights: Any, p: Any, fixed: Any, F: Any
) -> None:
    for r in range(fixed.shape[0]):
        for k in range(codes.size):
            a, b = first[k], second[k]
            current = p[places[k]]
            if codes[k] == RESISTOR:
                current *= fixed[r, a] - fixed[r, b]
            if roots[a] >= 0:
                F[r, roots[a]] -= weights[a] * current
            if roots[b] >= 0:
                F[r, roots[b]] += weights[b] * current
