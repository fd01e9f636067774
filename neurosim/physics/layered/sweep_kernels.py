"""Kernels of the closed-form layer sweeps; what they compute is said in `neurosim.physics.layered.sweeps`.

All of them work on the same two arrays. `memory` holds, one after the other and per layer: forward currents, feedback
currents, means, differences; then room for the planes of a chunk. `fresh` says which currents still belong to the
states: forward currents first, then feedback currents.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from neurosim.jit import INDEX, block, helper, kernel, model_entries, model_type, reduction, vector
from neurosim.physics.activation_kernels import activate
from neurosim.physics.layered.layout import (
    ACTIVATION,
    AT_COMPARTMENT,
    COMPARTMENTS,
    COORDINATES,
    COST,
    DAMPING,
    DRIVE,
    FEEDBACK_OFFSET,
    FROZEN,
    GRADIENT,
    HELD,
    LAYER_ENTRIES,
    LAYERS,
    MEMBRANE,
    NUDGE,
    OUTPUT_ACTIVATION,
    OUTPUTS,
    READOUT,
    TARGETS,
    TIED,
)
from neurosim.physics.layered.reading import activities
from neurosim.physics.layered.response import (
    add,
    add_to_rows,
    combine,
    copy,
    damped_current,
    forward_current,
    nudge_current,
    respond,
    tables,
)
from neurosim.physics.names import ACTIVATION_CODE, COST_CODE

IDENTITY = ACTIVATION_CODE["identity"]
SQUARED_ERROR = COST_CODE["squared_error"]
CHUNK = 1024  # values per pass: all that belongs to a chunk stays in the first-level cache


@reduction
def squared_distance(x: Any, y: Any) -> float:
    """Return sum (x - y)^2 of two flat arrays."""
    total = x.dtype.type(0.0)
    for i in range(x.size):
        d = x[i] - y[i]
        total += d * d
    return float(total)


@helper
def proximal_response(gain: Any, a: Any, nudge: Any, target: Any, F: Any, v: Any) -> None:
    """Write (a + gain (beta y + F)) / (1 + gain beta) into `v`, all flat; `nudge` has beta of each row."""
    n = v.size // nudge.size
    one = type(gain)(1.0)
    for r in range(nudge.size):
        strength = gain * nudge[r]
        for i in range(r * n, (r + 1) * n):
            v[i] = (a[i] + strength * target[i] + gain * F[i]) / (one + strength)


@helper
def current(k: int, model: Any, memory: Any, total: int) -> Any:
    """Return the forward current of block `k`, flat; that of the first is the drive, the others are computed now."""
    p, layout, u, _ = model
    rows, at = layout[0], model_entries(layout)
    planes = layout[at + COMPARTMENTS]
    offset, _, n = block(layout, k)
    if k == 0:
        return u[layout[at + DRIVE] : layout[at + DRIVE] + rows * n]
    below, _, m_n = block(layout, k - 1)
    entry = at + LAYERS + LAYER_ENTRIES * k
    m = memory[2 * total + below // planes : 2 * total + below // planes + rows * m_n]
    W = p[layout[entry] : layout[entry] + m_n * n].reshape(m_n, n)
    a = memory[offset // planes : offset // planes + rows * n]
    forward_current(m.reshape(rows, m_n), W, p[layout[entry + 2] : layout[entry + 2] + n], a.reshape(rows, n))
    held = layout[entry + HELD]
    if held >= 0:
        add(u[held : held + rows * n], a)
    return a


@helper
def feedback(k: int, model: Any, memory: Any, total: int, F: Any) -> None:
    """Write the feedback current of the hidden block `k` into `F`, flat; W^T needs no copy where it is B."""
    p, layout = model.p, model.layout
    rows, at = layout[0], model_entries(layout)
    n, d = block(layout, k)[2], layout[at + LAYERS + LAYER_ENTRIES * k + FEEDBACK_OFFSET]
    offset, planes, e_n = block(layout, k + 1)
    e = memory[3 * total + offset // planes : 3 * total + offset // planes + rows * e_n].reshape(rows, e_n)
    if layout[at + TIED]:
        W_at = layout[at + LAYERS + LAYER_ENTRIES * (k + 1)]
        np.dot(e, p[W_at : W_at + n * e_n].reshape(n, e_n).T, F.reshape(rows, n))
    else:
        B_at = layout[at + LAYERS + LAYER_ENTRIES * k + 1]
        np.dot(e, p[B_at : B_at + n * e_n].reshape(e_n, n), F.reshape(rows, n))
    if d >= 0:
        add_to_rows(p[d : d + n], F.reshape(rows, n))


@helper
def new_state(code: int, membrane: bool, damping: Any, gain: Any, a: Any, F: Any, s: Any, v: Any) -> None:
    """Write what a compartment in state `s` jumps to into `v`, all flat."""
    if damping > 0:
        copy(s, v)
        if membrane:
            activate(code, v)
        damped_current(damping, gain, a, F, v, v)
        if not membrane:
            activate(code, v)
    else:
        respond(IDENTITY if membrane else code, gain, a, F, v)


def _visit_signature(real: Any) -> Any:
    return types.void(INDEX, vector(real), model_type(real), vector(real), INDEX, vector(types.float64))


@kernel(_visit_signature)
def visit_layers(visits: Any, y: Any, model: Any, memory: Any, fresh: Any, changes: Any) -> None:
    """Update the blocks `visits` in turn, and add the squares of what changed in every row to `changes`."""
    p, layout, u, _ = model
    rows, count = layout[0], layout[1]
    at = model_entries(layout)
    planes = layout[at + COMPARTMENTS]
    membrane = layout[at + COORDINATES] == MEMBRANE
    gradient, cost = layout[at + GRADIENT], layout[at + COST]
    # The nudge at the activity itself has a closed form here; elsewhere it takes the activity of the sweep before.
    implicit = gradient == AT_COMPARTMENT and cost == SQUARED_ERROR and layout[at + OUTPUT_ACTIVATION] == IDENTITY
    implicit = implicit and layout[at + READOUT] < 0
    outputs = layout[at + OUTPUTS]
    forward, backward, gain = tables(p, layout)
    total = y.size // planes
    for k in visits:
        offset, _, n = block(layout, k)
        size = rows * n
        lo, hi = offset // planes, offset // planes + size
        top = k == count - 1
        code = layout[at + OUTPUT_ACTIVATION] if top else layout[at + ACTIVATION]
        damping, d = p[layout[at + DAMPING] + k], layout[at + LAYERS + LAYER_ENTRIES * k + FEEDBACK_OFFSET]
        a = memory[lo:hi]
        if k == 0 or not fresh[k]:
            a = current(k, model, memory, total)
            fresh[k] = 1
        F = memory[total + lo : total + hi]
        if not top and not fresh[count + k]:
            feedback(k, model, memory, total, F)
            fresh[count + k] = 1
        nudge, target = u[layout[at + NUDGE] : layout[at + NUDGE] + rows], u[layout[at + TARGETS] :]
        F2 = F.reshape(rows, n)
        if top and implicit:
            for i in range(size):
                F[i] = 0.0
        elif top:
            frozen = u[layout[at + FROZEN] : layout[at + FROZEN] + size].reshape(rows, n)
            a2, target2 = a.reshape(rows, n), target[: rows * outputs].reshape(rows, outputs)
            s2 = activities(k, y, model)[:size].reshape(rows, n)
            nudge_current(code, a2, nudge, target2, frozen, s2, model, F2)
        if top and d >= 0:
            add_to_rows(p[d : d + n], F2)
        step = max(1, CHUNK // n)
        for r0 in range(0, rows, step):
            r1 = min(rows, r0 + step)
            i0, i1 = r0 * n, r1 * n
            activity = memory[4 * total : 4 * total + planes * (i1 - i0)]
            for c in range(planes):
                s, v = y[offset + c * size + i0 : offset + c * size + i1], activity[c * (i1 - i0) : (c + 1) * (i1 - i0)]
                if top and implicit:
                    proximal_response(gain[c], a[i0:i1], nudge[r0:r1], target[i0:i1], F[i0:i1], v)
                else:
                    new_state(code, membrane, damping, gain[c], a[i0:i1], F[i0:i1], s, v)
                for r in range(r1 - r0):
                    changes[r0 + r] += squared_distance(v[r * n : (r + 1) * n], s[r * n : (r + 1) * n])
                copy(v, s)
                if membrane:
                    activate(code, v)
            combine(forward, activity, memory[2 * total + lo + i0 : 2 * total + lo + i1])
            combine(backward, activity, memory[3 * total + lo + i0 : 3 * total + lo + i1])
        if not top:
            fresh[k + 1] = 0
        if k > 0:
            fresh[count + k - 1] = 0


def _pass_signature(real: Any) -> Any:
    return types.void(vector(real), model_type(real), vector(real), INDEX)


@kernel(_pass_signature)
def pass_forward(y: Any, model: Any, memory: Any, fresh: Any) -> None:
    """Set all planes of every layer to its free response, from the inputs on.

    A damped membrane rests at u = (v + Lambda f(v)) / (1 + Lambda), which has the activity of v.
    """
    p, layout = model.p, model.layout
    rows, count = layout[0], layout[1]
    at = model_entries(layout)
    planes = layout[at + COMPARTMENTS]
    membrane = layout[at + COORDINATES] == MEMBRANE
    total = y.size // planes
    for k in range(count):
        offset, _, n = block(layout, k)
        size = rows * n
        lo, hi = offset // planes, offset // planes + size
        code = layout[at + OUTPUT_ACTIVATION] if k == count - 1 else layout[at + ACTIVATION]
        damping = p[layout[at + DAMPING] + k]
        a = current(k, model, memory, total)
        memory[3 * total + lo : 3 * total + hi] = 0.0
        for i0 in range(0, size, CHUNK):
            i1 = min(size, i0 + CHUNK)
            m, zero = (
                memory[2 * total + lo + i0 : 2 * total + lo + i1],
                memory[3 * total + lo + i0 : 3 * total + lo + i1],
            )
            copy(a[i0:i1], m)
            activate(code, m)
            for c in range(planes):
                s = y[offset + c * size + i0 : offset + c * size + i1]
                if membrane:
                    damped_current(damping, damping, a[i0:i1], zero, m, s)
                else:
                    copy(m, s)
        fresh[k], fresh[count + k] = 1, 0


@kernel(_pass_signature)
def adopt_state(y: Any, model: Any, memory: Any, fresh: Any) -> None:
    """Read means and differences off a state that did not come from here."""
    p, layout = model.p, model.layout
    rows, count = layout[0], layout[1]
    at = model_entries(layout)
    planes = layout[at + COMPARTMENTS]
    forward, backward, _ = tables(p, layout)
    total = y.size // planes
    for k in range(count):
        offset, _, n = block(layout, k)
        lo, hi = offset // planes, offset // planes + rows * n
        s = activities(k, y, model)
        combine(forward, s, memory[2 * total + lo : 2 * total + hi])
        combine(backward, s, memory[3 * total + lo : 3 * total + hi])
    fresh[:] = 0
