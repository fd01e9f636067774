"""Always-on learning under an oscillating nudge: fact 8 of the reference, its slow limit, and what is refused."""

import numpy as np
import pytest
from equilibrium_nets import f, net_r, network_of
from test_complex_states import point_network, presented
from test_contour_facts import NEWTON, error_vector, exact_of, free_state

from neurosim.analysis.setup import build_solver
from neurosim.analysis.timing import slowest_time_constant
from neurosim.dynamics.settings import AdaptiveSettings, FixedStepSettings, StiffSettings
from neurosim.errors import SimulationError
from neurosim.learning.exact.implicit import response_reading
from neurosim.learning.learner import Learner
from neurosim.learning.rule import Reading
from neurosim.learning.rules.oscillating import Oscillating
from neurosim.workers import Workers

EULER = build_solver(FixedStepSettings(solver="euler", dt=0.02, t_end=1.0))
RK4 = build_solver(FixedStepSettings(solver="rk4", dt=0.25, t_end=1.0))


def demodulated(network, inputs, targets, solver, **keys):
    """Return the error vectors, the mean activities and the statuses of a batch, as a rule reads them."""
    system = network.system(len(inputs))
    system.present(inputs, targets)
    reading = Reading(
        system.signal(), system.signal(), np.zeros((len(inputs), network.outputs)), np.zeros(len(inputs), np.int8), 1.0
    )
    Oscillating(type="oscillating", **keys).read(system, solver, "free", reading)
    join = np.concatenate
    return join(reading.error.blocks(), axis=1), join(reading.source.blocks(), axis=1), reading


def on_net_r(solver, psi=0.0, **keys):
    net = net_r(0, psi)
    error, mean, _ = demodulated(network_of(net), net.x[None], net.y[None], solver, beta=0.1, **keys)
    delta = error_vector(exact_of(net))
    return np.linalg.norm(error[0] - delta) / np.linalg.norm(delta), mean[0] - f(net.settle())


@pytest.mark.parametrize(("period", "published"), [(10.0, 0.627), (40.0, 0.126), (160.0, 0.0092)])
def test_fact_8_rotating_nudge(period, published):
    """R(0, 0), beta .1, Euler steps of .02 tau; the mean activity is the free one."""
    error, shift = on_net_r(EULER, period=period, periods={10.0: 8, 40.0: 3, 160.0: 2}[period])
    assert error == pytest.approx(published, rel=0.02)
    assert np.abs(shift).max() < 1e-10


@pytest.mark.parametrize(("period", "published"), [(160.0, 0.0125), (320.0, 0.0068)])
def test_fact_8_cosine(period, published):
    error, shift = on_net_r(RK4, period=period, periods=2, drive="cosine")
    assert error == pytest.approx(published, rel=0.02)
    assert np.abs(shift).max() == pytest.approx(3.7e-3, rel=0.02)


def test_fact_8_the_floor_of_a_cosine():
    """Infinitely slow, (3/4) c_3 beta^2 is left: .0055."""
    assert on_net_r(NEWTON, period=1.0, drive="cosine")[0] == pytest.approx(0.0055, rel=0.02)
    error, shift = on_net_r(NEWTON, period=1.0, drive="rotating")
    assert error < 1e-10
    assert np.abs(shift).max() < 1e-12


@pytest.mark.parametrize("period", [20.0, 40.0])
def test_the_lag_is_that_of_the_linear_circuit(period):
    """dhat = D (1 + omega^2 tau^2 J_u^-2)^-1 D^-1 d0 while beta is small, for directed conductances as well."""
    net, omega = net_r(3, 45.0), 2 * np.pi / period
    error, _, _ = demodulated(network_of(net), net.x[None], net.y[None], RK4, beta=1e-4, period=period, periods=6)
    s = f(net.settle())
    D = 4 * s * (1 - s)
    J_u, J = net.G * D - np.eye(21), net.G - np.diag(1 / D)
    d0 = -np.linalg.solve(J, np.concatenate([np.zeros(16), s[16:] - net.y]))
    inverse = np.linalg.inv(J_u)
    expected = D * np.linalg.solve(np.eye(21) + omega**2 * inverse @ inverse, d0 / D)
    assert np.linalg.norm(error[0] - expected) < 1e-4 * np.linalg.norm(expected)


@pytest.mark.parametrize("drive", ["rotating", "cosine"])
@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
def test_slow_oscillations_tend_to_the_response(drive, coordinates):
    """The lag falls fourfold with every doubled period, on a batch of a random directed circuit."""
    network = point_network(coordinates=coordinates, gain=0.3)
    system = presented(network)
    state, source, limit = free_state(system), system.signal(), system.signal()
    response_reading(system, state, (-1.0,), source, limit)
    exact, left = np.concatenate(limit.blocks(), axis=1), []
    for period in (40.0, 80.0):
        error, _, _ = demodulated(
            network, system.inputs, system.targets, RK4, drive=drive, beta=0.001, period=period, periods=2
        )
        left.append(np.linalg.norm(error - exact))
    assert left[0] / left[1] == pytest.approx(4.0, rel=0.05)


def test_adaptive_steps_and_single_precision_agree():
    keys = {"beta": 0.1, "period": 40.0, "periods": 2, "lock_in": 1}
    system = presented(point_network())
    fine, mean, _ = demodulated(point_network(), system.inputs, system.targets, RK4, **keys)
    tsit5 = build_solver(AdaptiveSettings(solver="tsit5", t_end=1.0, rtol=1e-8, atol=1e-11))
    found, found_mean, _ = demodulated(point_network(), system.inputs, system.targets, tsit5, **keys)
    assert found == pytest.approx(fine, abs=1e-5)
    assert found_mean == pytest.approx(mean, abs=1e-5)
    single = point_network(dtype="float32")
    found, _, _ = demodulated(single, system.inputs, system.targets, RK4, **keys)
    assert found == pytest.approx(fine, abs=1e-3)


def test_averages_over_several_periods_are_their_mean():
    system = presented(point_network())
    keys = {"beta": 0.1, "period": 20.0}
    runs = [
        demodulated(point_network(), system.inputs, system.targets, RK4, **keys, periods=n, lock_in=m)[0]
        for n, m in ((2, 1), (3, 1), (3, 2))
    ]
    assert runs[2] == pytest.approx((runs[0] + runs[1]) / 2, abs=1e-12)


def test_a_batch_teaches_what_its_samples_read():
    net = net_r(3, 20.0)
    rule = Oscillating(type="oscillating", beta=0.1, period=20.0, periods=2)
    with Workers(1) as workers:
        outcome = Learner(network_of(net), RK4, rule, "free", workers).learn(net.x[None], net.y[None])
        gradient = {name: values.copy() for name, values in outcome.gradient.items()}
    error, mean, reading = demodulated(network_of(net), net.x[None], net.y[None], RK4, beta=0.1, period=20.0, periods=2)
    assert gradient["W_2"] == pytest.approx(np.outer(mean[0, 8:16], error[0, 16:]), abs=1e-14)
    assert outcome.prediction[0] == pytest.approx(mean[0, 16:])
    assert outcome.codes.tolist() == reading.codes.tolist() == [1]  # finished: nothing waits until it settles


def test_a_step_written_with_a_few_digits_makes_no_period_longer():
    """10 s in steps of .3333333 s are 30 steps, not 31."""
    system = presented(point_network())
    for dt in (10 / 30, 0.3333333):
        solver = build_solver(FixedStepSettings(solver="rk4", dt=dt, t_end=1.0)).lasting(10.0)
        relaxation = solver.relax(system, system.rest())
        assert (relaxation.steps, relaxation.time) == (30, pytest.approx(10.0))


def test_an_infinitely_slow_circuit_says_what_it_says_freely():
    net = net_r()
    network = network_of(net)
    _, _, reading = demodulated(network, net.x[None], net.y[None], NEWTON, beta=0.3, period=1.0, drive="cosine")
    assert reading.prediction[0] == pytest.approx(f(net.settle())[16:], abs=1e-12)


def test_what_is_left_on_the_circuit_is_free_and_the_batch_of_now():
    system = presented(point_network())
    reading = Reading(system.signal(), system.signal(), np.zeros((3, 3)), np.zeros(3, np.int8), 1.0)
    for drive in ("cosine", "rotating"):
        Oscillating(type="oscillating", beta=0.1, period=10.0, drive=drive).read(system, RK4, "free", reading)
        assert system.free
    system.present(system.inputs + 1.0, system.targets[::-1])
    for rotating in (True, False):
        driven = system.oscillating(rotating, 10.0)
        assert np.array_equal(driven.inputs, system.inputs)
        assert np.array_equal(driven.targets, system.targets)
        with pytest.raises(SimulationError, match="an oscillating nudge needs a strength"):
            driven.nudge(0.0)


def test_rows_taken_out_swing_as_before():
    system = presented(point_network())
    for rotating in (True, False):
        driven = system.oscillating(rotating, 10.0)
        driven.nudge(0.2)
        state = 0.3 * np.random.default_rng(0).normal(size=driven.size)
        some = driven.take([2, 0])
        rows = driven.take_state(state, [2, 0])
        units = np.concatenate([rows, np.zeros(some.size - rows.size)])
        rate = some.rate(units, time=3.0)[: rows.size]
        assert rate == pytest.approx(driven.take_state(driven.rate(state, time=3.0), [2, 0]), abs=1e-14)


def test_a_driven_circuit_has_no_equilibrium():
    driven = presented(point_network()).oscillating(True, 10.0)
    with pytest.raises(SimulationError, match="a circuit under an oscillating nudge has no equilibrium"):
        driven.linearise(driven.rest())
    with pytest.raises(SimulationError, match="an oscillating nudge follows the present output"):
        driven.freeze_cost_gradient(driven.rest())
    with pytest.raises(SimulationError, match="solver radau cannot run for a given time; use an explicit ODE solver"):
        build_solver(StiffSettings(solver="radau", t_end=1.0)).lasting(2.0)


def test_the_slowest_time_constant_of_a_loop():
    """R(0, 0): 1 / .3506 tau; in a circuit of 600 units and more only the leak is known."""
    net = net_r()
    system = network_of(net).system(1)
    system.present(net.x[None], net.y[None])
    assert slowest_time_constant(system) == pytest.approx(1 / 0.3506, rel=1e-3)
    large = point_network((4, 601, 3)).system(1)
    assert slowest_time_constant(large) == 0.7
