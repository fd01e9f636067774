"""What is read off a state of the compartment network, for kernels: signals of its compartments, and its prediction."""

from __future__ import annotations

from typing import Any

from numba import types

from neurosim.jit import block, helper, kernel, model_entries, model_type, vector
from neurosim.physics.activation_kernels import activate
from neurosim.physics.layered.layout import (
    ACTIVATION,
    ACTIVITY,
    COORDINATES,
    DRIVE,
    LAYER_ENTRIES,
    LAYERS,
    MEAN,
    MEMBRANE,
    OUTPUT_ACTIVATION,
)
from neurosim.physics.layered.response import combine, copy, forward_current, tables


@helper
def activities(k: int, y: Any, model: Any) -> Any:
    """Return the activities of all planes of block `k`, flat: the state itself, or f(u) in scratch."""
    layout, work = model.layout, model.work
    at = model_entries(layout)
    offset, planes, n = block(layout, k)
    state = y[offset : offset + planes * layout[0] * n]
    if layout[at + COORDINATES] != MEMBRANE:
        return state
    s = work[layout[at + ACTIVITY] : layout[at + ACTIVITY] + state.size]
    copy(state, s)
    activate(layout[at + OUTPUT_ACTIVATION] if k == layout[1] - 1 else layout[at + ACTIVATION], s)
    return s


@kernel(lambda real: types.void(vector(real), vector(real), model_type(real), types.int64, types.int64, vector(real)))
def read_signal(weights: Any, y: Any, model: Any, samples: int, first: int, out: Any) -> None:
    """Write sum_c weights_c s_c of every block into rows `first` on of `out`, a flat signal of `samples` samples."""
    layout = model.layout
    rows, count = layout[0], layout[1]
    start = 0
    for k in range(count):
        n = block(layout, k)[2]
        lo = start + first * n
        combine(weights, activities(k, y, model), out[lo : lo + rows * n])
        start += samples * n


@kernel(lambda real: types.void(vector(real), model_type(real), vector(real)))
def predict(y: Any, model: Any, out: Any) -> None:
    """Write f(W_{L-1} sum_c p_c s_{L-1,c} + b_L) into `out`, flat: what the outputs would say unnudged."""
    p, layout, u, work = model
    rows, top = layout[0], layout[1] - 1
    at = model_entries(layout)
    n = block(layout, top)[2]
    if top == 0:
        copy(u[layout[at + DRIVE] : layout[at + DRIVE] + rows * n], out)
    else:
        m_n = block(layout, top - 1)[2]
        m = work[layout[at + MEAN] : layout[at + MEAN] + rows * m_n]
        combine(tables(p, layout)[0], activities(top - 1, y, model), m)
        entry = at + LAYERS + LAYER_ENTRIES * top
        W = p[layout[entry] : layout[entry] + m_n * n].reshape(m_n, n)
        bias = p[layout[entry + 2] : layout[entry + 2] + n]
        forward_current(m.reshape(rows, m_n), W, bias, out.reshape(rows, n))
    activate(layout[at + OUTPUT_ACTIVATION], out)
