"""The bias ladder: from the update that physics makes to the exact gradient, one imperfection at a time.

    measured   the rule as the scenario runs it                          settling = measured - settled
    settled    the same nudges, every phase at its equilibrium           nudge    = settled - limit
    limit      the response to a vanishing nudge                         asymmetry = limit - exact
    exact      the gradient of the cost of the free equilibrium

Each term is the difference of two neighbouring rungs, so the terms add up to measured - exact, to rounding. Rungs below
the first are computed in double precision, and the last two without relaxing under a nudge at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.analysis.setup import Experiment, build_model
from neurosim.datasets.dataset import Samples
from neurosim.dynamics.linear import InverseJacobian
from neurosim.dynamics.nearby import NearbyEquilibria
from neurosim.dynamics.polished import EQUILIBRIUM, PolishedSolver
from neurosim.dynamics.status import Status
from neurosim.learning.alignment import mean_row_cosine
from neurosim.learning.exact.backprop import exact_gradient, forward_and_errors
from neurosim.learning.exact.implicit import implicit_reading, mean_products, response_reading
from neurosim.learning.exact.power_series import power_series
from neurosim.learning.learner import Learner, Lesson
from neurosim.learning.protocol import FREE, run_phases
from neurosim.physics.model import PhysicalModel
from neurosim.physics.system import System
from neurosim.seeds import Purpose, generator
from neurosim.workers import Workers

Array = npt.NDArray[Any]
Estimate = Mapping[str, Array]
Rung = tuple[Estimate, list[Array]]  # a gradient, and the error vectors behind it

RUNGS = ("measured", "settled", "limit", "exact")
TERMS = ("settling", "nudge", "asymmetry")
FINITE_STEP = 1e-5
DIRECTIONS = 3  # random directions of the finite-difference check, beside that of the gradient itself


@dataclass(frozen=True)
class Ladder:
    """The rungs, and how the relaxations behind them ended.

    Parameters
    ----------
    rungs : tuple of mapping of str to ndarray
        measured, settled, limit, exact: mean estimates of dC/dtheta by parameter name, float64.
    errors : tuple of list of ndarray (samples, n_k), k = 1..L
        The same rungs of the error vectors, estimates of dC/d(current) of every sample, layer by layer, to a factor.
    measured_codes, settled_codes : ndarray of int8, shape (samples,)
        Status of every sample as the scenario runs it, and at its equilibria.
    radius : ndarray, shape (samples,), or None
        Where the rule nudges along a circle: the radius of convergence of every sample; beyond it settled_codes say
        off_branch.
    reference_check : float
        Largest difference between the exact gradient and central finite differences of the cost along some directions,
        over the norm of the gradient.
    """

    rungs: tuple[Estimate, ...]
    errors: tuple[list[Array], ...]
    measured_codes: npt.NDArray[np.int8]
    settled_codes: npt.NDArray[np.int8]
    radius: Array | None
    reference_check: float

    @property
    def exact(self) -> Estimate:
        """The last rung."""
        return self.rungs[-1]

    @property
    def measured(self) -> Estimate:
        """The first rung."""
        return self.rungs[0]

    def terms(self, block: str) -> dict[str, Array]:
        """Return settling, nudge, asymmetry and their total for a parameter block or for ``all``, as flat vectors."""
        rungs = [flat(rung, block) for rung in self.rungs]
        terms = {name: above - below for name, above, below in zip(TERMS, rungs[:-1], rungs[1:], strict=True)}
        return {**terms, "total": rungs[0] - rungs[-1]}

    def error_cosines(self) -> Array:
        """Return the cosine of error vectors with the exact ones, mean over samples, shape (rungs - 1, layers)."""
        *estimates, exact = self.errors
        return np.array([list(map(mean_row_cosine, errors, exact)) for errors in estimates])


def flat(estimate: Estimate, block: str) -> Array:
    """Return one block of an estimate, or all of them, as a flat vector."""
    names = list(estimate) if block == "all" else [block]
    return np.concatenate([np.asarray(estimate[name], np.float64).ravel() for name in names])


def climb(experiment: Experiment, workers: Workers, samples: Samples) -> Ladder:
    """Return the ladder of a scenario's rule on some samples.

    Raises
    ------
    AdriftError
        If a sample has no equilibrium to measure from.
    SimulationError
        If an equilibrium has no response: its Jacobian cannot be inverted.
    """
    scenario, rule = experiment.scenario, experiment.rule
    assert rule is not None  # validation refuses a bias run without a rule
    start, inputs, targets = scenario.dynamics.start, samples.inputs, samples.targets
    outcome = Learner(experiment.model, experiment.solver, rule, start, workers).learn(inputs, targets)
    measured, measured_codes = taught_rung(outcome), outcome.codes.copy()

    model = in_double_precision(experiment)
    inputs, targets = inputs.astype(np.float64), targets.astype(np.float64)
    polished = PolishedSolver(experiment.solver)
    outcome = Learner(model, polished, rule, start, workers).learn(inputs, targets)
    settled, codes = taught_rung(outcome), outcome.codes.copy()

    system = model.system(len(inputs))
    system.present(inputs, targets)
    free = run_phases(system, polished, (FREE,))["free"]
    codes = np.maximum(codes, free.codes)
    if (codes == Status.DIVERGED.code).any():
        raise AdriftError(codes)
    radius = None
    if rule.complex_nudge is not None:
        radius = convergence_radius(system, free.state, rule.transposes)
        codes[radius <= rule.complex_nudge] = Status.OFF_BRANCH.code
    inverse = InverseJacobian(system, free.state)
    exact = exact_rung(system, free.state, inverse)
    limit = exact if rule.response_weights is None else limit_rung(system, free.state, inverse, rule.response_weights)
    rungs = (measured, settled, limit, exact)
    # Feedback between dyads may follow the forward conductances, but the prediction does not depend on it.
    estimates = tuple({name: gradient[name] for name in exact[0]} for gradient, _ in rungs)
    check = finite_difference_check(NearbyEquilibria(system, free.state, inverse), exact[0], scenario.seed)
    return Ladder(estimates, tuple(errors for _, errors in rungs), measured_codes, codes, radius, check)


def convergence_radius(system: System, free: Array, transposed: bool) -> Array:
    """Return the radius of convergence of the equilibrium as a power series in the nudge, shape (samples,)."""
    return power_series(system.transposed_at(free) if transposed else system, free).radius


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
    system = in_double_precision(experiment).system(len(samples))
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


class AdriftError(Exception):
    """There is no equilibrium to measure from; `codes` says how every sample ended."""

    def __init__(self, codes: npt.NDArray[np.int8]) -> None:
        super().__init__("no equilibrium")
        self.codes = codes


def in_double_precision(experiment: Experiment) -> PhysicalModel:
    """Return a circuit with the numbers of the experiment's, in double precision."""
    model = build_model(experiment.scenario.model_copy(update={"dtype": "float64"}))
    for name, values in experiment.model.parameters.items():
        model.parameters[name][:] = values
    model.parameters_changed()
    return model


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
            move(sign * FINITE_STEP * unit)
            costs.append(cost())
        slope = (costs[0] - costs[1]) / (2 * FINITE_STEP)
        worst = max(worst, abs(slope - float(gradient @ unit)) / size)
    move(np.zeros_like(gradient))
    model.parameters_changed()
    system.present(inputs, targets)
    return worst
