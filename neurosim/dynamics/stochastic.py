"""The loop of all stochastic schemes: draw, step, average, record; t = i h, and the noise of step i is that of step i.

Nothing settles here: a relaxation runs to its end, unless all of its rows have left the range of the states. Its rates
are those of the drift alone, at the last state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numba import types

from neurosim.dynamics.driving import COLOURED, SILENT, begin_noise, driving, driving_type, increments
from neurosim.dynamics.fixed_step import (
    CHECK_EVERY,
    ENDED,
    SAVE,
    SLOTS,
    STEP,
    STEPS_PER_CALL,
    save_steps,
    steps_until,
)
from neurosim.dynamics.loop import STOP_RULE, SaveBuffer, saves_type, stop_rule
from neurosim.dynamics.rates import all_ended, flush, row_rates
from neurosim.dynamics.scheme import StochasticScheme, drift_type, stochastic_signature
from neurosim.dynamics.settings import StochasticSettings
from neurosim.dynamics.solver import Recorder, Relaxation, Solver
from neurosim.dynamics.status import Status, judge
from neurosim.errors import SimulationError
from neurosim.jit import INDEX, kernel, model_type, vector
from neurosim.physics.dynamical_system import DynamicalSystem

Array = npt.NDArray[Any]


def _run_signature(real: Any) -> Any:
    v, f, model = vector(real), vector(types.float64), model_type(real)
    return types.void(
        types.FunctionType(stochastic_signature(real)), drift_type(real), drift_type(real), types.float64, types.int64,
        types.int64, v, model, model, driving_type(real), v, v, v, v, types.int64, f, STOP_RULE,
        saves_type(types.int64, real), f, INDEX,
    )  # fmt: skip


@kernel(_run_signature)
def run_noisy_steps(
    step: Any, drift: Any, diffusion: Any, h: float, until: int, additive: int, y: Any, model: Any, noise_model: Any,
    noise: Any, k: Any, g: Any, dW: Any, scratch: Any, average_from: int, sums: Any, stop: Any, saves: Any, rates: Any,
    progress: Any,
) -> None:  # fmt: skip
    """Advance until step `until`, or all rows have diverged, or the saves are full; `progress` says where it stands.

    The states after step `average_from` are added to `sums`, which is empty if nothing is averaged.
    """
    n = y.size
    i, save, slot = progress[STEP], progress[SAVE], 0
    root = y.dtype.type(math.sqrt(h))
    if i == 0 and noise.kind == COLOURED:
        begin_noise(noise, model.layout)
    if additive == 1 and noise.kind != SILENT:
        diffusion(i * h, y, noise_model, g[:n])
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
        if additive == 0:
            diffusion(i * h, y, noise_model, g[:n])
        increments(noise, model.layout, i, root, dW)
        step(drift, diffusion, i * h, h, additive, y, model, noise_model, k, g, dW, scratch)
        i += 1
        if i > average_from and sums.size > 0:
            for j in range(n):
                sums[j] += y[j]
    progress[STEP], progress[SAVE], progress[SLOTS] = i, save, slot


@dataclass(frozen=True)
class StochasticSolver(Solver):
    """Relaxation by a stochastic scheme with a fixed step, for the noise that the system brings.

    A system without noise relaxes as under the deterministic scheme behind it.

    Parameters
    ----------
    scheme : StochasticScheme
        One compiled step.
    settings : StochasticSettings
        Step, end time, what is averaged, step budget.
    replay : ndarray, shape (steps, size), optional
        Brownian increments of every step to use instead of drawn ones, in root seconds; for tests that look at one path
        through several steps.
    """

    scheme: StochasticScheme
    settings: StochasticSettings
    replay: Array | None = None

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the scheme."""
        return self.scheme.name

    @property
    def calculus(self) -> Literal["Ito", "Stratonovich"]:  # type: ignore[override]
        """How noise in proportion to the state is read."""
        return self.scheme.calculus

    def save_times(self, wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the times of the steps nearest to `wanted`, each once."""
        return np.asarray(save_steps(wanted, self.settings.t_end, self.settings.dt) * self.settings.dt)

    def lasting(self, seconds: float) -> StochasticSolver:
        """Return the same solver for runs of a fixed length, in a whole number of steps; it averages nothing."""
        steps = max(1, round(seconds / self.settings.dt))
        changes = {"dt": seconds / steps, "t_end": seconds, "average": None}
        return replace(self, settings=self.settings.model_copy(update=changes))

    def relax(self, system: DynamicalSystem, state: Array, recorder: Recorder | None = None) -> Relaxation:
        """Relax `state` in place; saves go to the nearest step.

        Raises
        ------
        SimulationError
            If given increments are not of the shape (steps, size), or the noise cannot be drawn (see
            `neurosim.dynamics.driving`).
        """
        settings, dtype, n = self.settings, system.dtype, state.size
        system.model.synchronise()
        system.forget()
        wanted = steps_until(settings.t_end, settings.dt)
        steps = min(wanted, settings.max_steps)
        if self.replay is not None and self.replay.shape != (steps, n):
            raise SimulationError(f"increments to replay have shape {self.replay.shape}, expected {(steps, n)}")
        drive, noise = driving(system, settings.dt, self.replay), system.noise
        diffusion = system.drift if noise is None else noise.diffusion  # without noise nobody asks for it
        additive = 1 if noise is None or noise.additive else 0
        at = np.empty(0, np.int64) if recorder is None else save_steps(recorder.times, settings.t_end, settings.dt)
        buffer = SaveBuffer(recorder, at, at * settings.dt, system)
        k, g, dW = np.empty(self.scheme.stages * n, dtype), np.zeros(2 * n, dtype), np.zeros(n, dtype)
        scratch, rates, progress = np.empty_like(state), np.zeros(system.rows), np.zeros(4, np.int64)
        window = 0 if settings.average is None else min(steps, max(1, round(settings.average / settings.dt)))
        sums = np.zeros(n if window else 0)
        run, step, drift = run_noisy_steps[dtype], self.scheme.step[dtype], system.drift[dtype]
        stop = stop_rule(None, recorder)
        model = system.arrays
        noise_model = model if noise is None else noise.arrays
        while True:
            until = min(steps, int(progress[STEP]) + STEPS_PER_CALL)
            run(
                step, drift, diffusion[dtype], settings.dt, until, additive, state, model, noise_model, drive, k, g, dW,
                scratch, steps - window, sums, stop, buffer.saves, rates, progress,
            )  # fmt: skip
            buffer.hand_over(int(progress[SAVE]), int(progress[SLOTS]))
            if progress[ENDED] or progress[STEP] >= steps:
                break
        taken = int(progress[STEP])
        codes = judge(rates, None, stop.limit, Status.MAX_STEPS if steps < wanted else Status.FINISHED)
        mean = (sums / window).astype(dtype) if window and taken == steps else None
        return Relaxation(state, codes, rates, taken, taken * settings.dt, mean)
