"""Radau IIA of order 5 through SciPy: for stiff circuits, and as the reference for the schemes of our own.

Every sample is a problem of its own, with the exact Jacobian of the circuit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp

from neurosim.dynamics.dense import put_row
from neurosim.dynamics.rates import rms_rates
from neurosim.dynamics.settings import StiffSettings
from neurosim.dynamics.solver import DIVERGED_RATE, Recorder, Relaxation, Solver
from neurosim.dynamics.status import Status, judge
from neurosim.physics.dynamical_system import DynamicalSystem

Array = npt.NDArray[Any]

FIRST_STEP = 1e-6  # over the leak rate; SciPy's own guess from a state of zeros is 1e-6 s, whatever the circuit


class _BudgetSpentError(Exception):
    """The drift was evaluated as often as allowed."""


@dataclass(frozen=True)
class RadauSolver(Solver):
    """Relaxation by SciPy's Radau, sample by sample, in double precision.

    Parameters
    ----------
    settings : StiffSettings
        Tolerances, end time, budget of drift evaluations.
    """

    settings: StiffSettings
    name = "radau"

    def relax(self, system: DynamicalSystem, state: Array, recorder: Recorder | None = None) -> Relaxation:
        """Relax every row of `state`; `steps` of the result counts drift evaluations of the slowest row."""
        settings = self.settings
        self.refuse_noise(system)
        system.forget()
        times = np.empty(0) if recorder is None else recorder.times[recorder.times <= settings.t_end]
        states = np.full((times.size, state.size), np.nan, state.dtype)
        saved_rates = np.full((times.size, system.rows), np.nan)
        rates, codes = np.zeros(system.rows), np.zeros(system.rows, np.int8)
        most, reached = 0, 0.0
        for row in range(system.rows):
            one = system.take([row])
            y, end, otherwise, evaluations, saves = self._solve(one, system.take_state(state, [row]), times)
            rates[row] = rms_rates(one, one.rate(y))[0]
            codes[row] = judge(rates[row : row + 1], settings.tolerance, DIVERGED_RATE, otherwise)[0]
            put_row(system, state, row, y)
            for i, saved in enumerate(np.ascontiguousarray(saves, dtype=state.dtype)):
                put_row(system, states[i], row, saved)
                saved_rates[i, row] = rms_rates(one, one.rate(saved))[0]
            most, reached = max(most, evaluations), max(reached, end)
        if recorder is not None and times.size:
            recorder.save(times, states, saved_rates)
        return Relaxation(state, codes, rates, most, reached)

    def _solve(self, system: DynamicalSystem, y: Array, times: Array) -> tuple[Array, float, Status, int, Array]:
        """Return final state, final time, status if not settled, evaluations, and the states at `times`."""
        settings, evaluations = self.settings, 0

        def slope(t: float, x: Array) -> Array:
            nonlocal evaluations
            evaluations += 1
            if evaluations > settings.max_steps:
                raise _BudgetSpentError
            return system.rate(x.astype(y.dtype), t).astype(np.float64)

        def settled(t: float, x: Array) -> float:
            here = x.astype(y.dtype)
            # A little below the tolerance: the root of an event is found only approximately.
            return float(rms_rates(system, system.rate(here, t))[0] - 0.99 * (settings.tolerance or 0.0))

        def diverged(t: float, x: Array) -> float:
            rate = float(rms_rates(system, system.rate(x.astype(y.dtype), t))[0])
            # A little above the limit, for the same reason.
            return 1.01 * DIVERGED_RATE - rate if np.isfinite(rate) else -DIVERGED_RATE

        if not np.isfinite(y).all():
            return y, 0.0, Status.DIVERGED, 0, np.empty((0, y.size))
        settled.terminal = diverged.terminal = True  # type: ignore[attr-defined]
        stops = settings.tolerance is not None and not times.size and settled(0.0, y) > 0
        try:
            result = solve_ivp(
                slope,
                (0.0, settings.t_end),
                y.astype(np.float64),
                method="Radau",
                t_eval=times if times.size else None,
                jac=lambda _, x: system.linearise(x.astype(y.dtype)).matrices()[0].astype(np.float64),
                rtol=max(settings.rtol, 100 * np.finfo(np.float64).eps),
                atol=settings.atol,
                first_step=min(settings.t_end, FIRST_STEP / float(system.leak_rates.max())),
                events=[diverged, settled] if stops else [diverged],
                dense_output=True,
            )
        except _BudgetSpentError:
            return y, 0.0, Status.MAX_STEPS, evaluations, np.empty((0, y.size))
        otherwise = Status.FINISHED if settings.tolerance is None else Status.NOT_SETTLED
        if result.status < 0:
            otherwise = Status.STEP_TOO_SMALL
        end = float(result.sol.t_max)
        final = result.y[:, -1] if not times.size else result.sol(end)
        return (
            np.ascontiguousarray(final, dtype=y.dtype),
            end,
            otherwise,
            evaluations,
            result.y.T if times.size else np.empty((0, y.size)),
        )
