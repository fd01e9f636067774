"""Newton's method on the equilibrium condition dy/dt = 0, every sample by itself.

    J(y) d = -f(y),   y <- y + 2^-m d   with the smallest m that lowers |f|

J is solved dense for small circuits, and by GMRES with products J v for large ones. It finds equilibria whether they
are stable or not: a fixed point at which the ODE would diverge settles here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator, gmres

from neurosim.dynamics.dense import jacobian_matrix, put_row
from neurosim.dynamics.rates import rms_rates
from neurosim.dynamics.settings import NewtonSettings
from neurosim.dynamics.solver import DIVERGED_RATE, Recorder, Relaxation, Solver
from neurosim.dynamics.status import Status, judge
from neurosim.physics.model import System

Array = npt.NDArray[Any]

DENSE_UNTIL = 600  # state values per sample
HALVINGS = 30


@dataclass(frozen=True)
class NewtonSolver(Solver):
    """Equilibria by Newton's method with step halving.

    Parameters
    ----------
    settings : NewtonSettings
        Tolerance and number of steps.
    """

    settings: NewtonSettings
    name = "newton"
    has_time = False

    def relax(self, system: System, state: Array, recorder: Recorder | None = None) -> Relaxation:
        """Move every row of `state` to its equilibrium; a recorder gets the state after every iteration."""
        tolerance = self.settings.tolerance
        assert tolerance is not None  # the settings refuse newton without one
        system.forget()
        searches = [_Search(system.take([row]), system.take_state(state, [row])) for row in range(system.rows)]
        rates = np.array([search.rate for search in searches])
        if recorder is not None:
            recorder.save(np.zeros(1), state[None, :], rates[None, :])
        steps = 0
        while steps < self.settings.max_steps and any(search.goes_on(tolerance) for search in searches):
            steps += 1
            for row, search in enumerate(searches):
                if search.goes_on(tolerance):
                    search.step()
                    rates[row] = search.rate
                    put_row(system, state, row, search.y)
            if recorder is not None:
                recorder.save(np.array([float(steps)]), state[None, :], rates[None, :])
        codes = judge(rates, tolerance, DIVERGED_RATE, Status.MAX_STEPS)
        stuck = np.array([search.stuck for search in searches])
        codes[stuck & (codes == Status.MAX_STEPS.code)] = Status.STEP_TOO_SMALL.code
        return Relaxation(state, codes, rates, steps, float(steps))


class _Search:
    """The search for the equilibrium of one sample.

    Parameters
    ----------
    system : System
        The circuit with this sample alone.
    y : ndarray
        Where the search stands; starts here.
    """

    def __init__(self, system: System, y: Array) -> None:
        self.system = system
        self.y = y
        self.f = system.rate(y)
        self.rate = float(rms_rates(system, self.f)[0])
        self.stuck = False

    def goes_on(self, tolerance: float) -> bool:
        """Whether another step makes sense."""
        return self.rate > tolerance and math.isfinite(self.rate) and not self.stuck

    def step(self) -> None:
        """Take a Newton step, halved until it lowers the rate."""
        direction, scale = _direction(self.system, self.y, self.f), 1.0
        for _ in range(HALVINGS):
            trial = (self.y + scale * direction).astype(self.y.dtype)
            f = self.system.rate(trial)
            rate = float(rms_rates(self.system, f)[0])
            if rate < self.rate:
                self.y, self.f, self.rate = trial, f, rate
                return
            scale /= 2
        self.stuck = True


def _direction(system: System, y: Array, f: Array) -> Array:
    """Return d with J d = -f."""
    if y.size <= DENSE_UNTIL:
        matrix = jacobian_matrix(system, y)
        try:
            return np.linalg.solve(matrix, -f)
        except np.linalg.LinAlgError:  # exactly singular: the shortest of the best directions
            return np.asarray(np.linalg.lstsq(matrix, -f, rcond=None)[0])
    jacobian = system.linearise(y)
    operator = LinearOperator((y.size, y.size), matvec=lambda v: jacobian.times(v.astype(y.dtype)), dtype=y.dtype)
    # An inexact direction is still a descent direction; step halving looks after the rest.
    d, _ = gmres(operator, -f, rtol=1e-6, restart=50, maxiter=20)
    return np.asarray(d)
