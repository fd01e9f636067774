"""A netlist made into dyads, with a batch on its terminals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import splu

from neurosim.errors import SimulationError
from neurosim.physics.dynamical_system import block_table
from neurosim.physics.linearisation import Linearisation
from neurosim.physics.resistive.dyadic import dyadic_drift
from neurosim.physics.resistive.operating_point import DENSE_UNTIL, OperatingPoint
from neurosim.physics.signal import Signal
from neurosim.physics.system import System
from neurosim.physics.wiring import Wiring

if TYPE_CHECKING:
    from neurosim.physics.resistive.model import ResistiveNetwork
    from neurosim.physics.resistive.system import ResistiveSystem

Array = npt.NDArray[Any]


class DyadicResistiveSystem(System):
    """A `ResistiveSystem` whose free nodes are there twice (see `neurosim.physics.resistive.dyadic`).

    Parameters
    ----------
    points : ResistiveSystem
        A netlist with a batch on its terminals; what lies there is taken over now, and again by `follow`.
    """

    drift = dyadic_drift
    model: ResistiveNetwork

    def __init__(self, points: ResistiveSystem) -> None:
        if points.noise is not None:
            raise SimulationError("thermal_noise is that of one voltage per node; dyads have two. Leave it out")
        model = points.model
        self.points, self.model, self.rows, self.p = points, model, points.rows, points.p
        self.blocks = tuple(replace(block, planes=2) for block in points.blocks)
        self.layout = points.layout.copy()
        head = block_table(self.blocks, self.rows)
        self.layout[: len(head)] = head
        self.u = points.u.copy()
        self.targets = self._part(points.targets)
        self.nudges = self._part(points.nudges)
        nodes = len(model.netlist.nodes)
        self.work = np.zeros(4 * nodes + self.rows * model.netlist.free, self.dtype)
        self.signal_noise = points.signal_noise
        self.follow()

    def _part(self, theirs: Array) -> Array:
        """Return the view of `u` that corresponds to one of the points."""
        points = self.points.u
        start = (theirs.__array_interface__["data"][0] - points.__array_interface__["data"][0]) // points.itemsize
        return self.u[start : start + theirs.size].reshape(theirs.shape)

    def follow(self) -> None:
        """Take over what lies on the terminals of the netlist, without its nudge."""
        self.inputs, self.paths = self.points.inputs, self.points.paths
        self.u[:] = self.points.u
        self.targets[:], self.nudges[:] = self.points.shown_targets, 0.0

    @property
    def forward_weights(self) -> tuple[float, ...]:
        """The mean of the compartments is the voltage."""
        return (0.5, 0.5)

    @property
    def free(self) -> bool:
        """Whether no row is nudged."""
        return not self.nudges.any()

    def present(self, inputs: Array, targets: Array) -> None:
        """Put a batch on the terminals."""
        self.points.present(inputs, targets)
        self.follow()

    def nudge(self, beta: complex) -> None:
        """Set the strength with which the outputs of all rows are nudged, in S."""
        if complex(beta).imag:
            raise SimulationError("a complex nudge needs complex states")
        self.nudges[:] = self.model.acting_nudge(complex(beta)).real
        if beta:
            self.targets[:] = self.points.noisy_targets()

    def freeze_cost_gradient(self, state: Array) -> None:
        """There is nothing to hold: the difference feels the cost gradient at the free mean in any case.

        Raises
        ------
        SimulationError
            Always.
        """
        raise SimulationError("the nudge of these dyads takes the cost gradient at their mean; it cannot be held")

    def take(self, rows: Sequence[int]) -> DyadicResistiveSystem:
        """Return a system of its own with the given rows and what lies on their terminals."""
        other = DyadicResistiveSystem(self.points.take(rows))
        other.targets[:], other.nudges[:] = self.targets[rows], self.nudges[rows]
        other.noise_stream = self.noise_stream
        return other

    def parts(self, state: Array) -> tuple[Array, Array]:
        """Return mean and difference of the compartments, each (rows, free)."""
        plus, minus = self.views(state)[0]
        return (plus + minus) / 2, plus - minus

    def signal(self) -> Signal:
        """Return a signal of zeros, one number per node and row."""
        return self.points.signal()

    def read(self, state: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write what resistors read of every node, and the noise of reading, into `out`; ground is 0 V."""
        super().read(state, weights, out)
        out.block(0)[:, 0] = 0.0

    def read_exactly(self, state: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write (w_0 + w_1) V(m) + (w_0 - w_1) D / 2 into `out`, with D_i = weight_i d at the root of every node."""
        m, d = self.parts(state)
        V = self.points.node_voltages(m.ravel())
        common, opposite = weights[0] + weights[1], (weights[0] - weights[1]) / 2
        out.block(0)[:] = common * V + opposite * self.model.spread(d, self.points.equations.weights)

    def prediction(self, state: Array) -> Array:
        """Return the mean voltages of the outputs, shape (rows, outputs)."""
        return self.points.prediction(self.parts(state)[0].ravel())

    def cost_slope(self, state: Array) -> Array:
        """Return dC/d(state) of every row, shape (size,); each compartment has half a share in the mean."""
        slope = self.points.cost_slope(self.parts(state)[0].ravel())
        return np.concatenate([slope, slope]) / 2

    def linearise(self, state: Array) -> Linearisation:
        """There is none: how J^T d changes with m asks for second derivatives of the laws.

        Raises
        ------
        SimulationError
            Always.
        """
        raise SimulationError("dyads of a netlist have no Jacobian; use newton or an explicit ODE solver")

    def operating_point(
        self, state: Array, tolerance: float, max_steps: int,
        watch: Callable[[int, Array, Array], None] | None = None,
    ) -> OperatingPoint:  # fmt: skip
        """Move `state` in place to rest: the mean to the free operating point, the difference by a linear system."""
        m, d = self.parts(state)
        mean = np.ascontiguousarray(m).ravel()

        def put(mean: Array, d: Array) -> Array:
            view = self.views(state)[0]
            view[0], view[1] = mean.reshape(d.shape) + d / 2, mean.reshape(d.shape) - d / 2
            return state

        def told(step: int, here: Array, corrections: Array) -> None:
            if watch is not None:
                watch(step, put(here, d), corrections)

        self.points.nudge(0.0)
        found = self.points.operating_point(mean, tolerance, max_steps, None if watch is None else told)
        corrections, converged = found.corrections.copy(), found.converged.copy()
        errors = self._differences(mean)
        lost = ~np.isfinite(errors).all(axis=1)
        corrections[lost], converged[lost] = np.inf, False
        put(mean, errors.astype(state.dtype))
        if watch is not None:
            watch(found.steps + 1, state, corrections)
        return OperatingPoint(converged, corrections, found.steps)

    def _differences(self, mean: Array) -> Array:
        """Return d of every row with J_F^T d = beta dC/dv, (rows, free); NaN where J_F cannot be inverted."""
        linear = self.points.linearise(mean)
        right = np.zeros((self.rows, self.model.netlist.free))
        errors = self.points.prediction(mean) - self.targets
        right[:, self.model.output_states] = self.nudges[:, None] * errors
        d = np.full(right.shape, np.nan)
        for row in np.flatnonzero(np.isfinite(linear.slopes).all(axis=1)):
            slopes, nothing = linear.slopes[row].astype(np.float64), np.zeros(right.shape[1])
            try:
                if len(nothing) <= DENSE_UNTIL:
                    J = self.points.equations.matrices(slopes[None], nothing[None])[0]
                    d[row] = np.linalg.solve(J.T, right[row])
                else:
                    J = self.points.equations.sparse_matrix(slopes, nothing)
                    d[row] = splu(J).solve(right[row], trans="T")
            except (np.linalg.LinAlgError, RuntimeError):  # exactly singular: the NaN says so in the status
                continue
        return d

    def wiring(self, state: Array) -> Wiring:
        """Return the elements of the netlist, with currents and slopes at the mean."""
        return self.points.wiring(self.parts(state)[0].ravel())

    def power(self, state: Array) -> Array:
        """Return the power that resistors and diodes dissipate at the mean, in every row, shape (rows,), in W."""
        return self.points.power(self.parts(state)[0].ravel())
