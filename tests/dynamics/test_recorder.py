"""Saved states: where they fall, that they come in pieces of bounded size, and that watching changes nothing."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from dynamics_circuits import Array, Tape, circuit, exact_states, solver, unit_chain

from neurosim.dynamics import loop
from neurosim.dynamics.scheme import FixedScheme
from neurosim.dynamics.solver import Solver
from neurosim.dynamics.status import Status
from neurosim.registry import SOLVERS

FIXED = sorted(name for name in SOLVERS if isinstance(SOLVERS.load(name), FixedScheme))
TIMED = [*FIXED, "tsit5", "radau"]


def ode(name: str, t_end: float, dt: float = 0.125, **keys: object) -> Solver:
    return solver(name, **{"t_end": t_end, "tolerance": None, **({"dt": dt} if name in FIXED else {}), **keys})


@pytest.mark.parametrize("name", ["tsit5", "radau"])
def test_saves_come_at_the_times_asked_for(name: str):
    """Exactly, also at 0 and t_end, and the states are those of these times."""
    system = circuit(beta=0.5)
    start = np.random.default_rng(1).standard_normal(system.size)
    times = np.array([0.0, 1e-3, 0.3333, 1.0, 1.0 + 1e-9, 2.999, 3.0])
    chosen = ode(name, 3.0, rtol=1e-9, atol=1e-12)
    assert chosen.save_times(times).tolist() == times.tolist()
    tape = Tape(times)
    chosen.relax(system, start.copy(), tape)
    assert tape.at.tolist() == times.tolist()
    np.testing.assert_allclose(tape.states, exact_states(system, start, times), rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", FIXED)
def test_saves_of_fixed_steps_go_to_the_nearest_step(name: str):
    """Each step once, none beyond the end; `save_times` tells beforehand where they will be."""
    system = circuit(beta=0.5)
    wanted = np.array([0.0, 0.05, 0.07, 0.19, 0.2, 0.61, 0.99, 1.0, 1.2])
    chosen = ode(name, 1.0, 0.1)
    tape = Tape(wanted)
    chosen.relax(system, system.rest(), tape)
    np.testing.assert_allclose(tape.at, [0.0, 0.1, 0.2, 0.6, 1.0], atol=1e-15)
    np.testing.assert_array_equal(tape.at, chosen.save_times(wanted))
    for time, state, rates in zip(tape.at, tape.states, tape.rates, strict=True):
        if time > 0:
            alone = ode(name, time, 0.1).relax(system, system.rest())
            np.testing.assert_array_equal(state, alone.state)
            np.testing.assert_array_equal(rates, alone.rates)


@pytest.mark.parametrize("name", TIMED)
def test_watching_changes_nothing(name: str):
    """The final state is the same, bit for bit, with and without a recorder."""
    system = circuit(beta=0.5)
    watched = ode(name, 2.0).relax(system, system.rest(), Tape(np.linspace(0.0, 2.0, 33)))
    alone = ode(name, 2.0).relax(system, system.rest())
    if name == "radau":  # the end comes from the dense output
        np.testing.assert_allclose(watched.state, alone.state, rtol=0, atol=1e-13)
    else:
        np.testing.assert_array_equal(watched.state, alone.state)
    assert (watched.steps, watched.time) == (alone.steps, alone.time)


@pytest.mark.parametrize("name", TIMED)
def test_with_a_recorder_nothing_stops_early(name: str):
    """All saves come, although the circuit has settled long before; and the status says that it has."""
    system = circuit(beta=0.5)
    times = np.linspace(0.0, 100.0, 41)
    tape = Tape(times)
    result = ode(name, 100.0, tolerance=1e-4).relax(system, system.rest(), tape)
    assert result.status is Status.SETTLED
    assert result.time == pytest.approx(100.0)
    np.testing.assert_allclose(tape.at, times, atol=1e-12)
    assert np.isfinite(tape.states).all()


@pytest.mark.parametrize("saves_per_piece", [1, 3, 7])
@pytest.mark.parametrize("name", [*FIXED, "tsit5"])
def test_pieces_join_without_a_seam(name: str, saves_per_piece: int, monkeypatch: pytest.MonkeyPatch):
    """With a buffer of a few states they come in pieces, and are the same states, rates and steps as in one piece."""
    system = circuit(beta=0.5)
    times = np.concatenate([np.linspace(0.0, 0.1, 21), np.linspace(0.125, 3.0, 24)])
    whole = Tape(times)
    one = ode(name, 3.0, 0.0125).relax(system, system.rest(), whole)
    monkeypatch.setattr(loop, "SAVED_BYTES", saves_per_piece * system.rest().nbytes + 1)
    pieces = Tape(times)
    many = ode(name, 3.0, 0.0125).relax(system, system.rest(), pieces)
    assert max(pieces.pieces) == saves_per_piece
    assert sum(pieces.pieces) == sum(whole.pieces)
    for what in ("at", "states", "rates"):
        np.testing.assert_array_equal(getattr(pieces, what), getattr(whole, what))
    np.testing.assert_array_equal(many.state, one.state)
    assert (many.steps, many.time) == (one.steps, one.time)


class Counter:
    """A recorder that keeps nothing but the count."""

    def __init__(self, times: Array) -> None:
        self.times = times
        self.saves = 0

    def save(self, times: Array, states: Array, rates: Array) -> None:
        self.saves += len(times)


@pytest.mark.parametrize("name", ["rk4", "tsit5"])
def test_memory_does_not_grow_with_the_trajectory(name: str, monkeypatch: pytest.MonkeyPatch):
    """16000 saves of 1.6 kB would be 26 MB; with a buffer of 100 kB a relaxation never holds half a megabyte."""
    system = circuit((4, 30, 3), rows=3)
    monkeypatch.setattr(loop, "SAVED_BYTES", 100_000)
    counter = Counter(np.linspace(0.0, 400.0, 16_001))
    chosen = ode(name, 400.0, 0.025)
    ode(name, 1.0, 0.025).relax(system, system.rest())  # compiled beforehand
    tracemalloc.start()
    chosen.relax(system, system.rest(), counter)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counter.saves == 16_001
    assert system.rest().nbytes * 16_001 > 20e6
    assert peak - 2 * counter.times.nbytes < 0.5e6


def test_a_diverged_batch_saves_what_there_was():
    """Saves end where the batch has diverged; no NaN is passed off as a state of a later time."""
    system = unit_chain(3.0, [1.0, 0.5], "relu")
    tape = Tape(np.linspace(0.0, 200.0, 401))
    result = ode("rk4", 200.0).relax(system, system.rest(), tape)
    assert result.status is Status.DIVERGED
    assert 1 < len(tape.at) < 400
    assert tape.at[-1] <= result.time
    assert np.isfinite(tape.states).all()


def test_sweeps_save_every_sweep():
    """Iterations are their time: the start, then the state after every sweep, with how far the sweep moved it."""
    system = circuit(beta=0.5)
    tape = Tape(np.arange(6.0))
    result = solver("sweeps", max_steps=5, tolerance=None).relax(system, system.rest(), tape)
    assert tape.at.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert not tape.states[0].any()
    np.testing.assert_array_equal(tape.states[-1], result.state)
    moved = tape.states[4] - tape.states[3]
    rms = np.sqrt(sum(np.sum(v**2, axis=(0, 2)) for v in system.views(moved)) * system.rows / system.size)
    np.testing.assert_allclose(tape.rates[4], rms, rtol=1e-12)


def test_newton_saves_every_iteration():
    """The start, and the state of all rows after every iteration; rows that have arrived stay where they are."""
    system = circuit(beta=0.5)
    tape = Tape(np.arange(50.0))
    result = solver("newton").relax(system, system.rest(), tape)
    assert tape.at.tolist() == list(range(result.steps + 1))
    assert not tape.states[0].any()
    np.testing.assert_array_equal(tape.states[-1], result.state)
    np.testing.assert_array_equal(tape.rates[-1], result.rates)
    assert np.all(np.diff(tape.rates, axis=0) <= 0)
