"""Every scheme integrates compartments and conductances together: order, error control, recording."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from dynamics_circuits import Tape, circuit, numpy_rate, solver
from scipy.integrate import solve_ivp

from neurosim.dynamics.scheme import EmbeddedScheme, FixedScheme
from neurosim.physics.layered.plastic import PlasticLayeredSystem
from neurosim.registry import SOLVERS

Array = np.ndarray
T_END, RATE, DECAY, BETA = 2.0, 0.8, 0.3, 0.5
FIXED = sorted(name for name in SOLVERS if isinstance(SOLVERS.load(name), FixedScheme))
ADAPTIVE = sorted(name for name in SOLVERS if isinstance(SOLVERS.load(name), EmbeddedScheme))


def learning(dtype: str = "float64", rate: float = RATE) -> tuple[PlasticLayeredSystem, Array]:
    """Return a tanh dyad network that learns fast, and a start away from any equilibrium."""
    held = circuit(beta=BETA, dtype=dtype, feedback="reciprocal")
    system = held.model.plastic_system(held.rows, (0.3, 0.7), (-1 / BETA, 1 / BETA))
    system.present(held.inputs, held.targets)
    system.nudge(BETA)
    system.learn_at(rate, DECAY)
    start = system.rest()
    start[: held.size] = np.random.default_rng(1).standard_normal(held.size)
    return system, start


def slope(y: Array) -> Array:
    """d(state)/dt of `learning` in NumPy: compartments as in a circuit with these conductances, these by products."""
    held = circuit(beta=BETA, feedback="reciprocal")
    parameters = held.model.parameters
    s, parameters.trained[:] = held.views(y), y[held.size :]
    held.model.parameters_changed()
    held.model.synchronise()
    rates, below = [numpy_rate(held, y[: held.size])], held.inputs
    for k, (plus, minus) in enumerate(s):
        error = (minus - plus) / BETA / held.rows
        rates.append(-RATE * (below.T @ error + DECAY * parameters[f"W_{k}"]).ravel())
        rates.append(-RATE * (error.sum(axis=0) + DECAY * parameters[f"b_{k + 1}"]))
        below = 0.3 * plus + 0.7 * minus
    return np.concatenate(rates)


@cache
def exact() -> Array:
    """The state at the end by SciPy's DOP853 at its tightest."""
    result = solve_ivp(lambda t, y: slope(y), (0.0, T_END), learning()[1], "DOP853", rtol=3e-14, atol=1e-15)
    return result.y[:, -1]


@pytest.mark.parametrize("name", FIXED)
def test_order_of_compartments_and_of_conductances(name: str):
    """Each converges with the order of the scheme."""
    order = SOLVERS.load(name).order
    steps = [T_END / round(T_END / (0.1 * 0.01 ** (1 / order)) * 2**i) for i in range(3)]
    errors = []
    for dt in steps:
        system, y = learning()
        assert solver(name, dt=dt, t_end=T_END, tolerance=None).relax(system, y).status.key == "finished"
        parts = (y - exact())[: -system.conductances(y).size], system.conductances(y - exact())
        errors.append([float(np.linalg.norm(part)) for part in parts])
    orders = np.diff(np.log(errors), axis=0) / np.diff(np.log(steps))[:, None]
    np.testing.assert_allclose(orders, order, rtol=0, atol=0.12)


@pytest.mark.parametrize("name", ADAPTIVE)
def test_the_error_follows_the_tolerance(name: str):
    errors = []
    for rtol in (1e-4, 1e-6, 1e-8):
        system, y = learning()
        solver(name, t_end=T_END, rtol=rtol, atol=rtol * 1e-2, tolerance=None).relax(system, y)
        errors.append(np.abs(y - exact()).max() / rtol)
    assert max(errors) < 5.0


@pytest.mark.parametrize("name", ADAPTIVE)
def test_conductances_count_in_the_error_of_a_step(name: str):
    """Conductances that move fast in a circuit that hardly does: the steps are theirs, and so is the accuracy.

    Inputs and nudge are zero, and so are all conductances but one, which only decays, as e^(-50 t).
    """
    system, _ = learning()
    system.present(np.zeros((3, 4)), np.zeros((3, 3)))
    system.nudge(0.0)
    system.learn_at(50.0, 1.0)
    y = np.zeros(system.size)
    system.conductances(y)[0] = 1.0
    result = solver(name, t_end=0.5, rtol=1e-8, atol=1e-10, tolerance=None).relax(system, y)
    assert result.status.key == "finished"
    assert result.steps > 50
    assert system.conductances(y)[0] == pytest.approx(np.exp(-25.0), abs=1e-9)
    assert not np.delete(y, system.size - system.conductances(y).size).any()


@pytest.mark.parametrize("name", [*FIXED, *ADAPTIVE])
def test_saved_states_hold_the_conductances(name: str):
    system, y = learning()
    tape = Tape([0.0, 1.0, T_END])
    keys = {"rtol": 1e-8} if name in ADAPTIVE else {"dt": 0.25}
    start = y.copy()
    solver(name, t_end=T_END, tolerance=None, **keys).relax(system, y, tape)
    assert tape.states.shape == (3, system.size)
    np.testing.assert_array_equal(tape.states[0], start)
    # Dense output is of a lower order than the step, so that its last value is not that of the step bit for bit.
    np.testing.assert_allclose(tape.states[-1], y, rtol=0, atol=1e-12)
    assert np.abs(system.conductances(tape.states[1] - start)).max() > 0.1


@pytest.mark.parametrize("name", [*FIXED, *ADAPTIVE])
def test_single_precision_follows_double(name: str):
    ends = []
    for dtype in ("float32", "float64"):
        system, y = learning(dtype)
        keys = {"rtol": 1e-5, "atol": 1e-7} if name in ADAPTIVE else {"dt": 0.1}
        solver(name, t_end=T_END, tolerance=None, **keys).relax(system, y)
        assert y.dtype == dtype
        ends.append(y)
    np.testing.assert_allclose(ends[0], ends[1], rtol=0, atol=2e-5 if name in ADAPTIVE else 4e-6)


@pytest.mark.parametrize("name", [*FIXED, *ADAPTIVE])
def test_a_circuit_that_runs_away_is_called_diverged(name: str):
    """A rate of the wrong sign lets the conductances explode, and the compartments with them."""
    system, y = learning(rate=-30.0)
    keys = {"max_steps": 20_000} if name in ADAPTIVE else {"dt": 0.1}
    result = solver(name, t_end=200.0, tolerance=None, **keys).relax(system, y)
    assert result.status.key in ("diverged", "step_too_small")
    assert not np.isfinite(y).all() or np.abs(y).max() > 1e6
