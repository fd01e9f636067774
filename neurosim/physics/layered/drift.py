"""The drift of the compartment network: one kernel for point neurons and dyads, in activity or membrane coordinates.

    v_{k,c} = W_{k-1} sum_c p_c s_{k-1,c} + b_k + gain_c B_k sum_c q_c s_{k+1,c}                    hidden layers
    v_{L,c} = W_{L-1} sum_c p_c s_{L-1,c} + b_L - gain_c beta dC/ds                                 output layer
    activity coordinates:  tau ds/dt = -s + f(v)         membrane coordinates:  tau du/dt = -u + v,  s = f(u)

A damped layer sees (v + Lambda s) / (1 + Lambda) in place of v. Symbols: m mean sent forward, e difference sent back,
a forward current, F feedback current, lam leak rate. The nudge enters as a current, inside f.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.jit import block, drift_signature, helper, kernel, model_entries
from neurosim.physics.activation_kernels import activate, by_activation
from neurosim.physics.layered.layout import (
    ACTIVATION,
    ACTIVITY,
    AT_COMPARTMENT,
    COMPARTMENTS,
    COORDINATES,
    DAMPING,
    DIFFERENCE,
    DRIVE,
    FEEDBACK,
    FEEDBACK_OFFSET,
    FORWARD,
    FROZEN,
    GRADIENT,
    HELD,
    LAYER_ENTRIES,
    LAYERS,
    MEAN,
    MEMBRANE,
    NUDGE,
    OUTPUT_ACTIVATION,
    OUTPUTS,
    TARGETS,
)
from neurosim.physics.layered.response import (
    add,
    add_to_rows,
    combine,
    copy,
    damped_current,
    forward_current,
    nudge_current,
    tables,
)
from neurosim.physics.names import ACTIVATION_CODE

IDENTITY = ACTIVATION_CODE["identity"]


@by_activation
def relax_plane(f: Any) -> Any:
    """Make ``relax_plane(code, lam, gain, a, F, y, out)``: out = lam (f(a + gain F) - y), all arrays flat."""

    def relax(lam: Any, gain: Any, a: Any, F: Any, y: Any, out: Any) -> None:
        for i in range(out.size):
            out[i] = lam * (f(a[i] + gain * F[i]) - y[i])

    return relax


@helper
def relax_damped_plane(code: int, lam: Any, damping: Any, gain: Any, a: Any, F: Any, s: Any, y: Any, out: Any) -> None:
    """Write lam (f((a + gain F + Lambda s) / (1 + Lambda)) - y) into `out`, all arrays flat."""
    damped_current(damping, gain, a, F, s, out)
    activate(code, out)
    for i in range(out.size):
        out[i] = lam * (out[i] - y[i])


@helper
def compartment_rates(y: Any, model: Any, out: Any) -> Any:
    """Write the rate of every state into `out`, for all rows; return the activities of all compartments, flat."""
    p, layout, u, work = model
    rows, count = layout[0], layout[1]
    at = model_entries(layout)
    planes = layout[at + COMPARTMENTS]
    membrane = layout[at + COORDINATES] == MEMBRANE
    gradient = layout[at + GRADIENT]
    forward, backward, gain = tables(p, layout)
    plain = planes == 1 and forward[0] == 1 and backward[0] == 1  # products read the state itself

    s = y
    if membrane:
        s = work[layout[at + ACTIVITY] : layout[at + ACTIVITY] + y.size]
        copy(y, s)
        last = block(layout, count - 1)[0]
        activate(layout[at + ACTIVATION], s[:last])
        activate(layout[at + OUTPUT_ACTIVATION], s[last:])

    for k in range(count):
        offset, _, n = block(layout, k)
        size = rows * n
        entry = at + LAYERS + LAYER_ENTRIES * k
        top = k == count - 1

        a = u[layout[at + DRIVE] : layout[at + DRIVE] + size]
        if k > 0:
            below, _, m_n = block(layout, k - 1)
            m = s[below : below + rows * m_n]
            if not plain:
                m = work[layout[at + MEAN] : layout[at + MEAN] + rows * m_n]
                combine(forward, s[below : below + planes * rows * m_n], m)
            W = p[layout[entry] : layout[entry] + m_n * n].reshape(m_n, n)
            bias = p[layout[entry + 2] : layout[entry + 2] + n]
            a = work[layout[at + FORWARD] : layout[at + FORWARD] + size]
            forward_current(m.reshape(rows, m_n), W, bias, a.reshape(rows, n))
            held = layout[entry + HELD]
            if held >= 0:
                add(u[held : held + size], a)

        F = work[layout[at + FEEDBACK] : layout[at + FEEDBACK] + size]
        if not top:
            above, _, e_n = block(layout, k + 1)
            e = s[above : above + rows * e_n]
            if not plain:
                e = work[layout[at + DIFFERENCE] : layout[at + DIFFERENCE] + rows * e_n]
                combine(backward, s[above : above + planes * rows * e_n], e)
            B = p[layout[entry + 1] : layout[entry + 1] + e_n * n].reshape(e_n, n)
            np.dot(e.reshape(rows, e_n), B, F.reshape(rows, n))

        code = layout[at + OUTPUT_ACTIVATION] if top else layout[at + ACTIVATION]
        damping = p[layout[at + DAMPING] + k]
        d = layout[entry + FEEDBACK_OFFSET]
        if d >= 0 and not top:
            add_to_rows(p[d : d + n], F.reshape(rows, n))
        for c in range(planes):
            lo, hi = offset + c * size, offset + (c + 1) * size
            if top and (c == 0 or gradient == AT_COMPARTMENT):
                outputs = layout[at + OUTPUTS]
                target = u[layout[at + TARGETS] : layout[at + TARGETS] + rows * outputs].reshape(rows, outputs)
                frozen = u[layout[at + FROZEN] : layout[at + FROZEN] + size].reshape(rows, n)
                nudge = u[layout[at + NUDGE] : layout[at + NUDGE] + rows]
                nudge_current(
                    code, a.reshape(rows, n), nudge, target, frozen, s[lo:hi].reshape(rows, n), model,
                    F.reshape(rows, n),
                )  # fmt: skip
                if d >= 0:
                    add_to_rows(p[d : d + n], F.reshape(rows, n))
            response = IDENTITY if membrane else code
            if damping > 0:
                relax_damped_plane(response, p[k], damping, gain[c], a, F, s[lo:hi], y[lo:hi], out[lo:hi])
            else:
                relax_plane(response, p[k], gain[c], a, F, y[lo:hi], out[lo:hi])
    return s


@kernel(drift_signature)
def drift(t: float, y: Any, model: Any, out: Any) -> None:
    """Write the rate of every state, in 1/s, for all rows; the conductances stay as they are."""
    compartment_rates(y, model, out)
