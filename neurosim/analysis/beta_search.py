"""Which nudge to take: the one whose single updates are, in the mean, nearest to the exact gradient.

    error(beta)^2 = bias(beta)^2 + spread(beta)^2,      error = root of the mean of |update - exact|^2

A small nudge makes a small response: noise of states, reads and compartments is divided by beta and grows. A large one
leaves the linear response: the bias grows. In between lies the best, the bottom of a U. All strengths see the same
noise, so that their errors can be compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.analysis.ladder import Climb
from neurosim.dynamics.status import Status, worst
from neurosim.learning.rule import NudgedRule

Array = npt.NDArray[Any]

PER_DECADE = 4
# All relative to the strength that is large for the circuit (`PhysicalModel.nudge_scale`):
DECADES, LAST = 3, 0.0  # how many are tried first, and where they end at the latest
SMALLEST, LARGEST = -7.0, 2.0  # and how far the search may go beyond them
REFINEMENTS = 8  # of the golden section, inside two steps of the grid: to 2 % of beta
GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


@dataclass(frozen=True)
class Trial:
    """What one strength of the nudge gives, everything over the norm of the exact gradient.

    Parameters
    ----------
    beta : float
        The strength.
    error, bias, spread : float
        As in the module; infinite where a sample diverged or left its branch. A bias of 0 is lost in the noise of the
        repeats.
    status : Status
        The worst of all samples.
    """

    beta: float
    error: float
    bias: float
    spread: float
    status: Status


class BetaSearch:
    """The strengths that have been tried, in the order of their size.

    Parameters
    ----------
    climb : Climb
        The rungs that do not depend on the nudge.
    rule : NudgedRule
        The rule; its strength is not asked for. Complex nudges are tried inside the radius of convergence only.
    """

    def __init__(self, climb: Climb, rule: NudgedRule) -> None:
        self._climb, self._rule = climb, rule
        self._scenario = climb.experiment.scenario
        gradient = climb.gradient
        norm = math.sqrt(sum(float(np.sum(np.square(values))) for values in gradient.values()))
        self._norm = norm or math.nan  # nothing is relative to a gradient of zero
        self._trials: dict[float, Trial] = {}
        self._scale = math.log10(climb.model.nudge_scale)
        self._limit = math.inf
        if self.with_beta(1.0).complex_nudge is not None:
            self._limit = float(climb.radius.min())

    @property
    def trials(self) -> list[Trial]:
        """All trials, the smallest nudge first."""
        return [self._trials[beta] for beta in sorted(self._trials)]

    @property
    def best(self) -> Trial:
        """The trial with the smallest error."""
        return min(self.trials, key=lambda trial: trial.error)

    @property
    def inside(self) -> bool:
        """Whether there are trials with larger errors on both sides of the best."""
        finite = [trial for trial in self.trials if math.isfinite(trial.error)]
        return len(finite) > 2 and self.best not in (finite[0], finite[-1])

    def with_beta(self, beta: float) -> NudgedRule:
        """Return the rule with a strength."""
        return self._rule.model_copy(update={"beta": beta})

    def run(self) -> Trial:
        """Try strengths until the best is known to a few per cent; return it."""
        step = 1.0 / PER_DECADE
        last = min(LAST + self._scale, math.log10(self._limit))
        for n in range(DECADES * PER_DECADE + 1):
            self._try(last - n * step)
        while not self.inside:
            logs = [math.log10(trial.beta) for trial in self.trials]
            at = math.log10(self.best.beta)
            further = at - step if at <= logs[0] else at + step
            if not (SMALLEST <= further - self._scale <= LARGEST) or not self._try(further):
                return self.best
        betas = [math.log10(trial.beta) for trial in self.trials]
        middle = betas.index(math.log10(self.best.beta))
        low, high = betas[middle - 1], betas[middle + 1]
        for _ in range(REFINEMENTS):
            left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
            if self._error(left) <= self._error(right):
                high = right
            else:
                low = left
        return self.best

    def _error(self, log_beta: float) -> float:
        self._try(log_beta)
        return self._trials[10.0**log_beta].error

    def _try(self, log_beta: float) -> bool:
        """Measure one strength, if it has not been; say whether the rule allows it and it gave a number."""
        beta = 10.0**log_beta
        if beta not in self._trials:
            rule = self.with_beta(beta)
            if beta >= self._limit or any(key == "rule.beta" for key, _ in rule.check(self._scenario)):
                return False
            _, codes, moments, _ = self._climb.measured(rule)
            status = worst(codes)
            lost = status in (Status.DIVERGED, Status.OFF_BRANCH)
            error, spread = moments.error["all"] / self._norm, moments.spread["all"] / self._norm
            bias = math.sqrt(max(0.0, error**2 - spread**2))
            trial = (math.inf, math.inf, math.inf) if lost else (error, bias, spread)
            self._trials[beta] = Trial(beta, *trial, status)
        return math.isfinite(self._trials[beta].error)
