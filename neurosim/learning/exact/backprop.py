"""Back-propagation through the feed-forward prediction: the gradient every dyadic rule is measured against.

    s_0 = x,  a_k = W_{k-1}^T s_{k-1} + b_k,  s_k = f(a_k)
    delta_L = f'(a_L) dC/ds_L,   delta_k = f'(a_k) W_k delta_{k+1},   dC/dW_k = s_k x delta_{k+1},   dC/db_k = delta_k

Always with W, never with the feedback conductances. Plain NumPy; tests hold it against finite differences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.physics.activations import ACTIVATIONS
from neurosim.physics.costs import cost_gradient

if TYPE_CHECKING:
    from neurosim.physics.layered.network import CompartmentNetwork
    from neurosim.physics.model import PhysicalModel

Array = npt.NDArray[Any]


def forward_and_errors(model: PhysicalModel, inputs: Array, targets: Array) -> tuple[list[Array], list[Array], Array]:
    """Return activities, errors and prediction of a batch.

    Parameters
    ----------
    model : CompartmentNetwork
        A network whose free state is feed-forward.
    inputs, targets : ndarray, shapes (rows, n_0) and (rows, n_L)
        The batch.

    Returns
    -------
    activities : list of ndarray (rows, n_k), k = 0..L-1
        s_k, the inputs first.
    errors : list of ndarray (rows, n_k), k = 1..L
        delta_k = dC/da_k of each sample.
    prediction : ndarray (rows, n_L)
        s_L.

    Raises
    ------
    SimulationError
        If the free state of the network is not feed-forward.
    """
    network = cast("CompartmentNetwork", model)
    if not network.compartments.free_state_is_feed_forward:
        raise SimulationError("back-propagation needs a feed-forward free state; point neurons feed back at all times")
    settings, parameters, last = network.settings, network.conductances, len(network.layers) - 1
    names = [settings.activation] * (last - 1) + [settings.output_activation]
    activities, currents = [inputs], []
    for k, name in enumerate(names):
        currents.append(activities[-1] @ parameters[f"W_{k}"] + parameters[f"b_{k + 1}"])
        activities.append(ACTIVATIONS[name].value(currents[-1]))
    prediction = activities.pop()
    error = ACTIVATIONS[names[-1]].slope(currents[-1]) * cost_gradient(settings.cost, prediction, targets)
    errors = [error]
    for k in range(last - 1, 0, -1):
        error = ACTIVATIONS[names[k - 1]].slope(currents[k - 1]) * (error @ parameters[f"W_{k}"].T)
        errors.insert(0, error)
    return activities, errors, prediction


def exact_gradient(model: PhysicalModel, inputs: Array, targets: Array) -> dict[str, Array]:
    """Return dC/dtheta of the mean cost of a batch, by parameter name, with the shapes of the parameters."""
    activities, errors, _ = forward_and_errors(model, inputs, targets)
    gradient: dict[str, Array] = {}
    for k, (s, delta) in enumerate(zip(activities, errors, strict=True)):
        gradient[f"W_{k}"] = s.T @ delta / len(inputs)
        gradient[f"b_{k + 1}"] = np.asarray(delta.mean(axis=0))
    return gradient
