"""Closed-form layer sweeps: each layer jumps to the equilibrium that the newest states of its neighbours imply.

    a_k = W_{k-1} sum_c p_c s_{k-1,c} + b_k,       F_k = B_k sum_c q_c s_{k+1,c}
    s_{k,c} <- f(a_k + gain_c F_k),                s_{L,c} <- f(a_L - gain_c beta dC/ds)
    proximal nudge, squared error:                 s_{L,c} <- (a_L + gain_c beta y) / (1 + gain_c beta)

A current is computed anew only if the layer it comes from has changed since, so a forward pass and one backward sweep
need exactly the matrix products of back-propagation. Orders: see `layer_order`, after Hoier and Zach (2024).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numba import types

from neurosim.errors import SimulationError
from neurosim.jit import helper, kernel, reduction
from neurosim.physics.activation_kernels import activate
from neurosim.physics.activations import ACTIVATIONS
from neurosim.physics.costs import cost_gradient
from neurosim.physics.layered import layout as at
from neurosim.physics.layered.drift import CHUNK
from neurosim.physics.names import ACTIVATION_CODE

if TYPE_CHECKING:
    from neurosim.physics.layered.system import LayeredSystem

Array = npt.NDArray[Any]


@reduction
def squared_distance(x: Any, y: Any) -> float:
    """Return sum (x - y)^2 of two flat arrays."""
    total = x.dtype.type(0.0)
    for i in range(x.size):
        d = x[i] - y[i]
        total += d * d
    return float(total)


def _update_signature(real: Any) -> Any:
    vector, matrix = types.Array(real, 1, "C"), types.Array(real, 2, "C")
    planes, changes = types.Array(real, 3, "C"), types.Array(types.float64, 1, "C")
    return types.void(
        types.int64, types.boolean, real, vector, matrix, vector, matrix, planes, matrix, matrix, vector, changes
    )


@helper
def total_current(damping: Any, gain: Any, a: Any, bias: Any, F: Any, s: Any, v: Any) -> None:
    """Write a + bias + gain F into `v`, damped towards `s`; a and F are (rows, n), s and v flat."""
    rows, n = a.shape
    for r in range(rows):
        for j in range(n):
            v[r * n + j] = a[r, j] + bias[j] + gain * F[r, j]
    if damping > 0:
        keep = type(damping)(1.0) / (type(damping)(1.0) + damping)
        for i in range(rows * n):
            v[i] = keep * (v[i] + damping * s[i])


@kernel(_update_signature)
def update_layer(
    code: int, membrane: bool, damping: Any, tables: Any, a: Any, bias: Any, F: Any, s: Any, m: Any, e: Any,
    scratch: Any, changes: Any,
) -> None:  # fmt: skip
    """Update the planes `s` of a hidden layer, write mean `m` and difference `e`, add what changed to `changes`."""
    planes, rows, n = s.shape
    step = max(1, CHUNK // n)
    size = step * n
    old = scratch[planes * size : (planes + 1) * size]
    for r0 in range(0, rows, step):
        r1 = min(rows, r0 + step)
        used = (r1 - r0) * n
        for c in range(planes):
            v = scratch[c * size : c * size + used]
            here = s[c, r0:r1].reshape(used)
            before = here
            if membrane and damping > 0:
                before = old[:used]
                before[:] = here
                activate(code, before)
            total_current(damping, tables[2 * planes + c], a[r0:r1], bias, F[r0:r1], before, v)
            if not membrane:
                activate(code, v)
            for r in range(r1 - r0):
                changes[r0 + r] += squared_distance(v[r * n : (r + 1) * n], here[r * n : (r + 1) * n])
            here[:] = v
            if membrane:
                activate(code, v)
        mean, difference = m[r0:r1].reshape(used), e[r0:r1].reshape(used)
        if planes == 1:
            for i in range(used):
                mean[i] = tables[0] * scratch[i]
                difference[i] = tables[1] * scratch[i]
        else:
            p0, p1, q0, q1 = tables[0], tables[1], tables[2], tables[3]
            for i in range(used):
                x, y = scratch[i], scratch[size + i]
                mean[i] = p0 * x + p1 * y
                difference[i] = q0 * x + q1 * y


def _forward_signature(real: Any) -> Any:
    vector, matrix, planes = (types.Array(real, axes, "C") for axes in (1, 2, 3))
    return types.void(types.int64, types.boolean, real, matrix, vector, planes, matrix)


@kernel(_forward_signature)
def forward_layer(code: int, membrane: bool, damping: Any, a: Any, bias: Any, s: Any, m: Any) -> None:
    """Set all planes of a layer to its free response to the current `a`, and `m` to its activity.

    A damped membrane rests at u = (v + Lambda f(v)) / (1 + Lambda), which has the activity of v.
    """
    planes, rows, n = s.shape
    step = max(1, CHUNK // n)
    for r0 in range(0, rows, step):
        r1 = min(rows, r0 + step)
        for r in range(r0, r1):
            for j in range(n):
                m[r, j] = a[r, j] + bias[j]
        if membrane:
            for c in range(planes):
                s[c, r0:r1] = m[r0:r1]
        activate(code, m[r0:r1].reshape((r1 - r0) * n))
        if membrane and damping > 0:
            keep = type(damping)(1.0) / (type(damping)(1.0) + damping)
            for c in range(planes):
                for r in range(r0, r1):
                    for j in range(n):
                        s[c, r, j] = keep * (s[c, r, j] + damping * m[r, j])
        if not membrane:
            for c in range(planes):
                s[c, r0:r1] = m[r0:r1]


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
    """Closed-form updates of one system, with its scratch arrays and the currents that are still valid.

    Parameters
    ----------
    system : LayeredSystem
        The network with its batch.
    """

    def __init__(self, system: LayeredSystem) -> None:
        model = system.model
        self.system = system
        self.last = len(system.blocks)
        shapes = [(system.rows, block.units) for block in system.blocks]
        self.means, self.differences, self.currents, self.feedbacks = (
            [np.zeros(shape, system.dtype) for shape in shapes] for _ in range(4)
        )
        self.currents[0] = system.drive
        self.tables = np.asarray(
            [*model.compartments.forward, *model.compartments.backward, *model.compartments.gain], system.dtype
        )
        self.scratch = np.zeros(3 * max(CHUNK, *model.layers), system.dtype)
        self.changes = np.zeros(system.rows)
        self._of: Array | None = None  # the state that means and differences belong to
        self._current_valid = [False] * (self.last + 1)
        self._feedback_valid = [False] * (self.last + 1)

    def forget(self) -> None:
        """Drop every current: the inputs or the conductances have changed."""
        self._of = None

    def forward_pass(self, state: Array) -> None:
        """Write the free state, layer by layer from the inputs."""
        system, model = self.system, self.system.model
        if model.compartments.damped:
            model.synchronise()
        update = forward_layer[system.dtype]
        self._of = state
        for k, s in enumerate(system.views(state), start=1):
            self._compute_current(k)
            name = model.settings.output_activation if k == self.last else model.settings.activation
            bias = model.parameters[f"b_{k}"]
            damping = model.p[model.header.damping + k - 1]
            update(ACTIVATION_CODE[name], system.membrane, damping, self.currents[k - 1], bias, s, self.means[k - 1])
            self.differences[k - 1][:] = 0.0
        self._current_valid = [True] * (self.last + 1)
        self._feedback_valid = [False] * (self.last + 1)

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
            self._adopt(state)
        self.changes[:] = 0.0
        for k in layer_order(order, first, self.last):
            if not self._current_valid[k]:
                self._compute_current(k)
            if k == self.last:
                self._update_output(state)
            else:
                self._update_hidden(state, k)
            if k < self.last:
                self._current_valid[k + 1] = False
            self._feedback_valid[k - 1] = False
        return np.sqrt(self.changes * (system.rows / system.size))

    def _adopt(self, state: Array) -> None:
        """Read means and differences off a state that did not come from here."""
        for k in range(1, self.last + 1):
            self.means[k - 1][:] = self.system.forward_signal(state, k)
            self.differences[k - 1][:] = self.system.backward_signal(state, k)
        self._of = state
        self._current_valid = [False, True] + [False] * (self.last - 1)
        self._feedback_valid = [False] * (self.last + 1)

    def _compute_current(self, k: int) -> None:
        if k > 1:
            np.matmul(self.means[k - 2], self.system.model.parameters[f"W_{k - 1}"], out=self.currents[k - 1])
        self._current_valid[k] = True

    def _update_hidden(self, state: Array, k: int) -> None:
        system, model = self.system, self.system.model
        if not self._feedback_valid[k]:
            B = model.parameters[f"W_{k}"].T if model.reciprocal else model.parameters[f"B_{k}"]
            np.matmul(self.differences[k], B, out=self.feedbacks[k - 1])
            self._feedback_valid[k] = True
        update_layer[system.dtype](
            ACTIVATION_CODE[model.settings.activation],
            system.membrane,
            model.p[model.header.damping + k - 1],
            self.tables,
            self.currents[k - 1],
            model.parameters[f"b_{k}"],
            self.feedbacks[k - 1],
            system.views(state)[k - 1],
            self.means[k - 1],
            self.differences[k - 1],
            self.scratch,
            self.changes,
        )

    def _update_output(self, state: Array) -> None:
        system, settings, planes = self.system, self.system.model.settings, self.system.model.compartments.count
        f = ACTIVATIONS[settings.output_activation].value
        a = self.currents[-1] + system.model.parameters[f"b_{self.last}"]
        strength = self.tables[2 * planes :, None, None] * system.nudges[:, None]
        if system.gradient_at == at.AT_COMPARTMENT:
            v = (a + strength * system.targets) / (1 + strength)
        elif system.gradient_at == at.AT_FROZEN:
            v = a - strength * system.frozen_gradient
        else:
            v = a - strength * cost_gradient(settings.cost, f(a), system.targets)
        s = system.views(state)[-1]
        new = v if system.membrane else f(v)
        self.changes += np.sum(np.square(new - s, dtype=np.float64), axis=(0, 2))
        s[:] = new
        activity = f(v) if system.membrane else s
        self.means[-1][:] = np.einsum("c,crn->rn", self.tables[:planes], activity)
        self.differences[-1][:] = np.einsum("c,crn->rn", self.tables[planes : 2 * planes], activity)
