"""Small changes around a state: the Jacobian as products or matrices, and what nudges and synapses make of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.signal import Signal

if TYPE_CHECKING:
    from neurosim.physics.dynamical_system import DynamicalSystem
    from neurosim.physics.system import System

Array = npt.NDArray[Any]


class Jacobian(ABC):
    """J = d(rate)/d(state) of a system at one state; block-diagonal, since rows are independent.

    It looks at the system, its conductances and the state: ask it before any of them changes.

    Attributes
    ----------
    system : DynamicalSystem
        What was linearised.
    """

    system: DynamicalSystem

    @abstractmethod
    def times(self, v: Array) -> Array:
        """Return J v; `v` and the result have shape (size,)."""

    @abstractmethod
    def transposed_times(self, v: Array) -> Array:
        """Return J^T v; `v` and the result have shape (size,)."""

    def matrices(self) -> Array:
        """Return J of every row, shape (rows, n, n), its n values ordered as in the state of ``system.take([row])``.

        By default from n products, each with one unit vector per row; a model that knows the entries may say them.
        """
        system = self.system
        order = np.arange(system.size)
        places = np.stack([system.take_state(order, [row]) for row in range(system.rows)])
        columns, unit = [], np.zeros(system.size, system.dtype)
        for column in places.T:
            unit[column] = 1.0
            columns.append(self.times(unit)[places])
            unit[column] = 0.0
        return np.stack(columns, axis=2)


class TransposedJacobian(Jacobian):
    """J^T of another system, as the Jacobian of a system of its own.

    Parameters
    ----------
    system : DynamicalSystem
        Whose Jacobian this is.
    other : Jacobian
        J, to be transposed.
    """

    def __init__(self, system: DynamicalSystem, other: Jacobian) -> None:
        self.system = system
        self.other = other

    def times(self, v: Array) -> Array:
        """Return J^T v."""
        return self.other.transposed_times(v)

    def transposed_times(self, v: Array) -> Array:
        """Return J v."""
        return self.other.times(v)

    def matrices(self) -> Array:
        """Return J^T of every row, shape (rows, n, n)."""
        return self.other.matrices().swapaxes(1, 2)


class Linearisation(Jacobian):
    """What a circuit says of small changes around a state: its Jacobian, and what nudges and synapses make of it."""

    system: System

    @abstractmethod
    def nudge_slope(self) -> Array:
        """Return d(rate)/d(beta), shape (size,): what a nudge of the outputs adds to the rate, per unit of strength."""

    @abstractmethod
    def read_change(self, v: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write sum_c weights_c ds_c into `out`, the change of the activities for a change `v` of the state."""

    @abstractmethod
    def pull_back(self, v: Array, out: Signal) -> None:
        """Write (d rate / d current)^T v into `out`: how a weighted sum of the rates feels the current of each unit."""
