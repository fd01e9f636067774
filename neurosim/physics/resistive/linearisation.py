"""The Jacobian of a netlist at a state: J = C^{-1} dF/dv, and what nudges and resistors make of small changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.linearisation import Linearisation
from neurosim.physics.signal import Signal

if TYPE_CHECKING:
    from neurosim.physics.resistive.system import ResistiveSystem

Array = npt.NDArray[Any]


class ResistiveLinearisation(Linearisation):
    """J at one state of a `ResistiveSystem`.

    Parameters
    ----------
    system : ResistiveSystem
        The netlist with its batch.
    state : ndarray, shape (size,)
        Where to linearise.
    """

    system: ResistiveSystem

    def __init__(self, system: ResistiveSystem, state: Array) -> None:
        self.system, self.equations = system, system.equations
        V = system.node_voltages(state)
        self.slopes = self.equations.laws(self.equations.across(V), system.law_numbers)[1]
        self.pull = system.nudge_pull(V)
        self.diagonal = -system.outside_conductances()

    def _rows(self, v: Array) -> Array:
        return v.reshape(self.system.rows, -1)

    def times(self, v: Array) -> Array:
        """Return J v, shape (size,)."""
        x = self._rows(v)
        F = self.equations.into_free(self.slopes * self.equations.branch_change(x)) + self.diagonal * x
        return np.asarray((F * self.system.rates).ravel(), v.dtype)

    def transposed_times(self, v: Array) -> Array:
        """Return J^T v, shape (size,)."""
        x = self._rows(v) * self.system.rates
        back = -np.asarray((self.slopes * (x @ self.equations.B_P.T)) @ self.equations.B_S.T)
        return np.asarray((back + self.diagonal * x).ravel(), v.dtype)

    def matrices(self) -> Array:
        """Return J of every row, shape (rows, n, n)."""
        J = self.equations.matrices(self.slopes, self.diagonal) * self.system.rates[:, None]
        return np.asarray(J, self.system.dtype)

    def nudge_slope(self) -> Array:
        """Return d(rate)/d(beta), shape (size,): (y - V) / C at the outputs."""
        return np.asarray((self.pull * self.system.rates).ravel(), self.system.dtype)

    def read_change(self, v: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write weights[0] dV of every node into `out`, for a change of the free voltages."""
        model = self.system.model
        out.block(0)[:] = weights[0] * model.spread(self._rows(v), self.equations.gains)

    def pull_back(self, v: Array, out: Signal) -> None:
        """Write (d rate / d current into a node)^T v of every node into `out`."""
        model = self.system.model
        out.block(0)[:] = model.spread(self._rows(v) * self.system.rates, self.equations.weights)
