"""Step control of the adaptive scheme: errors follow the tolerance, saves fall between steps, trouble is a status."""

from __future__ import annotations

import numpy as np
import pytest
from dynamics_circuits import DYAD, Tape, circuit, exact_states, solver
from dynamics_toys import BLOW_UP, LEAK, PULSE, SWING, WALL, Toy

from neurosim.dynamics.adaptive import (
    DONE,
    ENDED,
    ERROR,
    GROW,
    RUNNING,
    SHRINK,
    STEP,
    STEPS,
    TIME,
    Accuracy,
    Trial,
    run_adaptive,
)
from neurosim.dynamics.loop import Saves, StopRule
from neurosim.dynamics.schemes.tsit5 import TSIT5
from neurosim.dynamics.status import Status


def started(system: object) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(system.size)


def tsit5(t_end: float, rtol: float = 1e-8, **keys: object) -> object:
    return solver("tsit5", **{"t_end": t_end, "rtol": rtol, "atol": rtol * 1e-2, "tolerance": None, **keys})


def step_by_step(
    system: object, y: np.ndarray, t_end: float, first: float, rtol: float = 1e-6, most: int = 5000
) -> list[tuple[float, float, bool]]:
    """Drive the compiled loop one step per call; return (t before, h tried, accepted) of every step."""
    stages, row_errors = np.empty(TSIT5.stages * y.size), np.zeros(system.rows)
    trial = Trial(stages, np.empty_like(y), np.empty_like(y), row_errors)
    trial.k[: y.size] = system.rate(y)
    saves = Saves(np.empty(0), np.empty((1, 0)), np.empty((1, system.rows)))
    rates, progress = np.zeros(system.rows), np.zeros(4, np.int64)
    clock = np.zeros(3)
    clock[STEP], clock[ERROR] = first, 1.0
    history = []
    while progress[ENDED] == RUNNING and progress[STEPS] < most:
        before, tried = clock[TIME], clock[STEP]
        run_adaptive["float64"](
            TSIT5.step["float64"], TSIT5.interpolant["float64"], system.drift["float64"], TSIT5.order, t_end,
            int(progress[STEPS]) + 1, y, system.arrays, trial, Accuracy(rtol, rtol * 1e-2), StopRule(-1.0, 1e8), saves,
            rates, clock, progress,
        )  # fmt: skip
        history.append((before, tried, bool(clock[TIME] > before)))
    assert progress[ENDED] == DONE
    return history


def test_error_follows_rtol_over_decades():
    """From 1e-4 to 1e-10 the final error stays within a small factor of rtol, and falls in proportion."""
    system = circuit(beta=0.5)
    start = started(system)
    exact = exact_states(system, start, np.array([3.0]))[-1]
    tolerances = 10.0 ** -np.arange(4, 11)
    errors = []
    for rtol in tolerances:
        y = start.copy()
        assert tsit5(3.0, rtol).relax(system, y).time == 3.0
        errors.append(np.max(np.abs(y - exact)))
    ratio = np.array(errors) / tolerances
    assert np.all(ratio < 10)
    assert np.all(ratio > 1e-3)
    slope = np.polyfit(np.log(tolerances), np.log(errors), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.15)


def test_saves_are_met_by_dense_output():
    """States come at exactly the times asked for, as accurate as the steps, without making the steps shorter."""
    system = circuit(beta=0.5)
    start = started(system)
    times = np.sort(np.random.default_rng(3).uniform(0.0, 4.0, 200))
    times[0], times[-1] = 0.0, 4.0
    tape = Tape(times)
    recorded = tsit5(4.0).relax(system, start.copy(), tape)
    plain = tsit5(4.0).relax(system, start.copy())
    assert recorded.steps == plain.steps
    assert tape.at.tolist() == times.tolist()
    np.testing.assert_array_equal(recorded.state, plain.state)
    np.testing.assert_array_equal(tape.states[0], start)
    np.testing.assert_allclose(tape.states, exact_states(system, start, times), rtol=0, atol=1e-7)
    reference = Tape(times)
    solver("radau", t_end=4.0, rtol=1e-10, atol=1e-12, tolerance=None).relax(system, start.copy(), reference)
    np.testing.assert_allclose(tape.states, reference.states, rtol=0, atol=1e-7)
    np.testing.assert_allclose(tape.rates, reference.rates, rtol=0, atol=1e-6)


def test_a_surprise_is_met_by_rejected_steps():
    """A pulse of 20 ms after 5 s of nothing: steps that grew long are rejected, and its area is not missed."""
    system = Toy(PULSE)
    y = np.ones(1)
    history = step_by_step(system, y, 10.0, 0.01)
    rejected = [(t, h) for t, h, accepted in history if not accepted]
    assert rejected
    assert all(4.0 < t < 5.1 for t, _ in rejected)
    # Variation of constants: e^-10 plus 40 times the integral of the pulse times e^(t - 10).
    area = 40 * 0.02 * np.sqrt(np.pi) * np.exp(5.0 - 10.0 + 0.02**2 / 4)
    assert y[0] == pytest.approx(np.exp(-10.0) + area, rel=1e-4)


def test_step_changes_are_bounded():
    """No step is more than GROW times the last one or less than SHRINK times: the control never jumps."""
    history = step_by_step(Toy(PULSE), np.ones(1), 10.0, 1e-6)
    steps = np.array([h for _, h, _ in history])
    accepted = np.array([ok for _, _, ok in history])
    ratio = steps[1:] / steps[:-1]
    assert ratio.max() <= GROW * (1 + 1e-12)
    assert ratio.min() >= SHRINK * (1 - 1e-12)
    assert np.all(ratio[~accepted[:-1]] < 1.0), "a rejected step is followed by a shorter one"


def test_the_step_stops_growing_at_the_edge_of_stability():
    """When everything has decayed the step settles where the scheme is stable, and does not fail every other time."""
    system = Toy(LEAK, leak=1.0)
    history = step_by_step(system, np.ones(1), 2000.0, 0.01)
    late = [(h, accepted) for t, h, accepted in history if t > 200.0]
    tried = np.array([h for h, _ in late])
    # The stability interval of the pair on the negative real axis ends near 3.5 (its polynomial leaves 1 there).
    assert np.median(tried) < 4.5
    assert np.mean([accepted for _, accepted in late]) > 0.8


@pytest.mark.parametrize("tau", [2.0**-30, 2.0**20])
def test_relaxation_has_no_unit_of_time(tau: float):
    """Time constants of nanoseconds or of days: the same states; only the first steps find their way differently."""
    outcomes = []
    for scale in (1.0, tau):
        system = circuit(beta=0.5, tau=scale)
        outcomes.append(tsit5(8.0 * scale, 1e-6).relax(system, started(system)))
    one, other = outcomes
    assert abs(one.steps - other.steps) <= 30
    np.testing.assert_allclose(other.state, one.state, rtol=0, atol=1e-5)
    np.testing.assert_allclose(other.rates, one.rates, rtol=0, atol=1e-5)


def test_the_first_step_is_sensible():
    """It is accepted at once, and is not so timid that the steps after it have to catch up for long."""
    system = circuit(beta=0.5)
    y = started(system)
    chosen = tsit5(10.0, 1e-6)
    first = chosen._first_step(system, y, system.rate(y))
    history = step_by_step(system, y, 10.0, first)
    assert history[0][2]
    assert first > 0.05 * np.median([h for _, h, _ in history])


def test_the_first_step_from_rest_of_a_silent_circuit():
    """State and rate are both zero: there is no scale, and still a step."""
    system = circuit()
    system.model.parameters.flat[:] = 0.0
    system.present(system.inputs, system.targets)
    result = tsit5(5.0, tolerance=1e-9).relax(system, system.rest())
    assert result.status is Status.SETTLED
    assert not result.state.any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_drift_that_ends_is_step_too_small(dtype: str):
    """Beyond t = 1 the drift is NaN: the step shrinks to rounding, the state before the wall is kept."""
    y = np.ones(1, dtype)
    result = tsit5(2.0, 1e-4).relax(Toy(WALL, dtype=dtype), y)
    assert result.status is Status.STEP_TOO_SMALL
    assert result.time == pytest.approx(1.0, abs=1e-9)
    assert y[0] == pytest.approx(np.exp(-1.0), rel=1e-3)


def test_a_blow_up_in_finite_time_is_no_number():
    """dy/dt = y^2 from 1 is infinite at t = 1: diverged, before t = 1 plus rounding, and never past it."""
    y = np.ones(1)
    result = tsit5(2.0).relax(Toy(BLOW_UP), y)
    assert result.status is Status.DIVERGED
    assert result.time < 1.0 + 1e-6


def test_the_budget_counts_rejected_steps():
    """`max_steps` bounds accepted and rejected steps; what came before is returned with its rate."""
    system = circuit(beta=0.5)
    whole = tsit5(30.0).relax(system, started(system))
    for budget in (1, 7, whole.steps - 1):
        result = tsit5(30.0, max_steps=budget).relax(system, started(system))
        assert result.status is Status.MAX_STEPS
        assert result.steps == budget
        assert 0.0 <= result.time < 30.0
    assert tsit5(30.0, max_steps=whole.steps).relax(system, started(system)).status is Status.FINISHED


def test_accuracy_does_not_depend_on_the_company():
    """The worst row rules the step: a lively row keeps its accuracy among many silent ones."""
    lively = circuit(rows=1, beta=0.5)
    crowd = lively.take([0] * 64)
    crowd.inputs[1:] = 0.0
    crowd.present(crowd.inputs, crowd.targets)
    start = started(lively)
    exact = exact_states(lively, start, np.array([2.0]))[-1]
    many = crowd.take_state(np.zeros(crowd.size), range(64))
    for view, mine in zip(crowd.views(many), lively.views(start), strict=True):
        view[:, 0] = mine[:, 0]
    errors = []
    for system, y in ((lively, start.copy()), (crowd, many)):
        tsit5(2.0, 1e-6).relax(system, y)
        errors.append(np.max(np.abs(system.take_state(y, [0]) - exact)))
    assert errors[1] < 3 * errors[0] + 1e-9


def test_swings_are_followed_for_long():
    """dy/dt = y cos t over sixteen periods: the clock of stages and of the interpolant is right."""
    times = np.linspace(0.0, 100.0, 777)
    tape = Tape(times)
    tsit5(100.0, 1e-9).relax(Toy(SWING), np.ones(1), tape)
    np.testing.assert_allclose(tape.states[:, 0], np.exp(np.sin(times)), rtol=1e-6)
    np.testing.assert_allclose(tape.rates[:, 0], np.abs(tape.states[:, 0] * np.cos(times)), rtol=0, atol=1e-12)


def test_original_dyads_keep_their_compartments_apart():
    """The tables reach the drift: with alpha = 0.3 the two compartments end where the independent equations say."""
    system = circuit(compartments=DYAD, beta=1.0)
    y = tsit5(20.0, 1e-9).relax(system, system.rest()).state
    exact = exact_states(system, system.rest(), np.array([20.0]))[-1]
    np.testing.assert_allclose(y, exact, rtol=0, atol=1e-8)
    assert np.abs(np.diff(system.views(y)[-1], axis=0)).max() > 0.1
