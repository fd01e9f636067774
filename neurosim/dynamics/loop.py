"""What the loops of all schemes have in common: the stop rule, and saved states on their way to a recorder."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types

from neurosim.dynamics.solver import DIVERGED_RATE, Recorder
from neurosim.jit import record
from neurosim.physics.dynamical_system import DynamicalSystem

Array = npt.NDArray[Any]

SAVED_BYTES = 32 << 20  # saved states wait for the recorder in a buffer of at most this size


class StopRule(NamedTuple):
    """When a row has ended.

    Parameters
    ----------
    tolerance : float
        RMS rate at or below which it has settled; negative: never.
    limit : float
        RMS rate above which it has diverged.
    """

    tolerance: float
    limit: float


STOP_RULE = record(StopRule, types.float64, types.float64)


def stop_rule(tolerance: float | None, recorder: Recorder | None) -> StopRule:
    """Return the rule of a relaxation; with a recorder only a batch that has diverged stops before the end."""
    return StopRule(tolerance if tolerance is not None and recorder is None else -1.0, DIVERGED_RATE)


class Saves(NamedTuple):
    """What a loop sees of the saves that are wanted.

    Parameters
    ----------
    at : ndarray, shape (saves,)
        When: step numbers or times, increasing.
    states : ndarray, shape (slots, size)
        Room for saved states; a loop returns when it is full.
    rates : ndarray, shape (slots, rows)
        Room for the RMS rates of the rows.
    """

    at: Any
    states: Any
    rates: Any


def saves_type(when: Any, real: Any) -> Any:
    """Return the Numba type of `Saves`; `when` is the type of the entries of `at`."""
    states, rates = types.Array(real, 2, "C"), types.Array(types.float64, 2, "C")
    return record(Saves, types.Array(when, 1, "C"), states, rates)


class SaveBuffer:
    """Saved states between a loop, which fills `saves`, and the recorder, which takes them from there.

    Parameters
    ----------
    recorder : Recorder or None
        Who wants them.
    at : ndarray, shape (saves,)
        Step numbers or times, as the loop counts.
    times : ndarray, shape (saves,)
        The same in seconds.
    system : DynamicalSystem
        What relaxes.
    """

    def __init__(self, recorder: Recorder | None, at: Array, times: Array, system: DynamicalSystem) -> None:
        size, width = system.size, system.dtype.itemsize
        slots = max(1, min(at.size, SAVED_BYTES // (width * size)))
        self.recorder = recorder
        self.times = times
        self.saves = Saves(at, np.empty((slots, size if at.size else 0), system.dtype), np.empty((slots, system.rows)))

    def hand_over(self, saved: int, slots: int) -> None:
        """Give the states in the first `slots` places to the recorder; `saved` counts all that came so far."""
        if slots and self.recorder is not None:
            self.recorder.save(self.times[saved - slots : saved], self.saves.states[:slots], self.saves.rates[:slots])
