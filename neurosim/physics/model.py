"""What every circuit offers: parameters and wiring; with a batch on its terminals it becomes a `System`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.physics.dynamical_system import StateBlock
from neurosim.physics.parameters import Parameters
from neurosim.physics.signal import Signal
from neurosim.physics.system import System

if TYPE_CHECKING:
    from neurosim.physics.deep_resistive.descent import Descent
    from neurosim.physics.plastic import PlasticSystem

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Piece:
    """A part of the work of forming a gradient.

    Parameters
    ----------
    part : slice
        The range of the flat vector of trained parameters that it covers; together the pieces cover it once.
    form : callable
        Does the work.
    """

    part: slice
    form: Callable[[], object]


class PhysicalModel(ABC):
    """A circuit: parameters, wiring and state layout.

    Attributes
    ----------
    parameters : Parameters
        Named conductances and biases, as learning wants them.
    blocks : tuple of StateBlock
        Layout of the state.
    writes : int
        How often what learning wants has been written into the devices.
    compares_squares : bool
        Whether a synapse keeps half the square of what it reads in a phase and takes the difference of two phases: it
        then multiplies the difference of the readings with their mean, not with the free one.
    """

    writes: int = 0
    compares_squares: bool = False
    parameters: Parameters
    blocks: tuple[StateBlock, ...]

    @property
    def conductances(self) -> Parameters:
        """Conductances and biases as they act, up to date; `parameters` itself where nothing is wrong with them."""
        return self.parameters

    @property
    def noisy(self) -> bool:
        """Whether anything differs from one batch or phase to the next."""
        return False

    @property
    def ideal(self) -> bool:
        """Whether the circuit acts, reads and is nudged as it should."""
        return True

    @property
    def nudge_unit(self) -> str:
        """Physical unit of a nudging strength, "1" where it is dimensionless."""
        return "1"

    @property
    def nudge_scale(self) -> float:
        """A nudging strength that is large for the circuit, where a search for the best one begins."""
        return 1.0

    @property
    def parameter_scale(self) -> float:
        """Size of the trained parameters, for steps of finite differences: 1 where they are of that order."""
        return 1.0

    @property
    @abstractmethod
    def feed_forward(self) -> bool:
        """Whether the free state follows from the inputs layer by layer, without a loop."""

    @property
    def signal_widths(self) -> tuple[int, ...]:
        """How many numbers synapses can read of every state block of a sample: by default one per unit."""
        return tuple(block.units for block in self.blocks)

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Number of output terminals."""

    @abstractmethod
    def cost(self, prediction: Array, targets: Array) -> Array:
        """Return the cost of each row, shape (rows,), of a prediction (rows, outputs) against its targets."""

    def prediction_of(self, outputs: Array) -> Array:
        """Return the prediction (rows, outputs) of activities (rows, units) of the last block; by default these."""
        return outputs

    def readout_error(self, source: Signal, targets: Array) -> Array | None:
        """Return dC/d(prediction), shape (samples, outputs), over the number of samples, for `source` activities.

        It is what the synapses of a static readout read where they go to. None where there is no readout.
        """
        return None

    @abstractmethod
    def local_products(
        self,
        inputs: Array,
        source: Signal,
        error: Signal,
        gradient: Parameters,
        readout_error: Array | None = None,
        exact: bool = False,
    ) -> list[Piece]:
        """Return the work of multiplying what every synapse reads, in pieces that do not depend on each other.

        Parameters
        ----------
        inputs : ndarray, shape (samples, inputs)
            What lay on the input terminals.
        source : Signal
            What a synapse reads where it comes from.
        error : Signal
            What it reads where it goes to: estimates of dC/d(current), over the number of samples.
        gradient : Parameters
            Where the sums over the samples go, by parameter name.
        readout_error : ndarray, shape (samples, outputs), or None
            As `readout_error` returns it.
        exact : bool
            Whether the derivative with respect to every parameter is wanted, whatever its synapse does.
        """

    def input_gradient(self, error: Signal) -> Array:
        """Return dC/d(inputs) of every sample, shape (samples, inputs), for `error` = dC/d(current) of every unit.

        Raises
        ------
        SimulationError
            If the circuit does not say how its inputs enter.
        """
        raise SimulationError(f"{type(self).__name__} does not say how its cost depends on its inputs")

    def add_homeostasis(self, weight: float, draws: int, draw: np.random.Generator, gradient: Parameters) -> None:
        """Add the pull towards reciprocal conductances to `gradient`, estimated from `draws` patterns of noise.

        Raises
        ------
        SimulationError
            If the circuit has no directed conductances in loops.
        """
        raise SimulationError(
            f"{type(self).__name__} has no directed conductances in loops that homeostasis could pull"
        )

    def loop_figures(self) -> dict[str, float]:
        """Return how far directed conductances in loops are from reciprocal ones; empty where there are none.

        ``homeostasis_loss``: what homeostasis lowers; ``asymmetry``: the antisymmetric part beside the symmetric one.
        """
        return {}

    @abstractmethod
    def parameter_dimensions(self, name: str) -> tuple[str, ...]:
        """Return the names of the axes of a parameter array, for result files."""

    @abstractmethod
    def system(self, rows: int) -> System:
        """Return this circuit with room for `rows` samples on its terminals."""

    def twin(self, dtype: npt.DTypeLike, ideal: bool = False) -> PhysicalModel:
        """Return a circuit with the same conductances, without what differs from one batch or phase to the next.

        Parameters
        ----------
        dtype : {"float32", "float64"}
            Type of its numbers.
        ideal : bool
            Whether what acts in this circuit is what the other one wants, and nothing is wrong with it beside that.

        Raises
        ------
        SimulationError
            If the circuit cannot be built again.
        """
        raise SimulationError(f"{type(self).__name__} has no twin in another precision")

    def follow(self, other: PhysicalModel) -> None:
        """Take over what learning wants in a circuit with the same parameters, and what its devices made of it."""
        for name, values in other.parameters.items():
            self.parameters[name][:] = values
        self.parameters_changed()
        self.writes = other.writes

    def wanted_gradient(self, gradient: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return dC/d(parameters) for dC/d(conductances): they differ where imperfections stand between the two."""
        return gradient

    def drawn_imperfections(self) -> dict[str, tuple[Array, str, tuple[str, ...]]]:
        """Return every array of imperfections that was drawn once: by name its values, what they are, its axes."""
        return {}

    def imperfection_unit(self, name: str) -> str:
        """Return the physical unit of an array of `drawn_imperfections`, "1" where it is dimensionless."""
        return "1"

    def acting_nudge(self, beta: complex) -> complex:
        """Return the strength of a nudge of which `beta` was asked for."""
        return beta

    def begin_batch(self, number: int) -> None:
        """Say which batch comes next, for what is drawn anew in every one; nothing by default."""
        return

    def plastic_system(self, rows: int, source: tuple[float, ...], error: tuple[float, ...]) -> PlasticSystem:
        """Return this circuit with conductances that change while it relaxes.

        Parameters
        ----------
        rows : int
            Samples on its terminals, at least 1; all share the conductances.
        source, error : tuple of float
            Weights of the planes of a unit in what a synapse reads where it comes from and where it goes to.

        Raises
        ------
        SimulationError
            If a synapse cannot learn from a single state.
        """
        raise SimulationError(f"{type(self).__name__} has no conductances that change while it relaxes")

    def descent(self, beta: float, sweeps: int, batch: int, limit: float) -> Descent:
        """Return plain gradient descent on many batches at once, by symmetric nudges.

        Parameters
        ----------
        beta : float
            Nudging strength.
        sweeps : int
            Closed-form sweeps of every phase, from the first layer to the last; nudged ones start from the free state.
        batch : int
            Samples per batch.
        limit : float
            RMS change of the last sweep of a phase beyond which a sample has diverged, in units of the state.

        Raises
        ------
        SimulationError
            If the circuit learns batch by batch only.
        """
        raise SimulationError(f"{type(self).__name__} learns batch by batch; use plasticity per_batch")

    def keep_in_bounds(self) -> None:
        """Bring parameters that an update has moved back into the range of their devices; nothing by default."""
        return

    def parameter_range(self, name: str) -> tuple[float, float] | None:
        """Return the smallest and the largest value that learning may give to a block, None where it may give any.

        Where the bounds of devices differ, these are the outermost.
        """
        return None

    @abstractmethod
    def parameters_changed(self) -> None:
        """Say that trained parameters have changed; what follows from them is stale until `synchronise`."""

    @abstractmethod
    def synchronise(self) -> None:
        """Bring what follows from the trained parameters up to date; cheap if nothing is stale."""
