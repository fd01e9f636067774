"""The compartment network as a system whose conductances change while it relaxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.physics.layered import layout as at
from neurosim.physics.layered.plastic_drift import (
    FOLLOWS,
    INPUT_UNITS,
    INPUTS,
    PLASTIC_ENTRIES,
    READING,
    TRAINED,
    adopt_conductances,
    plastic_drift,
)
from neurosim.physics.layered.system import LayeredSystem
from neurosim.physics.plastic import PlasticSystem

if TYPE_CHECKING:
    from neurosim.physics.layered.jacobian import LayeredLinearisation
    from neurosim.physics.layered.network import CompartmentNetwork
    from neurosim.physics.layered.sweeps import LayerSweeps

Array = npt.NDArray[Any]


class PlasticLayeredSystem(PlasticSystem, LayeredSystem):
    """A network of dyads that learns while it relaxes; see `neurosim.physics.layered.plastic_drift` for the equation.

    Its trained conductances are a part of its state, and those of the circuit stay as they are; what is not trained
    follows the circuit whenever a batch is presented.

    Parameters
    ----------
    model : CompartmentNetwork
        The circuit.
    rows : int
        Number of samples, at least 1: so many circuits that share their conductances.
    source, error : tuple of float
        Weights of the compartments in the two numbers that a synapse multiplies; its change is their mean product over
        the rows, times minus the rate.

    Raises
    ------
    SimulationError
        If the conductances work in loops, or damping would have to follow them.
    """

    drift = plastic_drift

    def __init__(
        self, model: CompartmentNetwork, rows: int, source: tuple[float, ...], error: tuple[float, ...]
    ) -> None:
        if not model.feed_forward:
            raise SimulationError("conductances in loops cannot follow a single state; they need dyads")
        if model.compartments.damped:
            raise SimulationError("damping follows the norm of the conductances, and these change all the time")
        width, planes = model.layers[0], model.compartments.count
        super().__init__(model, rows, further_u=rows * width + 2 * planes + 1)
        self.p = model.p.copy()
        inputs = self.u.size - rows * width - 2 * planes - 1
        reading = inputs + rows * width
        entries = np.zeros(PLASTIC_ENTRIES, np.int64)
        entries[[TRAINED, INPUTS, INPUT_UNITS, READING, FOLLOWS]] = (
            model.header.size, inputs, width, reading, model.follows_forward and not model.reciprocal
        )  # fmt: skip
        self.layout = np.concatenate([self.layout, entries])
        self.inputs = self.u[inputs:reading].reshape(rows, width)
        self._error = np.array(error) / rows
        self.u[reading : reading + planes] = source
        self._error_weights = self.u[reading + planes : reading + 2 * planes]
        self._decay = self.u[reading + 2 * planes :]

    def learn_at(self, rate: float, weight_decay: float) -> None:
        """Set the rate of the conductances and their decay; both are zero at first."""
        self._error_weights[:] = -rate * self._error
        self._decay[:] = rate * weight_decay

    def present(self, inputs: Array, targets: Array) -> None:
        """Put a batch on the terminals, with a live cost gradient; the state goes on from where it is."""
        self.model.synchronise()
        self.p[:] = self.model.p
        self.inputs[:] = inputs
        self.targets[:] = targets
        self.layout[self._constants + at.GRADIENT] = self._live_gradient

    def prediction(self, state: Array) -> Array:
        """Return what the outputs would say unnudged, with the conductances in `state`, shape (rows, outputs)."""
        adopt_conductances[self.dtype](self.conductances(state), self.arrays)
        return super().prediction(state)

    def take(self, rows: Sequence[int]) -> LayeredSystem:
        """Refuse: what one row does to the conductances, the others feel."""
        raise SimulationError("rows that share changing conductances cannot be taken apart")

    def linearise(self, state: Array) -> LayeredLinearisation:
        """Refuse: a circuit that goes on learning has no equilibrium to linearise at."""
        raise SimulationError("a circuit whose conductances change has no Jacobian per row")

    @property
    def sweeps(self) -> LayerSweeps:
        """Refuse: the closed form is that of constant conductances."""
        raise SimulationError("a circuit whose conductances change has no closed-form sweeps; use an ODE solver")
