"""The drift of the compartment network: one kernel for point neurons and dyads, in activity or membrane coordinates.

    v_{k,c} = W_{k-1} sum_c p_c s_{k-1,c} + b_k + gain_c B_k sum_c q_c s_{k+1,c}                    hidden layers
    v_{L,c} = W_{L-1} sum_c p_c s_{L-1,c} + b_L - gain_c beta dC/ds                                 output layer
    activity coordinates:  tau ds/dt = -s + f(v)         membrane coordinates:  tau du/dt = -u + v,  s = f(u)

A damped layer sees (v + Lambda s) / (1 + Lambda) in place of v. Symbols: m mean sent forward, e difference sent back,
a forward current, F feedback current, g cost gradient, lam leak rate. The nudge enters as a current, inside f.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from neurosim.jit import BLOCK_ENTRIES, HEADER, drift_signature, helper, kernel, vector
from neurosim.physics.activation_kernels import activate
from neurosim.physics.cost_kernels import cost_gradient
from neurosim.physics.layered.layout import (
    ACTIVATION,
    ACTIVITY,
    AT_COMPARTMENT,
    AT_CURRENT,
    AT_FROZEN,
    COMPARTMENTS,
    COORDINATES,
    COST,
    DAMPING,
    DIFFERENCE,
    DRIVE,
    FEEDBACK,
    FORWARD,
    FROZEN,
    GRADIENT,
    LAYER_ENTRIES,
    LAYERS,
    MEAN,
    MEMBRANE,
    NUDGE,
    OUTPUT_ACTIVATION,
    TABLES,
    TARGETS,
)
from neurosim.physics.names import ACTIVATION_CODE

RELU = ACTIVATION_CODE["relu"]
CHUNK = 2048  # values per pass: current, feedback, state and rate of a chunk stay in the first-level cache


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


@kernel(lambda real: types.void(vector(real), vector(real), vector(real)))
def combine_planes(weights: Any, s: Any, out: Any) -> None:
    """Write sum_c weights_c s_c into `out`; for callers in Python, all arrays flat."""
    combine(weights, s, out)


@helper
def leak(code: int, membrane: bool, lam: Any, y: Any, out: Any) -> None:
    """Turn the total current in `out` into the rate, in place."""
    if membrane:
        for i in range(out.size):
            out[i] = lam * (out[i] - y[i])
    else:
        activate(code, out)
        for i in range(out.size):
            out[i] = lam * (out[i] - y[i])


@helper
def damp(damping: Any, s: Any, v: Any) -> None:
    """Replace the current v by (v + Lambda s) / (1 + Lambda)."""
    keep = type(damping)(1.0) / (type(damping)(1.0) + damping)
    for i in range(v.size):
        v[i] = keep * (v[i] + damping * s[i])


@helper
def relax_rectified(lam: Any, gain: Any, a: Any, bias: Any, F: Any, y: Any, out: Any) -> None:
    """Write the rates of a plane of rectified units, all arrays (rows, n), in one pass: relu is that cheap."""
    zero = type(gain)(0.0)
    rows, n = a.shape
    for r in range(rows):
        for j in range(n):
            out[r, j] = lam * (max(a[r, j] + bias[j] + gain * F[r, j], zero) - y[r, j])


@helper
def relax_hidden(
    code: int, membrane: bool, lam: Any, damping: Any, gain: Any, a: Any, bias: Any, F: Any, s: Any, y: Any, out: Any
) -> None:  # fmt: skip
    """Write the rates of a hidden layer; a, F are (rows, n), s, y and out flat with one plane per compartment."""
    rows, n = a.shape
    size = rows * n
    step = max(1, CHUNK // n)
    for c in range(gain.size):
        gc = gain[c]
        plane, state, activity = (
            out[c * size : (c + 1) * size],
            y[c * size : (c + 1) * size],
            s[c * size : (c + 1) * size],
        )
        v = plane.reshape(rows, n)
        if code == RELU and damping == 0 and not membrane:
            relax_rectified(lam, gc, a, bias, F, state.reshape(rows, n), v)
            continue
        for r0 in range(0, rows, step):
            r1 = min(rows, r0 + step)
            for r in range(r0, r1):
                for j in range(n):
                    v[r, j] = a[r, j] + bias[j] + gc * F[r, j]
            lo, hi = r0 * n, r1 * n
            if damping > 0:
                damp(damping, activity[lo:hi], plane[lo:hi])
            leak(code, membrane, lam, state[lo:hi], plane[lo:hi])


@helper
def relax_output(
    code: int, membrane: bool, lam: Any, gradient: int, cost: int, gain: Any, a: Any, bias: Any, nudge: Any, target:
    Any, frozen: Any, g: Any, s: Any, y: Any, out: Any,
) -> None:  # fmt: skip
    """Write the rates of the output layer; the nudge of each row is a current, and `g` is scratch for dC/ds."""
    rows, n = a.shape
    if gradient == AT_CURRENT:
        for r in range(rows):
            for j in range(n):
                g[r, j] = a[r, j] + bias[j]
        activate(code, g.reshape(rows * n))
        cost_gradient(cost, g, target, g)
    elif gradient == AT_FROZEN:
        g[:] = frozen
    for c in range(gain.size):
        lo, hi = c * rows * n, (c + 1) * rows * n
        if gradient == AT_COMPARTMENT:
            cost_gradient(cost, s[lo:hi].reshape(rows, n), target, g)
        v = out[lo:hi].reshape(rows, n)
        for r in range(rows):
            strength = gain[c] * nudge[r]
            for j in range(n):
                v[r, j] = a[r, j] + bias[j] - strength * g[r, j]
        leak(code, membrane, lam, y[lo:hi], out[lo:hi])


@kernel(drift_signature)
def drift(t: float, y: Any, p: Any, layout: Any, u: Any, work: Any, out: Any) -> None:
    """Write the rate of every state, in 1/s, for all rows (see the module for the equation)."""
    rows, count = layout[0], layout[1]
    at = HEADER + BLOCK_ENTRIES * count
    planes = layout[at + COMPARTMENTS]
    membrane = layout[at + COORDINATES] == MEMBRANE
    tables = layout[at + TABLES]
    forward, backward = p[tables : tables + planes], p[tables + planes : tables + 2 * planes]
    gain = p[tables + 2 * planes : tables + 3 * planes]
    hidden_code, output_code = layout[at + ACTIVATION], layout[at + OUTPUT_ACTIVATION]
    plain = planes == 1 and forward[0] == 1 and backward[0] == 1  # products read the state itself

    s = y
    if membrane:
        s = work[layout[at + ACTIVITY] : layout[at + ACTIVITY] + y.size]
        s[:] = y
        last = layout[HEADER + BLOCK_ENTRIES * (count - 1)]
        activate(hidden_code, s[:last])
        activate(output_code, s[last:])

    for k in range(count):
        offset, n = layout[HEADER + BLOCK_ENTRIES * k], layout[HEADER + BLOCK_ENTRIES * k + 2]
        size = rows * n
        entry = at + LAYERS + LAYER_ENTRIES * k
        bias = p[layout[entry + 2] : layout[entry + 2] + n]
        if k == 0:
            a = u[layout[at + DRIVE] : layout[at + DRIVE] + size].reshape(rows, n)
        else:
            below, m_n = layout[HEADER + BLOCK_ENTRIES * (k - 1)], layout[HEADER + BLOCK_ENTRIES * (k - 1) + 2]
            m = s[below : below + rows * m_n]
            if not plain:
                m = work[layout[at + MEAN] : layout[at + MEAN] + rows * m_n]
                combine(forward, s[below : below + planes * rows * m_n], m)
            W = p[layout[entry] : layout[entry] + m_n * n].reshape(m_n, n)
            a = work[layout[at + FORWARD] : layout[at + FORWARD] + size].reshape(rows, n)
            np.dot(m.reshape(rows, m_n), W, a)
        F = work[layout[at + FEEDBACK] : layout[at + FEEDBACK] + size].reshape(rows, n)
        sk, yk = s[offset : offset + planes * size], y[offset : offset + planes * size]
        ok = out[offset : offset + planes * size]
        if k < count - 1:
            above, e_n = layout[HEADER + BLOCK_ENTRIES * (k + 1)], layout[HEADER + BLOCK_ENTRIES * (k + 1) + 2]
            e = s[above : above + rows * e_n]
            if not plain:
                e = work[layout[at + DIFFERENCE] : layout[at + DIFFERENCE] + rows * e_n]
                combine(backward, s[above : above + planes * rows * e_n], e)
            B = p[layout[entry + 1] : layout[entry + 1] + e_n * n].reshape(e_n, n)
            np.dot(e.reshape(rows, e_n), B, F)
            relax_hidden(hidden_code, membrane, p[k], p[layout[at + DAMPING] + k], gain, a, bias, F, sk, yk, ok)
        else:
            target = u[layout[at + TARGETS] : layout[at + TARGETS] + size].reshape(rows, n)
            frozen = u[layout[at + FROZEN] : layout[at + FROZEN] + size].reshape(rows, n)
            nudge = u[layout[at + NUDGE] : layout[at + NUDGE] + rows]
            relax_output(
                output_code, membrane, p[k], layout[at + GRADIENT], layout[at + COST], gain, a, bias, nudge, target,
                frozen, F, sk, yk, ok,
            )  # fmt: skip
