"""The drift of a netlist: C dv/dt = F(v), Kirchhoff's current law at every free node.

    V_i = gain_i v_root(i) + o_i          voltage of every node; o holds inputs and sources, one line per row
    F_k = - sum over nodes i that follow k of weight_i (sum of the currents that leave i),   dv_k/dt = F_k / C_k

with a constant current in F_k where one is held. A nudged output gets the current beta (y - V) from outside: live, or
held at the voltage of the free phase.
"""

from __future__ import annotations

from typing import Any

from neurosim.jit import HEADER, drift_signature, helper, kernel, model_entries
from neurosim.physics.resistive.laws.table import branch_current

# Entries of `layout` behind the block table; all but the first four are places in `p` and `u`.
BRANCHES, NODES, OUTPUTS, FROZEN, GAINS, WEIGHTS, RATES, OFFSETS, TARGETS, NUDGES, HELD, CURRENTS, TABLE = range(13)
BRANCH_ENTRIES = 4  # law, first node, second node, place of its numbers in `p`


@helper
def node_voltages(r: int, y: Any, model: Any, V: Any) -> None:
    """Write the voltage of every node in row `r` into `V`, shape (nodes,)."""
    p, layout, u, _ = model
    at = model_entries(layout)
    nodes, n = layout[at + NODES], layout[HEADER + 2]
    roots = at + TABLE
    for i in range(nodes):
        V[i] = u[layout[at + OFFSETS] + r * nodes + i]
        if layout[roots + i] >= 0:
            V[i] += p[layout[at + GAINS] + i] * y[r * n + layout[roots + i]]


@kernel(drift_signature)
def drift(t: float, y: Any, model: Any, out: Any) -> None:
    """Write dv/dt of every free node of all rows, in V/s."""
    p, layout, u, work = model
    rows, n = layout[0], layout[HEADER + 2]
    at = model_entries(layout)
    branches, nodes, outputs = layout[at + BRANCHES], layout[at + NODES], layout[at + OUTPUTS]
    roots = at + TABLE
    table = roots + nodes
    read = table + BRANCH_ENTRIES * branches
    V, leaving = work[:nodes], work[nodes : 2 * nodes]
    held = layout[at + FROZEN] != 0
    zero = y.dtype.type(0.0)
    for r in range(rows):
        node_voltages(r, y, model, V)
        for i in range(nodes):
            leaving[i] = zero
        for k in range(branches):
            e = table + BRANCH_ENTRIES * k
            a, b = layout[e + 1], layout[e + 2]
            i = branch_current(layout[e], V[a] - V[b], p, layout[e + 3])
            leaving[a] += i
            leaving[b] -= i
        beta = u[layout[at + NUDGES] + r]
        if beta != 0:
            for k in range(outputs):
                node, place = layout[read + k], r * outputs + k
                here = u[layout[at + HELD] + place] if held else V[node]
                leaving[node] -= beta * (u[layout[at + TARGETS] + place] - here)
        for k in range(n):
            out[r * n + k] = u[layout[at + CURRENTS] + r * n + k]
        for i in range(nodes):
            if layout[roots + i] >= 0:
                out[r * n + layout[roots + i]] -= p[layout[at + WEIGHTS] + i] * leaving[i]
        for k in range(n):
            out[r * n + k] *= p[layout[at + RATES] + k]
