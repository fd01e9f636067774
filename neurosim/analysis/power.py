"""The power that a circuit dissipates while it relaxes, and the energy that this makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.integrate import trapezoid

from neurosim.physics.system import System
from neurosim.results.sink import GrowingArray, ResultSink

Array = npt.NDArray[Any]


@dataclass
class PowerRecorder:
    """Writes the power of every sample at every save, and keeps it for the energy.

    Parameters
    ----------
    writer : ResultSink
        Where the energy goes.
    dataset : GrowingArray
        Power (phase, time, sample), in W.
    history : list of lists of ndarray (samples,)
        What has been written, phase by phase.
    """

    writer: ResultSink
    dataset: GrowingArray
    history: list[list[Array]] = field(default_factory=list)

    def save(self, phase: int, slot: int, system: System, state: Array) -> None:
        """Write the power in one state."""
        with np.errstate(over="ignore", invalid="ignore"):  # a diverged state has none
            power = system.power(state)
        if power is None:
            raise TypeError(f"{type(system).__name__} has had a power at rest and has none now")
        self.dataset[phase, slot] = power
        self.history[phase].append(power)

    def write_energy(self, times: Array) -> None:
        """Write the integral of the power over every phase, by trapezoids between saves at `times`, in s.

        It is NaN where a phase has fewer than two saves.
        """
        energies = np.full((len(self.history), self.dataset.shape[2]), np.nan)
        for phase, powers in enumerate(self.history):
            if len(powers) > 1:
                energies[phase] = trapezoid(np.array(powers), times[: len(powers)], axis=0)
        what = "energy that resistors and diodes dissipate between the first and the last save, by trapezoids"
        self.writer.variable("relax", "energy", ("phase", "sample"), energies, what, "J")


def declare_power(writer: ResultSink, system: System, phases: int) -> PowerRecorder | None:
    """Make the empty array of the power over time; None for circuits that have no power in watts."""
    if system.power(system.rest()) is None:
        return None
    what = "power that resistors and diodes dissipate over time"
    dataset = writer.growing("relax", "dissipated_power", ("phase", "time", "sample"), np.float64, what, "W")
    return PowerRecorder(writer, dataset, [[] for _ in range(phases)])
