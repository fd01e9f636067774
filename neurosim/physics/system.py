"""What relaxes: a circuit with a batch of samples on its terminals, as solvers, rules and analyses see it.

A `System` owns the arrays that kernels work on, and belongs to one thread at a time.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.physics.dynamical_system import DynamicalSystem
from neurosim.physics.linearisation import Linearisation
from neurosim.physics.signal import Signal

if TYPE_CHECKING:
    from neurosim.physics.complex_states import ComplexSystem
    from neurosim.physics.oscillating import OscillatingSystem
    from neurosim.physics.signal_noise import SignalNoise

Array = npt.NDArray[Any]


class System(DynamicalSystem):
    """A circuit with `rows` samples on its terminals.

    Attributes
    ----------
    inputs, targets : ndarray, shapes (rows, inputs) and (rows, outputs)
        What lies on the terminals; a noisy nudge pulls towards targets that are a little wrong.
    signal_noise : SignalNoise or None
        What is wrong with reads and nudges.
    """

    inputs: Array
    targets: Array
    signal_noise: SignalNoise | None = None

    @property
    def plane_names(self) -> tuple[str, ...]:
        """What the planes of a block are: the one state of a unit, or its two compartments."""
        return ("state",) if self.blocks[0].planes == 1 else ("plus", "minus")

    @property
    @abstractmethod
    def forward_weights(self) -> tuple[float, ...]:
        """Weight of each plane of a block in the activity that it sends on."""

    @abstractmethod
    def present(self, inputs: Array, targets: Array) -> None:
        """Put a batch on the terminals: `inputs` (rows, inputs) and `targets` (rows, outputs)."""

    @abstractmethod
    def nudge(self, beta: complex) -> None:
        """Set the strength with which the outputs of all rows are nudged; 0 is the free circuit.

        Raises
        ------
        SimulationError
            If `beta` is complex and the states are not.
        """

    @abstractmethod
    def take(self, rows: Sequence[int]) -> System:
        """Return a system of its own with the given rows, which may repeat, and what lies on their terminals."""

    def complex_copies(self, copies: int) -> ComplexSystem:
        """Return the circuit with complex states: every row `copies` times, and what lies on its terminals now.

        The same system at every call with the same number of copies.

        Raises
        ------
        SimulationError
            If the circuit cannot be continued to complex states.
        """
        raise SimulationError(f"{type(self).__name__} has no complex states")

    def power_series(self, state: Array, solve: Callable[[Array], Array], orders: int) -> Array:
        """Return the activities of the equilibrium as a power series in the nudge, shape (orders, rows, units).

        Parameters
        ----------
        state : ndarray, shape (size,)
            The free equilibrium of the circuit, which is not nudged.
        solve : callable
            x with J x = right for states, J the Jacobian of the rate at `state`.
        orders : int
            Coefficients c_0 to c_{orders-1}; units of all blocks one after the other.

        Raises
        ------
        SimulationError
            If the circuit has none.
        """
        raise SimulationError(f"the equilibria of {type(self).__name__} have no power series in the nudge")

    def dyads(self) -> System:
        """Return the circuit with two compartments per unit: the mean settles freely, the difference is the error.

        The same system at every call, with what lies on the terminals now.

        Raises
        ------
        SimulationError
            If the circuit cannot be made into dyads.
        """
        raise SimulationError(f"{type(self).__name__} cannot be made into dyads")

    def oscillating(self, rotating: bool, period: float) -> OscillatingSystem:
        """Return the circuit under a nudge that oscillates, with synapses that average; the same at every call.

        Parameters
        ----------
        rotating : bool
            Whether the nudge rotates in the complex plane, or swings as a cosine.
        period : float
            In seconds.

        Raises
        ------
        SimulationError
            If the circuit has no such nudge.
        """
        raise SimulationError(f"{type(self).__name__} has no oscillating nudge")

    def transposed_at(self, state: Array) -> System:
        """Return a system that is at rest in the free equilibrium `state`, and whose Jacobian there is J^T.

        In a circuit of conductances G that is G s_0 + G^T (s - s_0) in place of G s, for every row.

        Raises
        ------
        SimulationError
            If the circuit cannot be made to send its signals the other way.
        """
        raise SimulationError(f"{type(self).__name__} cannot send its signals the other way around its loops")

    def clamped_at(self, state: Array, fraction: float) -> System:
        """Return the circuit with its outputs held a fraction of the way from the free equilibrium `state` to targets.

        Whoever relaxes it puts the outputs into the state with `place`, or starts from its `rest`.

        Raises
        ------
        SimulationError
            If the outputs of the circuit cannot be held.
        """
        raise SimulationError(f"{type(self).__name__} has no outputs that can be held")

    def place(self, state: Array) -> Array:
        """Write what is held into a state that comes from elsewhere, in place; return it. By default nothing is."""
        return state

    @abstractmethod
    def freeze_cost_gradient(self, state: Array) -> None:
        """Hold the cost gradient of later nudges at the prediction of `state`."""

    def read(self, state: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write what synapses read of every unit, sum_c weights_c s_c and the noise of reading, into `out`.

        Its window has the rows of this system.
        """
        self.read_exactly(state, weights, out)
        if self.signal_noise is not None:
            self.signal_noise.read(self.paths, math.hypot(*weights), out)

    @abstractmethod
    def read_exactly(self, state: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write sum_c weights_c s_c of every unit into `out`, whose window has the rows of this system."""

    def signal(self) -> Signal:
        """Return a signal of zeros for the rows of this system."""
        return Signal.zeros(tuple(block.units for block in self.blocks), self.rows, self.dtype)

    def read_anew(self, state: Array, weights: tuple[float, ...]) -> Signal:
        """Return sum_c weights_c s_c of every unit as a signal of its own."""
        out = self.signal()
        self.read(state, weights, out)
        return out

    @abstractmethod
    def prediction(self, state: Array) -> Array:
        """Return what the outputs say in `state`, shape (rows, outputs), before any nudge acts on them."""

    @abstractmethod
    def cost_slope(self, state: Array) -> Array:
        """Return dC/d(state) of every row, shape (size,), where the outputs are read as they are in `state`."""

    @abstractmethod
    def linearise(self, state: Array) -> Linearisation:
        """Return J = d(rate)/d(state) at `state`, as products."""

    def adjoint(self, state: Array) -> AdjointSystem:
        """Return the linear system that relaxes to the exact error signals of the free equilibrium `state`.

        Raises
        ------
        SimulationError
            If the circuit has none.
        """
        raise SimulationError(f"{type(self).__name__} has no adjoint circuit; solve for its gradient directly")


class AdjointSystem(DynamicalSystem):
    """The adjoint of a circuit at an equilibrium, tau dv/dt = tau J^T v + dC/d(state), with rows of its own.

    J^T has the spectrum of J: the adjoint settles whenever the equilibrium is a stable one, and no slower.
    """

    @abstractmethod
    def read_errors(self, state: Array, out: Signal) -> None:
        """Write dC/d(current) of every unit, as the state v of this system says it, into `out`."""
