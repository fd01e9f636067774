"""From the circuit section and the rule of a scenario to a compartment network."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from neurosim.physics.layered.compartments import POINT, dyad
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import LayeredCircuit


def build_network(settings: LayeredCircuit, rule: Any, dtype: npt.DTypeLike, seed: int) -> CompartmentNetwork:
    """Return the network, its compartments wired the way its rule wants them.

    Parameters
    ----------
    settings : LayeredCircuit
        The circuit section.
    rule : Rule or None
        Says how compartments speak to other layers, and how feedback learns; without one they are those of a symmetric
        dyad, or of a point neuron.
    dtype : {"float32", "float64"}
        Type of all numbers.
    seed : int
        Seed of the initial conductances and of the imperfections.

    Raises
    ------
    SimulationError
        As for `CompartmentNetwork`.
    """
    if rule is not None:
        return CompartmentNetwork(settings, rule.compartments(), dtype, seed, rule.feedback_learning)
    compartments = POINT if settings.neuron == "point" else dyad(0.5, transposed=True)
    return CompartmentNetwork(settings, compartments, dtype, seed)
