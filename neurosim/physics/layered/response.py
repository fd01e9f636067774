"""What a layer answers to its currents, for kernels: the pieces that the drift and the closed-form sweeps share.

    v = (a + gain F + Lambda s) / (1 + Lambda),     s = f(v)

a: forward current with the bias, F: feedback current, Lambda: damping, s: activity of the compartment itself. The nudge
of the outputs is a feedback current like any other, F_L = -beta dC/ds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.jit import helper, inlined, model_entries
from neurosim.physics.activation_kernels import activate, by_activation
from neurosim.physics.cost_kernels import cost_gradient
from neurosim.physics.layered.layout import (
    AT_COMPARTMENT,
    AT_FROZEN,
    COMPARTMENTS,
    COST,
    GRADIENT,
    OUTPUTS,
    PREDICTION,
    READOUT,
    READOUT_BIAS,
    TABLES,
)


@helper
def copy(source: Any, out: Any) -> None:
    """Copy a flat array; a slice assignment would compile the error message it could raise, for two seconds."""
    for i in range(out.size):
        out[i] = source[i]


@inlined
def tables(p: Any, layout: Any) -> Any:
    """Return p_c, q_c and gain_c: the weights of the compartments forward and backward, and their gains."""
    at = model_entries(layout)
    planes, start = layout[at + COMPARTMENTS], layout[at + TABLES]
    return p[start : start + planes], p[start + planes : start + 2 * planes], p[start + 2 * planes : start + 3 * planes]


@helper
def combine(weights: Any, s: Any, out: Any) -> None:
    """Write sum_c weights_c s_c into `out` (flat); `s` holds the planes one after the other."""
    n = out.size
    first = s[:n]
    if weights.size == 1:
        w = weights[0]
        for i in range(n):
            out[i] = w * first[i]
    else:
        w0, w1, second = weights[0], weights[1], s[n:]
        for i in range(n):
            out[i] = w0 * first[i] + w1 * second[i]


@helper
def add_to_rows(current: Any, a: Any) -> None:
    """Add a current (n,) to every row of `a`, (rows, n)."""
    rows, n = a.shape
    for r in range(rows):
        for j in range(n):
            a[r, j] += current[j]


@helper
def forward_current(m: Any, W: Any, bias: Any, a: Any) -> None:
    """Write m W + bias into `a`, (rows, n)."""
    np.dot(m, W, a)
    add_to_rows(bias, a)


@helper
def add(current: Any, a: Any) -> None:
    """Add a current to `a`, both flat."""
    for i in range(a.size):
        a[i] += current[i]


@helper
def damped_current(damping: Any, gain: Any, a: Any, F: Any, s: Any, v: Any) -> None:
    """Write (a + gain F + Lambda s) / (1 + Lambda) into `v`, all arrays flat."""
    one = type(damping)(1.0)
    keep = one / (one + damping)
    for i in range(v.size):
        v[i] = keep * (a[i] + gain * F[i] + damping * s[i])


@by_activation
def respond(f: Any) -> Any:
    """Make ``respond(code, gain, a, F, out)``: out = f(a + gain F), all arrays flat."""

    def answer(gain: Any, a: Any, F: Any, out: Any) -> None:
        for i in range(out.size):
            out[i] = f(a[i] + gain * F[i])

    return answer


@helper
def output_gradient(s: Any, target: Any, model: Any, g: Any) -> None:
    """Write dC/ds at outputs `s` (rows, units) into `g`, through the readout if there is one; `g` may be `s` itself."""
    p, layout, _, work = model
    at = model_entries(layout)
    R_at, c_at, m = layout[at + READOUT], layout[at + READOUT_BIAS], layout[at + OUTPUTS]
    if R_at < 0:
        cost_gradient(layout[at + COST], s, target, g)
    else:
        rows, n = s.shape
        R = p[R_at : R_at + n * m].reshape(n, m)
        z = work[layout[at + PREDICTION] : layout[at + PREDICTION] + rows * m].reshape(rows, m)
        forward_current(s, R, p[c_at : c_at + m], z)
        cost_gradient(layout[at + COST], z, target, z)
        np.dot(z, R.T, g)


@helper
def nudge_current(code: int, a: Any, nudge: Any, target: Any, frozen: Any, s: Any, model: Any, F: Any) -> None:
    """Write -beta dC/ds into `F`: at the prediction f(a), at the activity `s` of a compartment, or as it is held.

    All arrays are (rows, units), but for `nudge`, beta of each row, and `target`, (rows, outputs).
    """
    gradient = model.layout[model_entries(model.layout) + GRADIENT]
    rows, n = F.shape
    flat = F.reshape(rows * n)
    if gradient == AT_FROZEN:
        copy(frozen.reshape(rows * n), flat)
    elif gradient == AT_COMPARTMENT:
        output_gradient(s, target, model, F)
    else:
        copy(a.reshape(rows * n), flat)
        activate(code, flat)
        output_gradient(F, target, model, F)
    for r in range(rows):
        for j in range(n):
            F[r, j] *= -nudge[r]
