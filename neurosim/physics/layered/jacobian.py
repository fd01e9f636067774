"""The Jacobian of the compartment network at a state, as products with vectors.

With D = f'(v), all at the linearisation point (activity coordinates; in membrane coordinates D multiplies the incoming
perturbation instead):

    J ds = (1/tau) (-ds + D dv),   dv_{k,c} = (W_{k-1} sum_c p_c ds_{k-1,c} + gain_c B_k sum_c q_c ds_{k+1,c}
                                               + Lambda_k ds_{k,c}) / (1 + Lambda_k)

and in the output layer -gain_c beta d2C/ds2 in place of the feedback, where the cost gradient is live.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.activations import ACTIVATIONS
from neurosim.physics.layered import layout as at
from neurosim.physics.layered.dense_jacobian import jacobian_matrices
from neurosim.physics.linearisation import Linearisation
from neurosim.physics.signal import Signal

if TYPE_CHECKING:
    from neurosim.physics.layered.system import LayeredSystem

Array = npt.NDArray[Any]


class LayeredLinearisation(Linearisation):
    """J at one state of a `LayeredSystem`.

    Parameters
    ----------
    system : LayeredSystem
        The network with its batch.
    state : ndarray, shape (size,)
        Where to linearise.
    """

    system: LayeredSystem

    def __init__(self, system: LayeredSystem, state: Array) -> None:
        model = system.model
        self.system = system
        self.parameters = model.conductances
        self.p, self.q, self.gain = (
            np.asarray(table, system.dtype)
            for table in (model.compartments.forward, model.compartments.backward, model.compartments.gain)
        )
        self.leak = system.leak_rates
        self.last = len(system.blocks)
        self.damping = model.p[model.header.damping : model.header.damping + self.last]
        self.activity = system.activities(state)
        hidden = ACTIVATIONS[model.settings.activation].slope
        output = ACTIVATIONS[model.settings.output_activation].slope
        currents = system.views(state) if system.membrane else self.currents()
        self.slopes = [hidden(v) for v in currents[:-1]] + [output(currents[-1])]

    @cached_property
    def prediction(self) -> Array:
        """Outputs f(a_L), shape (rows, units), with the output current a_L before any nudge."""
        return np.asarray(ACTIVATIONS[self.system.model.settings.output_activation].value(self._output_current))

    @cached_property
    def output_slope(self) -> Array:
        """Slope f'(a_L), shape (rows, units)."""
        return np.asarray(ACTIVATIONS[self.system.model.settings.output_activation].slope(self._output_current))

    @cached_property
    def _output_current(self) -> Array:
        return self._forward_current(self.last)

    def _forward_current(self, k: int) -> Array:
        """Return W_{k-1} sum_c p_c s_{k-1,c} + b_k and what is held, shape (rows, units)."""
        if k == 1:
            return self.system.drive
        below = np.einsum("c,crn->rn", self.p, self.activity[k - 2])
        a = below @ self.parameters[f"W_{k - 1}"] + self.parameters[f"b_{k}"]
        return np.asarray(a + self.system.held[k - 2] if self.system.held else a)

    def currents(self) -> list[Array]:
        """Return the total current v of every layer, shape (planes, rows, units)."""
        currents = []
        for k in range(1, self.last + 1):
            a = self._output_current if k == self.last else self._forward_current(k)
            if k < self.last:
                F = (np.einsum("c,crn->rn", self.q, self.activity[k]) @ self.parameters[f"B_{k}"])[None]
            else:
                F = -self.system.nudges[:, None] * self.cost_gradients
            F = F + self.system.model.imperfect.compartment_offsets.get(k, 0.0)
            keep = 1 / (1 + self.damping[k - 1])
            currents.append(keep * (a + self.gain[:, None, None] * F + self.damping[k - 1] * self.activity[k - 1]))
        return currents

    @cached_property
    def cost_gradients(self) -> Array:
        """Cost gradient that every compartment of the outputs feels, shape (planes, rows, outputs)."""
        system, cost = self.system, self.system.model.output_cost
        if system.gradient_at == at.AT_COMPARTMENT:
            return np.stack([cost.gradient(s, system.targets) for s in self.activity[-1]])
        frozen = system.gradient_at == at.AT_FROZEN
        g = system.frozen_gradient if frozen else cost.gradient(self.prediction, system.targets)
        return np.stack([g] * len(self.gain))

    def matrices(self) -> Array:
        """Return J of every row, shape (rows, n, n)."""
        return jacobian_matrices(self)

    def times(self, v: Array) -> Array:
        """Return J v, shape (size,)."""
        system, cost = self.system, self.system.model.output_cost
        d = system.views(v)
        ds = [D * x for D, x in zip(self.slopes, d, strict=True)] if system.membrane else d
        result = np.empty_like(v)
        for k, out in enumerate(system.views(result), start=1):
            dv = np.zeros_like(out)
            da = np.zeros_like(out[0])
            if k > 1:
                da = np.einsum("c,crn->rn", self.p, ds[k - 2]) @ self.parameters[f"W_{k - 1}"]
            dv += da
            if k < self.last:
                dF = np.einsum("c,crn->rn", self.q, ds[k]) @ self.parameters[f"B_{k}"]
                dv += self.gain[:, None, None] * dF
            else:
                strength = self.gain[:, None, None] * system.nudges[:, None]
                if system.gradient_at == at.AT_CURRENT:
                    dv -= strength * cost.curvature_times(self.prediction, self.output_slope * da)
                elif system.gradient_at == at.AT_COMPARTMENT:
                    curved = [cost.curvature_times(s, x) for s, x in zip(self.activity[-1], ds[-1], strict=True)]
                    dv -= strength * np.stack(curved)
            dv = (dv + self.damping[k - 1] * ds[k - 1]) / (1 + self.damping[k - 1])
            out[:] = self.leak[k - 1] * ((dv if system.membrane else self.slopes[k - 1] * dv) - d[k - 1])
        return result

    def transposed_times(self, v: Array) -> Array:
        """Return J^T v, shape (size,)."""
        system, cost = self.system, self.system.model.output_cost
        d = system.views(v)
        result = np.zeros_like(v)
        out = system.views(result)  # first collects the sensitivity to ds, then to the state
        for k in range(self.last, 0, -1):
            dv = self._at_current(k, d[k - 1])
            out[k - 1] += self.damping[k - 1] * dv
            da = dv.sum(axis=0)
            if k < self.last:
                dF = np.einsum("c,crn->rn", self.gain, dv) @ self.parameters[f"B_{k}"].T
                out[k] += self.q[:, None, None] * dF
            else:
                strength = self.gain[:, None, None] * system.nudges[:, None]
                if system.gradient_at == at.AT_CURRENT:
                    pulled = np.sum(strength * dv, axis=0)
                    da = da - self.output_slope * cost.curvature_times(self.prediction, pulled)
                elif system.gradient_at == at.AT_COMPARTMENT:
                    pairs = zip(self.activity[-1], strength * dv, strict=True)
                    out[-1] -= np.stack([cost.curvature_times(s, x) for s, x in pairs])
            if k > 1:
                out[k - 2] += self.p[:, None, None] * (da @ self.parameters[f"W_{k - 1}"].T)
        for k, block in enumerate(out, start=1):
            if system.membrane:
                block *= self.slopes[k - 1]
            block -= self.leak[k - 1] * d[k - 1]
        return result

    def nudge_slope(self) -> Array:
        """Return d(rate)/d(beta), shape (size,); only the outputs are nudged."""
        result = np.zeros(self.system.size, self.system.dtype)
        dv = -self.gain[:, None, None] * self.cost_gradients
        self.system.views(result)[-1][:] = self._at_current(self.last, dv)
        return result

    def read_change(self, v: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write sum_c weights_c ds_c of every layer into `out`; ds = f'(u) du in membrane coordinates."""
        table = np.asarray(weights, self.system.dtype)
        for k, d in enumerate(self.system.views(v), start=1):
            ds = self.slopes[k - 1] * d if self.system.membrane else d
            out.block(k - 1)[:] = np.einsum("c,crn->rn", table, ds)

    def pull_back(self, v: Array, out: Signal) -> None:
        """Write the sum over compartments of (d rate / d current) v into `out`; all feel the forward current."""
        for k, d in enumerate(self.system.views(v), start=1):
            out.block(k - 1)[:] = self._at_current(k, d).sum(axis=0)

    def _at_current(self, k: int, d: Array) -> Array:
        """Return (d rate / d v) d of layer `k`, shape (planes, rows, units)."""
        slope = 1.0 if self.system.membrane else self.slopes[k - 1]
        return np.asarray(self.leak[k - 1] * slope * d / (1 + self.damping[k - 1]))
