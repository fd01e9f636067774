"""Closed-form layer sweeps: each layer jumps to the equilibrium that the newest states of its neighbours imply.

    a_k = W_{k-1} sum_c p_c s_{k-1,c} + b_k,       F_k = B_k sum_c q_c s_{k+1,c}
    s_{k,c} <- f(a_k + gain_c F_k),                s_{L,c} <- f(a_L - gain_c beta dC/ds)
    proximal nudge, squared error:                 s_{L,c} <- (a_L + gain_c beta y) / (1 + gain_c beta)

A current is computed anew only if the layer it comes from has changed since, so a forward pass and one backward sweep
need exactly the matrix products of back-propagation. Orders: see `layer_order`, after Hoier and Zach (2024).

A whole pass is one call of a kernel, so that threads which sweep different rows never wait for each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numba import types

from neurosim.errors import SimulationError
from neurosim.jit import INDEX, block, helper, kernel, model_entries, model_type, reduction, vector
from neurosim.physics.activation_kernels import activate
from neurosim.physics.layered import layout as at
from neurosim.physics.layered.layout import (
    ACTIVATION,
    AT_COMPARTMENT,
    COMPARTMENTS,
    COORDINATES,
    COST,
    DAMPING,
    DRIVE,
    FROZEN,
    GRADIENT,
    LAYER_ENTRIES,
    LAYERS,
    MEMBRANE,
    NUDGE,
    OUTPUT_ACTIVATION,
    TABLES,
    TARGETS,
    TIED,
)
from neurosim.physics.layered.reading import activities
from neurosim.physics.layered.response import combine, copy, damped_current, forward_current, nudge_current, respond
from neurosim.physics.names import ACTIVATION_CODE

if TYPE_CHECKING:
    from neurosim.physics.layered.system import LayeredSystem

Array = npt.NDArray[Any]

IDENTITY = ACTIVATION_CODE["identity"]
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
def proximal_response(gain: Any, a: Any, nudge: Any, target: Any, v: Any) -> None:
    """Write (a + gain beta y) / (1 + gain beta) into `v`, all flat; `nudge` has beta of each row."""
    n = v.size // nudge.size
    one = type(gain)(1.0)
    for r in range(nudge.size):
        strength = gain * nudge[r]
        for i in range(r * n, (r + 1) * n):
            v[i] = (a[i] + strength * target[i]) / (one + strength)


@helper
def current(k: int, model: Any, memory: Any, total: int) -> Any:
    """Return the forward current of block `k`, flat; that of the first is the drive, the others are computed now."""
    p, layout, u, _ = model
    rows, at_model = layout[0], model_entries(layout)
    planes = layout[at_model + COMPARTMENTS]
    offset, _, n = block(layout, k)
    if k == 0:
        return u[layout[at_model + DRIVE] : layout[at_model + DRIVE] + rows * n]
    below, _, m_n = block(layout, k - 1)
    entry = at_model + LAYERS + LAYER_ENTRIES * k
    m = memory[2 * total + below // planes : 2 * total + below // planes + rows * m_n]
    W = p[layout[entry] : layout[entry] + m_n * n].reshape(m_n, n)
    a = memory[offset // planes : offset // planes + rows * n]
    forward_current(m.reshape(rows, m_n), W, p[layout[entry + 2] : layout[entry + 2] + n], a.reshape(rows, n))
    return a


@helper
def feedback(k: int, model: Any, memory: Any, total: int, F: Any) -> None:
    """Write the feedback current of the hidden block `k` into `F`, flat; W^T needs no copy where it is B."""
    p, layout = model.p, model.layout
    rows, at_model = layout[0], model_entries(layout)
    n = block(layout, k)[2]
    offset, planes, e_n = block(layout, k + 1)
    e = memory[3 * total + offset // planes : 3 * total + offset // planes + rows * e_n].reshape(rows, e_n)
    if layout[at_model + TIED]:
        W_at = layout[at_model + LAYERS + LAYER_ENTRIES * (k + 1)]
        np.dot(e, p[W_at : W_at + n * e_n].reshape(n, e_n).T, F.reshape(rows, n))
    else:
        B_at = layout[at_model + LAYERS + LAYER_ENTRIES * k + 1]
        np.dot(e, p[B_at : B_at + n * e_n].reshape(e_n, n), F.reshape(rows, n))


def _visit_signature(real: Any) -> Any:
    return types.void(INDEX, vector(real), model_type(real), vector(real), INDEX, vector(types.float64))


@kernel(_visit_signature)
def visit_layers(visits: Any, y: Any, model: Any, memory: Any, fresh: Any, changes: Any) -> None:
    """Update the blocks `visits`, one after the other, and add the squares of what changed in every row to `changes`.

    `memory` holds, one after the other and per layer: forward currents, feedback currents, means, differences; then
    room for the planes of a chunk. `fresh` says which currents still belong to the states: forward, then feedback.
    """
    p, layout, u, _ = model
    rows, count = layout[0], layout[1]
    at_model = model_entries(layout)
    planes = layout[at_model + COMPARTMENTS]
    membrane = layout[at_model + COORDINATES] == MEMBRANE
    gradient = layout[at_model + GRADIENT]
    tables = layout[at_model + TABLES]
    forward, backward = p[tables : tables + planes], p[tables + planes : tables + 2 * planes]
    gain = p[tables + 2 * planes : tables + 3 * planes]
    total = y.size // planes
    for k in visits:
        offset, _, n = block(layout, k)
        size = rows * n
        lo, hi = offset // planes, offset // planes + size
        top = k == count - 1
        code = layout[at_model + OUTPUT_ACTIVATION] if top else layout[at_model + ACTIVATION]
        damping = p[layout[at_model + DAMPING] + k]
        a = memory[lo:hi]
        if k == 0 or not fresh[k]:
            a = current(k, model, memory, total)
            fresh[k] = 1
        F = memory[total + lo : total + hi]
        if not top and not fresh[count + k]:
            feedback(k, model, memory, total, F)
            fresh[count + k] = 1
        target = u[layout[at_model + TARGETS] :][:size] if top else F
        nudge = u[layout[at_model + NUDGE] : layout[at_model + NUDGE] + rows]
        if top and gradient != AT_COMPARTMENT:
            frozen = u[layout[at_model + FROZEN] : layout[at_model + FROZEN] + size].reshape(rows, n)
            a2, F2 = a.reshape(rows, n), F.reshape(rows, n)
            nudge_current(
                gradient, layout[at_model + COST], code, a2, nudge, target.reshape(rows, n), frozen, a2, F2
            )  # fmt: skip
        step = max(1, CHUNK // n)
        for r0 in range(0, rows, step):
            r1 = min(rows, r0 + step)
            i0, i1 = r0 * n, r1 * n
            activity = memory[4 * total : 4 * total + planes * (i1 - i0)]
            for c in range(planes):
                s, v = y[offset + c * size + i0 : offset + c * size + i1], activity[c * (i1 - i0) : (c + 1) * (i1 - i0)]
                if top and gradient == AT_COMPARTMENT:
                    proximal_response(gain[c], a[i0:i1], nudge[r0:r1], target[i0:i1], v)
                elif damping > 0:
                    copy(s, v)
                    if membrane:
                        activate(code, v)
                    damped_current(damping, gain[c], a[i0:i1], F[i0:i1], v, v)
                    if not membrane:
                        activate(code, v)
                else:
                    respond(IDENTITY if membrane else code, gain[c], a[i0:i1], F[i0:i1], v)
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
    """Set all planes of every layer to its free response, from the inputs on; `memory` as in `visit_layers`.

    A damped membrane rests at u = (v + Lambda f(v)) / (1 + Lambda), which has the activity of v.
    """
    p, layout = model.p, model.layout
    rows, count = layout[0], layout[1]
    at_model = model_entries(layout)
    planes = layout[at_model + COMPARTMENTS]
    membrane = layout[at_model + COORDINATES] == MEMBRANE
    total = y.size // planes
    for k in range(count):
        offset, _, n = block(layout, k)
        size = rows * n
        lo, hi = offset // planes, offset // planes + size
        code = layout[at_model + OUTPUT_ACTIVATION] if k == count - 1 else layout[at_model + ACTIVATION]
        damping = p[layout[at_model + DAMPING] + k]
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
    """Read means and differences off a state that did not come from here; `memory` as in `visit_layers`."""
    p, layout = model.p, model.layout
    rows, count = layout[0], layout[1]
    at_model = model_entries(layout)
    planes = layout[at_model + COMPARTMENTS]
    tables = layout[at_model + TABLES]
    total = y.size // planes
    for k in range(count):
        offset, _, n = block(layout, k)
        lo, hi = offset // planes, offset // planes + rows * n
        s = activities(k, y, model)
        combine(p[tables : tables + planes], s, memory[2 * total + lo : 2 * total + hi])
        combine(p[tables + planes : tables + 2 * planes], s, memory[3 * total + lo : 3 * total + hi])
    fresh[:] = 0


def layer_order(order: str, first: bool, last: int) -> list[int]:
    """Return the layers in the order in which a sweep visits them.

    Parameters
    ----------
    order : {"forward", "backward", "both"}
        First to last; last to first; or last to first once, then up from layer 2 and down again.
    first : bool
        Whether this is the first sweep.
    last : int
        Index of the output layer, L.
    """
    up, down = list(range(1, last + 1)), list(range(last, 0, -1))
    if order == "forward":
        return up
    if order == "backward" or first or last == 1:
        return down
    return up[1:] + down[1:]


class LayerSweeps:
    """Closed-form updates of one system, with the currents that are still valid.

    Parameters
    ----------
    system : LayeredSystem
        The network with its batch.
    """

    def __init__(self, system: LayeredSystem) -> None:
        planes = system.model.compartments.count
        chunk = planes * max(CHUNK, *(block.units for block in system.blocks))
        self.system = system
        self.memory = np.zeros(4 * (system.size // planes) + chunk, system.dtype)
        self.fresh = np.zeros(2 * len(system.blocks), np.int64)
        self._of: Array | None = None  # the state that the memory belongs to

    def forget(self) -> None:
        """Drop every current: the inputs or the conductances have changed."""
        self._of = None

    def forward_pass(self, state: Array) -> None:
        """Write the free state, layer by layer from the inputs."""
        system = self.system
        if system.model.compartments.damped:
            system.model.synchronise()
        pass_forward[system.dtype](state, system.arrays, self.memory, self.fresh)
        self._of = state

    def sweep(self, state: Array, order: str, first: bool) -> Array:
        """Visit every layer once; return the RMS change of each row, shape (rows,).

        Raises
        ------
        SimulationError
            If the output nudge is implicit and has no closed form.
        """
        system, settings = self.system, self.system.model.settings
        implicit = system.gradient_at == at.AT_COMPARTMENT
        if implicit and (settings.cost != "squared_error" or settings.output_activation != "identity"):
            raise SimulationError(
                "an implicit nudge has a closed form for squared_error and identity outputs only; "
                "use rule.output: linearised, or an ODE solver"
            )
        if system.model.compartments.damped:
            system.model.synchronise()
        if self._of is not state:
            adopt_state[system.dtype](state, system.arrays, self.memory, self.fresh)
            self._of = state
        visits = np.array(layer_order(order, first, len(system.blocks))) - 1
        changes = np.zeros(system.rows)
        visit_layers[system.dtype](visits, state, system.arrays, self.memory, self.fresh, changes)
        return np.sqrt(changes * (system.rows / system.size))
