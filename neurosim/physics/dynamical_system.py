"""What relaxes, as solvers see it: states of many rows, and the rate at which they change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.jit import BLOCK_ENTRIES, HEADER, Kernel, ModelArrays
from neurosim.physics.linearisation import Jacobian
from neurosim.physics.state_noise import Noise

if TYPE_CHECKING:
    from neurosim.physics.model import PhysicalModel
    from neurosim.physics.resistive.operating_point import OperatingPoint
    from neurosim.physics.wiring import Wiring

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class StateBlock:
    """One block of the state, an array (planes, rows, units).

    Parameters
    ----------
    name : str
        Its name in result files, ``state_<name>``.
    planes : int
        Compartments of each unit.
    units : int
        Units in the block.
    symbol : str
        What the field writes for the values: s for an activity, u for a membrane state, v for a voltage.
    unit : str
        Physical unit of the values, "1" where they are dimensionless.
    unit_names : tuple of str
        Names of its units where they have any: the nodes of a netlist.
    """

    name: str
    planes: int
    units: int
    symbol: str = "s"
    unit: str = "1"
    unit_names: tuple[str, ...] = ()


def block_table(blocks: tuple[StateBlock, ...], rows: int) -> list[int]:
    """Return the head of `layout`: rows, number of blocks, and (offset, planes, units) of each."""
    table, offset = [rows, len(blocks)], 0
    for block in blocks:
        table += [offset, block.planes, block.units]
        offset += block.planes * rows * block.units
    return table


class DynamicalSystem(ABC):
    """What solvers see: states of `rows` samples, and the rate at which they change.

    Attributes
    ----------
    model : PhysicalModel
        The circuit.
    rows : int
        Samples, all independent of each other.
    p, layout, u, work : ndarray
        What kernels see (see `neurosim.jit.ModelArrays`). `p` is shared with the model; the others belong to this
        system.
    drift : Kernel
        The right-hand side.
    blocks : tuple of StateBlock
        Layout of the state.
    noise : Noise or None
        What drives the states beside the drift; only stochastic solvers integrate it. Systems of units that leak have
        `neurosim.physics.state_noise.leak_noise`; others may bring a diffusion of their own.
    noise_stream : int
        Which of the draws of a path the next relaxation sees, see `enter_phase`.
    """

    drift: Kernel
    model: PhysicalModel
    blocks: tuple[StateBlock, ...]
    rows: int
    p: Array
    layout: npt.NDArray[np.int64]
    u: Array
    work: Array
    noise: Noise | None = None
    noise_stream: int = 0
    _shared: Array | None = None
    _paths: npt.NDArray[np.int64] | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Floating type of the state."""
        return self.p.dtype

    @property
    def size(self) -> int:
        """Number of values in the state."""
        return sum(block.planes * block.units for block in self.blocks) * self.rows

    @property
    def arrays(self) -> ModelArrays:
        """What kernels see of this system."""
        return ModelArrays(self.p, self.layout, self.u, self.work)

    @property
    def leak_rates(self) -> Array:
        """Leak rate 1/tau of every block, in 1/s."""
        return self.p[: len(self.blocks)]

    @property
    def paths(self) -> npt.NDArray[np.int64]:
        """Path of the noise that each row sees, shape (rows,): its number in the batch unless it is set."""
        if self._paths is None:
            self._paths = np.arange(self.rows)
        return self._paths

    @paths.setter
    def paths(self, paths: npt.NDArray[np.int64]) -> None:
        """Set the paths, of as many rows; they are copied."""
        self.paths[:] = paths

    def silence(self) -> None:
        """Take the noise away, for what is defined without it: equilibria and exact gradients."""
        self.noise = None

    def enter_phase(self, index: int) -> None:
        """Take up the noise of a phase of a rule, from 0: one of its own, or the same in all phases."""
        self.noise_stream = 0 if self.noise is None or self.noise.same_in_phases else index

    def rest(self) -> Array:
        """Return a state of zeros, shape (size,)."""
        return np.zeros(self.size, self.dtype)

    def shared_rest(self) -> Array:
        """Return the system's own state array, set to zeros: the same array at every call."""
        if self._shared is None:
            self._shared = self.rest()
        self._shared[:] = 0.0
        return self._shared

    def views(self, state: Array) -> list[Array]:
        """Return the blocks of a flat state as arrays (planes, rows, units) that share its memory."""
        table = self.layout[HEADER : HEADER + BLOCK_ENTRIES * len(self.blocks)].reshape(-1, BLOCK_ENTRIES)
        return [
            state[offset : offset + planes * self.rows * units].reshape(planes, self.rows, units)
            for offset, planes, units in table.tolist()
        ]

    def rate(self, state: Array, time: float = 0.0) -> Array:
        """Return d(state)/dt, shape (size,), in state units per second."""
        self.model.synchronise()
        out = np.empty_like(state)
        self.drift[self.dtype](time, state, self.arrays, out)
        return out

    @property
    @abstractmethod
    def free(self) -> bool:
        """Whether no row is nudged."""

    @abstractmethod
    def take(self, rows: Sequence[int]) -> DynamicalSystem:
        """Return a system of its own with the given rows, which may repeat, and what lies on their terminals."""

    def take_state(self, state: Array, rows: Sequence[int]) -> Array:
        """Return the state of `take(rows)` that corresponds to `state`."""
        return np.concatenate([view[:, rows].ravel() for view in self.views(state)])

    @abstractmethod
    def linearise(self, state: Array) -> Jacobian:
        """Return J = d(rate)/d(state) at `state`."""

    def forget(self) -> None:
        """Drop what is remembered of a state, because it is about to be changed from outside; nothing by default."""
        return

    def free_state(self, state: Array) -> bool:
        """Write the settled free state into `state` where the circuit has a closed form for it; say whether it has."""
        return False

    def operating_point(
        self, state: Array, tolerance: float, max_steps: int, watch: Callable[[int, Array, Array], None] | None = None
    ) -> OperatingPoint | None:
        """Move `state` in place to equilibrium by a Newton's method of the circuit's own; None where it has none.

        `watch` is called with the number of steps, the state and the RMS correction of every row.
        """
        return None

    def power(self, state: Array) -> Array | None:
        """Return the power that every row dissipates in `state`, shape (rows,), in W; None where it has no meaning."""
        return None

    def wiring(self, state: Array) -> Wiring | None:
        """Return the elements of the circuit and what flows through them in `state`; None where it is no netlist."""
        return None

    def sweep(self, state: Array, order: str, first: bool) -> Array:
        """Update every layer once in closed form, in place; return the RMS change of each row, shape (rows,).

        Raises
        ------
        SimulationError
            If the circuit has no closed form.
        """
        raise SimulationError(f"{type(self).__name__} has no closed-form sweeps; use an ODE solver or newton")
