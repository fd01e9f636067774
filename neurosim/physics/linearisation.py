"""What a physical model says of small changes around a state: products with its Jacobian, and what goes with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy.typing as npt

from neurosim.physics.signal import Signal

Array = npt.NDArray[Any]


class Linearisation(ABC):
    """The Jacobian J = d(rate)/d(state) of a system at one state; block-diagonal, since rows are independent."""

    @abstractmethod
    def times(self, v: Array) -> Array:
        """Return J v; `v` and the result have shape (size,)."""

    @abstractmethod
    def transposed_times(self, v: Array) -> Array:
        """Return J^T v; `v` and the result have shape (size,)."""

    @abstractmethod
    def nudge_slope(self) -> Array:
        """Return d(rate)/d(beta), shape (size,): what a nudge of the outputs adds to the rate, per unit of strength."""

    @abstractmethod
    def read_change(self, v: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write sum_c weights_c ds_c into `out`, the change of the activities for a change `v` of the state."""

    @abstractmethod
    def pull_back(self, v: Array, out: Signal) -> None:
        """Write (d rate / d current)^T v into `out`: how a weighted sum of the rates feels the current of each unit."""
