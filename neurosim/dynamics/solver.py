"""What every solver is and returns: a relaxation of all rows of a system, and how each of them ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.status import Status, worst
from neurosim.errors import SimulationError
from neurosim.physics.dynamical_system import DynamicalSystem

Array = npt.NDArray[Any]

# An RMS rate beyond this (in units of the state) has left every useful range long before it overflows.
DIVERGED_RATE = 1e8


@dataclass(frozen=True)
class Relaxation:
    """A finished relaxation.

    Parameters
    ----------
    state : ndarray, shape (size,)
        Final state of all rows.
    codes : ndarray of int8, shape (rows,)
        `Status.code` of each row.
    rates : ndarray, shape (rows,)
        Final RMS of tau d(state)/dt of each row, in units of the state.
    steps : int
        Steps, sweeps or iterations taken.
    time : float
        Time reached, in seconds; for equilibrium solvers the number of iterations.
    mean : ndarray, shape (size,), optional
        Mean of the state over the last moments, where the solver was asked for it.
    """

    state: Array
    codes: npt.NDArray[np.int8]
    rates: npt.NDArray[np.float64]
    steps: int
    time: float
    mean: Array | None = None

    @property
    def reading(self) -> Array:
        """What synapses read, shape (size,): the mean over the last moments where there is one, or the final state."""
        return self.state if self.mean is None else self.mean

    @property
    def status(self) -> Status:
        """The worst status of any row."""
        return worst(self.codes)


class Recorder(Protocol):
    """Receives saved states while a relaxation runs, so that no solver keeps a trajectory in memory."""

    times: npt.NDArray[np.float64]
    """Times at which states are wanted, in seconds since the phase began, increasing."""

    def save(self, times: Array, states: Array, rates: Array) -> None:
        """Take states (saves, size) at `times` (saves,) with the RMS rate of each row, `rates` (saves, rows)."""


class Solver(ABC):
    """Relaxes systems. Solvers keep no state between calls and may be shared by threads.

    Attributes
    ----------
    name : str
        Its name in scenarios.
    has_time : bool
        Whether it moves through time, or through iterations without physical duration.
    calculus : {"Ito", "Stratonovich"} or None
        How a stochastic solver reads noise in proportion to the state; None of solvers that integrate no noise.
    """

    name: str
    has_time: bool = True
    calculus: Literal["Ito", "Stratonovich"] | None = None

    def save_times(self, wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the times at which states will really be saved if `wanted` is asked for."""
        return wanted

    def lasting(self, seconds: float) -> Solver:
        """Return the same solver for runs of a fixed length, which nothing ends before.

        Raises
        ------
        SimulationError
            If it cannot run for a given time.
        """
        raise SimulationError(f"solver {self.name} cannot run for a given time; use an explicit ODE solver")

    def refuse_noise(self, system: DynamicalSystem) -> None:
        """Refuse a system whose noise this solver would ignore.

        Raises
        ------
        SimulationError
            If the system has noise.
        """
        if system.noise is not None:
            raise SimulationError(
                f"solver '{self.name}' ignores state_noise; use euler_maruyama or stochastic_heun, or silence() the "
                "system"
            )

    @abstractmethod
    def relax(self, system: DynamicalSystem, state: Array, recorder: Recorder | None = None) -> Relaxation:
        """Relax `state` in place, all rows together.

        Parameters
        ----------
        system : DynamicalSystem
            The circuit with its batch and its nudge.
        state : ndarray, shape (size,)
            Where to start; overwritten.
        recorder : Recorder, optional
            Where saved states go. With a recorder the relaxation runs to its end even if it settles before.
        """
