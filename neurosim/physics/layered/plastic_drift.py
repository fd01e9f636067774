"""The drift of a compartment network that learns while it relaxes: compartments and conductances in one equation.

    tau ds_{k,c}/dt = -s_{k,c} + f(v_{k,c})                          as in `neurosim.physics.layered.drift`
    dW_k/dt = -eta (sum over rows of source_k x error_{k+1} + lambda W_k)
    db_k/dt = -eta (sum over rows of error_k + lambda b_k)
    dB_k/dt = (dW_k/dt)^T - eta lambda (B_k - W_k^T)                  where feedback learns by Kolen and Pollack

source and error are weighted sums over the compartments of a unit, so each synapse multiplies two numbers next to it.
Behind the per-layer table of `layout` stand the entries below, and behind the frozen cost gradient in `u` the inputs
and the weights that the entries point to.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from neurosim.jit import block, drift_signature, helper, kernel, model_entries, model_type, vector
from neurosim.physics.layered.drift import compartment_rates
from neurosim.physics.layered.layout import (
    ACTIVITY,
    COMPARTMENTS,
    COORDINATES,
    DIFFERENCE,
    DRIVE,
    LAYER_ENTRIES,
    LAYERS,
    MEAN,
    MEMBRANE,
    TIED,
)
from neurosim.physics.layered.response import combine, copy, forward_current

# Positions after the per-layer table.
TRAINED = 0  # offset of the first trained parameter in `p`
INPUTS, INPUT_UNITS = 1, 2  # offset of the inputs in `u`, and their number
READING = 3  # offset in `u` of the weights of the compartments in source and in -eta error, and of eta lambda
FOLLOWS = 4  # whether B_k learns as W_k^T does
PLASTIC_ENTRIES = 5

TILE = 8  # the lines of a tile stay in the first-level cache even where they are a power of two apart


@helper
def transpose(A: Any, out: Any) -> None:
    """Write A^T into `out`, tile by tile; whole tiles have loops of constant length."""
    m, n = A.shape
    for i0 in range(0, m, TILE):
        for j0 in range(0, n, TILE):
            if i0 + TILE <= m and j0 + TILE <= n:
                for j in range(TILE):
                    for i in range(TILE):
                        out[j0 + j, i0 + i] = A[i0 + i, j0 + j]
            else:
                for j in range(j0, min(j0 + TILE, n)):
                    for i in range(i0, min(i0 + TILE, m)):
                        out[j, i] = A[i, j]


@helper
def sum_rows(A: Any, out: Any) -> None:
    """Write the sum over the rows of A into `out`."""
    rows, n = A.shape
    for j in range(n):
        out[j] = A[0, j]
    for r in range(1, rows):
        for j in range(n):
            out[j] += A[r, j]


@helper
def adopt(theta: Any, model: Any) -> None:
    """Make `theta` the trained parameters in `p`; what follows from them in `p` and `u` follows."""
    p, layout, u, _ = model
    rows, count = layout[0], layout[1]
    at = model_entries(layout)
    own = at + LAYERS + LAYER_ENTRIES * count
    trained = layout[own + TRAINED]
    copy(theta, p[trained : trained + theta.size])
    if layout[at + TIED]:
        for k in range(1, count):
            m_n, n = block(layout, k - 1)[2], block(layout, k)[2]
            W_at, B_at = layout[at + LAYERS + LAYER_ENTRIES * k], layout[at + LAYERS + LAYER_ENTRIES * (k - 1) + 1]
            transpose(p[W_at : W_at + m_n * n].reshape(m_n, n), p[B_at : B_at + m_n * n].reshape(n, m_n))
    inputs, width, n = layout[own + INPUTS], layout[own + INPUT_UNITS], block(layout, 0)[2]
    W_at, b_at = layout[at + LAYERS], layout[at + LAYERS + 2]
    forward_current(
        u[inputs : inputs + rows * width].reshape(rows, width), p[W_at : W_at + width * n].reshape(width, n),
        p[b_at : b_at + n], u[layout[at + DRIVE] : layout[at + DRIVE] + rows * n].reshape(rows, n),
    )  # fmt: skip


@kernel(lambda real: types.void(vector(real), model_type(real)))
def adopt_conductances(theta: Any, model: Any) -> None:
    """Make `theta` the trained parameters, for callers in Python."""
    adopt(theta, model)


@helper
def conductance_rates(y: Any, theta: Any, model: Any, out: Any) -> None:
    """Write d theta/dt into `out`; `y` are the compartments, whose rates have been computed just before."""
    _, layout, u, work = model
    rows, count = layout[0], layout[1]
    at = model_entries(layout)
    own = at + LAYERS + LAYER_ENTRIES * count
    planes, trained, width = layout[at + COMPARTMENTS], layout[own + TRAINED], layout[own + INPUT_UNITS]
    reading = layout[own + READING]
    source_weights, error_weights = u[reading : reading + planes], u[reading + planes : reading + 2 * planes]
    s = y
    if layout[at + COORDINATES] == MEMBRANE:
        s = work[layout[at + ACTIVITY] : layout[at + ACTIVITY] + y.size]
    source = u[layout[own + INPUTS] : layout[own + INPUTS] + rows * width]
    for k in range(count):
        offset, _, n = block(layout, k)
        entry = at + LAYERS + LAYER_ENTRIES * k
        error = work[layout[at + DIFFERENCE] : layout[at + DIFFERENCE] + rows * n]
        combine(error_weights, s[offset : offset + planes * rows * n], error)
        errors = error.reshape(rows, n)
        W_at, b_at = layout[entry] - trained, layout[entry + 2] - trained
        W_rate = out[W_at : W_at + width * n].reshape(width, n)
        np.dot(source.reshape(rows, width).T, errors, W_rate)
        sum_rows(errors, out[b_at : b_at + n])
        if k > 0 and layout[own + FOLLOWS]:
            B_at = layout[entry - LAYER_ENTRIES + 1] - trained
            transpose(W_rate, out[B_at : B_at + width * n].reshape(n, width))
        source, width = work[layout[at + MEAN] : layout[at + MEAN] + rows * n], n
        combine(source_weights, s[offset : offset + planes * rows * n], source)
    decay = u[reading + 2 * planes]
    if decay > 0:
        for i in range(out.size):
            out[i] -= decay * theta[i]


@kernel(drift_signature)
def plastic_drift(t: float, y: Any, model: Any, out: Any) -> None:
    """Write the rates of all compartments and of the trained parameters behind them (see the module)."""
    layout = model.layout
    offset, planes, n = block(layout, layout[1] - 1)
    size = offset + planes * layout[0] * n
    adopt(y[size:], model)
    compartment_rates(y[:size], model, out[:size])
    conductance_rates(y[:size], y[size:], model, out[size:])
