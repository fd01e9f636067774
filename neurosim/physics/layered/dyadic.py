"""Point neurons made into dyads: the mean of two compartments settles freely, and their difference is the error signal.

    s = f(m),  v = G s + b + drive,           tau dm/dt = -m + v                    membrane coordinates
                                              tau dm/dt = -m + f(v),  s = m         activity coordinates
    chi = G^T e  (outputs: - beta dC/ds),     tau de/dt = -e + f' chi               f' at m, or at v
    compartments  m + e/2  and  m - e/2

G has W_k from layer k to k + 1 and B_k back: the mean travels forward through W and backward through B, the difference
backward through W^T and forward through B^T. The difference is linear in beta, so -e/beta is the exact dC/d(current)
once both have settled, whatever beta and whatever the asymmetry of G; and it settles whenever the mean does, for its
own Jacobian is the transpose.

Source: A. E. Scurria, D. Vanden Abeele, B. M. Mognetti, S. Massar, Equilibrium propagation for non-conservative
systems, 2026, arXiv 2602.03670: the variational form in an augmented state space.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.jit import block, drift_signature, helper, kernel, model_entries
from neurosim.physics.activation_kernels import activate
from neurosim.physics.layered.layout import (
    ACTIVATION,
    ACTIVITY,
    COORDINATES,
    DIFFERENCE,
    DRIVE,
    FEEDBACK,
    FORWARD,
    LAYER_ENTRIES,
    LAYERS,
    MEAN,
    MEMBRANE,
    NUDGE,
    OUTPUT_ACTIVATION,
    OUTPUTS,
    TARGETS,
)
from neurosim.physics.layered.response import add, copy, forward_current, output_gradient
from neurosim.physics.slope_kernels import by_activation_and_slope


@by_activation_and_slope
def relax_membranes(pair: Any) -> Any:
    """Make ``relax_membranes(code, lam, v, chi, plus, minus, out_plus, out_minus)``, all arrays flat."""
    _, slope = pair

    def relax(lam: Any, v: Any, chi: Any, plus: Any, minus: Any, out_plus: Any, out_minus: Any) -> None:
        half = type(lam)(0.5)
        for i in range(v.size):
            m = half * (plus[i] + minus[i])
            mean, difference = v[i] - m, half * (slope(m) * chi[i] - (plus[i] - minus[i]))
            out_plus[i], out_minus[i] = lam * (mean + difference), lam * (mean - difference)

    return relax


@by_activation_and_slope
def relax_activities(pair: Any) -> Any:
    """Make ``relax_activities(code, lam, v, chi, plus, minus, out_plus, out_minus)``, all arrays flat."""
    f, slope = pair

    def relax(lam: Any, v: Any, chi: Any, plus: Any, minus: Any, out_plus: Any, out_minus: Any) -> None:
        half = type(lam)(0.5)
        for i in range(v.size):
            mean = f(v[i]) - half * (plus[i] + minus[i])
            difference = half * (slope(v[i]) * chi[i] - (plus[i] - minus[i]))
            out_plus[i], out_minus[i] = lam * (mean + difference), lam * (mean - difference)

    return relax


@helper
def mean_activities(y: Any, model: Any) -> Any:
    """Return the activities f(m) and the differences e of all blocks, flat, in scratch."""
    layout, work = model.layout, model.work
    rows, at = layout[0], model_entries(layout)
    half = y.dtype.type(0.5)
    units = y.size // 2
    s = work[layout[at + ACTIVITY] : layout[at + ACTIVITY] + units]
    e = work[layout[at + ACTIVITY] + units : layout[at + ACTIVITY] + y.size]
    for k in range(layout[1]):
        offset, _, n = block(layout, k)
        lo, size = offset // 2, rows * n
        plus, minus = y[offset : offset + size], y[offset + size : offset + 2 * size]
        for i in range(size):
            s[lo + i] = half * (plus[i] + minus[i])
            e[lo + i] = plus[i] - minus[i]
        if layout[at + COORDINATES] == MEMBRANE:
            code = layout[at + OUTPUT_ACTIVATION] if k == layout[1] - 1 else layout[at + ACTIVATION]
            activate(code, s[lo : lo + size])
    return s, e


@kernel(drift_signature)
def dyadic_drift(t: float, y: Any, model: Any, out: Any) -> None:
    """Write the rate of both compartments of every unit, in 1/s, for all rows (see the module for the equation)."""
    p, layout, u, work = model
    rows, count, at = layout[0], layout[1], model_entries(layout)
    membrane = layout[at + COORDINATES] == MEMBRANE
    s, e = mean_activities(y, model)
    for k in range(count):
        offset, _, n = block(layout, k)
        size, lo = rows * n, offset // 2
        entry = at + LAYERS + LAYER_ENTRIES * k
        v = work[layout[at + FORWARD] : layout[at + FORWARD] + size]
        chi = work[layout[at + FEEDBACK] : layout[at + FEEDBACK] + size]
        more = work[layout[at + MEAN] : layout[at + MEAN] + size]
        for i in range(size):
            chi[i] = type(chi[i])(0.0)
        if k == 0:
            copy(u[layout[at + DRIVE] : layout[at + DRIVE] + size], v)
        else:
            below, _, m_n = block(layout, k - 1)
            at_below = below // 2
            W = p[layout[entry] : layout[entry] + m_n * n].reshape(m_n, n)
            bias = p[layout[entry + 2] : layout[entry + 2] + n]
            forward_current(s[at_below : at_below + rows * m_n].reshape(rows, m_n), W, bias, v.reshape(rows, n))
            B_at = layout[entry - LAYER_ENTRIES + 1]
            B = p[B_at : B_at + n * m_n].reshape(n, m_n)
            np.dot(e[at_below : at_below + rows * m_n].reshape(rows, m_n), B.T, chi.reshape(rows, n))
        if k < count - 1:
            above, _, e_n = block(layout, k + 1)
            at_above = above // 2
            B = p[layout[entry + 1] : layout[entry + 1] + e_n * n].reshape(e_n, n)
            np.dot(s[at_above : at_above + rows * e_n].reshape(rows, e_n), B, more.reshape(rows, n))
            add(more, v)
            W_at = layout[entry + LAYER_ENTRIES]
            W = p[W_at : W_at + n * e_n].reshape(n, e_n)
            np.dot(e[at_above : at_above + rows * e_n].reshape(rows, e_n), W.T, more.reshape(rows, n))
            add(more, chi)
        else:
            outputs = layout[at + OUTPUTS]
            target = u[layout[at + TARGETS] : layout[at + TARGETS] + rows * outputs].reshape(rows, outputs)
            g = work[layout[at + DIFFERENCE] : layout[at + DIFFERENCE] + size].reshape(rows, n)
            output_gradient(s[lo : lo + size].reshape(rows, n), target, model, g)
            nudge = u[layout[at + NUDGE] : layout[at + NUDGE] + rows]
            for r in range(rows):
                for j in range(n):
                    chi[r * n + j] -= nudge[r] * g[r, j]
        code = layout[at + OUTPUT_ACTIVATION] if k == count - 1 else layout[at + ACTIVATION]
        plus, minus = y[offset : offset + size], y[offset + size : offset + 2 * size]
        out_plus, out_minus = out[offset : offset + size], out[offset + size : offset + 2 * size]
        if membrane:
            relax_membranes(code, p[k], v, chi, plus, minus, out_plus, out_minus)
        else:
            relax_activities(code, p[k], v, chi, plus, minus, out_plus, out_minus)
