"""Newton's method on the equilibrium condition dy/dt = 0, every sample by itself.

    J(y) d = -f(y),   y <- y + 2^-m d   with the smallest m that lowers |f|

J is solved dense for small circuits, and by GMRES with products J v for large ones. It finds equilibria whether they
are stable or not: a fixed point at which the ODE would diverge settles here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import lu_factor, lu_solve
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
        """Move every row of `state` to its equilibrium; a recorder gets the start and the end."""
        tolerance = self.settings.tolerance
        assert tolerance is not None  # the settings refuse newton without one
        if recorder is not None:
            recorder.save(np.zeros(1), state[None, :], rms_rates(system, system.rate(state))[None, :])
        rates, codes, most = np.zeros(system.rows), np.zeros(system.rows, np.int8), 0
        for row in range(system.rows):
            one = system.take([row])
            here = system.take_state(state, [row])
            rates[row], otherwise, steps = self._solve(one, here, tolerance)
            codes[row] = judge(rates[row : row + 1], tolerance, DIVERGED_RATE, otherwise)[0]
            put_row(system, state, row, here)
            most = max(most, steps)
        if recorder is not None:
            recorder.save(np.array([float(most)]), state[None, :], rates[None, :])
        return Relaxation(state, codes, rates, most, float(most))

    def _solve(self, system: System, y: Array, tolerance: float) -> tuple[float, Status, int]:
        f = system.rate(y)
        rate = float(rms_rates(system, f)[0])
        for step in range(self.settings.max_steps):
            if rate <= tolerance or not np.isfinite(rate):
                return rate, Status.NOT_SETTLED, step
            d = _direction(system, y, f)
            scale = 1.0
            for _ in range(HALVINGS):
                trial = (y + scale * d).astype(y.dtype)
                f_trial = system.rate(trial)
                rate_trial = float(rms_rates(system, f_trial)[0])
                if rate_trial < rate:
                    break
                scale /= 2
            else:
                return rate, Status.STEP_TOO_SMALL, step
            y[:], f, rate = trial, f_trial, rate_trial
        return rate, Status.MAX_STEPS, self.settings.max_steps


def _direction(system: System, y: Array, f: Array) -> Array:
    """Return d with J d = -f."""
    if y.size <= DENSE_UNTIL:
        return np.asarray(lu_solve(lu_factor(jacobian_matrix(system, y)), -f))
    jacobian = system.linearise(y)
    operator = LinearOperator((y.size, y.size), matvec=lambda v: jacobian.times(v.astype(y.dtype)), dtype=y.dtype)
    # An inexact direction is still a descent direction; step halving looks after the rest.
    d, _ = gmres(operator, -f, rtol=1e-6, restart=50, maxiter=20)
    return np.asarray(d)
