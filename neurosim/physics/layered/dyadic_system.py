"""Point neurons made into dyads, with a batch on their terminals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.jit import BLOCK_ENTRIES, HEADER
from neurosim.physics.activations import ACTIVATIONS
from neurosim.physics.layered import layout as at
from neurosim.physics.layered.dyadic import dyadic_drift
from neurosim.physics.layered.dyadic_jacobian import DyadicLinearisation
from neurosim.physics.signal import Signal
from neurosim.physics.state_noise import inherited_noise
from neurosim.physics.system import System

if TYPE_CHECKING:
    from neurosim.physics.layered.network import CompartmentNetwork
    from neurosim.physics.layered.system import LayeredSystem

Array = npt.NDArray[Any]


class DyadicSystem(System):
    """A `LayeredSystem` of point neurons whose units have two compartments (see `neurosim.physics.layered.dyadic`).

    Parameters
    ----------
    points : LayeredSystem
        Point neurons with a batch on their terminals; what lies there is taken over now, and again by `follow`.
    """

    drift = dyadic_drift
    model: CompartmentNetwork
    nudges: Array

    def __init__(self, points: LayeredSystem) -> None:
        model = points.model
        self.points, self.model, self.rows = points, model, points.rows
        self.p = points.p
        arena = at.arena(model.layers, self.rows, 2, points.parameter_offsets, points.codes)
        self.blocks = at.state_blocks(model.layers, 2, points.blocks[0].symbol)
        self.layout = arena.layout
        constants = HEADER + BLOCK_ENTRIES * len(self.blocks)
        room = int(self.layout[constants + at.ACTIVITY]) + 2 * self.rows * sum(model.layers[1:])
        self.u, self.work = np.zeros(arena.u_size, self.dtype), np.zeros(room, self.dtype)

        def terminal(which: int, width: int) -> Array:
            offset = int(self.layout[constants + which])
            return self.u[offset : offset + self.rows * width].reshape(self.rows, width)

        self.drive, self.targets = terminal(at.DRIVE, model.layers[1]), terminal(at.TARGETS, model.outputs)
        self.nudges = terminal(at.NUDGE, 1).reshape(self.rows)
        self.signal_noise = points.signal_noise
        self.noise = inherited_noise(points.noise, self)
        self.follow()

    def follow(self) -> None:
        """Take over what lies on the terminals of the point neurons, without their nudge."""
        self.inputs, self.paths = self.points.inputs, self.points.paths
        self.drive[:], self.targets[:], self.nudges[:] = self.points.drive, self.points.shown_targets, 0.0

    @property
    def forward_weights(self) -> tuple[float, ...]:
        """The mean of the compartments is sent on."""
        return (0.5, 0.5)

    def present(self, inputs: Array, targets: Array) -> None:
        """Put a batch on the terminals."""
        self.points.present(inputs, targets)
        self.follow()

    def nudge(self, beta: complex) -> None:
        """Set the strength with which the outputs of all rows are nudged."""
        strength = complex(beta)
        if strength.imag:
            raise SimulationError("a complex nudge needs complex states")
        self.nudges[:] = self.model.acting_nudge(strength).real
        if self.signal_noise is not None and beta:
            self.targets[:] = self.signal_noise.nudge(self.points.paths, self.points.shown_targets)

    @property
    def free(self) -> bool:
        """Whether no row is nudged."""
        return not self.nudges.any()

    def take(self, rows: Sequence[int]) -> DyadicSystem:
        """Return a system of its own with the given rows and what lies on their terminals."""
        other = DyadicSystem(self.points.take(rows))
        other.nudges[:] = self.nudges[rows]
        other.noise_stream = self.noise_stream
        return other

    def freeze_cost_gradient(self, state: Array) -> None:
        """There is nothing to hold: the difference feels the cost gradient at the free mean in any case.

        Raises
        ------
        SimulationError
            Always.
        """
        raise SimulationError("the nudge of these dyads takes the cost gradient at their mean; it cannot be held")

    def parts(self, state: Array) -> tuple[list[Array], list[Array]]:
        """Return mean and difference of the compartments of every layer, each (rows, units)."""
        views = self.views(state)
        return [(plus + minus) / 2 for plus, minus in views], [plus - minus for plus, minus in views]

    def activities(self, means: list[Array]) -> list[Array]:
        """Return the activity of every layer above the inputs for the means of its states."""
        settings = self.model.settings
        if settings.coordinates != "membrane":
            return means
        names = [settings.activation] * (len(means) - 1) + [settings.output_activation]
        return [ACTIVATIONS[name].value(m) for name, m in zip(names, means, strict=True)]

    def read_exactly(self, state: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write sum_c weights_c s_c into `out`, with the activities s_c = f(m) +- e/2 of the compartments."""
        means, differences = self.parts(state)
        common, opposite = weights[0] + weights[1], (weights[0] - weights[1]) / 2
        for i, (s, e) in enumerate(zip(self.activities(means), differences, strict=True)):
            out.block(i)[:] = common * s + opposite * e

    def prediction(self, state: Array) -> Array:
        """Return what the mean activity of the outputs says, shape (rows, outputs)."""
        return np.ascontiguousarray(self.model.prediction_of(self.activities(self.parts(state)[0])[-1]))

    def cost_slope(self, state: Array) -> Array:
        """Return dC/d(state) of every row, shape (size,); each compartment has half a share in the mean."""
        settings, (means, _) = self.model.settings, self.parts(state)
        g = self.model.output_cost.gradient(self.activities(means)[-1], self.targets)
        if settings.coordinates == "membrane":
            g = g * ACTIVATIONS[settings.output_activation].slope(means[-1])
        slope = np.zeros_like(state)
        self.views(slope)[-1][:] = g / 2
        return slope

    def linearise(self, state: Array) -> DyadicLinearisation:
        """Return J = d(rate)/d(state) at `state`, as products."""
        self.model.synchronise()
        return DyadicLinearisation(self, state)
