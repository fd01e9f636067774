"""A netlist whose outputs are held: nodes that follow an output no longer follow anything free.

With the outputs at u, the voltage of a node that follows one of them is known, and what leaves it is delivered by the
clamp: its gain and its weight are zero, and gain u joins what inputs and sources do to it. What is left are the
equations of the other free nodes. An output keeps its place in the state, where it stands at u.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.resistive.kirchhoff import Kirchhoff
from neurosim.physics.resistive.operating_point import Drives
from neurosim.physics.resistive.system import ResistiveSystem

if TYPE_CHECKING:
    from neurosim.physics.resistive.model import ResistiveNetwork

Array = npt.NDArray[Any]


class ClampedSystem(ResistiveSystem):
    """A netlist with samples on its inputs, and given voltages at its outputs.

    Parameters
    ----------
    model : ResistiveNetwork
        The circuit.
    rows : int
        Number of samples, at least 1.

    Attributes
    ----------
    held_outputs : ndarray (rows, outputs)
        Voltages of the outputs, in V.
    """

    def __init__(self, model: ResistiveNetwork, rows: int) -> None:
        net = model.netlist
        self.follows = np.isin(net.roots, model.output_states)
        gains, weights = (np.where(self.follows, 0.0, factors) for factors in (net.gains, net.weights))
        super().__init__(model, rows, Kirchhoff(net, gains, weights))
        self.held_outputs = np.zeros((rows, model.outputs), self.dtype)

    def hold(self, inputs: Array, fixed: Array, outputs: Array) -> None:
        """Put a batch on the inputs and hold the outputs.

        Parameters
        ----------
        inputs : ndarray (rows, inputs)
            Voltages of the inputs.
        fixed : ndarray (rows, nodes)
            What inputs and sources do to the voltage of every node.
        outputs : ndarray (rows, outputs)
            Voltages of the outputs.
        """
        self.model.synchronise()
        net, numbers = self.model.netlist, self.model.places[0]
        self.p[:numbers] = self.model.p[:numbers]  # learning has moved conductances since
        self.inputs, self.held_outputs[:] = inputs, outputs
        v = np.zeros((self.rows, net.free), self.dtype)
        v[:, self.model.output_states] = outputs
        self.fixed[:] = fixed + self.model.spread(v, np.where(self.follows, net.gains, 0.0))

    def place(self, state: Array) -> Array:
        """Write the voltages of the outputs where they stand in `state`; return it."""
        state.reshape(self.rows, -1)[:, self.model.output_states] = self.held_outputs
        return state

    def rest(self) -> Array:
        """Return a state of zeros but for the outputs, shape (size,)."""
        return self.place(super().rest())

    def shared_rest(self) -> Array:
        """Return the system's own state array, as `rest` fills it."""
        return self.place(super().shared_rest())

    def take(self, rows: Sequence[int]) -> ClampedSystem:
        """Return a system of its own with the given rows and what lies on their terminals."""
        other = ClampedSystem(self.model, len(rows))
        other.inputs = self.inputs[rows]
        for name in ("fixed", "targets", "held_outputs"):
            getattr(other, name)[:] = getattr(self, name)[rows]
        other.paths, other.noise_stream = self.paths[rows], self.noise_stream
        self._hush(other)
        return other

    def drives(self) -> Drives:
        """Return what drives the netlist; an output stands where 1 S to the voltage of its clamp puts it."""
        drives, at = super().drives(), self.model.output_states
        currents, conductances = drives.currents.copy(), drives.conductances.copy()
        currents[:, at], conductances[:, at] = self.held_outputs, 1.0
        return replace(drives, currents=currents, conductances=conductances)
