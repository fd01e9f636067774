"""Circuits whose conductances change while they relax: state and conductances are one differential equation.

    d theta/dt = -rate (mean over rows of source x error + weight_decay theta)

The state of such a system is that of the circuit, and behind its blocks the trained parameters, one set for all rows.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy.typing as npt

from neurosim.physics.system import System

Array = npt.NDArray[Any]


class PlasticSystem(System):
    """A circuit with `rows` samples on its terminals and conductances of its own, which are a part of its state."""

    @abstractmethod
    def learn_at(self, rate: float, weight_decay: float) -> None:
        """Set how fast conductances follow what their synapses read.

        Parameters
        ----------
        rate : float
            Change of a conductance per second and unit of the product, at least 0.
        weight_decay : float
            Pull to zero, added to the product.
        """

    @property
    def size(self) -> int:
        """Number of values in the state, the trained parameters included."""
        return super().size + self.model.parameters.trained.size

    def conductances(self, state: Array) -> Array:
        """Return the trained parameters in `state`, flat, in the same memory."""
        return state[state.size - self.model.parameters.trained.size :]

    def rest(self) -> Array:
        """Return a state of zeros, shape (size,), with the conductances that the circuit has at present."""
        state = super().rest()
        self.conductances(state)[:] = self.model.parameters.trained
        return state

    def shared_rest(self) -> Array:
        """Return the system's own state array, set to `rest`: the same array at every call."""
        state = super().shared_rest()
        self.conductances(state)[:] = self.model.parameters.trained
        return state
