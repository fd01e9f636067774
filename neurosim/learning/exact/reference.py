"""The exact gradient of any circuit: by back-propagation where it is feed-forward, at its equilibrium otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from neurosim.dynamics.polished import settling
from neurosim.dynamics.solver import Solver
from neurosim.learning.exact.backprop import exact_gradient
from neurosim.learning.exact.implicit import implicit_gradient
from neurosim.learning.protocol import FREE, run_phases
from neurosim.physics.model import PhysicalModel

Array = npt.NDArray[Any]


def reference_gradient(model: PhysicalModel, solver: Solver, inputs: Array, targets: Array) -> Mapping[str, Array]:
    """Return dC/dtheta of the mean cost of a batch, by parameter name; of a noisy circuit, that without its noise.

    Parameters
    ----------
    model : PhysicalModel
        The circuit.
    solver : Solver
        How it finds its free equilibrium; not used where it is feed-forward.
    inputs, targets : ndarray, shapes (rows, inputs) and (rows, outputs)
        The batch.

    Raises
    ------
    SimulationError
        If the equilibrium has no gradient (see `neurosim.learning.exact.implicit`).
    """
    if model.feed_forward:
        return exact_gradient(model, inputs, targets)
    system = model.system(len(inputs))
    system.silence()
    system.present(inputs, targets)
    return implicit_gradient(system, run_phases(system, settling(solver), (FREE,))["free"].state)
