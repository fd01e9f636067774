"""A netlist made into dyads: every free node twice, the mean m settles freely and the difference d is the error.

    C dm/dt = F(m),    C dd/dt = J_F(m)^T d - beta dC/dv(m),    v+- = m +- d / 2

J_F = dF/dv holds currents per volt, and is not symmetric where amplifiers or branches are not reciprocal. At rest
-d/beta is the exact error signal for any beta: the second equation is linear in d, and the first does not feel it. In
the equation of d, gains and weights of the nodes have changed places.

References
----------
A. E. Scurria, D. Vanden Abeele, B. M. Mognetti, S. Massar, 2026, arXiv 2602.03670.
"""

from __future__ import annotations

from typing import Any

from neurosim.jit import HEADER, drift_signature, kernel, model_entries
from neurosim.physics.resistive.drift import (
    BRANCH_ENTRIES,
    BRANCHES,
    GAINS,
    NODES,
    NUDGES,
    OUTPUTS,
    RATES,
    TABLE,
    TARGETS,
    WEIGHTS,
    node_voltages,
)
from neurosim.physics.resistive.laws.table import branch_current, branch_slope


@kernel(drift_signature)
def dyadic_drift(t: float, y: Any, model: Any, out: Any) -> None:
    """Write the rates of v+ and v- of every free node of all rows, in V/s."""
    p, layout, u, work = model
    rows, n = layout[0], layout[HEADER + 2]
    at = model_entries(layout)
    branches, nodes, outputs = layout[at + BRANCHES], layout[at + NODES], layout[at + OUTPUTS]
    roots = at + TABLE
    table = roots + nodes
    read = table + BRANCH_ENTRIES * branches
    size = rows * n
    V, leaving = work[:nodes], work[nodes : 2 * nodes]
    D, back = work[2 * nodes : 3 * nodes], work[3 * nodes : 4 * nodes]
    m = work[4 * nodes : 4 * nodes + size]
    zero = y.dtype.type(0.0)
    half = y.dtype.type(0.5)
    for k in range(size):
        m[k] = half * (y[k] + y[size + k])
        out[k] = zero
        out[size + k] = zero
    for r in range(rows):
        node_voltages(r, m, model, V)
        for i in range(nodes):
            leaving[i], back[i], D[i] = zero, zero, zero
            root = layout[roots + i]
            if root >= 0:
                D[i] = p[layout[at + WEIGHTS] + i] * (y[r * n + root] - y[size + r * n + root])
        for k in range(branches):
            e = table + BRANCH_ENTRIES * k
            a, b = layout[e + 1], layout[e + 2]
            i = branch_current(layout[e], V[a] - V[b], p, layout[e + 3])
            leaving[a] += i
            leaving[b] -= i
            j = branch_slope(layout[e], V[a] - V[b], p, layout[e + 3]) * (D[a] - D[b])
            back[a] += j
            back[b] -= j
        for i in range(nodes):
            root = layout[roots + i]
            if root >= 0:
                out[r * n + root] -= p[layout[at + WEIGHTS] + i] * leaving[i]
                out[size + r * n + root] -= p[layout[at + GAINS] + i] * back[i]
        beta = u[layout[at + NUDGES] + r]
        for k in range(outputs):
            node = layout[read + k]
            out[size + r * n + layout[roots + node]] -= beta * (V[node] - u[layout[at + TARGETS] + r * outputs + k])
        for k in range(r * n, (r + 1) * n):
            rate = p[layout[at + RATES] + k - r * n]
            dm, dd = rate * out[k], rate * half * out[size + k]
            out[k] = dm + dd
            out[size + k] = dm - dd
