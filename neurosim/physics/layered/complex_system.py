"""The network of point neurons with complex states, copy by copy beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.jit import BLOCK_ENTRIES, HEADER
from neurosim.physics.complex_states import ComplexSystem
from neurosim.physics.holomorphic.activations import holomorphic
from neurosim.physics.layered import layout as at
from neurosim.physics.layered.complex_jacobian import ComplexLinearisation
from neurosim.physics.layered.complex_kernels import complex_drift, read_copies, visit_complex_layers
from neurosim.physics.layered.sweeps import layer_order
from neurosim.physics.signal import Signal
from neurosim.physics.state_noise import inherited_noise

if TYPE_CHECKING:
    from neurosim.physics.layered.system import LayeredSystem

Array = npt.NDArray[Any]


class ComplexLayeredSystem(ComplexSystem):
    """A `LayeredSystem` continued to complex states and nudges.

    Parameters
    ----------
    real : LayeredSystem
        Point neurons with a batch on their terminals; what lies there is taken over now, and again by `follow`.
    copies : int
        Copies of every sample.

    Raises
    ------
    SimulationError
        If an activation is not holomorphic.
    """

    drift = complex_drift

    def __init__(self, real: LayeredSystem, copies: int) -> None:
        settings = real.model.settings
        self.hidden = holomorphic(settings.activation)
        self.output = holomorphic(settings.output_activation)
        self.real, self.model, self.copies = real, real.model, copies
        self.rows = copies * real.rows
        self.p, self.cost = real.p, real.model.output_cost
        arena = at.arena(
            real.model.layers, self.rows, 1, real.parameter_offsets, real.codes, held=bool(real.held), parts=2
        )
        self.blocks = at.state_blocks(real.model.layers, 2, real.blocks[0].symbol)
        self.layout = arena.layout
        self.u, self.work = np.zeros(arena.u_size, self.dtype), np.zeros(arena.work_size, self.dtype)
        constants = HEADER + BLOCK_ENTRIES * len(self.blocks)

        def terminal(offset: int, width: int) -> Array:
            return self.u[offset : offset + self.rows * width].reshape(self.rows, width)

        self.drive = terminal(int(self.layout[constants + at.DRIVE]), real.model.layers[1])
        self.targets = terminal(int(self.layout[constants + at.TARGETS]), real.model.outputs)
        offset = int(self.layout[constants + at.NUDGE])
        self.nudges = self.u[offset : offset + 2 * self.rows].reshape(2, self.rows)
        entries = self.layout[constants + at.LAYERS :].reshape(-1, at.LAYER_ENTRIES)
        self.noise = inherited_noise(real.noise, self)
        widths = real.model.layers[2:]
        self.held = [terminal(int(row[at.HELD]), n) for row, n in zip(entries[1:], widths, strict=True) if real.held]
        self.signal_noise = real.signal_noise
        self.follow()

    def follow(self) -> None:
        """Take over what lies on the terminals of the real system, without its nudge."""
        self.inputs = np.tile(self.real.inputs, (self.copies, 1))
        self.drive[:] = np.tile(self.real.drive, (self.copies, 1))
        self.targets[:] = np.tile(self.real.shown_targets, (self.copies, 1))
        for mine, its in zip(self.held, self.real.held, strict=True):
            mine[:] = np.tile(its, (self.copies, 1))
        self.paths = np.tile(self.real.paths, self.copies)
        self.nudges[:] = 0.0

    @property
    def membrane(self) -> bool:
        """Whether the state is the membrane state u rather than the activity s = f(u)."""
        return self.real.membrane

    @property
    def forward_weights(self) -> tuple[float, ...]:
        """The real part is sent on; of the imaginary part nothing is seen in a real circuit."""
        return (1.0, 0.0)

    def present(self, inputs: Array, targets: Array) -> None:
        """Put a batch on the terminals of the real system, and take it over; `inputs` are those of the samples."""
        self.real.present(inputs, targets)
        self.follow()

    def nudge(self, beta: complex) -> None:
        """Set the nudging strength of all copies."""
        self.nudge_copies((beta,) * self.copies)

    def nudge_copies(self, betas: Sequence[complex]) -> None:
        """Set the nudging strength of every copy."""
        each = np.repeat(self.model.acting_nudge(1.0) * np.array(betas, complex), self.real.rows)
        self.nudges[0], self.nudges[1] = each.real, each.imag
        if self.signal_noise is not None and any(betas):
            parts = np.split(self.targets, self.copies)
            for copy, part in enumerate(parts):
                part[:] = self.signal_noise.nudge(self.real.paths, self.real.shown_targets, copy)

    @property
    def free(self) -> bool:
        """Whether no row is nudged."""
        return not self.nudges.any()

    def complex_nudges(self) -> Array:
        """Return beta of every row, shape (rows,)."""
        return np.asarray(self.nudges[0] + 1j * self.nudges[1])

    def take(self, rows: Sequence[int]) -> ComplexLayeredSystem:
        """Return a system of one copy with the given rows and what lies on their terminals."""
        each = self.real.rows
        other = ComplexLayeredSystem(self.real.take([row % each for row in rows]), 1)
        other.nudges[:] = self.nudges[:, rows]
        other.noise_stream = self.noise_stream
        return other

    def freeze_cost_gradient(self, state: Array) -> None:
        """Hold the cost gradient of the real system; complex nudges are live, so there is no use for it here.

        Raises
        ------
        SimulationError
            Always.
        """
        raise SimulationError("complex nudges follow the present output; their cost gradient cannot be held")

    def complex_views(self, state: Array) -> list[Array]:
        """Return the blocks of a state as complex arrays (rows, units); their values are copied."""
        return [view[0] + 1j * view[1] for view in self.views(state)]

    def complex_activities(self, state: Array) -> list[Array]:
        """Return the activity of every layer above the inputs as complex arrays (rows, units)."""
        z = self.complex_views(state)
        return [*map(self.hidden.value, z[:-1]), self.output.value(z[-1])] if self.membrane else z

    def read_exactly(self, state: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write weights_0 Re s + weights_1 Im s of every unit into `out`, whose window has the rows of this system."""
        for i, s in enumerate(self.complex_activities(state)):
            out.block(i)[:] = weights[0] * s.real + weights[1] * s.imag

    def read_copies(self, state: Array, weights: Array, out: Signal) -> None:
        """Add what synapses read, sum_c weights[0, c] Re s + weights[1, c] Im s and its noise, to `out`."""
        self.read_copies_exactly(state, weights, out)
        if self.signal_noise is not None:
            self.signal_noise.read(self.real.paths, float(np.linalg.norm(weights)), out)

    def read_copies_exactly(self, state: Array, weights: Array, out: Signal) -> None:
        """Add sum_c weights[0, c] Re s + weights[1, c] Im s of every unit to `out`."""
        table = np.ascontiguousarray(weights, self.dtype)
        read_copies[self.dtype](table, state, self.arrays, out.samples, out.first, out.values)

    def prediction(self, state: Array) -> Array:
        """Return the real part of what the outputs say, shape (rows, outputs)."""
        return np.ascontiguousarray(self.model.prediction_of(self.complex_activities(state)[-1].real))

    def cost_slope(self, state: Array) -> Array:
        """Return dC/d(state) as two real planes: conj(dC/ds ds/dy) of every unit, shape (size,)."""
        slope = np.zeros_like(state)
        g = self.cost.gradient(self.complex_activities(state)[-1], self.targets)
        if self.membrane:
            g = g * self.output.slope(self.complex_views(state)[-1])
        self.views(slope)[-1][:] = np.stack([g.real, -g.imag])
        return slope

    def linearise(self, state: Array) -> ComplexLinearisation:
        """Return J = d(rate)/d(state) at `state`, as products; of real and imaginary parts."""
        self.model.synchronise()
        return ComplexLinearisation(self, state)

    def transposed_at(self, state: Array) -> ComplexLayeredSystem:
        """Return the copies of the real system that is transposed at the real part of the first copy of `state`."""
        samples = self.real.rows
        real = np.concatenate([np.ascontiguousarray(view[0, :samples]).ravel() for view in self.views(state)])
        return self.real.transposed_at(real).complex_copies(self.copies)

    def sweep(self, state: Array, order: str, first: bool) -> Array:
        """Let every layer jump to its current once, in place; return the RMS change of each row, shape (rows,)."""
        self.model.synchronise()
        visits = np.array(layer_order(order, first, len(self.blocks))) - 1
        changes = np.zeros(self.rows)
        visit_complex_layers[self.dtype](visits, state, self.arrays, changes)
        return np.sqrt(changes * (self.rows / self.size))
