"""The adjoint circuit: the transposed Jacobian at work, and the exact error signals where it settles."""

from __future__ import annotations

import numpy as np
import pytest
from equilibrium_nets import f, net_r, network_of, present
from hypothesis import HealthCheck, assume, given, settings
from physics_circuits import ACTIVATIONS, cases

from neurosim.errors import SimulationError
from neurosim.learning.exact.implicit import implicit_reading, relaxed_reading
from neurosim.physics.layered.compartments import dyad
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import LayeredCircuit
from neurosim.physics.linearisation import Linearisation

PROPERTY = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def free_points(case):
    """Only free networks of point neurons have an adjoint circuit."""
    assume(case.network.compartments.count == 1 and not case.network.compartments.damped)
    case.system.nudge(0.0)
    return case.system, np.random.default_rng(1).normal(size=case.state.size).astype(case.state.dtype)


@PROPERTY
@given(cases(ACTIVATIONS))
def test_its_rate_is_the_transposed_jacobian_and_the_slope_of_the_cost(case):
    """dv/dt = J^T v + (dC/d(state))/tau; its own Jacobian is J^T, as products and as matrices."""
    system, v = free_points(case)
    adjoint, linear = system.adjoint(case.state), system.linearise(case.state)
    leak = system.leak_rates[0]
    expected = linear.transposed_times(v) + leak * system.cost_slope(case.state)
    accuracy = 64 * np.finfo(v.dtype).eps * max(1.0, np.abs(expected).max())
    assert adjoint.rate(v).dtype == v.dtype
    assert np.abs(adjoint.rate(v) - expected).max() <= accuracy
    J = adjoint.linearise(v)
    np.testing.assert_array_equal(J.times(v), linear.transposed_times(v))
    np.testing.assert_array_equal(J.transposed_times(v), linear.times(v))
    assert np.abs(J.matrices() - Linearisation.matrices(J)).max() <= accuracy


@PROPERTY
@given(cases(ACTIVATIONS, dtypes=("float64",)))
def test_rows_and_sweeps_of_the_adjoint_are_those_of_the_network(case):
    """A layer that has been visited last is at rest; rows taken out of a batch move as they did in it."""
    system, v = free_points(case)
    adjoint = system.adjoint(case.state)
    rows = [*reversed(range(system.rows)), 0]
    taken = adjoint.take(rows).rate(adjoint.take_state(v, rows))
    np.testing.assert_allclose(taken, adjoint.take_state(adjoint.rate(v), rows), rtol=0, atol=1e-10)
    for order, last in (("backward", -1), ("forward", 0)):
        swept = v.copy()
        change = adjoint.sweep(swept, order, first=True)
        assert np.abs(adjoint.views(adjoint.rate(swept))[last]).max() < 1e-10
        squares = sum(
            ((a - b) ** 2).sum(axis=(0, 2)) for a, b in zip(adjoint.views(swept), adjoint.views(v), strict=True)
        )
        np.testing.assert_allclose(change, np.sqrt(squares * system.rows / v.size), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("coordinates", ["membrane", "activity"])
@pytest.mark.parametrize("psi_deg", [0.0, 40.0, 90.0])
def test_it_settles_at_the_errors_of_net_r(coordinates, psi_deg):
    """delta = -J^{-T} g (equilibrium propagation, section 4), with feedback that is not reciprocal."""
    from neurosim.analysis.setup import build_solver
    from neurosim.dynamics.polished import EQUILIBRIUM
    from neurosim.dynamics.settings import FixedStepSettings

    net = net_r(0, psi_deg)
    system = present(network_of(net, coordinates=coordinates), net)
    u = net.settle()
    g = np.concatenate([np.zeros(16), f(u)[16:] - net.y])
    delta = -np.linalg.solve((net.G - np.diag(1 / (4 * f(u) * (1 - f(u))))).T, g)
    state = system.rest()
    assert EQUILIBRIUM.relax(system, state).status.good
    source, error = system.signal(), system.signal()
    how = build_solver(FixedStepSettings(solver="rk4", dt=0.2, t_end=400.0, tolerance=1e-13))
    relaxation = relaxed_reading(system, state, how, source, error)
    assert relaxation.status.key == "settled"
    np.testing.assert_allclose(error.values, delta, rtol=0, atol=1e-11)
    np.testing.assert_allclose(source.values, f(u), rtol=0, atol=1e-11)


def test_errors_do_not_depend_on_the_time_constant():
    """Only the time to get there does."""
    from neurosim.analysis.setup import build_solver
    from neurosim.dynamics.settings import FixedStepSettings

    net, found = net_r(3, 45.0), []
    for tau in (1.0, 1e-3):
        system = present(network_of(net, tau=tau), net)
        how = build_solver(FixedStepSettings(solver="rk4", dt=0.2 * tau, t_end=400.0 * tau, tolerance=1e-12))
        state = how.relax(system, system.rest()).state
        source, error, direct = system.signal(), system.signal(), system.signal()
        relaxation = relaxed_reading(system, state, how, source, error)
        implicit_reading(system, state, source, direct)
        np.testing.assert_allclose(error.values, direct.values, rtol=0, atol=1e-10)
        found.append((relaxation.steps, error.values.copy()))
    assert found[0][0] == found[1][0]
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=0, atol=1e-10)


def test_dyads_and_nudged_networks_have_no_adjoint():
    system = CompartmentNetwork(LayeredCircuit(layers=(3, 4, 2), neuron="dyad"), dyad(0.5, True), "float64", 0).system(
        1
    )
    with pytest.raises(SimulationError, match="the adjoint circuit is for point neurons; dyads have back-propagation"):
        system.adjoint(system.rest())
    net = net_r()
    nudged = present(network_of(net), net)
    nudged.nudge(0.1)
    with pytest.raises(SimulationError, match="belongs to the free equilibrium, but the circuit is nudged"):
        relaxed_reading(nudged, nudged.rest(), None, nudged.signal(), nudged.signal())
