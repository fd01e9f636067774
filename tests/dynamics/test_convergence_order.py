"""Every fixed-step scheme of the registry converges with the order that it claims."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from dynamics_circuits import Tape, circuit, exact_states, numpy_rate, solver
from dynamics_toys import CLOCK, SWING, Toy
from scipy.linalg import expm

from neurosim.dynamics.scheme import FixedScheme
from neurosim.physics.layered.compartments import POINT
from neurosim.registry import SOLVERS

SCHEMES = sorted(name for name in SOLVERS if isinstance(SOLVERS.load(name), FixedScheme))
T_END = 2.0


def steps_of(order: int) -> list[float]:
    """Step lengths at which a scheme of this order is in its asymptotic range, and not yet at rounding."""
    return [T_END / round(T_END / (0.25 * 0.01 ** (1 / order)) * 2**i) for i in range(3)]


def measured_orders(name: str, system: object, start: np.ndarray, exact: np.ndarray) -> np.ndarray:
    errors = []
    steps = steps_of(SOLVERS.load(name).order)
    for dt in steps:
        y = start.copy()
        result = solver(name, dt=dt, t_end=T_END, tolerance=None).relax(system, y)
        assert result.status.key == "finished"
        assert result.time == pytest.approx(T_END, rel=1e-12)
        errors.append(float(np.linalg.norm(y - exact)))
    return np.diff(np.log(errors)) / np.diff(np.log(steps))


@cache
def dyads() -> tuple[object, np.ndarray, np.ndarray]:
    """A nudged tanh dyad, a start away from equilibrium, and its state at the end by Radau at tight tolerance."""
    system = circuit(beta=0.5)
    start = np.random.default_rng(1).standard_normal(system.size)
    exact = start.copy()
    solver("radau", t_end=T_END, rtol=1e-12, atol=1e-14, tolerance=None).relax(system, exact)
    return system, start, exact


@cache
def linear() -> tuple[object, np.ndarray, np.ndarray]:
    """Identity point neurons: dy/dt = J y + c, whose solution is a matrix exponential."""
    system = circuit(compartments=POINT, activation="identity", rows=2, gain=0.7)
    zero, size = system.rest(), system.size
    c = numpy_rate(system, zero)
    J = np.stack([numpy_rate(system, e) - c for e in np.eye(size)], axis=1)
    affine = np.zeros((size + 1, size + 1))
    affine[:size, :size], affine[:size, size] = J, c
    start = np.random.default_rng(2).standard_normal(size)
    return system, start, (expm(T_END * affine) @ np.append(start, 1.0))[:size]


def test_radau_is_a_reference():
    """Radau at tight tolerance agrees with SciPy's DOP853 on equations written independently."""
    system, start, exact = dyads()
    np.testing.assert_allclose(exact, exact_states(system, start, np.array([T_END]))[-1], rtol=0, atol=3e-12)


@pytest.mark.parametrize("name", SCHEMES)
def test_order_on_a_nudged_dyad(name: str):
    """Nonlinear and smooth: tanh dyads against Radau."""
    np.testing.assert_allclose(measured_orders(name, *dyads()), SOLVERS.load(name).order, rtol=0, atol=0.1)


@pytest.mark.parametrize("name", SCHEMES)
def test_order_on_a_linear_circuit(name: str):
    """Linear point neurons against the matrix exponential."""
    np.testing.assert_allclose(measured_orders(name, *linear()), SOLVERS.load(name).order, rtol=0, atol=0.1)


@pytest.mark.parametrize("name", SCHEMES)
def test_order_where_the_drift_looks_at_the_clock(name: str):
    """dy/dt = y cos t, y = exp(sin t): stages at wrong times would cost an order."""
    system = Toy(SWING)
    exact = np.array([np.exp(np.sin(T_END))])
    np.testing.assert_allclose(
        measured_orders(name, system, np.ones(1), exact), SOLVERS.load(name).order, rtol=0, atol=0.1
    )


@pytest.mark.parametrize("name", SCHEMES)
def test_stages_are_what_a_step_costs(name: str):
    """`stages` is the number of drift evaluations per step, with one more for the rate at the end."""
    system = Toy(SWING)
    result = solver(name, dt=0.1, t_end=1.0, tolerance=None).relax(system, np.ones(1))
    assert result.steps == 10
    assert system.evaluations == 10 * SOLVERS.load(name).stages + 1


@pytest.mark.parametrize("name", SCHEMES)
def test_long_runs_do_not_lose_the_clock(name: str):
    """t = i h, not a running sum: after 50000 steps of 0.1 the phase of cos t is still right to rounding."""
    h, n = 0.1, 50_000
    tape = Tape([(n - 1) * h, n * h])
    solver(name, dt=h, t_end=n * h, tolerance=None).relax(Toy(CLOCK), np.zeros(1), tape)
    assert tape.at.tolist() == [(n - 1) * h, n * h]
    np.testing.assert_allclose(tape.rates[:, 0], np.abs(np.cos(tape.at)), rtol=1e-12)
