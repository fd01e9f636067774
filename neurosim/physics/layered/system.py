"""The compartment network with a batch on its terminals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.jit import BLOCK_ENTRIES, HEADER
from neurosim.physics.activations import ACTIVATIONS
from neurosim.physics.layered import layout as at
from neurosim.physics.layered.adjoint import AdjointNetwork
from neurosim.physics.layered.complex_system import ComplexLayeredSystem
from neurosim.physics.layered.drift import drift
from neurosim.physics.layered.dyadic_system import DyadicSystem
from neurosim.physics.layered.jacobian import LayeredLinearisation
from neurosim.physics.layered.oscillating import OscillatingLayeredSystem
from neurosim.physics.layered.reading import predict, read_signal
from neurosim.physics.layered.series import equilibrium_series
from neurosim.physics.layered.sweeps import LayerSweeps
from neurosim.physics.layered.transposed import hold
from neurosim.physics.signal import Signal
from neurosim.physics.signal_noise import SignalNoise
from neurosim.physics.state_noise import inherited_noise, leak_noise
from neurosim.physics.system import System

if TYPE_CHECKING:
    from neurosim.physics.layered.network import CompartmentNetwork

Array = npt.NDArray[Any]


class LayeredSystem(System):
    """A compartment network with `rows` samples on its terminals.

    Parameters
    ----------
    model : CompartmentNetwork
        The circuit.
    rows : int
        Number of samples, at least 1.
    holds_currents : bool
        Whether every row has a held current in the layers above the first, `held`.
    further_u : int
        Room that a subclass wants in `u`, behind what stands there.
    """

    drift = drift
    model: CompartmentNetwork

    def __init__(self, model: CompartmentNetwork, rows: int, holds_currents: bool = False, further_u: int = 0) -> None:
        settings, compartments = model.settings, model.compartments
        self.model = model
        self.rows = rows
        self.blocks = model.blocks
        self.p = model.p
        self.parameter_offsets = {name: model.header.size + offset for name, offset in model.parameters.offsets.items()}
        self.parameter_offsets |= {f"d_{k}": model.feedback_offset(k) for k in model.imperfect.compartment_offsets}
        gradient = at.AT_CURRENT if compartments.gradient_at == "current" else at.AT_COMPARTMENT
        self.codes = {
            "membrane": settings.coordinates == "membrane",
            "tied": model.imperfect.tied,
            "gradient": gradient,
            "cost": settings.cost,
            "outputs": model.outputs,
            "activation": settings.activation,
            "output_activation": settings.output_activation,
        }
        arena = at.arena(
            model.layers, rows, compartments.count, self.parameter_offsets, self.codes, held=holds_currents
        )
        self.layout = arena.layout
        self.u = np.zeros(arena.u_size + further_u, self.p.dtype)
        self.work = np.zeros(arena.work_size, self.p.dtype)
        self._live_gradient = gradient
        self._constants = HEADER + BLOCK_ENTRIES * len(self.blocks)
        outputs = model.layers[-1]
        self.inputs: Array = np.zeros((rows, model.layers[0]), self.p.dtype)
        self.drive = self._terminal(at.DRIVE, model.layers[1])
        self.targets = self._terminal(at.TARGETS, model.outputs)
        self.nudges = self._terminal(at.NUDGE, 1).reshape(rows)
        self.frozen_gradient = self._terminal(at.FROZEN, outputs)
        widths = model.layers[2:] if holds_currents else ()
        entries = self.layout[self._constants + at.LAYERS :].reshape(-1, at.LAYER_ENTRIES)
        self.held = [
            self.u[offset : offset + rows * n].reshape(rows, n)
            for offset, n in zip(entries[1:, at.HELD].tolist(), widths, strict=holds_currents)
        ]
        self.shown_targets = self.targets
        if model.noisy_signals:
            self.signal_noise = SignalNoise(
                settings.imperfections, model.seed, tuple(block.name for block in self.blocks)
            )
            self.shown_targets = self.targets.copy()
        self.noise = leak_noise(self, settings.imperfections.state_noise, model.noise_key)
        self._sweeps: LayerSweeps | None = None
        self._complex: dict[int, ComplexLayeredSystem] = {}
        self._oscillating: dict[tuple[bool, float], OscillatingLayeredSystem] = {}
        self._dyads: DyadicSystem | None = None
        self._transposed: LayeredSystem | None = None

    def _terminal(self, which: int, width: int) -> Array:
        offset = int(self.layout[self._constants + which])
        return self.u[offset : offset + self.rows * width].reshape(self.rows, width)

    @property
    def membrane(self) -> bool:
        """Whether the state is the membrane state u rather than the activity s = f(u)."""
        return self.model.settings.coordinates == "membrane"

    @property
    def forward_weights(self) -> tuple[float, ...]:
        """p_c."""
        return self.model.compartments.forward

    @property
    def gradient_at(self) -> int:
        """Where the cost gradient is evaluated at present: `layout.AT_CURRENT`, `AT_COMPARTMENT` or `AT_FROZEN`."""
        return int(self.layout[self._constants + at.GRADIENT])

    def present(self, inputs: Array, targets: Array) -> None:
        """Put a batch on the terminals, with a live cost gradient; do it again after conductances have changed.

        `inputs` is not copied where it is contiguous and of the right type: leave it alone while it is presented.
        """
        self.inputs = np.ascontiguousarray(inputs, self.dtype)
        self.targets[:] = targets
        self.shown_targets[:] = targets
        if self.signal_noise is not None:
            self.signal_noise.begin()
        np.matmul(self.inputs, self.model.conductances["W_0"], out=self.drive)
        np.add(self.drive, self.model.conductances["b_1"], out=self.drive)
        self.layout[self._constants + at.GRADIENT] = self._live_gradient
        self.forget()

    def nudge(self, beta: complex) -> None:
        """Set the strength with which the outputs of all rows are nudged."""
        strength = complex(beta)
        if strength.imag:
            raise SimulationError("a complex nudge needs complex states")
        self.nudges[:] = self.model.acting_nudge(strength).real
        if self.signal_noise is not None:
            self._pull_towards(self.signal_noise.nudge(self.paths, self.shown_targets) if beta else self.shown_targets)

    def _pull_towards(self, targets: Array) -> None:
        """Nudge towards targets that are a little wrong; a gradient that is held is wrong by as much."""
        if self.gradient_at == at.AT_FROZEN:
            self.frozen_gradient += self.targets - targets
        self.targets[:] = targets

    @property
    def free(self) -> bool:
        """Whether no row is nudged."""
        return not self.nudges.any()

    def take(self, rows: Sequence[int]) -> LayeredSystem:
        """Return a system of its own with the given rows and what lies on their terminals."""
        other = LayeredSystem(self.model, len(rows), bool(self.held))
        other.present(self.inputs[rows], self.targets[rows])
        other.drive[:] = self.drive[rows]
        for its, mine in zip(other.held, self.held, strict=True):
            its[:] = mine[rows]
        other.nudges[:] = self.nudges[rows]
        other.frozen_gradient[:] = self.frozen_gradient[rows]
        other.layout[other._constants + at.GRADIENT] = self.gradient_at
        other.noise = inherited_noise(self.noise, other)
        other.paths, other.noise_stream = self.paths[rows], self.noise_stream
        return other

    def complex_copies(self, copies: int) -> ComplexLayeredSystem:
        """Return the circuit with complex states: every row `copies` times, and what lies on its terminals now."""
        if copies in self._complex:
            self._complex[copies].follow()
        else:
            self._complex[copies] = ComplexLayeredSystem(self, copies)
        return self._complex[copies]

    def power_series(self, state: Array, solve: Callable[[Array], Array], orders: int) -> Array:
        """Return the coefficients of the activities as a power series in the nudge, (orders, rows, units)."""
        return equilibrium_series(self, state, solve, orders)

    def dyads(self) -> DyadicSystem:
        """Return the point neurons with two compartments each, and what lies on their terminals now."""
        if self._dyads is None:
            self._dyads = DyadicSystem(self)
        else:
            self._dyads.follow()
        return self._dyads

    def oscillating(self, rotating: bool, period: float) -> OscillatingLayeredSystem:
        """Return the point neurons under an oscillating nudge, and what lies on their terminals now."""
        if rotating:
            self.complex_copies(1)  # takes the batch over
        if (rotating, period) not in self._oscillating:
            self._oscillating[rotating, period] = OscillatingLayeredSystem(self, rotating, period)
        driven = self._oscillating[rotating, period]
        driven.follow()
        return driven

    def transposed_at(self, state: Array) -> LayeredSystem:
        """Return a system at rest in `state`, with the conductances of the loops transposed; always the same one."""
        turned = self.model.transposed()
        if self._transposed is None:
            self._transposed = LayeredSystem(turned, self.rows, holds_currents=True)
        self._transposed.signal_noise = None  # while the batch that is there already is put on its terminals
        hold(self, state, self._transposed)
        self._transposed.noise, self._transposed.paths = inherited_noise(self.noise, self._transposed), self.paths
        self._transposed.signal_noise = self.signal_noise
        return self._transposed

    def freeze_cost_gradient(self, state: Array) -> None:
        """Hold the cost gradient of later nudges at the prediction of `state`."""
        self.frozen_gradient[:] = self.model.output_cost.gradient(self._unnudged(state), self.targets)
        self.layout[self._constants + at.GRADIENT] = at.AT_FROZEN

    def activities(self, state: Array) -> list[Array]:
        """Return the activities (planes, rows, units) of every layer above the inputs."""
        views = self.views(state)
        if not self.membrane:
            return views
        hidden = ACTIVATIONS[self.model.settings.activation].value
        output = ACTIVATIONS[self.model.settings.output_activation].value
        return [hidden(view) for view in views[:-1]] + [output(views[-1])]

    def read_exactly(self, state: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write sum_c weights_c s_{k,c} of every layer into `out`, whose window has the rows of this system."""
        table = np.array(weights, self.dtype)
        read_signal[self.dtype](table, state, self.arrays, out.samples, out.first, out.values)

    def forward_signal(self, state: Array, layer: int) -> Array:
        """Return sum_c p_c s_{k,c}, shape (rows, units): what `layer` sends up; layer 0 is the input."""
        return self.inputs if layer == 0 else self._signal(state, layer, self.model.compartments.forward)

    def backward_signal(self, state: Array, layer: int) -> Array:
        """Return sum_c q_c s_{k,c}, shape (rows, units): what `layer` sends down."""
        return self._signal(state, layer, self.model.compartments.backward)

    def _signal(self, state: Array, layer: int, weights: tuple[float, ...]) -> Array:
        return np.asarray(np.einsum("c,crn->rn", np.array(weights, self.dtype), self.activities(state)[layer - 1]))

    def prediction(self, state: Array) -> Array:
        """Return s_L = f(W_{L-1} sum_c p_c s_{L-1,c} + b_L), or s_L R + c: what the outputs would say unnudged."""
        return self.model.prediction_of(self._unnudged(state))

    def _unnudged(self, state: Array) -> Array:
        """Return f(W_{L-1} sum_c p_c s_{L-1,c} + b_L), shape (rows, units)."""
        out = np.empty((self.rows, self.blocks[-1].units), self.dtype)
        predict[self.dtype](state, self.arrays, out.reshape(-1))
        return out

    def cost_slope(self, state: Array) -> Array:
        """Return dC/d(state), shape (size,), with C taken at the mean activity sum_c p_c s_{L,c} of the outputs."""
        settings, last = self.model.settings, len(self.blocks)
        g = self.model.output_cost.gradient(self.forward_signal(state, last), self.targets)
        weights = np.array(self.model.compartments.forward, self.dtype)
        slope = np.zeros_like(state)
        outputs = self.views(slope)[-1]
        outputs[:] = weights[:, None, None] * g
        if self.membrane:
            outputs *= ACTIVATIONS[settings.output_activation].slope(self.views(state)[-1])
        return slope

    def linearise(self, state: Array) -> LayeredLinearisation:
        """Return J = d(rate)/d(state) at `state`, as products."""
        self.model.synchronise()
        return LayeredLinearisation(self, state)

    def adjoint(self, state: Array) -> AdjointNetwork:
        """Return the linear circuit that relaxes to the exact error signals of point neurons at `state`."""
        self.model.synchronise()
        return AdjointNetwork(self, state)

    @property
    def sweeps(self) -> LayerSweeps:
        """Closed-form layer updates, with scratch arrays made when first needed."""
        if self._sweeps is None:
            self._sweeps = LayerSweeps(self)
        return self._sweeps

    def forget(self) -> None:
        """Drop the currents of the sweeps: they are those of a state that is about to change."""
        if self._sweeps is not None:
            self._sweeps.forget()

    def shared_rest(self) -> Array:
        """Return the system's own state array, set to zeros: the same array at every call."""
        self.forget()
        return super().shared_rest()

    def free_state(self, state: Array) -> bool:
        """Write the free state by a forward pass, where compartments agree and send nothing back while they do."""
        if not self.model.compartments.free_state_is_feed_forward or self.model.imperfect.compartment_offsets:
            return False
        self.sweeps.forward_pass(state)
        return True

    def sweep(self, state: Array, order: str, first: bool) -> Array:
        """Update every layer once in closed form, in place; return the RMS change of each row, shape (rows,)."""
        return self.sweeps.sweep(state, order, first)
