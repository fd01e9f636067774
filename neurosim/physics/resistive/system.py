"""A netlist with a batch on its inputs and targets at its outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.physics.dynamical_system import block_table
from neurosim.physics.resistive import drift as at
from neurosim.physics.resistive.drift import drift
from neurosim.physics.resistive.kirchhoff import Kirchhoff
from neurosim.physics.resistive.linearisation import ResistiveLinearisation
from neurosim.physics.resistive.operating_point import Drives, OperatingPoint, find_operating_point
from neurosim.physics.resistive.thermal_noise import thermal_noise
from neurosim.physics.signal import Signal
from neurosim.physics.signal_noise import SignalNoise
from neurosim.physics.system import System
from neurosim.physics.wiring import Wiring

if TYPE_CHECKING:
    from neurosim.physics.resistive.clamped import ClampedSystem
    from neurosim.physics.resistive.dyadic_system import DyadicResistiveSystem
    from neurosim.physics.resistive.model import ResistiveNetwork

Array = npt.NDArray[Any]


class ResistiveSystem(System):
    """A netlist with `rows` samples on its terminals; its state is the voltages of its free nodes, in V.

    Parameters
    ----------
    model : ResistiveNetwork
        The circuit.
    rows : int
        Number of samples, at least 1.
    equations : Kirchhoff, optional
        How its nodes follow each other, where it is not as the netlist says.
    """

    drift = drift
    model: ResistiveNetwork

    def __init__(self, model: ResistiveNetwork, rows: int, equations: Kirchhoff | None = None) -> None:
        net = model.netlist
        self.model, self.rows, self.blocks = model, rows, model.blocks
        self.p = model.p if equations is None else model.numbers_with(equations)
        self.equations = model.equations if equations is None else equations
        nodes, outputs = len(net.nodes), len(net.outputs)
        widths = (nodes, outputs, 1, outputs, net.free)
        starts = np.concatenate([[0], np.cumsum(np.array(widths) * rows)]).tolist()
        self.u = np.zeros(starts[-1], self.p.dtype)
        parts = [self.u[a:b].reshape(rows, w) for a, b, w in zip(starts, starts[1:], widths, strict=False)]
        self.fixed, self.targets, nudges, self.frozen, self.held_currents = parts
        self.nudges = nudges.reshape(rows)
        self.inputs: Array = np.zeros((rows, len(net.input_gains)), self.p.dtype)
        self.work = np.zeros(2 * nodes, self.p.dtype)
        self.layout = np.array(
            [
                *block_table(self.blocks, rows), len(net.branches), nodes, outputs, 0, *model.places, *starts[:5],
                *net.roots, *self._branch_table(), *net.outputs,
            ],
            np.int64,
        )  # fmt: skip
        self._frozen_at = len(block_table(self.blocks, rows)) + at.FROZEN
        self.shown_targets = self.targets
        if model.settings.imperfections.noisy_signals:
            self.signal_noise = SignalNoise(model.settings.imperfections, model.seed, ("nodes",))
            self.shown_targets = self.targets.copy()
        self.noise = thermal_noise(self)
        self._clamped: ClampedSystem | None = None
        self._dyads: DyadicResistiveSystem | None = None

    def _branch_table(self) -> list[int]:
        net = self.model.netlist
        columns = (net.codes, net.first, net.second, net.places + self.model.parameters_at)
        return np.stack(columns, axis=1).ravel().tolist()

    @property
    def law_numbers(self) -> Array:
        """What the laws of the branches read."""
        return self.p[self.model.parameters_at :]

    @property
    def rates(self) -> Array:
        """1/C of every free node, shape (free,)."""
        return self.model.rates

    @property
    def forward_weights(self) -> tuple[float, ...]:
        """One voltage per node."""
        return (1.0,)

    @property
    def free(self) -> bool:
        """Whether no row is nudged."""
        return not self.nudges.any()

    def present(self, inputs: Array, targets: Array) -> None:
        """Put a batch on the terminals, with a live nudge."""
        self.model.synchronise()  # solvers hand the arrays to kernels as they are
        self.inputs = np.ascontiguousarray(inputs, self.dtype)
        self.fixed[:] = self.inputs @ self.model.netlist.input_gains.astype(self.dtype) + self.model.netlist.offsets
        self.targets[:] = targets
        self.shown_targets[:] = targets
        if self.signal_noise is not None:
            self.signal_noise.begin()
        self.layout[self._frozen_at] = 0
        self.forget()

    def nudge(self, beta: complex) -> None:
        """Set the strength with which the outputs of all rows are nudged, in S."""
        if complex(beta).imag:
            raise SimulationError("a complex nudge needs complex states")
        self.nudges[:] = self.model.acting_nudge(complex(beta)).real
        if self.signal_noise is not None:
            self.targets[:] = self.noisy_targets() if beta else self.shown_targets

    def noisy_targets(self) -> Array:
        """Return the targets of one nudge, as wrong as its noise makes them, shape (rows, outputs)."""
        return (
            self.shown_targets if self.signal_noise is None else self.signal_noise.nudge(self.paths, self.shown_targets)
        )

    def freeze_cost_gradient(self, state: Array) -> None:
        """Hold the current of later nudges at that of `state`, over beta."""
        self.frozen[:] = self.prediction(state)
        self.layout[self._frozen_at] = 1

    def take(self, rows: Sequence[int]) -> ResistiveSystem:
        """Return a system of its own with the given rows and what lies on their terminals."""
        swapped = None if self.equations is self.model.equations else self.equations
        other = ResistiveSystem(self.model, len(rows), swapped)
        other.inputs = self.inputs[rows]
        for name in ("fixed", "targets", "nudges", "frozen", "held_currents"):
            getattr(other, name)[:] = getattr(self, name)[rows]
        other.layout[self._frozen_at] = self.layout[self._frozen_at]
        other.paths, other.noise_stream = self.paths[rows], self.noise_stream
        self._hush(other)
        return other

    def _hush(self, other: ResistiveSystem) -> None:
        """Silence a system that is made from this one if this one is silent."""
        if self.noise is None:
            other.silence()

    def node_voltages(self, state: Array) -> Array:
        """Return the voltage of every node, ground first, shape (rows, nodes)."""
        return self.equations.node_voltages(state.reshape(self.rows, -1), self.fixed)

    def read(self, state: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write what resistors read of every node, weights[0] V and the noise of reading, into `out`; ground is 0 V."""
        super().read(state, weights, out)
        out.block(0)[:, 0] = 0.0

    def read_exactly(self, state: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write weights[0] times the voltage of every node into `out`."""
        out.block(0)[:] = weights[0] * self.node_voltages(state)

    def signal(self) -> Signal:
        """Return a signal of zeros, one number per node and row."""
        return Signal.zeros(self.model.signal_widths, self.rows, self.dtype)

    def prediction(self, state: Array) -> Array:
        """Return the voltages of the outputs, shape (rows, outputs)."""
        return self.node_voltages(state)[:, self.model.netlist.outputs]

    def cost_slope(self, state: Array) -> Array:
        """Return dC/d(state), shape (size,): v - y at the outputs."""
        slope = np.zeros((self.rows, self.model.netlist.free), self.dtype)
        slope[:, self.model.output_states] = self.prediction(state) - self.targets
        return slope.ravel()

    def nudge_pull(self, V: Array) -> Array:
        """Return the current of a nudge into every free node over beta, (rows, free): y - V, or y - what is held."""
        pull = np.zeros((self.rows, self.model.netlist.free), self.dtype)
        here = self.frozen if self.layout[self._frozen_at] else V[:, self.model.netlist.outputs]
        pull[:, self.model.output_states] = self.targets - here
        return pull

    def outside_conductances(self) -> Array:
        """Return the conductance of an elastic nudge at every free node, (rows, free), in S."""
        out = np.zeros((self.rows, self.model.netlist.free), self.dtype)
        if not self.layout[self._frozen_at]:
            out[:, self.model.output_states] = self.nudges[:, None]
        return out

    def linearise(self, state: Array) -> ResistiveLinearisation:
        """Return J = d(rate)/d(state) at `state`."""
        self.model.synchronise()
        return ResistiveLinearisation(self, state)

    def operating_point(
        self, state: Array, tolerance: float, max_steps: int,
        watch: Callable[[int, Array, Array], None] | None = None,
    ) -> OperatingPoint:  # fmt: skip
        """Move `state` in place to the operating point, in float64, by Newton's method with junction limiting."""
        v = state.reshape(self.rows, -1).astype(np.float64)

        def told(step: int, here: Array, corrections: Array) -> None:
            if watch is not None:
                watch(step, here.astype(state.dtype).ravel(), corrections)

        watched = None if watch is None else told
        found = find_operating_point(self.equations, self.drives(), v, tolerance, max_steps, watched)
        state[:] = v.ravel()
        return found

    def drives(self) -> Drives:
        """Return what drives the netlist, in float64."""
        self.model.synchronise()
        frozen = bool(self.layout[self._frozen_at])
        elastic = self.outside_conductances()
        currents = np.zeros(elastic.shape)
        towards = self.targets - self.frozen if frozen else self.targets
        currents[:, self.model.output_states] = self.nudges[:, None] * towards
        currents += self.held_currents
        return Drives(*(np.asarray(x, np.float64) for x in (self.law_numbers, self.fixed, currents, elastic)))

    def clamped_at(self, state: Array, fraction: float) -> ClampedSystem:
        """Return this netlist with its outputs held at u + fraction (y - u), u those of `state`; always the same."""
        from neurosim.physics.resistive.clamped import ClampedSystem  # it is a system like this one

        if self._clamped is None:
            self._clamped = ClampedSystem(self.model, self.rows)
        clamped, u = self._clamped, self.prediction(state)
        clamped.targets[:], clamped.shown_targets[:] = self.shown_targets, self.shown_targets
        clamped.paths, clamped.noise_stream, clamped.signal_noise = self.paths, self.noise_stream, self.signal_noise
        self._hush(clamped)
        acting = self.model.acting_nudge(fraction).real
        clamped.hold(self.inputs, self.fixed, u + acting * (self.noisy_targets() - u))
        return clamped

    def transposed_at(self, state: Array) -> ResistiveSystem:
        """Return a netlist at rest in `state` whose amplifiers work backwards, so that its Jacobian there is J^T.

        Gains and weights change places, the voltages of the nodes in `state` stay, and a constant current into every
        free node balances what is then missing.
        """
        mirrored = Kirchhoff(self.model.netlist, self.equations.weights, self.equations.gains)
        other = ResistiveSystem(self.model, self.rows, mirrored)
        V = self.node_voltages(state)
        other.inputs = self.inputs
        other.fixed[:] = V - self.model.spread(state.reshape(self.rows, -1), mirrored.gains)
        other.targets[:] = self.shown_targets
        other.shown_targets[:] = self.shown_targets
        other.paths, other.noise_stream, other.signal_noise = self.paths, self.noise_stream, self.signal_noise
        self._hush(other)
        other.held_currents[:] = -other.rate(state).reshape(self.rows, -1) / self.rates
        return other

    def dyads(self) -> DyadicResistiveSystem:
        """Return this netlist with every free node twice, and what lies on its terminals now; always the same one."""
        from neurosim.physics.resistive.dyadic_system import DyadicResistiveSystem  # only one correction needs it

        if self._dyads is None:
            self._dyads = DyadicResistiveSystem(self)
        else:
            self._dyads.follow()
        return self._dyads

    def wiring(self, state: Array) -> Wiring:
        """Return the elements of the netlist, with currents and slopes in `state`, in float64."""
        self.model.synchronise()
        settings, net = self.model.built, self.model.netlist
        elements = settings.elements
        currents = np.full((2, self.rows, len(elements)), np.nan)
        index = {name: i for i, name in enumerate(elements)}
        w = self.equations.across(self.node_voltages(state))
        currents[:, :, [index[name] for name in net.branches]] = self.equations.laws(w, self.law_numbers)
        return Wiring(
            names=tuple(elements),
            kinds=tuple(element.type for element in elements.values()),
            first=tuple(element.nodes[0] for element in elements.values()),
            second=tuple(element.nodes[1] for element in elements.values()),
            inputs=settings.inputs,
            outputs=settings.outputs,
            currents=currents[0],
            slopes=currents[1],
        )

    def power(self, state: Array) -> Array:
        """Return the power that resistors and diodes dissipate in every row, shape (rows,), in W."""
        self.model.synchronise()
        w = self.equations.across(self.node_voltages(state))
        currents = self.equations.laws(w, self.law_numbers)[0]
        return np.asarray((w * currents)[:, self.model.dissipative].sum(axis=1), np.float64)
