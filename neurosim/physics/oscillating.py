"""Circuits under a nudge that never rests, with synapses that average what they read."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy.typing as npt

from neurosim.physics.signal import Signal
from neurosim.physics.system import System

Array = npt.NDArray[Any]


class OscillatingSystem(System):
    """A circuit whose nudge oscillates in time; a run that begins at t = 0 begins at its strongest moment.

    The state is that of the circuit, then one number per row and unit for every integral that the synapses keep.

    Attributes
    ----------
    period : float
        Of the oscillation, in seconds.
    integrals : int
        How many numbers a synapse keeps of every unit.
    """

    period: float
    integrals: int

    @abstractmethod
    def read_integral(self, state: Array, which: int, out: Signal) -> None:
        """Write one of the integrals of every unit into `out`: 0 the activity, 1 the error signal, 2 its quadrature.

        Over one period they gain the mean activity, the estimate of dC/d(current), and what lags behind it by a quarter
        of a period, which is read only where the nudge swings as a cosine.
        """
