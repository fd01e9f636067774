"""The same physics by different roads: coordinates, precisions, company in a batch; exact leaks, and no subnormals."""

from __future__ import annotations

import numpy as np
import pytest
from dynamics_circuits import DYAD, circuit, numpy_rate, solver, unit_chain
from dynamics_toys import LEAK, Toy

from neurosim.dynamics.scheme import FixedScheme, StochasticScheme
from neurosim.dynamics.status import Status
from neurosim.physics.layered.compartments import POINT
from neurosim.registry import SOLVERS

SETTLING = sorted(name for name in SOLVERS if not isinstance(SOLVERS.load(name), StochasticScheme))
FIXED = sorted(name for name in SOLVERS if isinstance(SOLVERS.load(name), FixedScheme))
ODE = [*FIXED, "tsit5", "radau"]
FLOOR = 1e-30


def chosen(name: str, t_end: float = 100.0, dt: float = 0.2, **keys: object) -> object:
    return solver(name, **{"t_end": t_end, **({"dt": dt} if name in FIXED else {}), **keys})


@pytest.mark.parametrize("dt", [0.01, 1.0, 7.0, 50.0])
def test_exponential_euler_is_exact_on_a_leak(dt: float):
    """Isolated leaky units with a bias: s = b + (s0 - b) e^(-t/tau) after steps of any length."""
    system = circuit((2, 3, 2), rows=2, activation="identity", tau=2.0)
    for name, values in system.model.parameters.items():
        if not name.startswith("b"):
            values[:] = 0.0
    system.model.parameters_changed()
    system.present(system.inputs, system.targets)
    start = np.random.default_rng(4).standard_normal(system.size)
    y = start.copy()
    result = chosen("exponential_euler", 5 * dt, dt, tolerance=None).relax(system, y)
    assert result.steps == 5
    for s, s0, k in zip(system.views(y), system.views(start), (1, 2), strict=True):
        b = system.model.parameters[f"b_{k}"]
        np.testing.assert_allclose(s, b + (s0 - b) * np.exp(-5 * dt / 2.0), rtol=1e-13, atol=1e-15)


def test_exponential_euler_without_a_leak_is_euler():
    """phi(0) = 1: a block that says its leak rate is 0 takes plain Euler steps."""
    outcomes = [
        chosen(name, 1.0, 0.1, tolerance=None).relax(Toy(LEAK), np.ones(1)) for name in ("euler", "exponential_euler")
    ]
    np.testing.assert_array_equal(outcomes[0].state, outcomes[1].state)


def test_exponential_euler_is_stable_where_euler_is_not():
    """A step of 30 tau on a weakly coupled circuit: Euler runs away, exponential Euler lands on the equilibrium."""
    system = circuit(compartments=POINT, gain=0.5)
    plain = chosen("euler", 30.0 * 200, 30.0, tolerance=1e-9).relax(system, system.rest())
    exponential = chosen("exponential_euler", 30.0 * 200, 30.0, tolerance=1e-9).relax(system, system.rest())
    assert plain.status is not Status.SETTLED
    assert exponential.status is Status.SETTLED
    linear = circuit(compartments=POINT, gain=0.5, activation="identity")
    assert chosen("euler", 30.0 * 200, 30.0).relax(linear, linear.rest()).status is Status.DIVERGED
    assert chosen("exponential_euler", 30.0 * 200, 30.0).relax(linear, linear.rest()).status is Status.SETTLED


@pytest.mark.parametrize("compartments", [POINT, DYAD], ids=["point", "dyad"])
def test_coordinates_share_their_equilibrium(compartments: object):
    """s = f(u) at rest, whether the state is the activity or the membrane; on the way there they differ."""
    beta = 0.4 if compartments is DYAD else 0.0
    systems = [
        circuit(compartments=compartments, gain=0.6, beta=beta, coordinates=coordinates, output_activation="tanh")
        for coordinates in ("activity", "membrane")
    ]
    settled = [chosen("tsit5", tolerance=1e-11, rtol=1e-9).relax(s, s.rest()) for s in systems]
    assert all(result.status is Status.SETTLED for result in settled)
    np.testing.assert_allclose(np.tanh(settled[1].state), settled[0].state, rtol=0, atol=1e-9)
    early = [chosen("tsit5", 0.5, tolerance=None, rtol=1e-9).relax(s, s.rest()) for s in systems]
    assert np.abs(np.tanh(early[1].state) - early[0].state).max() > 1e-2


@pytest.mark.parametrize("name", ODE)
def test_membrane_coordinates_follow_their_own_equation(name: str):
    """tau du/dt = -u + W f(u) + ...: the drift in membrane coordinates against the equation in NumPy."""
    system = circuit(beta=0.4, coordinates="membrane")
    y = np.random.default_rng(5).standard_normal(system.size)
    np.testing.assert_allclose(system.rate(y), numpy_rate(system, y), rtol=0, atol=1e-13)
    result = chosen(name, 2.0, 0.125, tolerance=None).relax(system, y)
    np.testing.assert_allclose(system.rate(result.state), numpy_rate(system, result.state), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", SETTLING)
def test_single_and_double_precision_agree(name: str):
    """All solvers: equilibria in float32 within 1e-5 of those in float64, for states of order one."""
    settled = {}
    for dtype in ("float32", "float64"):
        system = circuit(beta=0.4, dtype=dtype)
        keys = {"tolerance": 1e-6 if dtype == "float32" else 1e-10}
        if name in ("tsit5", "radau") and dtype == "float64":
            keys |= {"rtol": 1e-9, "atol": 1e-12}  # or the step control leaves noise above the tolerance
        how = chosen(name, **keys) if name in ODE else solver(name, max_steps=1000, **keys)
        result = how.relax(system, system.rest())
        assert result.state.dtype == np.dtype(dtype)
        assert result.rates.dtype == np.float64
        assert result.status is Status.SETTLED
        settled[dtype] = result.state
    assert np.abs(settled["float64"]).max() < 2.0
    np.testing.assert_allclose(settled["float32"], settled["float64"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", [*FIXED, "sweeps", "newton", "radau"])
def test_rows_do_not_feel_each_other(name: str):
    """A sample relaxed alone ends where it ends in a batch of seven, to the rounding of the matrix products."""
    system = circuit(rows=7, beta=0.4)
    keys = {"tolerance": None} if name != "newton" else {"tolerance": 1e-12}
    how = chosen(name, 3.0, 0.05, **keys) if name in ODE else solver(name, max_steps=12, **keys)
    start = np.random.default_rng(6).standard_normal(system.size)
    together = how.relax(system, start.copy())
    for row in range(7):
        one = system.take([row])
        alone = how.relax(one, system.take_state(start, [row]))
        np.testing.assert_allclose(system.take_state(together.state, [row]), alone.state, rtol=0, atol=1e-13)
        np.testing.assert_allclose(together.rates[row], alone.rates[0], rtol=1e-9, atol=1e-13)


def test_an_infinite_row_does_not_spoil_its_neighbours():
    """A row that has overflowed leaves the others as they would be without it."""
    system = circuit(rows=3, compartments=POINT, activation="identity", gain=0.5)
    start = np.zeros(system.size)
    for view in system.views(start):
        view[:, 1] = 1e308
    how = chosen("rk4", 20.0, 0.5, tolerance=None)
    together = how.relax(system, start)
    pair = system.take([0, 2])
    np.testing.assert_allclose(
        system.take_state(together.state, [0, 2]), how.relax(pair, pair.rest()).state, rtol=0, atol=1e-13
    )
    assert together.codes.tolist() == [Status.FINISHED.code, Status.DIVERGED.code, Status.FINISHED.code]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*FIXED, "tsit5"])
def test_silent_units_become_zero(name: str, dtype: str):
    """Rectified units that nobody drives decay to exactly zero, not through hundreds of tau of subnormal numbers."""
    system = unit_chain(0.0, [-1.0, 1.0], "relu", dtype=dtype)
    state = np.ones(system.size, dtype)
    for t_end in (60.0, 90.0, 400.0, 800.0):
        result = chosen(name, t_end, 0.25, tolerance=None).relax(system, state.copy())
        magnitudes = np.abs(result.state)
        assert np.all((magnitudes == 0.0) | (magnitudes >= np.float32(FLOOR))), t_end
    hidden = system.views(result.state)[0][0, :, 0]
    # The adaptive scheme, its step at the edge of stability, leaves noise of the size of its absolute tolerance.
    assert abs(hidden[0]) <= (1e-9 if name == "tsit5" else 0.0)
    assert hidden[1] == pytest.approx(1.0)


@pytest.mark.parametrize("name", [*FIXED, "tsit5"])
def test_what_is_smaller_than_any_signal_becomes_zero(name: str):
    """A leak from 1e-29 passes 1e-30 on its way, and is zero from there on."""
    result = chosen(name, 5.0, 0.25, tolerance=None).relax(Toy(LEAK, leak=1.0), np.array([1e-29]))
    assert result.state.tolist() == [0.0]
