"""When a relaxation stops, what it then claims, and whether the claim is true."""

from __future__ import annotations

import numpy as np
import pytest
from dynamics_circuits import Array, circuit, numpy_rate, solver, unit_chain
from scipy.optimize import root

from neurosim.dynamics.scheme import EmbeddedScheme, FixedScheme, StochasticScheme
from neurosim.dynamics.solver import Solver
from neurosim.dynamics.status import Status, statuses
from neurosim.physics.layered.compartments import POINT
from neurosim.registry import SOLVERS

FIXED = sorted(name for name in SOLVERS if isinstance(SOLVERS.load(name), FixedScheme))
ADAPTIVE = sorted(name for name in SOLVERS if isinstance(SOLVERS.load(name), EmbeddedScheme))
ODE = [*FIXED, *ADAPTIVE, "radau"]
ALL = sorted(name for name in SOLVERS if not isinstance(SOLVERS.load(name), StochasticScheme))


def ode(name: str, t_end: float = 200.0, dt: float = 0.2, **keys: object) -> Solver:
    return solver(name, **{"t_end": t_end, **({"dt": dt} if name in FIXED else {}), **keys})


def any_solver(name: str, **keys: object) -> Solver:
    return ode(name, **keys) if name in ODE else solver(name, **{"max_steps": 500, **keys})


def fixed_point(system: object) -> tuple[Array, Array]:
    """Return the equilibrium by SciPy's hybrid method, and the Jacobian there by differences, both in NumPy."""
    found = root(lambda y: numpy_rate(system, y), np.zeros(system.size), tol=1e-14)
    h = 1e-6
    J = [
        (numpy_rate(system, found.x + h * e) - numpy_rate(system, found.x - h * e)) / (2 * h)
        for e in np.eye(system.size)
    ]
    return found.x, np.array(J).T


def rms(rate: Array, system: object) -> Array:
    """Return the RMS of tau dy/dt of each row, in NumPy."""
    squares = [np.square(view * system.model.settings.tau).sum(axis=(0, 2)) for view in system.views(rate)]
    return np.sqrt(np.sum(squares, axis=0) * system.rows / system.size)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("name", ALL)
def test_settled_is_settled(name: str, tolerance: float):
    """Every solver: rates at or below the tolerance, and true ones; a state as near the equilibrium as they imply.

    Near the equilibrium f = J (y - y*), so |y - y*| <= |f| / sigma_min(J); the spectral gap of J is what makes a small
    rate mean a small error. For sweeps the rate is that before the last sweep, which only moved nearer.
    """
    system = circuit((3, 4, 3, 2), rows=2, beta=0.3)
    result = any_solver(name, tolerance=tolerance).relax(system, system.rest())
    assert result.status is Status.SETTLED
    assert statuses(result.codes) == [Status.SETTLED] * 2
    assert np.all(result.rates <= tolerance)
    here = rms(numpy_rate(system, result.state), system)
    if name != "sweeps":
        np.testing.assert_allclose(result.rates, here, rtol=1e-6, atol=1e-14)
    equilibrium, J = fixed_point(system)
    gap = np.linalg.svd(J, compute_uv=False).min()
    per_row = np.sqrt(system.size / system.rows)
    assert np.linalg.norm(result.state - equilibrium) <= 1.5 * np.sqrt(2) * per_row * tolerance / gap + 1e-12


@pytest.mark.parametrize("name", ODE)
def test_it_stops_when_it_has_settled(name: str):
    """A hundred times the time that it takes costs nothing: the end time is a limit, not a duration."""
    system = circuit((3, 4, 3, 2), rows=2)
    result = ode(name, t_end=2000.0, tolerance=1e-6).relax(system, system.rest())
    assert result.status is Status.SETTLED
    assert result.time < 60.0


@pytest.mark.parametrize("name", ODE)
def test_without_tolerance_it_runs_to_the_end(name: str):
    """tolerance null: t_end exactly, however still the state is; finished, and the rate is told all the same."""
    system = circuit((3, 4, 3, 2), rows=2)
    result = ode(name, t_end=60.0, tolerance=None).relax(system, system.rest())
    assert result.status is Status.FINISHED
    assert result.time == pytest.approx(60.0, rel=1e-12)
    assert np.all(result.rates < 1e-6)


def test_sweeps_without_tolerance_run_all_their_sweeps():
    system = circuit((3, 4, 3, 2), rows=2, beta=0.3)
    result = solver("sweeps", max_steps=17, tolerance=None).relax(system, system.rest())
    assert result.status is Status.FINISHED
    assert result.steps == result.time == 17


@pytest.mark.parametrize("name", ODE)
def test_a_short_time_is_not_settled(name: str):
    """The end comes before the rate has fallen: said so, with the rate reached."""
    system = circuit((3, 4, 3, 2), rows=2)
    result = ode(name, t_end=2.0, tolerance=1e-6).relax(system, system.rest())
    assert result.status is Status.NOT_SETTLED
    assert result.time == pytest.approx(2.0, rel=1e-12)
    assert np.all(result.rates > 1e-6)


@pytest.mark.parametrize("name", ALL)
def test_a_spent_budget_is_max_steps(name: str):
    """Too few steps, sweeps, iterations or drift evaluations: said so, whatever the tolerance."""
    system = circuit((3, 4, 3, 2), rows=2, beta=0.3)
    result = any_solver(name, tolerance=1e-9, max_steps=2).relax(system, system.rest())
    assert result.status is Status.MAX_STEPS
    assert np.isfinite(result.state).all()
    if name in ODE:
        unlimited = any_solver(name, tolerance=None, max_steps=3).relax(system, system.rest())
        assert unlimited.status is Status.MAX_STEPS, "also where there is no tolerance"


@pytest.mark.parametrize("name", FIXED)
def test_the_step_count_is_exact(name: str):
    """t_end / dt steps where that is a whole number, in spite of rounding, and one more where it is not."""
    system = circuit((3, 4, 3, 2), rows=1)
    for t_end, dt, steps in ((0.3, 0.1, 3), (0.7, 0.1, 7), (1.0, 0.3, 4), (1.0, 1.0, 1)):
        result = ode(name, t_end=t_end, dt=dt, tolerance=None).relax(system, system.rest())
        assert result.steps == steps
        assert result.time == pytest.approx(steps * dt)
        exact = ode(name, t_end=t_end, dt=dt, tolerance=None, max_steps=steps).relax(system, system.rest())
        assert exact.status is Status.FINISHED, "a budget that is just enough is not spent"


@pytest.mark.parametrize("name", ODE)
def test_only_the_row_that_runs_away_has_diverged(name: str):
    """Rectified units that excite each other by a factor of 3: driven rows run away, a silent one settles at zero."""
    system = unit_chain(3.0, [1.0, -1.0, 0.5], "relu")
    result = ode(name, t_end=60.0, tolerance=1e-6).relax(system, system.rest())
    assert statuses(result.codes) == [Status.DIVERGED, Status.SETTLED, Status.DIVERGED]
    assert result.status is Status.DIVERGED
    silent = system.take_state(result.state, [1])
    assert not silent.any()
    assert result.rates[1] == 0.0
    assert not np.any(result.rates[[0, 2]] <= 1e8)


@pytest.mark.parametrize("name", [*FIXED, *ADAPTIVE])
def test_a_diverged_batch_does_not_run_on(name: str):
    """When no row can settle any more it stops: the rest of a long phase would be arithmetic with infinities."""
    system = unit_chain(3.0, [1.0, 0.5], "relu")
    result = ode(name, t_end=2000.0, tolerance=1e-6).relax(system, system.rest())
    assert result.status is Status.DIVERGED
    assert result.time < 60.0


def test_diverging_sweeps_end_as_diverged():
    system = unit_chain(3.0, [1.0, -1.0], "relu", output_activation="identity")
    result = solver("sweeps", max_steps=500).relax(system, system.rest())
    assert statuses(result.codes) == [Status.DIVERGED, Status.SETTLED]
    assert result.steps < 50


@pytest.mark.parametrize("name", [*FIXED, *ADAPTIVE])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_state_that_is_not_a_number_is_diverged(name: str, dtype: str):
    """NaN never passes for settled, not even with a tolerance of 1e300."""
    system = circuit((3, 4, 2), rows=2, dtype=dtype)
    state = system.rest()
    state[0] = np.nan
    result = ode(name, t_end=2.0, tolerance=1e300).relax(system, state)
    assert Status.DIVERGED in statuses(result.codes)


@pytest.mark.parametrize("name", [*FIXED, *ADAPTIVE])
def test_a_state_far_beyond_every_use_has_diverged(name: str):
    """1e10 is finite and would come down again, but no circuit is there on purpose: the limit on the rate is 1e8."""
    system = unit_chain(0.5, [1.0, 1.0], "identity")
    state = np.array([1e10, 0.0, 1e10, 0.0])
    result = ode(name, t_end=0.5, dt=0.1, tolerance=1e-6).relax(system, state)
    assert statuses(result.codes) == [Status.DIVERGED, Status.NOT_SETTLED]


def test_the_stop_rule_measures_in_units_of_tau():
    """tau ds/dt, not ds/dt: a circuit a thousand times faster stops after the same number of steps."""
    outcomes = []
    for tau in (1.0, 2.0**-10):
        system = circuit((3, 4, 3, 2), POINT.count, POINT, gain=0.5, tau=tau)
        outcomes.append(ode("heun", 200.0 * tau, 0.125 * tau, tolerance=1e-6).relax(system, system.rest()))
    slow, fast = outcomes
    assert slow.status is fast.status is Status.SETTLED
    assert slow.steps == fast.steps
    np.testing.assert_array_equal(slow.state, fast.state)


def test_a_batch_stops_when_all_rows_have_settled():
    """batch_stop: all. A settled row goes on with the others; its state only comes nearer to rest."""
    # The weaker the saturation of tanh, the slower: small inputs take longest.
    system = unit_chain(0.95, [3.0, 0.01], "tanh")
    together = ode("rk4", 1000.0, tolerance=1e-8).relax(system, system.rest())
    times = []
    for row in (0, 1):
        one = system.take([row])
        times.append(ode("rk4", 1000.0, tolerance=1e-8).relax(one, one.rest()).time)
    assert times[0] < times[1]
    assert together.time == times[1]
    assert together.rates[0] < together.rates[1] <= 1e-8
