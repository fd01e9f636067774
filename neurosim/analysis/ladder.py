"""The bias ladder: from the update that physics makes to the exact gradient, one imperfection at a time.

    measured   the rule as the scenario runs it, mean over repeats       noise     = measured - quiet
    quiet      the same without noise                                    settling  = quiet - settled
    settled    the same nudges, every phase at its equilibrium           device    = settled - ideal
    ideal      the conductances as they act, and synapses and nudges     nudge     = ideal - limit
               that are what they should be
    limit      the response to a vanishing nudge                         asymmetry = limit - exact
    exact      the gradient of the cost of the free equilibrium

Each term is the difference of two neighbouring rungs, so the terms add up to measured - exact, to rounding. Rungs from
`settled` on are computed in double precision, and the last two without relaxing under a nudge at all. All gradients are
those with respect to what learning holds; what mismatch and devices make of it enters by the chain rule from `ideal`
on, and not before: no synapse knows of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.analysis.rungs import (
    Rung,
    convergence_radius,
    exact_rung,
    finite_difference_check,
    limit_rung,
    taught_rung,
)
from neurosim.analysis.scatter import Scatter, flat, scatter, without_scatter
from neurosim.analysis.setup import Experiment
from neurosim.datasets.dataset import Samples
from neurosim.dynamics.linear import InverseJacobian
from neurosim.dynamics.nearby import NearbyEquilibria
from neurosim.dynamics.polished import Ends, NotingSolver, PolishedSolver
from neurosim.dynamics.solver import Solver
from neurosim.dynamics.status import Status
from neurosim.learning.alignment import mean_row_cosine
from neurosim.learning.learner import Learner
from neurosim.learning.protocol import FREE, run_phases
from neurosim.learning.rule import Rule
from neurosim.physics.model import PhysicalModel
from neurosim.workers import Workers

Array = npt.NDArray[Any]
Codes = npt.NDArray[np.int8]
Estimate = Mapping[str, Array]

RUNGS = ("measured", "quiet", "settled", "ideal", "limit", "exact")
TERMS = {"settling": 1, "nudge": 3, "asymmetry": 4, "noise": 0, "device": 2}  # the upper of the two rungs of each


@dataclass(frozen=True)
class Ladder:
    """The rungs, and how the relaxations behind them ended.

    Parameters
    ----------
    rungs : tuple of mapping of str to ndarray
        In the order of `RUNGS`: mean estimates of dC/dtheta by parameter name, float64.
    errors : tuple of list of ndarray (samples, n_k), k = 1..L
        The same rungs of the error vectors, estimates of dC/d(current) of every sample, layer by layer, to a factor;
        of a noisy circuit `measured` has those of one repeat.
    measured_codes, settled_codes : ndarray of int8, shape (samples,)
        Status of every sample as the scenario runs it, and at its equilibria.
    radius : ndarray, shape (samples,), or None
        Where the rule nudges along a circle: the radius of convergence of every sample; beyond it settled_codes say
        off_branch.
    scatter : Scatter
        How the measured update scatters over the repeats.
    reference_check : float
        Largest difference between the exact gradient and central finite differences of the cost along some directions,
        over the norm of the gradient.
    """

    rungs: tuple[Estimate, ...]
    errors: tuple[list[Array], ...]
    measured_codes: Codes
    settled_codes: Codes
    radius: Array | None
    scatter: Scatter
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
        """Return all terms and their total for a parameter block or for ``all``, as flat vectors."""
        rungs = [flat(rung, block) for rung in self.rungs]
        terms = {name: rungs[above] - rungs[above + 1] for name, above in TERMS.items()}
        return {**terms, "total": rungs[0] - rungs[-1]}

    def error_cosines(self) -> Array:
        """Return the cosine of error vectors with the exact ones, mean over samples, shape (rungs - 1, layers)."""
        *estimates, exact = self.errors
        return np.array([list(map(mean_row_cosine, errors, exact)) for errors in estimates])


class Climb:
    """What the rungs of one scenario have in common; a rule with another nudge can be measured on the same rungs.

    Parameters
    ----------
    experiment : Experiment
        Circuit, solver and rule.
    workers : Workers
        Threads.
    samples : Samples
        What lies on the terminals.
    repeats : int
        How often a noisy circuit is measured; one without noise is measured once.

    Attributes
    ----------
    exact : Rung
        The last rung, in terms of what acts in the circuit; like the other attributes it knows no size of the nudge.

    Raises
    ------
    AdriftError
        If a sample has no free equilibrium to measure from.
    SimulationError
        If an equilibrium has no response: its Jacobian cannot be inverted.
    """

    def __init__(self, experiment: Experiment, workers: Workers, samples: Samples, repeats: int = 1) -> None:
        assert experiment.rule is not None  # validation refuses a bias run without a rule
        self.experiment, self.workers, self.samples = experiment, workers, samples
        self.model, self.repeats = experiment.model, repeats if experiment.model.noisy else 1
        self._polished = PolishedSolver(experiment.solver)
        self._inputs = samples.inputs.astype(np.float64)
        self._targets = samples.targets.astype(np.float64)
        self._quiet = self.model.twin(self.model.parameters.flat.dtype) if self.model.noisy else self.model
        self._ideal = self.model.twin("float64", ideal=True)
        self.system = self._ideal.system(len(samples))
        self.system.present(self._inputs, self._targets)
        self.free = run_phases(self.system, self._polished, (FREE,))["free"]
        if self.free.status is Status.DIVERGED:
            raise AdriftError(self.free.codes)
        self.inverse = InverseJacobian(self.system, self.free.state)
        self.exact = exact_rung(self.system, self.free.state, self.inverse)

    @cached_property
    def limit(self) -> Rung:
        """The response to a vanishing nudge; of a rule that reads the exact error signal, the exact rung itself."""
        weights = None if self.experiment.rule is None else self.experiment.rule.response_weights
        if weights is None:
            return self.exact
        return limit_rung(self.system, self.free.state, self.inverse, weights)

    @cached_property
    def radius(self) -> Array:
        """The radius of convergence of every sample, shape (samples,), for rules that nudge along a circle."""
        transposed = self.experiment.rule is not None and self.experiment.rule.transposes
        return convergence_radius(self.system, self.free.state, transposed, self.inverse)

    @cached_property
    def check(self) -> float:
        """How far the exact gradient is from central differences, relative."""
        nearby = NearbyEquilibria(self.system, self.free.state, self.inverse)
        return finite_difference_check(nearby, self.exact[0], self.experiment.scenario.seed)

    @property
    def gradient(self) -> Estimate:
        """The exact gradient with respect to what learning wants."""
        return self.model.wanted_gradient(self.exact[0])

    def measured(self, rule: Rule, ends: Ends | None = None) -> tuple[Rung, Codes, Scatter, Rung]:
        """Return what `rule` teaches as the scenario runs it, without noise, and how it scatters with noise.

        Parameters
        ----------
        rule : Rule
            What is measured.
        ends : Ends, optional
            Where the ends of the relaxations without noise are noted.

        Returns
        -------
        quiet : Rung
            Without noise.
        codes : ndarray of int8, shape (samples,)
            Worst status of every sample, with noise.
        moments : Scatter
            Of the repeats.
        one : Rung
            The last repeat.
        """
        solver = self.experiment.solver
        quiet, codes = self._taught(self._quiet, solver if ends is None else NotingSolver(solver, ends), rule)
        if not self.model.noisy:
            return quiet, codes, without_scatter(quiet[0], self.gradient, codes), quiet
        learner = self._learner(self.model, self.experiment.solver, rule)
        rows = len(self.samples)
        last = quiet

        def update(repeat: int) -> tuple[Estimate, Codes]:
            nonlocal last
            paths = np.arange(repeat * rows, (repeat + 1) * rows)
            outcome = learner.learn(self.samples.inputs, self.samples.targets, paths)
            last = taught_rung(outcome)
            return last[0], outcome.codes

        moments = scatter(update, self.repeats, quiet[0], self.gradient)
        return quiet, moments.codes, moments, last

    def ladder(self) -> Ladder:
        """Return all rungs for the rule of the scenario.

        Raises
        ------
        AdriftError, SimulationError
            As for the class.
        """
        rule = self.experiment.rule
        assert rule is not None
        ends = Ends()
        quiet, measured_codes, moments, noisy = self.measured(rule, ends)
        settled, codes = self._taught(self.model.twin("float64"), PolishedSolver(self.experiment.solver, ends), rule)
        ideal, ideal_codes = settled, codes
        if not self.model.ideal:
            ideal, ideal_codes = self._taught(self._ideal, self._polished, rule)
        codes = np.max([codes, ideal_codes, self.free.codes], axis=0)
        if (codes == Status.DIVERGED.code).any():
            raise AdriftError(codes)
        radius = None
        if rule.complex_nudge is not None:
            radius = self.radius
            codes[radius <= rule.complex_nudge] = Status.OFF_BRANCH.code
        # Feedback between dyads may follow the forward conductances, but the prediction does not depend on it.
        names = tuple(self.gradient)
        acting = (ideal[0], self.limit[0], self.exact[0])
        gradients = (moments.mean, quiet[0], settled[0], *map(self.model.wanted_gradient, acting))
        estimates = tuple({name: gradient[name] for name in names} for gradient in gradients)
        errors = tuple(errors for _, errors in (noisy, quiet, settled, ideal, self.limit, self.exact))
        return Ladder(estimates, errors, measured_codes, codes, radius, moments, self.check)

    def _learner(self, circuit: PhysicalModel, solver: Solver, rule: Rule) -> Learner:
        return Learner(circuit, solver, rule, self.experiment.scenario.dynamics.start, self.workers)

    def _taught(self, circuit: PhysicalModel, solver: Solver, rule: Rule) -> tuple[Rung, Codes]:
        outcome = self._learner(circuit, solver, rule).learn(self.samples.inputs, self.samples.targets)
        return taught_rung(outcome), outcome.codes.copy()


def climb(experiment: Experiment, workers: Workers, samples: Samples, repeats: int = 1) -> Ladder:
    """Return the ladder of a scenario's rule on some samples; arguments and errors are those of `Climb`."""
    return Climb(experiment, workers, samples, repeats).ladder()


class AdriftError(Exception):
    """There is no equilibrium to measure from; `codes` says how every sample ended."""

    def __init__(self, codes: npt.NDArray[np.int8]) -> None:
        super().__init__("no equilibrium")
        self.codes = codes
