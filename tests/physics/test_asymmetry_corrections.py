"""What makes circuits that are not reciprocal exact: transposed loops under the nudge, and dyads."""

import numpy as np
import pytest
from equilibrium_nets import gradient_of_G, net_r, network_of, present
from hypothesis import given, settings
from hypothesis import strategies as st
from test_complex_states import point_network, presented
from test_contour_facts import NEWTON, error_vector, exact_of, free_state, learned

from neurosim.analysis.setup import build_solver
from neurosim.dynamics.dense import to_rows
from neurosim.dynamics.settings import AdaptiveSettings, FixedStepSettings
from neurosim.errors import SimulationError
from neurosim.learning.exact.implicit import implicit_gradient
from neurosim.learning.learner import Learner
from neurosim.learning.rules.equilibrium import Equilibrium
from neurosim.physics.names import ACTIVATION_CODE
from neurosim.workers import Workers

SMOOTH = sorted(set(ACTIVATION_CODE) - {"relu", "hard_sigmoid"})


def lesson(network, inputs, targets, solver=NEWTON, **keys):
    with Workers(1) as workers:
        outcome = Learner(network, solver, Equilibrium(type="equilibrium", **keys), "free", workers).learn(
            inputs, targets
        )
        return {name: values.copy() for name, values in outcome.gradient.items()}, outcome


def test_fact_11_the_asymmetry_cancelling_nudge():
    """R(3, 90), N = 8, beta .05: the error of dhat falls from .341 to below 1e-8."""
    net = net_r(3, 90.0)
    delta = error_vector(exact_of(net))

    def error(**keys):
        return np.linalg.norm(error_vector(learned(net, 8, 0.05, **keys)[0]) - delta) / np.linalg.norm(delta)

    assert error() == pytest.approx(0.341, rel=0.01)
    for coordinates in ("membrane", "activity"):
        assert error(correction="asymmetric", coordinates=coordinates) < 1e-8


@pytest.mark.parametrize("coordinates", ["membrane", "activity"])
@pytest.mark.parametrize("beta", [0.01, 0.5, 20.0])
def test_dyads_are_exact_at_every_nudge(beta, coordinates):
    """R(3, 90): the relative error of the gradient of G is rounding."""
    net = net_r(3, 90.0)
    exact = gradient_of_G(exact_of(net))
    found, outcome = lesson(
        network_of(net, coordinates=coordinates), net.x[None], net.y[None], correction="dyadic", beta=beta
    )
    assert outcome.codes.tolist() == [0]
    assert np.linalg.norm(gradient_of_G(found) - exact) < 1e-11 * np.linalg.norm(exact)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(["activity", "membrane"]), st.sampled_from(SMOOTH), st.sampled_from(SMOOTH),
    st.sampled_from(["squared_error", "cross_entropy"]), st.integers(0, 1000),
)  # fmt: skip
def test_dyads_of_random_circuits_read_the_implicit_gradient(coordinates, hidden, output, cost, seed):
    network = point_network(
        gain=0.3, coordinates=coordinates, activation=hidden, output_activation=output, cost=cost
    )  # fmt: skip
    system = presented(network, seed=seed)
    exact = implicit_gradient(system, free_state(system))
    found, outcome = lesson(network, system.inputs, system.targets, correction="dyadic", beta=0.3)
    assert np.all(outcome.codes == 0)
    for name, values in exact.items():
        assert found[name] == pytest.approx(values, abs=1e-10), name


@pytest.mark.parametrize("name", sorted(ACTIVATION_CODE))
@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
def test_the_rate_of_dyads_is_that_of_the_equations(coordinates, name):
    """Mean and difference by matrices over all units; slopes by differences, but at kinks."""
    from neurosim.physics.activations import ACTIVATIONS

    network = point_network(activation=name, output_activation=name, coordinates=coordinates)
    dyads = presented(network, samples=1).dyads()
    dyads.nudge(0.7)
    state = 0.4 * np.random.default_rng(1).normal(size=dyads.size)
    plus, minus = (np.concatenate([view[c, 0] for view in dyads.views(state)]) for c in (0, 1))
    m, e, p = (plus + minus) / 2, plus - minus, network.parameters
    G = np.zeros((14, 14))
    G[6:11, :6], G[11:, 6:11] = p["W_1"].T, p["W_2"].T
    G[:6, 6:11], G[6:11, 11:] = p["B_1"].T, p["B_2"].T
    kind, membrane = ACTIVATIONS[name], coordinates == "membrane"
    s = kind.value(m) if membrane else m
    v = G @ s + np.concatenate([dyads.inputs[0] @ p["W_0"] + p["b_1"], p["b_2"], p["b_3"]])
    chi = G.T @ e - 0.7 * np.concatenate([np.zeros(11), s[11:] - dyads.targets[0]])
    rate_m, rate_e = (v if membrane else kind.value(v)) - m, kind.slope(m if membrane else v) * chi - e
    found = dyads.rate(state)
    for sign, c in ((0.5, 0), (-0.5, 1)):
        rate = np.concatenate([view[c, 0] for view in dyads.views(found)])
        assert rate == pytest.approx((rate_m + sign * rate_e) / 0.7, abs=1e-12)  # tau is 0.7


@pytest.mark.parametrize("cost", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
@pytest.mark.parametrize("name", SMOOTH)
def test_products_of_dyads_are_differences_of_their_rate(name, coordinates, cost):
    dyads = presented(point_network(activation=name, coordinates=coordinates, cost=cost)).dyads()
    dyads.nudge(0.7)
    draw, h = np.random.default_rng(2), 1e-4
    state, v, w = 0.4 * draw.normal(size=dyads.size), draw.normal(size=dyads.size), draw.normal(size=dyads.size)
    linear = dyads.linearise(state)
    near = dyads.rate(state + h * v) - dyads.rate(state - h * v)
    far = dyads.rate(state + 2 * h * v) - dyads.rate(state - 2 * h * v)
    assert linear.times(v) == pytest.approx((8 * near - far) / (12 * h), abs=1e-8)
    assert w @ linear.times(v) == pytest.approx(v @ linear.transposed_times(w), abs=1e-11)
    lines = np.einsum("rij,rj->ri", linear.matrices(), to_rows(dyads, v))
    assert to_rows(dyads, linear.times(v)) == pytest.approx(lines, abs=1e-12)
    dyads.nudge(0.7 + h)
    up = dyads.rate(state)
    dyads.nudge(0.7 - h)
    assert linear.nudge_slope() == pytest.approx((up - dyads.rate(state)) / (2 * h), abs=1e-9)


@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
def test_transposed_loops_rest_in_the_free_state_and_have_the_transposed_jacobian(coordinates):
    """In activity coordinates J = (D G - 1)/tau, and its mirror image is (D G^T - 1)/tau."""
    system = presented(point_network(coordinates=coordinates))
    state = free_state(system)
    turned = system.transposed_at(state)
    assert np.abs(turned.rate(state)).max() < 1e-12
    J, mirrored = system.linearise(state).matrices(), turned.linearise(state).matrices()
    for row in range(3):
        slope = np.concatenate([D[0, row] for D in system.linearise(state).slopes])
        G = (0.7 * J[row] + np.eye(14)) / (slope[None, :] if coordinates == "membrane" else slope[:, None])
        expected = (G.T * slope[None, :] if coordinates == "membrane" else slope[:, None] * G.T) - np.eye(14)
        assert 0.7 * mirrored[row] == pytest.approx(expected, abs=1e-12)


def test_transposed_loops_follow_the_conductances():
    network = point_network()
    system = presented(network)
    system.transposed_at(free_state(system))
    network.parameters["W_1"][:] *= 0.5
    network.parameters["b_2"][:] += 0.1
    network.parameters_changed()
    state = free_state(system)
    assert np.abs(system.transposed_at(state).rate(state)).max() < 1e-12
    assert np.array_equal(network.transposed().parameters["B_1"], network.parameters["W_1"].T)


@pytest.mark.parametrize("keys", [{"correction": "asymmetric"}, {"correction": "dyadic"}], ids=str)
@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
def test_the_physical_relaxation_leads_there(coordinates, keys):
    """In time, by adaptive steps, from rest; and in single precision by Euler steps to its own accuracy."""
    network = point_network(coordinates=coordinates, gain=0.3)
    system = presented(network)
    expected, _ = lesson(network, system.inputs, system.targets, beta=0.2, **keys)
    slow = build_solver(AdaptiveSettings(solver="tsit5", t_end=200.0, rtol=1e-9, atol=1e-13, tolerance=1e-11))
    found, outcome = lesson(network, system.inputs, system.targets, slow, beta=0.2, **keys)
    assert np.all(outcome.codes == 0)
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, abs=1e-8), name
    single = point_network(coordinates=coordinates, gain=0.3, dtype="float32")
    euler = build_solver(FixedStepSettings(solver="euler", dt=0.2, t_end=100.0, tolerance=1e-6))
    found, outcome = lesson(single, system.inputs, system.targets, euler, beta=0.2, **keys)
    assert np.all(outcome.codes == 0)
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, abs=1e-4), name


def test_both_compartments_are_read_with_their_weights():
    dyads = presented(point_network(coordinates="membrane")).dyads()
    state = np.random.default_rng(3).normal(size=dyads.size)
    means, differences = dyads.parts(state)
    both = [dyads.read_anew(state, weights) for weights in ((1.0, 0.0), (0.0, 1.0))]
    for k, s in enumerate(dyads.activities(means)):
        assert (both[0].block(k) + both[1].block(k)) / 2 == pytest.approx(s, abs=1e-14)
        assert both[0].block(k) - both[1].block(k) == pytest.approx(differences[k], abs=1e-14)


def test_the_difference_of_dyads_takes_no_held_cost_gradient():
    dyads = presented(point_network()).dyads()
    with pytest.raises(SimulationError, match="takes the cost gradient at their mean; it cannot be held"):
        dyads.freeze_cost_gradient(dyads.rest())


def test_rows_of_dyads_taken_out_behave_as_before():
    dyads = presented(point_network()).dyads()
    dyads.nudge(0.3)
    state = np.random.default_rng(3).normal(size=dyads.size)
    some = dyads.take([2, 0])
    assert some.rate(dyads.take_state(state, [2, 0])) == pytest.approx(dyads.take_state(dyads.rate(state), [2, 0]))


def test_a_nudge_in_reciprocal_circuits_needs_no_correction():
    """Transposing what is its own transpose changes nothing."""
    net = net_r(1, 0.0)
    system = present(network_of(net), net)
    state = free_state(system)
    turned = system.transposed_at(state)
    shifted = state + 0.1 * np.random.default_rng(0).normal(size=state.size)
    assert turned.rate(shifted) == pytest.approx(system.rate(shifted), abs=1e-14)
