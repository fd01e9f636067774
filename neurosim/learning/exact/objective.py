"""The objective that dual propagation descends, and how far it lies above the cost.

    J = min over s+, max over s-:  alpha C(s+_L) + (1 - alpha) C(s-_L) + (1/beta) sum_k [E_k(s+_k) - E_k(s-_k)]
    E_k(s) = Psi(s) - s . a_k,    a_k = W_{k-1} sum_c p_c s_{k-1,c} + b_k,    f = (grad Psi)^{-1}
    J = C + (beta/2) (1 - 2 alpha) P + O(beta^2),    P = sum_k dC/da_k . dC/ds_k = sum_k |dC/ds_k|^2 weighted by f'(a_k)

so alpha = 0 penalises gradients, alpha = 1 rewards them and alpha = 1/2 does neither. Where f' is 0 or 1, for identity
and rectified units, P = sum_k |delta_k|^2 with delta_k = dC/da_k. The settled dyads of the original variant, damped or
not, are the saddle point where feedback is reciprocal; those of the transposed variant are not, unless alpha = 1/2.
Source: R. Hoier, C. Zach, Two tales of single-phase contrastive Hebbian learning, ICML 2024, arXiv
2402.08573 (the objective is the authors', the expansion is ours).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
from scipy.special import spence, xlogy

from neurosim.errors import SimulationError
from neurosim.learning.exact.backprop import forward_and_errors
from neurosim.physics.costs import cost_gradient
from neurosim.physics.model import PhysicalModel
from neurosim.physics.names import ActivationName
from neurosim.physics.system import System

if TYPE_CHECKING:
    from neurosim.physics.layered.network import CompartmentNetwork
    from neurosim.physics.layered.system import LayeredSystem

Array = npt.NDArray[Any]


def _binary_entropy(s: Array) -> Array:
    return np.asarray(xlogy(s, s) + xlogy(1 - s, 1 - s))


POTENTIALS: Mapping[ActivationName, Callable[[Array], Array]] = {
    "identity": lambda s: s**2 / 2,
    "relu": lambda s: s**2 / 2,
    "hard_sigmoid": lambda s: s**2 / 2,
    "tanh": lambda s: (xlogy(1 + s, 1 + s) + xlogy(1 - s, 1 - s)) / 2,
    "sigmoid": _binary_entropy,
    "shifted_sigmoid": lambda s: (2 * s + _binary_entropy(s)) / 4,
    "softplus": lambda s: s**2 / 2 + spence(-np.expm1(-s)),
}
"""Psi, elementwise, with Psi' = f^{-1} on the values of f; the other activations do not increase everywhere."""


def has_objective(model: PhysicalModel) -> bool:
    """Whether the settled state of a circuit under a nudge is the saddle point of J.

    It is where every compartment feels what it sends: gain_c = p_c q_c, with reciprocal conductances, two compartments
    and activations that have a potential.
    """
    network = cast("CompartmentNetwork", model)
    tables, settings = network.compartments, network.settings
    sent = [p * q for p, q in zip(tables.forward, tables.backward, strict=True)]
    felt = bool(np.allclose(tables.gain, sent, rtol=0, atol=1e-12))
    known = settings.activation in POTENTIALS and settings.output_activation in POTENTIALS
    return tables.count == 2 and network.reciprocal and felt and known


def saddle_objective(system: System, state: Array, beta: float) -> Array:
    """Return J of every row, shape (rows,), in double precision; its error is of second order in that of the state.

    Parameters
    ----------
    system : System
        Dyads with their batch.
    state : ndarray, shape (size,)
        Settled under the nudge.
    beta : float
        Its strength, not zero.

    Raises
    ------
    SimulationError
        If the circuit has no such objective (see `has_objective`).
    """
    model = cast("CompartmentNetwork", system.model)
    if not has_objective(model):
        raise SimulationError(
            "the objective of dual propagation belongs to reciprocal dyads of the original variant, or alpha = 1/2, "
            f"with activations {', '.join(POTENTIALS)}"
        )
    settings, weights = model.settings, model.compartments.forward
    activities = cast("LayeredSystem", system).activities(state)
    layers = [np.asarray(activity, np.float64) for activity in activities]
    names = [settings.activation] * (len(layers) - 1) + [settings.output_activation]
    total = np.zeros(system.rows)
    below = np.asarray(system.inputs, np.float64)
    for k, (name, s) in enumerate(zip(names, layers, strict=True)):
        a = below @ model.conductances[f"W_{k}"].astype(np.float64) + model.conductances[f"b_{k + 1}"]
        energy = np.sum(POTENTIALS[name](s) - s * a, axis=2)
        total += (energy[0] - energy[1]) / beta
        below = np.einsum("c,crn->rn", weights, s)
    for weight, s in zip(weights, layers[-1], strict=True):
        total += weight * model.cost(s, system.targets.astype(np.float64))
    return total


def penalty(model: PhysicalModel, inputs: Array, targets: Array) -> tuple[Array, Array]:
    """Return the cost C and the penalty P of every row at the free state, both (rows,), in double precision.

    Raises
    ------
    SimulationError
        If the free state of the circuit is not feed-forward.
    """
    network = cast("CompartmentNetwork", model)
    inputs, targets = inputs.astype(np.float64), targets.astype(np.float64)
    _, errors, prediction = forward_and_errors(network, inputs, targets)
    total = np.sum(errors[-1] * cost_gradient(network.settings.cost, prediction, targets), axis=1)
    for k, (below, above) in enumerate(pairwise(errors), start=1):
        total += np.sum(below * (above @ network.conductances[f"W_{k}"].T), axis=1)
    return network.cost(prediction, targets), np.asarray(total)
