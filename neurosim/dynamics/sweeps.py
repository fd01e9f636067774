"""Relaxation by closed-form layer sweeps, for circuits that offer them: iterations without physical duration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.settings import SweepsSettings
from neurosim.dynamics.solver import DIVERGED_RATE, Recorder, Relaxation, Solver
from neurosim.dynamics.status import Status, judge
from neurosim.physics.dynamical_system import DynamicalSystem

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class SweepSolver(Solver):
    """Layer sweeps until no layer moves any more.

    The rate of a row is the RMS of what one sweep changed: for a synchronous update that is tau d(state)/dt exactly.

    Parameters
    ----------
    settings : SweepsSettings
        Order, tolerance, number of sweeps.
    """

    settings: SweepsSettings
    name = "sweeps"
    has_time = False

    def relax(self, system: DynamicalSystem, state: Array, recorder: Recorder | None = None) -> Relaxation:
        """Sweep `state` in place; a free circuit whose free state has a closed form takes one pass and no test."""
        settings = self.settings
        self.refuse_noise(system)
        if recorder is not None:
            recorder.save(np.zeros(1), state[None, :], np.full((1, system.rows), np.nan))
        if system.free and system.free_state(state):
            # Recomputing any layer from its neighbours would give the same numbers again: the change is zero.
            rates = np.zeros(system.rows)
            finite = np.isfinite(system.views(state)[-1]).all(axis=(0, 2))
            rates[~finite] = np.inf
            codes = judge(rates, 0.0, DIVERGED_RATE, Status.SETTLED)
            if recorder is not None:
                recorder.save(np.ones(1), state[None, :], rates[None, :])
            return Relaxation(state, codes, rates, 1, 1.0)
        tolerance = settings.tolerance if settings.tolerance is not None else -1.0
        rates = np.full(system.rows, np.inf)
        steps = 0
        # Overflow is how a diverging sweep ends; it is reported as a status.
        with np.errstate(over="ignore", invalid="ignore"):
            while steps < settings.max_steps:
                rates = system.sweep(state, settings.order, first=steps == 0)
                steps += 1
                if recorder is not None:
                    recorder.save(np.array([float(steps)]), state[None, :], rates[None, :])
                if np.all((rates <= tolerance) | ~(rates <= DIVERGED_RATE)):
                    break
        otherwise = Status.FINISHED if settings.tolerance is None else Status.MAX_STEPS
        codes = judge(rates, settings.tolerance, DIVERGED_RATE, otherwise)
        return Relaxation(state, codes, rates, steps, float(steps))
