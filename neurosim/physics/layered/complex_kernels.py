"""The network of point neurons with complex states: drift, closed-form sweeps, and what is read off its copies.

    v_k = W_{k-1} s_{k-1} + b_k + B_k s_{k+1},      v_L = W_{L-1} s_{L-1} + b_L - beta dC/ds(s_L),     beta complex
    activity coordinates:  tau ds/dt = -s + f(v)    membrane coordinates:  tau du/dt = -u + v,  s = f(u)

Every block has two planes, real and imaginary part. Conductances are real, so one product serves both planes, and a
complex unit costs as much as two real ones; activation and cost are continued to complex arguments.

Source: A. Laborieux, F. Zenke, Holomorphic equilibrium propagation, NeurIPS 2022, arXiv 2209.00530.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from neurosim.jit import INDEX, block, drift_signature, helper, kernel, model_entries, model_type, vector
from neurosim.physics.elementary import exp
from neurosim.physics.holomorphic.activation_kernels import activate, by_holomorphic_activation
from neurosim.physics.holomorphic.elementary import sine_cosine
from neurosim.physics.layered.layout import (
    ACTIVATION,
    ACTIVITY,
    COORDINATES,
    COST,
    DRIVE,
    FEEDBACK,
    FORWARD,
    HELD,
    LAYER_ENTRIES,
    LAYERS,
    MEMBRANE,
    NUDGE,
    OUTPUT_ACTIVATION,
    OUTPUTS,
    PREDICTION,
    READOUT,
    READOUT_BIAS,
    TARGETS,
)
from neurosim.physics.layered.response import add, copy
from neurosim.physics.layered.sweep_kernels import squared_distance
from neurosim.physics.names import ACTIVATION_CODE, COST_CODE

IDENTITY = ACTIVATION_CODE["identity"]
SQUARED_ERROR, CROSS_ENTROPY = COST_CODE["squared_error"], COST_CODE["cross_entropy"]


@by_holomorphic_activation
def relax_planes(f: Any) -> Any:
    """Make ``relax_planes(code, lam, v, y, out)``: out = lam (f(v) - y), two planes each, flat."""

    def relax(lam: Any, v: Any, y: Any, out: Any) -> None:
        n = v.size // 2
        v_re, v_im, y_re, y_im, out_re, out_im = v[:n], v[n:], y[:n], y[n:], out[:n], out[n:]
        for i in range(n):
            re, im = f(v_re[i], v_im[i])
            out_re[i] = lam * (re - y_re[i])
            out_im[i] = lam * (im - y_im[i])

    return relax


@helper
def complex_softmax(s: Any, rows: int, n: int) -> None:
    """Replace the planes `s` (2, rows, n), flat, by e^s / sum e^s of every row."""
    re, im = s[: rows * n].reshape(rows, n), s[rows * n :].reshape(rows, n)
    for r in range(rows):
        highest = re[r, 0]
        for j in range(1, n):
            highest = max(highest, re[r, j])
        total_re, total_im = type(highest)(0.0), type(highest)(0.0)
        for j in range(n):
            size, (sine, cosine) = exp(re[r, j] - highest), sine_cosine(im[r, j])
            re[r, j], im[r, j] = size * cosine, size * sine
            total_re += re[r, j]
            total_im += im[r, j]
        scale = type(highest)(1.0) / (total_re * total_re + total_im * total_im)
        for j in range(n):
            a, b = re[r, j], im[r, j]
            re[r, j] = (a * total_re + b * total_im) * scale
            im[r, j] = (b * total_re - a * total_im) * scale


@helper
def readout_gradient(s: Any, target: Any, model: Any, g: Any) -> None:
    """Write dC/ds behind the readout at the activity `s` into `g`; planes, flat. R is real and serves both planes."""
    p, layout, _, work = model
    rows, at = layout[0], model_entries(layout)
    R_at, c_at, m = layout[at + READOUT], layout[at + READOUT_BIAS], layout[at + OUTPUTS]
    n = s.size // (2 * rows)
    R = p[R_at : R_at + n * m].reshape(n, m)
    z = work[layout[at + PREDICTION] : layout[at + PREDICTION] + 2 * rows * m]
    np.dot(s.reshape(2 * rows, n), R, z.reshape(2 * rows, m))
    for r in range(rows):
        add(p[c_at : c_at + m], z[r * m : (r + 1) * m])
    if layout[at + COST] == CROSS_ENTROPY:
        complex_softmax(z, rows, m)
    for i in range(rows * m):
        z[i] -= target[i]
    np.dot(z.reshape(2 * rows, m), R.T, g.reshape(2 * rows, n))


@helper
def add_nudge(s: Any, target: Any, nudge: Any, model: Any, g: Any, v: Any) -> None:
    """Add -beta dC/ds at the activity `s` to `v`; planes, flat. `nudge` has beta of each row, `g` is scratch."""
    layout = model.layout
    at = model_entries(layout)
    rows = nudge.size // 2
    size = g.size // 2
    n = size // rows
    if layout[at + READOUT] >= 0:
        readout_gradient(s, target, model, g)
        for r in range(rows):
            b_re, b_im = nudge[r], nudge[rows + r]
            for i in range(r * n, (r + 1) * n):
                re, im = g[i], g[size + i]
                v[i] -= b_re * re - b_im * im
                v[size + i] -= b_re * im + b_im * re
        return
    copy(s, g)
    if layout[at + COST] == CROSS_ENTROPY:
        complex_softmax(g, rows, n)
    for r in range(rows):
        b_re, b_im = nudge[r], nudge[rows + r]
        for i in range(r * n, (r + 1) * n):
            re, im = g[i] - target[i], g[size + i]
            v[i] -= b_re * re - b_im * im
            v[size + i] -= b_re * im + b_im * re


@helper
def own_current(k: int, s: Any, model: Any) -> Any:
    """Return the current of block `k`, planes, flat, without a nudge; `s` holds the activities of all blocks."""
    p, layout, u, work = model
    rows, count, at = layout[0], layout[1], model_entries(layout)
    n = block(layout, k)[2]
    size = rows * n
    entry = at + LAYERS + LAYER_ENTRIES * k
    v = work[layout[at + FORWARD] : layout[at + FORWARD] + 2 * size]
    if k == 0:
        copy(u[layout[at + DRIVE] : layout[at + DRIVE] + size], v[:size])
        for i in range(size, 2 * size):
            v[i] = 0.0
    else:
        below, _, m_n = block(layout, k - 1)
        W = p[layout[entry] : layout[entry] + m_n * n].reshape(m_n, n)
        bias = p[layout[entry + 2] : layout[entry + 2] + n]
        np.dot(s[below : below + 2 * rows * m_n].reshape(2 * rows, m_n), W, v.reshape(2 * rows, n))
        for r in range(rows):
            add(bias, v[r * n : (r + 1) * n])
        held = layout[entry + HELD]
        if held >= 0:
            add(u[held : held + size], v[:size])
    if k < count - 1:
        above, _, e_n = block(layout, k + 1)
        B = p[layout[entry + 1] : layout[entry + 1] + e_n * n].reshape(e_n, n)
        F = work[layout[at + FEEDBACK] : layout[at + FEEDBACK] + 2 * size]
        np.dot(s[above : above + 2 * rows * e_n].reshape(2 * rows, e_n), B, F.reshape(2 * rows, n))
        add(F, v)
    return v


@helper
def total_current(k: int, s: Any, model: Any) -> Any:
    """Return the current of block `k` with its nudge, planes, flat; `s` holds the activities of all blocks."""
    layout, u, work = model.layout, model.u, model.work
    rows, at = layout[0], model_entries(layout)
    offset = block(layout, k)[0]
    v = own_current(k, s, model)
    if k == layout[1] - 1:
        target = u[layout[at + TARGETS] : layout[at + TARGETS] + rows * layout[at + OUTPUTS]]
        nudge = u[layout[at + NUDGE] : layout[at + NUDGE] + 2 * rows]
        g = work[layout[at + FEEDBACK] : layout[at + FEEDBACK] + v.size]
        add_nudge(s[offset : offset + v.size], target, nudge, model, g, v)
    return v


@helper
def activities_of(y: Any, model: Any) -> Any:
    """Return the activities of all blocks, flat: the state itself, or f(u) in scratch."""
    layout, work = model.layout, model.work
    at = model_entries(layout)
    if layout[at + COORDINATES] != MEMBRANE:
        return y
    s = work[layout[at + ACTIVITY] : layout[at + ACTIVITY] + y.size]
    copy(y, s)
    for k in range(layout[1]):
        offset, planes, n = block(layout, k)
        code = layout[at + OUTPUT_ACTIVATION] if k == layout[1] - 1 else layout[at + ACTIVATION]
        activate(code, s[offset : offset + planes * layout[0] * n])
    return s


@helper
def complex_rates_of(y: Any, model: Any, out: Any) -> Any:
    """Write the rate of every complex state into `out`, for all rows; return the activities of all blocks, flat."""
    layout = model.layout
    at = model_entries(layout)
    membrane = layout[at + COORDINATES] == MEMBRANE
    s = activities_of(y, model)
    for k in range(layout[1]):
        offset, planes, n = block(layout, k)
        lo, hi = offset, offset + planes * layout[0] * n
        code = layout[at + OUTPUT_ACTIVATION] if k == layout[1] - 1 else layout[at + ACTIVATION]
        v = total_current(k, s, model)
        relax_planes(IDENTITY if membrane else code, model.p[k], v, y[lo:hi], out[lo:hi])
    return s


@kernel(drift_signature)
def complex_drift(t: float, y: Any, model: Any, out: Any) -> None:
    """Write the rate of every complex state, in 1/s, for all rows (see the module for the equation)."""
    complex_rates_of(y, model, out)


@helper
def proximal_planes(v: Any, target: Any, nudge: Any) -> None:
    """Replace the current of linear outputs without a nudge, planes, flat, by (v + beta y) / (1 + beta)."""
    rows = nudge.size // 2
    size = v.size // 2
    n = size // rows
    for r in range(rows):
        b_re, b_im = nudge[r], nudge[rows + r]
        d_re = type(b_re)(1.0) + b_re
        scale = type(b_re)(1.0) / (d_re * d_re + b_im * b_im)
        for i in range(r * n, (r + 1) * n):
            re, im = v[i] + b_re * target[i], v[size + i] + b_im * target[i]
            v[i] = (re * d_re + im * b_im) * scale
            v[size + i] = (im * d_re - re * b_im) * scale


@kernel(lambda real: types.void(INDEX, vector(real), model_type(real), vector(types.float64)))
def visit_complex_layers(visits: Any, y: Any, model: Any, changes: Any) -> None:
    """Let the blocks `visits` jump to their currents in turn; add the squares of all changes of a row to `changes`.

    The nudge has a closed form for linear outputs and squared error; elsewhere it takes the activity of before.
    """
    layout, u = model.layout, model.u
    rows, at = layout[0], model_entries(layout)
    membrane = layout[at + COORDINATES] == MEMBRANE
    implicit = layout[at + COST] == SQUARED_ERROR and layout[at + OUTPUT_ACTIVATION] == IDENTITY
    implicit = implicit and layout[at + READOUT] < 0
    s = activities_of(y, model)
    for k in visits:
        offset, _, n = block(layout, k)
        size = rows * n
        lo, hi = offset, offset + 2 * size
        top = k == layout[1] - 1
        code = layout[at + OUTPUT_ACTIVATION] if top else layout[at + ACTIVATION]
        if top and implicit:
            v = own_current(k, s, model)
            target = u[layout[at + TARGETS] : layout[at + TARGETS] + size]
            proximal_planes(v, target, u[layout[at + NUDGE] : layout[at + NUDGE] + 2 * rows])
        else:
            v = total_current(k, s, model)
        if not membrane:
            activate(code, v)
        for r in range(2 * rows):
            row = y[lo + r * n : lo + (r + 1) * n]
            changes[r % rows] += squared_distance(v[r * n : (r + 1) * n], row)
        copy(v, y[lo:hi])
        if membrane:
            copy(v, s[lo:hi])
            activate(code, s[lo:hi])


def _read_signature(real: Any) -> Any:
    return types.void(types.Array(real, 2, "C"), vector(real), model_type(real), types.int64, types.int64, vector(real))


@kernel(_read_signature)
def read_copies(weights: Any, y: Any, model: Any, samples: int, first: int, out: Any) -> None:
    """Add sum_c weights[0, c] Re s + weights[1, c] Im s to rows `first` on of `out`, a flat signal.

    `samples` are the rows of that signal. `weights` has shape (2, copies): the rows of the system are those of the
    samples, once for every copy c.
    """
    layout = model.layout
    copies = weights.shape[1]
    each = layout[0] // copies
    s = activities_of(y, model)
    start = 0
    for k in range(layout[1]):
        offset, _, n = block(layout, k)
        line = each * n
        sums = out[start + first * n : start + first * n + line]
        for c in range(copies):
            w_re, w_im = weights[0, c], weights[1, c]
            re = s[offset + c * line : offset + (c + 1) * line]
            im = s[offset + (copies + c) * line : offset + (copies + c + 1) * line]
            for i in range(line):
                sums[i] += w_re * re[i] + w_im * im[i]
        start += samples * n
