"""How rungs of the bias ladder are computed: what was taught, the limit of a vanishing nudge, the exact gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.analysis.scatter import flat
from neurosim.analysis.setup import Experiment
from neurosim.datasets.dataset import Samples
from neurosim.dynamics.linear import InverseJacobian
from neurosim.dynamics.nearby import NearbyEquilibria
from neurosim.dynamics.polished import EQUILIBRIUM
from neurosim.dynamics.status import Status
from neurosim.learning.exact.backprop import exact_gradient, forward_and_errors
from neurosim.learning.exact.implicit import implicit_reading, mean_products, response_reading
from neurosim.learning.exact.power_series import power_series
from neurosim.learning.learner import Lesson
from neurosim.physics.system import System
from neurosim.seeds import Purpose, generator

Array = npt.NDArray[Any]
Estimate = Mapping[str, Array]
Rung = tuple[Estimate, list[Array]]  # a gradient, and the error vectors behind it

FINITE_STEP = 1e-5
DIRECTIONS = 3  # random directions of the finite-difference check, beside that of the gradient itself


def convergence_radius(system: System, free: Array, transposed: bool, inverse: InverseJacobian | None = None) -> Array:
    """Return the radius of convergence of the equilibrium as a power series in the nudge, shape (samples,).

    Parameters
    ----------
    system : System
        The circuit with its batch, not nudged, float64.
    free : ndarray, shape (size,)
        Its free equilibrium.
    transposed : bool
        Whether the nudged circuit sends its signals the other way around its loops.
    inverse : InverseJacobian, optional
        That of `system` at `free`, where it is known.
    """
    if transposed:
        return power_series(system.transposed_at(free), free).radius
    return power_series(system, free, inverse).radius


def taught_rung(outcome: Lesson) -> Rung:
    """Return what a batch taught, in double precision, and the error vectors behind it."""
    gradient = {name: np.array(values, np.float64) for name, values in outcome.gradient.items()}
    return gradient, [np.array(errors, np.float64) for errors in outcome.errors.blocks()]


def radius_of(experiment: Experiment, samples: Samples) -> Array | None:
    """Return the radius of convergence of every sample, shape (samples,).

    None where the rule has no complex nudges, or a sample has no free equilibrium.
    """
    rule = experiment.rule
    if rule is None or rule.complex_nudge is None:
        return None
    system = experiment.model.twin("float64", ideal=True).system(len(samples))
    system.present(samples.inputs.astype(np.float64), samples.targets.astype(np.float64))
    state = system.rest()
    if EQUILIBRIUM.relax(system, state).status is not Status.SETTLED:
        return None
    return convergence_radius(system, state, rule.transposes)


def exact_rung(system: System, state: Array, inverse: InverseJacobian) -> Rung:
    """Return the exact gradient of the mean cost at the settled free state, and the error vectors behind it."""
    if system.model.feed_forward:
        errors = forward_and_errors(system.model, system.inputs, system.targets)[1]
        return exact_gradient(system.model, system.inputs, system.targets), errors
    source, error = system.signal(), system.signal()
    implicit_reading(system, state, source, error, inverse)
    return dict(mean_products(system, source, error)), error.blocks()


def limit_rung(system: System, state: Array, inverse: InverseJacobian, weights: tuple[float, ...]) -> Rung:
    """Return what a rule would estimate with a vanishing nudge, and the error vectors behind it."""
    source, error = system.signal(), system.signal()
    response_reading(system, state, weights, source, error, inverse)
    return dict(mean_products(system, source, error)), error.blocks()


def finite_difference_check(nearby: NearbyEquilibria, exact: Estimate, seed: int) -> float:
    """Return the largest difference between slopes of the mean cost and <exact, direction>, over |exact|.

    Central differences along the gradient and a few random directions of unit length; the equilibrium is found anew at
    every point. NaN where the gradient is zero.
    """
    system, model = nearby.system, nearby.system.model
    gradient = flat(exact, "all")
    size = float(np.linalg.norm(gradient))
    draw = generator(seed, Purpose.REFERENCE_CHECK)
    directions = [gradient, *draw.standard_normal((DIRECTIONS, gradient.size))]
    inputs, targets = system.inputs, system.targets.copy()
    length = FINITE_STEP * model.parameter_scale
    here = {name: model.parameters[name].copy() for name in exact}
    if not size:
        return float("nan")
    worst = 0.0

    def cost() -> float:
        model.parameters_changed()
        system.present(inputs, targets)
        moved = nearby.find()
        return float(model.cost(system.prediction(moved), targets).mean())

    def move(step: Array) -> None:
        at = 0
        for name, values in here.items():
            model.parameters[name][:] = values + step[at : at + values.size].reshape(values.shape)
            at += values.size

    for direction in directions:
        unit = direction / np.linalg.norm(direction)
        costs = []
        for sign in (1.0, -1.0):
            move(sign * length * unit)
            costs.append(cost())
        slope = (costs[0] - costs[1]) / (2 * length)
        worst = max(worst, abs(slope - float(gradient @ unit)) / size)
    move(np.zeros_like(gradient))
    model.parameters_changed()
    system.present(inputs, targets)
    return worst
