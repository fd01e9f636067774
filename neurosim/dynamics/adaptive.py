"""The loop of all schemes with an error estimate: PI step control, dense saves, the stop rule.

A step is accepted if err = max_r RMS(error_r / (atol + rtol max(|y|, |y_new|))) <= 1, the maximum over all rows r,
so that a row's accuracy does not depend on the company it keeps; what all rows share counts as one more row. The next
step is

    h <- h min(10, max(0.2, 0.9 err^(-0.7/q) err_before^(0.4/q))),   q the order

Source: E. Hairer, G. Wanner, Solving Ordinary Differential Equations II (1996), section IV.2, PI control; the first
step follows E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I (1993), section II.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types

from neurosim.dynamics.loop import STOP_RULE, SaveBuffer, saves_type, stop_rule
from neurosim.dynamics.rates import all_ended, flush, row_rates
from neurosim.dynamics.scheme import EmbeddedScheme, drift_type, embedded_signature, interpolant_signature
from neurosim.dynamics.settings import AdaptiveSettings
from neurosim.dynamics.solver import Recorder, Relaxation, Solver
from neurosim.dynamics.status import Status, judge
from neurosim.jit import INDEX, block, helper, kernel, model_type, record, vector
from neurosim.physics.dynamical_system import DynamicalSystem

Array = npt.NDArray[Any]

STEPS_PER_CALL = 500  # so that Ctrl-C is answered
SHRINK, GROW, SAFETY = 0.2, 10.0, 0.9

STEPS, SAVE, SLOTS, ENDED = range(4)  # entries of `progress`
TIME, STEP, ERROR = range(3)  # entries of `clock`: t, h, last accepted error
RUNNING, DONE, TOO_SMALL = 0, 1, 2  # values of progress[ENDED]


class Trial(NamedTuple):
    """Arrays of a step that may be rejected: its stages, new state, error estimate, and the error of each row."""

    k: Any
    y_new: Any
    error: Any
    row_errors: Any


class Accuracy(NamedTuple):
    """Relative and absolute error per step."""

    rtol: float
    atol: float


@helper
def worst_row_error(y: Any, trial: Any, layout: Any, accuracy: Any, rates: Any, limit: float) -> float:
    """Return the largest weighted RMS error of what the rows share and of any row that has not diverged, or NaN."""
    rows, blocks = layout[0], layout[1]
    rows_out, error, y_new = trial.row_errors, trial.error, trial.y_new
    rows_out[:] = 0.0
    r_tol, a_tol = y.dtype.type(accuracy.rtol), y.dtype.type(accuracy.atol)
    count, end = 0, 0
    for b in range(blocks):
        offset, planes, n = block(layout, b)
        count += planes * n
        end = offset + planes * rows * n
        for c in range(planes):
            for r in range(rows):
                lo = offset + (c * rows + r) * n
                for i in range(lo, lo + n):
                    x = error[i] / (a_tol + r_tol * max(abs(y[i]), abs(y_new[i])))
                    rows_out[r] += x * x
    largest = 0.0
    for r in range(rows):
        if not rates[r] <= limit:
            continue
        value = math.sqrt(rows_out[r] / count)
        if not value <= largest:
            largest = value
        if math.isnan(value):
            return value
    if y.size == end:
        return largest
    shared = 0.0
    for i in range(end, y.size):
        x = error[i] / (a_tol + r_tol * max(abs(y[i]), abs(y_new[i])))
        shared += x * x
    shared = math.sqrt(shared / (y.size - end))
    return largest if shared <= largest else shared


def _run_signature(real: Any) -> Any:
    v, f = vector(real), vector(types.float64)
    trial, accuracy = record(Trial, v, v, v, f), record(Accuracy, types.float64, types.float64)
    return types.void(
        types.FunctionType(embedded_signature(real)), types.FunctionType(interpolant_signature(real)), drift_type(real),
        types.int64, types.float64, types.int64, v, model_type(real), trial, accuracy, STOP_RULE,
        saves_type(types.float64, real), f, f, INDEX,
    )  # fmt: skip


@kernel(_run_signature)
def run_adaptive(
    step: Any, interpolant: Any, drift: Any, order: int, t_end: float, until: int, y: Any, model: Any, trial: Any,
    accuracy: Any, stop: Any, saves: Any, rates: Any, clock: Any, progress: Any,
) -> None:  # fmt: skip
    """Advance until `t_end`, or step `until`, or all rows have ended, or the saves are full; k[:size] = f(t, y)."""
    n = y.size
    k, y_new, error, _ = trial
    t, h, before = clock[TIME], clock[STEP], clock[ERROR]
    steps, save, slot = progress[STEPS], progress[SAVE], 0
    state = RUNNING
    row_rates(k, model, rates)
    while steps < until and state == RUNNING:
        if save == 0 and saves.at.size > 0 and saves.at[0] <= t:
            saves.states[slot, :] = y
            row_rates(k, model, rates)
            saves.rates[slot, :] = rates
            slot, save = slot + 1, save + 1
            continue
        if h < 1e-13 * t_end:
            state = TOO_SMALL
            break
        last = t + 1.01 * h >= t_end
        if last:
            h = t_end - t
        step(drift, t, h, y, model, k, y_new, error)
        steps += 1
        err = worst_row_error(y, trial, model.layout, accuracy, rates, stop.limit)
        if not err <= 1.0:
            # A NaN shrinks the step too; if it persists the step becomes too small and says so.
            h *= max(SHRINK, SAFETY * err ** (-1.0 / order)) if err > 1.0 and err < 1e30 else SHRINK
            continue
        ahead = t_end if last else t + h
        full = False
        while save < saves.at.size and saves.at[save] <= ahead:
            if slot == saves.states.shape[0]:
                full = True
                break
            interpolant(min(1.0, (saves.at[save] - t) / h), h, y, k, saves.states[slot])
            drift(saves.at[save], saves.states[slot], model, error)
            row_rates(error, model, rates)
            saves.rates[slot, :] = rates
            slot, save = slot + 1, save + 1
        if full:
            steps -= 1  # the step is taken again once the saved states have been fetched
            break
        y[:] = y_new
        flush(y)
        k[:n] = k[k.size - n :]
        t = ahead
        row_rates(k, model, rates)
        if last or all_ended(rates, stop.tolerance, stop.limit):
            state = DONE
            break
        err = max(err, 1e-4)
        h *= min(GROW, max(SHRINK, SAFETY * err ** (-0.7 / order) * before ** (0.4 / order)))
        before = err
    row_rates(k, model, rates)
    clock[TIME], clock[STEP], clock[ERROR] = t, h, before
    progress[STEPS], progress[SAVE], progress[SLOTS], progress[ENDED] = steps, save, slot, state


@dataclass(frozen=True)
class AdaptiveSolver(Solver):
    """Relaxation by an explicit scheme whose step follows its error estimate.

    Parameters
    ----------
    scheme : EmbeddedScheme
        One compiled step with its error estimate and interpolant.
    settings : AdaptiveSettings
        Tolerances, end time, step budget.
    """

    scheme: EmbeddedScheme
    settings: AdaptiveSettings

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the scheme."""
        return self.scheme.name

    def lasting(self, seconds: float) -> AdaptiveSolver:
        """Return the same solver for runs of a fixed length, which nothing ends before."""
        return replace(self, settings=self.settings.model_copy(update={"t_end": seconds, "tolerance": None}))

    def relax(self, system: DynamicalSystem, state: Array, recorder: Recorder | None = None) -> Relaxation:
        """Relax `state` in place; saves are interpolated to the times asked for."""
        settings, dtype, n = self.settings, system.dtype, state.size
        self.refuse_noise(system)
        system.forget()
        trial = Trial(
            np.empty(self.scheme.stages * n, dtype), np.empty_like(state), np.empty_like(state), np.zeros(system.rows)
        )
        trial.k[:n] = system.rate(state)
        times = np.empty(0) if recorder is None else recorder.times[recorder.times <= settings.t_end]
        buffer = SaveBuffer(recorder, times, times, system)
        rates, progress = np.zeros(system.rows), np.zeros(4, np.int64)
        clock = np.array([0.0, self._first_step(system, state, trial.k[:n]), 1.0])
        run, step, drift = run_adaptive[dtype], self.scheme.step[dtype], system.drift[dtype]
        interpolant, order = self.scheme.interpolant[dtype], self.scheme.order
        model, accuracy = system.arrays, Accuracy(settings.rtol, settings.atol)
        stop = stop_rule(settings.tolerance, recorder)
        while True:
            until = min(settings.max_steps, int(progress[STEPS]) + STEPS_PER_CALL)
            run(
                step, interpolant, drift, order, settings.t_end, until, state, model, trial, accuracy, stop,
                buffer.saves, rates, clock, progress,
            )  # fmt: skip
            buffer.hand_over(int(progress[SAVE]), int(progress[SLOTS]))
            if progress[ENDED] != RUNNING or progress[STEPS] >= settings.max_steps:
                break
        otherwise = Status.FINISHED if settings.tolerance is None else Status.NOT_SETTLED
        if progress[ENDED] == TOO_SMALL:
            otherwise = Status.STEP_TOO_SMALL
        elif progress[ENDED] == RUNNING:
            otherwise = Status.MAX_STEPS
        codes = judge(rates, settings.tolerance, stop.limit, otherwise)
        return Relaxation(state, codes, rates, int(progress[STEPS]), float(clock[TIME]))

    def _first_step(self, system: DynamicalSystem, state: Array, rate: Array) -> float:
        """Return a first step from the sizes of the state, its rate, and the change of the rate over a trial step."""
        settings = self.settings
        with np.errstate(over="ignore", invalid="ignore"):
            scale = settings.atol + settings.rtol * np.abs(state.astype(np.float64))
            size, slope = (float(np.sqrt(np.mean((x / scale) ** 2))) for x in (state, rate))
            trial = 1e-6 * settings.t_end if min(size, slope) < 1e-5 else 0.01 * size / slope
            moved = (state + trial * rate).astype(system.dtype)
            bend = float(np.sqrt(np.mean(((system.rate(moved, trial) - rate) / scale) ** 2))) / trial
        steepest = max(slope, bend)
        guess = (0.01 / steepest) ** (1 / self.scheme.order) if steepest > 1e-15 else 1e-3 * settings.t_end
        best = min(100 * trial, guess, settings.t_end)
        # A row that has diverged already must not keep the others from starting.
        return max(best, 1e-10 * settings.t_end) if math.isfinite(best) else 1e-6 * settings.t_end
