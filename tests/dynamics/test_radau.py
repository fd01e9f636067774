"""The implicit solver: stiff circuits, its budget, and how it ends."""

from __future__ import annotations

import numpy as np
import pytest
from dynamics_circuits import Tape, circuit, exact_states, numpy_rate, solver, unit_chain

from neurosim.dynamics.status import Status
from neurosim.physics.layered.compartments import dyad


def radau(t_end: float, **keys: object) -> object:
    return solver("radau", **{"t_end": t_end, **keys})


def test_it_meets_its_tolerance():
    system = circuit(beta=0.4)
    start = np.random.default_rng(1).standard_normal(system.size)
    for rtol in (1e-4, 1e-7, 1e-10):
        result = radau(3.0, rtol=rtol, atol=rtol * 1e-2, tolerance=None).relax(system, start.copy())
        error = np.abs(result.state - exact_states(system, start, np.array([3.0]))[-1]).max()
        assert error < 10 * rtol


def test_stiffness_costs_it_little():
    """A proximal nudge of 10000 pulls its compartment 10000 times faster than tau; Radau does not have to follow.

    With alpha = 0 the nudged compartment of an output ends at (a + beta y) / (1 + beta), the other one at a.
    """
    beta = 1e4
    system = circuit((3, 2), rows=2, compartments=dyad(0.0, True, gradient_at="compartment"), beta=beta)
    implicit = radau(60.0, tolerance=1e-8).relax(system, system.rest())
    assert implicit.status is Status.SETTLED
    a = system.inputs @ system.model.parameters["W_0"] + system.model.parameters["b_1"]
    nudged, free = system.views(implicit.state)[0]
    np.testing.assert_allclose(free, a, rtol=0, atol=1e-7)
    np.testing.assert_allclose(nudged, (a + beta * system.targets) / (1 + beta), rtol=0, atol=1e-7)
    explicit = solver("tsit5", t_end=60.0, tolerance=1e-8, max_steps=20 * implicit.steps).relax(system, system.rest())
    assert explicit.status is Status.MAX_STEPS


@pytest.mark.parametrize("budget", [1, 10, 40])
def test_the_budget_is_kept(budget: int):
    """`max_steps` drift evaluations per sample, then it gives up and says so; the state is where it started."""
    system = circuit(rows=2, beta=0.4)
    start = np.random.default_rng(1).standard_normal(system.size)
    result = radau(50.0, max_steps=budget).relax(system, start.copy())
    assert result.status is Status.MAX_STEPS
    assert result.steps <= budget + 1
    np.testing.assert_array_equal(result.state, start)
    np.testing.assert_allclose(
        result.rates**2 * start.size / 2, _squares(system, numpy_rate(system, start)), rtol=1e-12
    )


def _squares(system: object, rate: np.ndarray) -> np.ndarray:
    return np.sum([np.square(view).sum(axis=(0, 2)) for view in system.views(rate)], axis=0)


def test_a_spent_budget_leaves_no_saves():
    """What was not reached is not saved: NaN, not a number that looks like a state."""
    system = circuit(rows=1)
    tape = Tape(np.linspace(0.0, 50.0, 6))
    radau(50.0, max_steps=5).relax(system, system.rest(), tape)
    assert np.isnan(tape.states).all()
    assert np.isnan(tape.rates).all()


def test_it_starts_settled():
    """Nothing to do at an equilibrium: settled, and still there."""
    system = circuit(rows=2)
    root = solver("newton", tolerance=1e-14).relax(system, system.rest()).state
    result = radau(10.0, tolerance=1e-8).relax(system, root.copy())
    assert result.status is Status.SETTLED
    np.testing.assert_allclose(result.state, root, rtol=0, atol=1e-9)


def test_running_away_is_a_status():
    """Exponential growth for 500 tau overflows: that is data, not an exception."""
    system = unit_chain(3.0, [1.0], "relu")
    assert radau(500.0, rtol=1e-2).relax(system, system.rest()).status is Status.DIVERGED


def test_float32_states_are_integrated_in_double():
    """The type of the state is kept, the accuracy is that of single precision and no worse."""
    system = circuit(beta=0.4, dtype="float32")
    result = radau(3.0, tolerance=None).relax(system, system.rest())
    assert result.state.dtype == np.float32
    exact = exact_states(system, np.zeros(system.size), np.array([3.0]))[-1]
    np.testing.assert_allclose(result.state, exact, rtol=0, atol=2e-6)
