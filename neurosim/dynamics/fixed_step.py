"""The loop of all fixed-step schemes: step, stop rule, recording; t = t0 + i h, never a running sum.

The stop rule needs dy/dt at the present state, which is also the first stage of the next step, so testing it costs
one sum of squares; it is done every `CHECK_EVERY` steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from neurosim.dynamics.loop import STOP_RULE, SaveBuffer, saves_type, stop_rule
from neurosim.dynamics.rates import all_ended, flush, row_rates
from neurosim.dynamics.scheme import FixedScheme, drift_type, step_signature
from neurosim.dynamics.settings import FixedStepSettings
from neurosim.dynamics.solver import Recorder, Relaxation, Solver
from neurosim.dynamics.status import Status, judge
from neurosim.jit import INDEX, kernel, model_type, vector
from neurosim.physics.dynamical_system import DynamicalSystem

Array = npt.NDArray[Any]

CHECK_EVERY = 8  # steps between tests of the stop rule
STEPS_PER_CALL = 2000  # so that Ctrl-C is answered

STEP, SAVE, SLOTS, ENDED = range(4)  # entries of `progress`


def _run_signature(real: Any) -> Any:
    v = vector(real)
    return types.void(
        types.FunctionType(step_signature(real)), drift_type(real), types.float64, types.int64, v, model_type(real),
        v, v, STOP_RULE, saves_type(types.int64, real), vector(types.float64), INDEX,
    )  # fmt: skip


@kernel(_run_signature)
def run_steps(
    step: Any, drift: Any, h: float, until: int, y: Any, model: Any, k: Any, scratch: Any, stop: Any, saves: Any,
    rates: Any, progress: Any,
) -> None:  # fmt: skip
    """Advance until step `until`, or all rows have ended, or the saves are full; `progress` says where it stands."""
    n = y.size
    i, save, slot = progress[STEP], progress[SAVE], 0
    while True:
        drift(i * h, y, model, k[:n])
        saving = save < saves.at.size and saves.at[save] == i
        last = i >= until
        if saving or last or i % CHECK_EVERY == 0:
            row_rates(k, model, rates)
            flush(y)
            if saving:
                saves.states[slot, :] = y
                saves.rates[slot, :] = rates
                slot += 1
                save += 1
            ended = all_ended(rates, stop.tolerance, stop.limit)
            if ended or last:
                progress[ENDED] = 1 if ended else 0
                break
            if slot == saves.states.shape[0]:
                break
        step(drift, i * h, h, y, model, k, scratch)
        i += 1
    progress[STEP], progress[SAVE], progress[SLOTS] = i, save, slot


def steps_until(t_end: float, dt: float) -> int:
    """Return the number of steps `dt` that reach `t_end`; one that misses it by rounding is not repeated."""
    return max(1, math.ceil(t_end / dt * (1 - 1e-12)))


def save_steps(times: Array, t_end: float, dt: float) -> npt.NDArray[np.int64]:
    """Return the steps nearest to `times`, each once, none behind the end."""
    steps = np.unique(np.rint(times / dt).astype(np.int64))
    return steps[steps <= steps_until(t_end, dt)]


@dataclass(frozen=True)
class FixedStepSolver(Solver):
    """Relaxation by an explicit scheme with a fixed step.

    Parameters
    ----------
    scheme : FixedScheme
        One compiled step.
    settings : FixedStepSettings
        Step, end time, tolerance, step budget.
    """

    scheme: FixedScheme
    settings: FixedStepSettings

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the scheme."""
        return self.scheme.name

    def save_times(self, wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the times of the steps nearest to `wanted`, each once."""
        return np.asarray(save_steps(wanted, self.settings.t_end, self.settings.dt) * self.settings.dt)

    def lasting(self, seconds: float) -> FixedStepSolver:
        """Return the same solver for runs of a fixed length, which nothing ends before, in a whole number of steps."""
        steps = max(1, round(seconds / self.settings.dt))
        # A step that was written with a few digits misses the end by less than a step would be.
        changes = {"dt": seconds / steps, "t_end": seconds, "tolerance": None}
        return replace(self, settings=self.settings.model_copy(update=changes))

    def relax(self, system: DynamicalSystem, state: Array, recorder: Recorder | None = None) -> Relaxation:
        """Relax `state` in place; saves go to the nearest step."""
        settings, dtype = self.settings, system.dtype
        system.model.synchronise()
        self.refuse_noise(system)
        system.forget()
        wanted = steps_until(settings.t_end, settings.dt)
        steps = min(wanted, settings.max_steps)
        at = np.empty(0, np.int64) if recorder is None else save_steps(recorder.times, settings.t_end, settings.dt)
        buffer = SaveBuffer(recorder, at, at * settings.dt, system)
        k, scratch = np.empty(self.scheme.stages * state.size, dtype), np.empty_like(state)
        rates, progress = np.zeros(system.rows), np.zeros(4, np.int64)
        run, step, drift = run_steps[dtype], self.scheme.step[dtype], system.drift[dtype]
        model, stop = system.arrays, stop_rule(settings.tolerance, recorder)
        while True:
            until = min(steps, int(progress[STEP]) + STEPS_PER_CALL)
            run(step, drift, settings.dt, until, state, model, k, scratch, stop, buffer.saves, rates, progress)
            buffer.hand_over(int(progress[SAVE]), int(progress[SLOTS]))
            if progress[ENDED] or progress[STEP] >= steps:
                break
        taken = int(progress[STEP])
        otherwise = Status.FINISHED if settings.tolerance is None else Status.NOT_SETTLED
        if taken >= steps and steps < wanted:
            otherwise = Status.MAX_STEPS
        codes = judge(rates, settings.tolerance, stop.limit, otherwise)
        return Relaxation(state, codes, rates, taken, taken * settings.dt)
