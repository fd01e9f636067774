"""A deep resistive network with a batch on its sources and targets at its outputs.

    z_k = (sum_j g_kj v_j + b_k [+ beta y_k]) / (sum_j g_kj [+ beta]),      v_k <- clip(z_k, lo_k, hi_k)

is the voltage that node k would take if its neighbours kept theirs. Nodes of a layer do not touch each other, so a
whole layer follows at once; one layer after the other is block coordinate descent on a convex quadratic in a box, which
sweep after sweep comes closer to its one minimum. The rate of a node is clip(z_k) - v_k per second: each of them as if
it had the capacitance with which its time constant is 1 s. It is zero at the operating point and only there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.physics.deep_resistive.linearisation import DeepResistiveLinearisation
from neurosim.physics.deep_resistive.operating_point import find_operating_point
from neurosim.physics.dynamical_system import block_table
from neurosim.physics.layered.sweeps import layer_order
from neurosim.physics.resistive.operating_point import OperatingPoint
from neurosim.physics.signal import Signal
from neurosim.physics.system import System

if TYPE_CHECKING:
    from neurosim.physics.deep_resistive.network import DeepResistiveNetwork

Array = npt.NDArray[Any]


class DeepResistiveSystem(System):
    """A deep resistive network with `rows` samples on its terminals; its state is the voltages of its free nodes, in V.

    Parameters
    ----------
    model : DeepResistiveNetwork
        The circuit.
    rows : int
        Number of samples, at least 1.

    Attributes
    ----------
    held : ndarray, shape (rows, outputs), or None
        Outputs at which the current of a frozen nudge is taken; None where the nudge is live.
    """

    model: DeepResistiveNetwork

    def __init__(self, model: DeepResistiveNetwork, rows: int) -> None:
        self.model, self.rows, self.blocks, self.p = model, rows, model.blocks, model.p
        self.layout = np.array(block_table(model.blocks, rows), np.int64)
        self.u = self.work = np.zeros(1, self.p.dtype)
        self.limits = model.bounds_of_voltages
        self.inputs: Array = np.zeros((rows, model.layers[0]), self.dtype)
        self.targets: Array = np.zeros((rows, model.layers[-1]), self.dtype)
        self.beta = 0.0
        self.held: Array | None = None
        self._drive: Array = np.zeros((rows, model.layers[1]), self.dtype)
        self._driven_at = -1

    @property
    def forward_weights(self) -> tuple[float, ...]:
        """One voltage per node."""
        return (1.0,)

    @property
    def free(self) -> bool:
        """Whether no row is nudged."""
        return self.beta == 0.0

    def present(self, inputs: Array, targets: Array) -> None:
        """Put a batch on the terminals, with a live nudge."""
        self.inputs = np.ascontiguousarray(inputs, self.dtype)
        self.targets = np.ascontiguousarray(targets, self.dtype)
        self.held, self._driven_at = None, -1

    def nudge(self, beta: complex) -> None:
        """Set the strength with which the outputs of all rows are nudged, in S."""
        if complex(beta).imag:
            raise SimulationError("a complex nudge needs complex states")
        self.beta = complex(beta).real

    def freeze_cost_gradient(self, state: Array) -> None:
        """Hold the current of later nudges at that of `state`, over beta."""
        self.held = self.prediction(state)

    def take(self, rows: Sequence[int]) -> DeepResistiveSystem:
        """Return a system of its own with the given rows and what lies on their terminals."""
        other = DeepResistiveSystem(self.model, len(rows))
        other.present(self.inputs[rows], self.targets[rows])
        other.beta, other.held = self.beta, None if self.held is None else self.held[rows]
        other.paths, other.noise_stream = self.paths[rows], self.noise_stream
        return other

    def layers_of(self, state: Array) -> list[Array]:
        """Return the voltages of every free layer, (rows, units) each, in the memory of `state`."""
        return [view[0] for view in self.views(state)]

    @property
    def drive(self) -> Array:
        """Current from the sources into the first layer at 0 V, shape (rows, n_1), in A."""
        if self._driven_at != self.model.changes:
            positive, negative = np.split(self.model.conductance_arrays[0], 2)
            np.dot(self.inputs, positive - negative, out=self._drive)
            self._drive *= self.dtype.type(self.model.settings.input_gain)
            self._driven_at = self.model.changes
        return self._drive

    def node_conductance(self, k: int) -> Array:
        """Return the sum of the conductances at every node of free layer `k` (from 0), with a live nudge, (units,)."""
        self.model.synchronise()
        sums = self.model.node_conductances[k]
        last = k == len(self.blocks) - 1
        return sums + self.dtype.type(self.beta) if last and self.held is None else sums

    def coupled(self, v: list[Array], k: int) -> Array:
        """Return sum_j g_kj v_j over the free neighbours of every node of free layer `k`, shape (rows, units)."""
        G = self.model.conductance_arrays
        current = v[k - 1] @ G[k] if k > 0 else np.zeros_like(v[0])
        if k + 1 < len(v):
            current += v[k + 1] @ G[k + 1].T
        return np.asarray(current)

    def goal(self, v: list[Array], k: int) -> Array:
        """Return z of free layer `k`, shape (rows, units); NaN where a nudge up the cost leaves no minimum."""
        current = self.coupled(v, k) + self.model.parameters[f"b_{k + 1}"]
        if k == 0:
            current += self.drive
        if k == len(v) - 1 and self.beta:
            towards = self.targets if self.held is None else self.targets - self.held
            current += self.dtype.type(self.beta) * towards
        conductance = self.node_conductance(k)
        return np.asarray(current / np.where(conductance > 0, conductance, np.nan))

    def sweep(self, state: Array, order: str, first: bool) -> Array:
        """Visit every layer once; return the RMS change of each row, shape (rows,)."""
        v, changes = self.layers_of(state), np.zeros(self.rows)
        for layer in layer_order(order, first, len(v)):
            moved = np.clip(self.goal(v, layer - 1), *self.limits[layer - 1])
            step = moved - v[layer - 1]
            changes += np.einsum("rn,rn->r", step, step)
            v[layer - 1][:] = moved
        return np.asarray(np.sqrt(changes * (self.rows / self.size)))

    def rate(self, state: Array, time: float = 0.0) -> Array:
        """Return clip(z) - v of every node, shape (size,), per second."""
        out = np.empty_like(state)
        v = self.layers_of(state)
        for k, rates in enumerate(self.layers_of(out)):
            np.subtract(np.clip(self.goal(v, k), *self.limits[k]), v[k], out=rates)
        return out

    def operating_point(
        self, state: Array, tolerance: float, max_steps: int,
        watch: Callable[[int, Array, Array], None] | None = None,
    ) -> OperatingPoint:  # fmt: skip
        """Move `state` in place to the operating point, by sweeps and Newton's method on the diodes that are off."""
        return find_operating_point(self, state, tolerance, max_steps, watch)

    def linearise(self, state: Array) -> DeepResistiveLinearisation:
        """Return J = d(rate)/d(state) at `state`."""
        return DeepResistiveLinearisation(self, state)

    def read_exactly(self, state: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write weights[0] times the voltage of every free node into `out`."""
        for mine, v in zip(out.blocks(), self.layers_of(state), strict=True):
            mine[:] = weights[0] * v

    def prediction(self, state: Array) -> Array:
        """Return the voltages of the outputs, shape (rows, outputs)."""
        return self.layers_of(state)[-1].copy()

    def cost_slope(self, state: Array) -> Array:
        """Return dC/d(state), shape (size,): v - y at the outputs."""
        slope = np.zeros_like(state)
        self.layers_of(slope)[-1][:] = self.prediction(state) - self.targets
        return slope

    def power(self, state: Array) -> Array:
        """Return the power that the resistors dissipate in every row, shape (rows,), in W; ideal diodes take none."""
        x = self.inputs.astype(np.float64) * self.model.settings.input_gain
        v = [np.hstack([x, -x]), *(values.astype(np.float64) for values in self.layers_of(state))]
        total = np.zeros(self.rows)
        for k, conductances in enumerate(self.model.conductance_arrays):
            G = conductances.astype(np.float64)
            total += v[k] ** 2 @ G.sum(axis=1) + v[k + 1] ** 2 @ G.sum(axis=0)
            total -= 2.0 * np.einsum("rj,rj->r", v[k] @ G, v[k + 1])
        return total
