"""Small changes around a state of a deep resistive network: the nodes whose diodes are off follow, the others stay.

J = D A - 1,    A_kj = g_kj / (sum_j g_kj [+ beta]),    D_kk = 1 where lo_k < z_k < hi_k, and 0 elsewhere
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.linearisation import Linearisation
from neurosim.physics.signal import Signal

if TYPE_CHECKING:
    from neurosim.physics.deep_resistive.system import DeepResistiveSystem

Array = npt.NDArray[Any]


class DeepResistiveLinearisation(Linearisation):
    """J at one state of a `DeepResistiveSystem`.

    Parameters
    ----------
    system : DeepResistiveSystem
        The network with its batch.
    state : ndarray, shape (size,)
        Where to linearise.
    """

    system: DeepResistiveSystem

    def __init__(self, system: DeepResistiveSystem, state: Array) -> None:
        self.system = system
        v = system.layers_of(state)
        goals = [system.goal(v, k) for k in range(len(v))]
        # What a current into a node does to its rate: nothing where a diode holds it.
        self.gains = [
            ((low < z) & (z < high)) / system.node_conductance(k)
            for k, (z, (low, high)) in enumerate(zip(goals, system.limits, strict=True))
        ]
        self.pull = system.targets - (goals[-1] if system.held is None else system.held)

    def times(self, v: Array) -> Array:
        """Return J v, shape (size,)."""
        out, parts = -v, self.system.layers_of(v)
        for k, rates in enumerate(self.system.layers_of(out)):
            rates += self.gains[k] * self.system.coupled(parts, k)
        return out

    def transposed_times(self, v: Array) -> Array:
        """Return J^T v, shape (size,)."""
        out = -v
        felt = [gain * part for gain, part in zip(self.gains, self.system.layers_of(v), strict=True)]
        for k, rates in enumerate(self.system.layers_of(out)):
            rates += self.system.coupled(felt, k)
        return out

    def matrices(self) -> Array:
        """Return J of every row, shape (rows, n, n)."""
        ends = np.cumsum([0, *(block.units for block in self.system.blocks)])
        A = np.zeros((ends[-1], ends[-1]), self.system.dtype)
        for k, G in enumerate(self.system.model.conductance_arrays[1:], start=1):
            below, above = slice(ends[k - 1], ends[k]), slice(ends[k], ends[k + 1])
            A[below, above], A[above, below] = G, G.T
        return np.asarray(np.hstack(self.gains)[:, :, None] * A - np.eye(len(A)), self.system.dtype)

    def nudge_slope(self) -> Array:
        """Return d(rate)/d(beta), shape (size,): (y - z) over the conductance of every output."""
        slope = np.zeros(self.system.size, self.system.dtype)
        self.system.layers_of(slope)[-1][:] = self.gains[-1] * self.pull
        return slope

    def read_change(self, v: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write weights[0] dv of every node into `out`."""
        self.system.read_exactly(v, weights, out)

    def pull_back(self, v: Array, out: Signal) -> None:
        """Write (d rate / d current into a node)^T v of every node into `out`."""
        for mine, gain, part in zip(out.blocks(), self.gains, self.system.layers_of(v), strict=True):
            mine[:] = gain * part
