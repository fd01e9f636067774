"""Newton steps with junction limiting, all rows of a small netlist in one call.

    J dv = -F,   J = J_lin + diag - P^T diag(di/dw) S  over the nonlinear branches

Free nodes that no branch joins to each other, a set E found once per netlist, are eliminated first: their block of J is
diagonal, and what is left is the Schur complement of the others,

    (J_oo - J_oe D^-1 J_eo) dv_o = -(F_o - J_oe D^-1 F_e),   dv_e = -D^-1 (F_e + J_eo dv_o)

which is solved with partial pivoting. In a layered net E is every other layer. Only nodes without amplifiers are in E:
their diagonal is the sum of the conductances around them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from neurosim.jit import INDEX, helper, kernel, vector
from neurosim.physics.resistive.laws.table import branch_current, branch_slope

Array = npt.NDArray[Any]

TRUSTED = 8.0  # e-folds of current above w_crit up to which the junction voltages of a start are taken as they are


def elimination_order(
    roots: npt.NDArray[np.int64], plain: npt.NDArray[np.bool_], ends: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], int]:
    """Return an order of the free nodes that begins with nodes which do not touch each other, and how many these are.

    Parameters
    ----------
    roots : ndarray (nodes,)
        State index that a node follows, -1 where nothing free moves it.
    plain : ndarray of bool (free,)
        Free nodes that are followed by themselves and without amplification alone.
    ends : ndarray (branches, 2)
        Nodes that every branch joins.
    """
    free = len(plain)
    pairs = roots[ends]
    pairs = np.unique(pairs[(pairs >= 0).all(axis=1) & (pairs[:, 0] != pairs[:, 1])], axis=0)
    beside: list[set[int]] = [set() for _ in range(free)]
    for a, b in pairs.tolist():
        beside[a].add(b)
        beside[b].add(a)
    first: list[int] = []
    blocked: set[int] = set()
    for node in sorted(np.flatnonzero(plain).tolist(), key=lambda node: len(beside[node])):
        if node not in blocked:
            first.append(node)
            blocked |= beside[node]
    chosen = set(first)
    rest = [node for node in range(free) if node not in chosen]
    return np.array([*first, *rest], np.int64), len(first)


@helper
def branch_voltage(a: int, b: int, roots: Any, gains: Any, v: Any, fixed: float) -> float:
    """Return the voltage from node `a` to node `b` for free voltages `v`, and what held nodes add to it."""
    w = fixed
    if roots[a] >= 0:
        w += gains[a] * v[roots[a]]
    if roots[b] >= 0:
        w -= gains[b] * v[roots[b]]
    return w


@helper
def limited_voltage(w: float, old: float, volts: float, critical: float) -> float:
    """Return w_lim of a junction with nVt = `volts`."""
    if w > critical and abs(w - old) > 2.0 * volts:
        if old > 0.0:
            bracket = 1.0 + (w - old) / volts
            return old + volts * math.log(bracket) if bracket > 0.0 else critical
        return volts * math.log(w / volts)
    return w


@helper
def solve_eliminating(A: Any, x: Any, first: int) -> None:
    """Replace `x` by A^-1 x; the first unknowns do not touch each other. Not finite where A is singular."""
    n = x.size
    for i in range(first):
        pivot = 1.0 / A[i, i]
        for k in range(first, n):
            if A[k, i] != 0.0:
                factor = A[k, i] * pivot
                for j in range(first, n):
                    A[k, j] -= factor * A[i, j]
                x[k] -= factor * x[i]
    for i in range(first, n):
        best = i
        for k in range(i + 1, n):
            if abs(A[k, i]) > abs(A[best, i]):
                best = k
        if best != i:
            for j in range(i, n):
                A[i, j], A[best, j] = A[best, j], A[i, j]
            x[i], x[best] = x[best], x[i]
        pivot = 1.0 / A[i, i]
        for k in range(i + 1, n):
            factor = A[k, i] * pivot
            if factor != 0.0:
                for j in range(i + 1, n):
                    A[k, j] -= factor * A[i, j]
                x[k] -= factor * x[i]
    for i in range(n - 1, -1, -1):
        known = x[i]
        for j in range(max(i + 1, first), n):
            known -= A[i, j] * x[j]
        x[i] = known / A[i, i]


@kernel(
    lambda real: types.void(
        *[INDEX] * 7, types.int64, *[vector(real)] * 5, *[types.Array(real, 2, "C")] * 6,
        types.Array(types.boolean, 1, "C"), vector(real), INDEX, types.float64, types.int64,
    )
)  # fmt: skip
def newton_rows(
    codes: Any, places: Any, first: Any, second: Any, roots: Any, order: Any, place_of: Any, eliminated: int,
    gains: Any, weights: Any, p: Any, volts: Any, critical: Any, J: Any, F0: Any, diagonal: Any, fixed_w: Any, v: Any,
    limited: Any, converged: Any, corrections: Any, taken: Any, tolerance: float, steps: int,
) -> None:  # fmt: skip
    """Take up to `steps` Newton steps in every row that has not converged.

    Parameters
    ----------
    codes, places, first, second : ndarray (branches,)
        Nonlinear branches.
    roots, gains, weights : ndarray (nodes,)
        How nodes follow.
    order, place_of : ndarray (free,)
        Order of elimination, and its inverse.
    eliminated : int
        How many nodes at its beginning do not touch each other.
    p : ndarray
        What laws read.
    volts, critical : ndarray (branches,)
        nVt and the critical voltage of junctions; 0 and infinity for other branches.
    J : ndarray (free, free)
        Jacobian of the linear branches.
    F0, diagonal, fixed_w : ndarray (rows, free), (rows, free), (rows, branches)
        Constant currents into the nodes, what is added to the diagonal of J, and what held nodes add to w.
    v, limited : ndarray (rows, free), (rows, branches)
        Free voltages, moved in place, and limited voltages, which the first step of a row sets.
    converged, corrections, taken : ndarray (rows,)
        Whether a row is there, the RMS of its last step, and how many it has taken in all.
    tolerance : float
        In V.
    steps : int
        Steps at most, of every row.
    """
    n, branches = v.shape[1], codes.size
    A, x = np.empty((n, n)), np.empty(n)
    for r in range(v.shape[0]):
        for _ in range(steps):
            if converged[r] or (taken[r] > 0 and not math.isfinite(corrections[r])):
                break
            if taken[r] == 0:
                for k in range(branches):
                    w = branch_voltage(first[k], second[k], roots, gains, v[r], fixed_w[r, k])
                    limited[r, k] = w if w < critical[k] + TRUSTED * volts[k] else critical[k]
            taken[r] += 1
            for i in range(n):
                row, total = order[i], F0[r, order[i]]
                for j in range(n):
                    A[i, j] = J[row, order[j]]
                    total += A[i, j] * v[r, order[j]]
                A[i, i] += diagonal[r, row]
                x[i] = -(total + diagonal[r, row] * v[r, row])
            for k in range(branches):
                a, b = first[k], second[k]
                i, j = roots[a], roots[b]
                w = branch_voltage(a, b, roots, gains, v[r], fixed_w[r, k])
                at = limited_voltage(w, limited[r, k], volts[k], critical[k]) if volts[k] > 0.0 else w
                limited[r, k] = at
                slope = branch_slope(codes[k], at, p, places[k])
                current = branch_current(codes[k], at, p, places[k]) + slope * (w - at)
                if i >= 0:
                    i_at = place_of[i]
                    x[i_at] += weights[a] * current
                    A[i_at, i_at] -= weights[a] * slope * gains[a]
                    if j >= 0:
                        A[i_at, place_of[j]] += weights[a] * slope * gains[b]
                if j >= 0:
                    j_at = place_of[j]
                    x[j_at] -= weights[b] * current
                    A[j_at, j_at] -= weights[b] * slope * gains[b]
                    if i >= 0:
                        A[j_at, place_of[i]] += weights[b] * slope * gains[a]
            solve_eliminating(A, x, eliminated)
            moved, square = 0.0, 0.0
            for i in range(n):
                v[r, order[i]] += x[i]
                moved = max(moved, abs(x[i]))
                square += x[i] * x[i]
            corrections[r] = math.sqrt(square / n)
            apart = 0.0
            for k in range(branches):
                if volts[k] > 0.0:
                    w = branch_voltage(first[k], second[k], roots, gains, v[r], fixed_w[r, k])
                    apart = max(apart, abs(limited[r, k] - w))
            converged[r] = moved < tolerance and apart < tolerance and math.isfinite(square)
