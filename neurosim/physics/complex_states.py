"""Circuits with complex states: real ones continued to complex nudges, several copies of every sample side by side."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.signal import Signal
from neurosim.physics.system import System

Array = npt.NDArray[Any]


class ComplexSystem(System):
    """The rows of a real system, once for every copy: row c * samples + r is copy c of sample r.

    Every block has twice the planes of the real one: first the real parts, then the imaginary parts.

    Attributes
    ----------
    copies : int
        Copies of every sample.
    """

    copies: int

    @property
    def plane_names(self) -> tuple[str, ...]:
        """Real and imaginary part."""
        return ("real", "imaginary")

    @abstractmethod
    def nudge_copies(self, betas: Sequence[complex]) -> None:
        """Set the nudging strength of every copy."""

    @abstractmethod
    def read_copies(self, state: Array, weights: Array, out: Signal) -> None:
        """Add what synapses read, sum_c weights[0, c] Re s + weights[1, c] Im s and its noise, to `out`.

        Parameters
        ----------
        state : ndarray, shape (size,)
            A state of all copies.
        weights : ndarray, shape (2, copies)
            Weights of the real and of the imaginary parts.
        out : Signal
            Its window has the rows of the real system.
        """

    def read_copies_exactly(self, state: Array, weights: Array, out: Signal) -> None:
        """Do as `read_copies`, without the noise of reading."""

    def lift(self, real: Array) -> Array:
        """Return the state of all copies whose real part is the state `real` of the real system."""
        state, at, samples = np.zeros(self.size, self.dtype), 0, self.rows // self.copies
        for view in self.views(state):
            planes, _, units = view.shape
            values = real[at : at + planes // 2 * samples * units].reshape(planes // 2, samples, units)
            view[: planes // 2] = np.tile(values, (1, self.copies, 1))
            at += values.size
        return state
