"""The loop of all fixed-step schemes: step, stop rule, recording; t = t0 + i h, never a running sum.

The stop rule needs dy/dt at the present state, which is also the first stage of the next step, so testing it costs
one sum of squares; it is done every `CHECK_EVERY` steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from neurosim.dynamics.rates import all_ended, flush, row_rates
from neurosim.dynamics.scheme import FixedScheme, drift_type, step_signature
from neurosim.dynamics.settings import FixedStepSettings
from neurosim.dynamics.solver import DIVERGED_RATE, Recorder, Relaxation, Solver
from neurosim.dynamics.status import Status, judge
from neurosim.jit import INDEX, kernel, vector
from neurosim.physics.model import System

Array = npt.NDArray[Any]

CHECK_EVERY = 8  # steps between tests of the stop rule
STEPS_PER_CALL = 2000  # so that Ctrl-C is answered
SAVED_BYTES = 32 << 20  # saved states wait for the recorder in a buffer of at most this size

STEP, SAVE, SLOTS, ENDED = range(4)  # entries of `progress`


def _run_signature(real: Any) -> Any:
    v, f = vector(real), vector(types.float64)
    step = types.FunctionType(step_signature(real))
    saved, saved_rates = types.Array(real, 2, "C"), types.Array(types.float64, 2, "C")
    return types.void(
        step, drift_type(real), types.float64, types.int64, types.int64, v, v, INDEX, v, v, v, v,
        types.float64, types.float64, INDEX, saved, saved_rates, f, INDEX,
    )  # fmt: skip


@kernel(_run_signature)
def run_steps(
    step: Any, drift: Any, h: float, until: int, check_every: int, y: Any, p: Any, layout: Any, u: Any, work: Any, k:
    Any, scratch: Any, tolerance: float, limit: float, save_steps: Any, saved: Any, saved_rates: Any, rates: Any,
    progress: Any,
) -> None:  # fmt: skip
    """Advance until step `until`, or all rows have ended, or `saved` is full; `progress` says where it stands."""
    n = y.size
    i, save, slot = progress[STEP], progress[SAVE], 0
    while True:
        drift(i * h, y, p, layout, u, work, k[:n])
        saving = save < save_steps.size and save_steps[save] == i
        last = i >= until
        if saving or last or i % check_every == 0:
            row_rates(k, p, layout, rates)
            flush(y)
            if saving:
                saved[slot, :] = y
                saved_rates[slot, :] = rates
                slot += 1
                save += 1
            ended = all_ended(rates, tolerance, limit)
            if ended or last:
                progress[ENDED] = 1 if ended else 0
                break
            if slot == saved.shape[0]:
                break
        step(drift, i * h, h, y, p, layout, u, work, k, scratch)
        i += 1
    progress[STEP], progress[SAVE], progress[SLOTS] = i, save, slot


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

    @property
    def _steps_to_the_end(self) -> int:
        return max(1, math.ceil(self.settings.t_end / self.settings.dt * (1 - 1e-12)))

    def _steps_at(self, times: Array) -> npt.NDArray[np.int64]:
        steps = np.unique(np.rint(times / self.settings.dt).astype(np.int64))
        return steps[steps <= self._steps_to_the_end]

    def save_times(self, wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the times of the steps nearest to `wanted`, each once."""
        return np.asarray(self._steps_at(wanted) * self.settings.dt)

    def relax(self, system: System, state: Array, recorder: Recorder | None = None) -> Relaxation:
        """Relax `state` in place; saves go to the nearest step."""
        settings, dtype = self.settings, system.dtype
        system.model.synchronise()
        system.forget()
        wanted = self._steps_to_the_end
        steps = min(wanted, settings.max_steps)
        save_steps = np.empty(0, np.int64) if recorder is None else self._steps_at(recorder.times)
        slots = max(1, min(save_steps.size, SAVED_BYTES // max(1, state.nbytes)))
        saved = np.empty((slots, state.size if save_steps.size else 0), dtype)
        saved_rates = np.empty((slots, system.rows))
        # With a recorder nothing settles before the end; a diverged batch stops all the same.
        tolerance = settings.tolerance if settings.tolerance is not None and recorder is None else -1.0
        k, scratch = np.empty(self.scheme.stages * state.size, dtype), np.empty_like(state)
        rates, progress = np.zeros(system.rows), np.zeros(4, np.int64)
        run, step, drift = run_steps[dtype], self.scheme.step[dtype], system.drift[dtype]
        while True:
            until = min(steps, int(progress[STEP]) + STEPS_PER_CALL)
            run(
                step, drift, settings.dt, until, CHECK_EVERY, state, system.p, system.layout, system.u, system.work, k,
                scratch, tolerance, DIVERGED_RATE, save_steps, saved, saved_rates, rates, progress,
            )  # fmt: skip
            if progress[SLOTS] and recorder is not None:
                done = slice(0, int(progress[SLOTS]))
                first = int(progress[SAVE]) - int(progress[SLOTS])
                at = save_steps[first : int(progress[SAVE])] * settings.dt
                recorder.save(at, saved[done], saved_rates[done])
            if progress[ENDED] or progress[STEP] >= steps:
                break
        taken = int(progress[STEP])
        otherwise = Status.FINISHED if settings.tolerance is None else Status.NOT_SETTLED
        if taken >= steps and steps < wanted:
            otherwise = Status.MAX_STEPS
        codes = judge(rates, settings.tolerance, DIVERGED_RATE, otherwise)
        return Relaxation(state, codes, rates, taken, taken * settings.dt)
