"""Newton's method: fast near the root, indifferent to stability, honest where there is no root."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from dynamics_circuits import circuit, numpy_rate, solver, unit_chain

from neurosim.dynamics import newton
from neurosim.dynamics.dense import put_row
from neurosim.dynamics.status import Status, statuses
from neurosim.physics.layered.compartments import POINT
from neurosim.physics.layered.jacobian import LayeredLinearisation


def newton_solver(**keys: object) -> object:
    return solver("newton", **{"tolerance": 1e-12, **keys})


@pytest.fixture(params=[600, 0], ids=["dense", "gmres"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Solve for the direction by factorisation, or by GMRES with products J v."""
    monkeypatch.setattr(newton, "DENSE_UNTIL", request.param)
    return request.param


def test_convergence_is_quadratic(path: int):
    """Near the root every step squares the error, until rounding (or, with GMRES, until its inner tolerance)."""
    system = circuit((3, 4, 3, 2), rows=1, beta=0.3)
    root = newton_solver(tolerance=1e-14).relax(system, system.rest()).state
    assert np.abs(numpy_rate(system, root)).max() < 1e-14
    start = root + 0.05 * np.random.default_rng(1).standard_normal(root.size)
    errors = [np.linalg.norm(start - root)]
    for steps in (1, 2, 3):
        result = newton_solver(tolerance=1e-300, max_steps=steps).relax(system, start.copy())
        errors.append(np.linalg.norm(result.state - root))
    inner = 1e-5 if path == 0 else 0.0
    for before, after in itertools.pairwise(errors):
        assert after <= 2.0 * before**2 + inner * before + 1e-14
    assert errors[2] < 1e-4 * errors[0]


def test_a_last_step_takes_the_jacobian_before(monkeypatch: pytest.MonkeyPatch):
    """A step fewer with a Jacobian of its own than steps; the equilibrium is the same, row by row."""
    system = circuit((3, 4, 3, 2), rows=4, beta=0.3)
    root = newton_solver(tolerance=1e-14).relax(system, system.rest()).state
    start = root + 1e-4 * np.random.default_rng(1).standard_normal(root.size)
    made = []
    matrices = LayeredLinearisation.matrices
    monkeypatch.setattr(LayeredLinearisation, "matrices", lambda self: made.append(1) or matrices(self))
    result = newton_solver().relax(system, start.copy())
    assert result.status is Status.SETTLED
    assert np.all(result.rates <= 1e-12)
    np.testing.assert_allclose(result.state, root, atol=1e-12)
    assert len(made) == result.steps - 1


def test_it_finds_the_equilibrium_of_the_equations(path: int):
    """Every row of a nudged batch: the drift in NumPy is zero there, and it is where the ODE ends."""
    system = circuit(rows=4, beta=0.4)
    result = newton_solver().relax(system, system.rest())
    assert result.status is Status.SETTLED
    assert np.all(result.rates <= 1e-12)
    assert np.abs(numpy_rate(system, result.state)).max() < 1e-11
    relaxed = solver("tsit5", t_end=300.0, tolerance=1e-12, rtol=1e-9, atol=1e-13).relax(system, system.rest())
    assert relaxed.status is Status.SETTLED
    np.testing.assert_allclose(result.state, relaxed.state, rtol=0, atol=1e-10)


def test_large_circuits_take_the_matrix_free_road(monkeypatch: pytest.MonkeyPatch):
    """Above DENSE_UNTIL no Jacobian matrix is made, and the equilibrium is the same."""
    system = circuit((4, 40, 30, 5), rows=1, compartments=POINT, gain=0.5)
    dense = newton_solver().relax(system, system.rest())
    monkeypatch.setattr(newton, "DENSE_UNTIL", 70)
    monkeypatch.setattr(LayeredLinearisation, "matrices", None)
    free = newton_solver().relax(system, system.rest())
    assert dense.status is free.status is Status.SETTLED
    np.testing.assert_allclose(free.state, dense.state, rtol=0, atol=1e-11)


def test_an_unstable_equilibrium_settles(path: int):
    """tanh units that excite each other by a factor of 2: zero is an equilibrium from which the ODE runs away."""
    system = unit_chain(2.0, [0.0], "tanh")
    start = np.array([0.05, -0.03])
    found = newton_solver().relax(system, start.copy())
    assert found.status is Status.SETTLED
    np.testing.assert_allclose(found.state, 0.0, atol=1e-12)
    away = solver("rk4", dt=0.1, t_end=100.0).relax(system, start.copy())
    assert away.status is Status.SETTLED
    assert np.abs(away.state).min() > 0.9


def test_steps_are_halved_where_a_whole_one_would_not_help(path: int):
    """From deep in the saturation of tanh a full step overshoots; every step taken lowers the rate all the same."""
    system = unit_chain(2.0, [0.3], "tanh", coordinates="membrane")
    start = np.array([8.0, -8.0])
    rates = []
    for steps in range(1, 9):
        result = newton_solver(max_steps=steps, tolerance=1e-300).relax(system, start.copy())
        rates.append(result.rates[0])
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates))
    assert rates[-1] < 1e-10


def test_no_equilibrium_no_settling(path: int):
    """relu(1 + 2 s): no equilibrium at all. It says so, with a finite state, whatever it tried."""
    system = unit_chain(2.0, [1.0], "relu", feedback=1.0)
    result = newton_solver().relax(system, system.rest())
    assert result.status in (Status.STEP_TOO_SMALL, Status.MAX_STEPS)
    assert np.isfinite(result.state).all()
    assert result.rates[0] > 1e-3


def test_a_singular_jacobian_is_a_status(path: int):
    """Identity units with a loop gain of 1: J is singular and there is no equilibrium. A status, and not a warning."""
    system = unit_chain(1.0, [1.0], "identity")
    result = newton_solver().relax(system, system.rest())
    assert result.status is Status.STEP_TOO_SMALL
    assert np.isfinite(result.state).all()
    assert result.rates[0] > 0.1


def test_rows_end_each_with_its_own_status(path: int):
    """A row with an equilibrium settles beside one without: relu(x + 2 s) with x = 1 has none, x = -1 has zero."""
    system = unit_chain(2.0, [1.0, -1.0], "relu", feedback=1.0)
    result = newton_solver().relax(system, system.rest())
    assert statuses(result.codes)[1] is Status.SETTLED
    assert not statuses(result.codes)[0].good
    assert system.take_state(result.state, [1]).tolist() == [0.0, 0.0]


def test_a_start_that_is_not_a_number_has_diverged():
    system = circuit(rows=2)
    state = system.rest()
    system.views(state)[0][0, 1, 0] = np.inf
    with np.errstate(invalid="ignore"):
        result = newton_solver().relax(system, state)
    assert statuses(result.codes) == [Status.SETTLED, Status.DIVERGED]


def test_it_stays_where_it_is_when_it_has_arrived():
    """No step and no change where the rate is below the tolerance already."""
    system = circuit(rows=2)
    root = newton_solver().relax(system, system.rest()).state
    again = newton_solver(tolerance=1e-9).relax(system, root.copy())
    assert again.steps == 0
    np.testing.assert_array_equal(again.state, root)


@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
def test_the_dense_jacobian_is_that_of_the_equations(coordinates: str):
    """Entry by entry against central differences of the drift in NumPy, dyads and the order of planes included."""
    system = circuit((3, 4, 2), rows=1, beta=0.4, coordinates=coordinates)
    y = np.random.default_rng(2).standard_normal(system.size)
    h = 1e-6
    columns = [(numpy_rate(system, y + h * e) - numpy_rate(system, y - h * e)) / (2 * h) for e in np.eye(y.size)]
    np.testing.assert_allclose(system.linearise(y).matrices()[0], np.array(columns).T, rtol=0, atol=1e-9)


def test_put_row_undoes_take():
    """Row by row out of a batch and back: nothing moves."""
    system = circuit(rows=3)
    state = np.random.default_rng(3).standard_normal(system.size)
    copy = np.zeros_like(state)
    for row in (2, 0, 1):
        put_row(system, copy, row, system.take_state(state, [row]))
    np.testing.assert_array_equal(copy, state)


def test_a_row_that_has_diverged_does_not_touch_the_others(path: int):
    """Its NaN is in no product of theirs: they end where they end alone."""
    system = circuit(compartments=POINT, gain=0.5, rows=3)
    alone = newton_solver().relax(system, system.rest()).state
    start = system.rest()
    for view in system.views(start):
        view[:, 1] = np.nan
    result = newton_solver().relax(system, start)
    assert [status.name for status in statuses(result.codes)] == ["SETTLED", "DIVERGED", "SETTLED"]
    for mine, theirs in zip(system.views(result.state), system.views(alone), strict=True):
        np.testing.assert_allclose(mine[:, [0, 2]], theirs[:, [0, 2]], rtol=0, atol=1e-11)
