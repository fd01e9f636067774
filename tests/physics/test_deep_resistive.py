"""Deep resistive networks: operating points, gradients, and laws of resistors, against references without layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from deep_resistive_nets import (
    branches,
    deep_batch,
    deep_network,
    limits,
    node_by_node,
    quadratic,
    reference_cost,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from neurosim.analysis.setup import build_solver
from neurosim.dynamics.newton import NewtonSolver
from neurosim.dynamics.settings import NewtonSettings, SweepsSettings
from neurosim.dynamics.solver import Solver
from neurosim.dynamics.status import Status
from neurosim.errors import SimulationError
from neurosim.learning.exact.implicit import implicit_gradient, response_estimate
from neurosim.learning.exact.reference import reference_gradient
from neurosim.learning.learner import Learner
from neurosim.learning.rules.equilibrium import Equilibrium
from neurosim.learning.rules.recurrent_backprop import RecurrentBackprop
from neurosim.physics.deep_resistive.network import DeepResistiveNetwork
from neurosim.physics.deep_resistive.settings import DeepResistiveCircuit
from neurosim.workers import Workers

Array = np.ndarray
TWO_HIDDEN = (4, 7, 6, 3)
NEWTON = NewtonSolver(NewtonSettings(solver="newton", tolerance=1e-13))


def sweeps(tolerance: float | None = 1e-13, most: int = 5000, **keys: Any) -> Solver:
    return build_solver(SweepsSettings(solver="sweeps", tolerance=tolerance, max_steps=most, **keys))


def relaxed(net: Any, inputs: Array, targets: Array, beta: float = 0.0, how: Solver | None = None) -> Any:
    """Return a system, how its relaxation ended, and the voltages of the free nodes (rows, nodes)."""
    system = net.system(len(inputs))
    system.present(inputs, targets)
    system.nudge(beta)
    end = (how or sweeps()).relax(system, system.rest())
    return system, end, np.hstack(system.layers_of(end.state))


def taught(net: Any, rule: Any, inputs: Array, targets: Array, how: Solver | None = None) -> dict[str, Array]:
    with Workers(1) as workers:
        lesson = Learner(net, how or sweeps(), rule, "free", workers).learn(inputs, targets)
    assert lesson.usable
    return {name: values.copy() for name, values in lesson.gradient.items()}


def symmetric(beta: float, nudging: str = "symmetric") -> Equilibrium:
    return Equilibrium(type="equilibrium", nudging=nudging, beta=beta)


def flat(gradient: Any) -> Array:
    return np.concatenate([np.ravel(values) for values in gradient.values()])


@pytest.mark.parametrize("beta", [0.0, 0.3, -0.05])
@pytest.mark.parametrize("how", [sweeps(), sweeps(order="backward"), sweeps(order="both"), NEWTON])
def test_every_solver_ends_at_the_minimum_of_the_co_content(how, beta):
    """As node by node to 1e-12 V, in any order of the layers, free and nudged either way."""
    net = deep_network(TWO_HIDDEN, biases=0.2, input_gain=5.0)
    inputs, targets = deep_batch(TWO_HIDDEN, 6)
    system, end, v = relaxed(net, inputs, targets, beta, how)
    assert end.status is Status.SETTLED
    assert np.abs(system.rate(end.state)).max() < 1e-11
    expected = [node_by_node(net, x, y, beta) for x, y in zip(inputs, targets, strict=True)]
    np.testing.assert_allclose(v, expected, rtol=0, atol=1e-11)


@settings(max_examples=25, deadline=None)
@given(
    layers=st.lists(st.integers(1, 8), min_size=2, max_size=4),
    seed=st.integers(0, 1000),
    gain=st.floats(0.1, 300.0),
    beta=st.floats(0.0, 2.0),
)
def test_a_box_constrained_minimiser_finds_the_same_voltages(layers, seed, gain, beta):
    """Fact 7: L-BFGS-B on the co-content, branch by branch, and sweeps until 1e-12 V."""
    net = deep_network(layers, biases=0.3, seed=seed, input_gain=gain)
    inputs, targets = deep_batch(layers, 1, seed)
    system, end, v = relaxed(net, inputs, targets, beta, sweeps(1e-12 * gain))
    assert np.abs(system.rate(end.state)).max() < 1e-11 * max(gain, 1.0)
    A, c = quadratic(net, inputs[0], targets[0], beta)
    found = minimize(
        lambda w: (w @ A @ w / 2 - c @ w, A @ w - c), np.zeros(len(c)), jac=True, method="L-BFGS-B", bounds=limits(net),
        options={"ftol": 1e-16, "gtol": 1e-12, "maxiter": 10000, "maxcor": 30},
    )  # fmt: skip
    scale = max(1.0, np.abs(v).max())
    np.testing.assert_allclose(v[0], found.x, rtol=0, atol=3e-6 * scale)
    low, high = np.array(limits(net)).T
    assert np.all((low <= v[0]) & (v[0] <= high))
    assert v[0] @ A @ v[0] / 2 - c @ v[0] <= found.fun + 1e-12 * abs(found.fun)


def test_a_sweep_never_raises_the_co_content():
    net = deep_network(TWO_HIDDEN, biases=0.5, input_gain=20.0)
    inputs, targets = deep_batch(TWO_HIDDEN, 1)
    A, c = quadratic(net, inputs[0], targets[0], 0.0)
    system = net.system(1)
    system.present(inputs, targets)
    state, values = system.rest(), []
    for _ in range(8):
        v = np.hstack(system.layers_of(state))[0]
        values.append(v @ A @ v / 2 - c @ v)
        system.sweep(state, "forward", first=False)
    assert np.all(np.diff(values) <= 1e-13 * abs(values[-1]))
    assert values[1] < values[0]


def test_what_resistors_dissipate_is_what_sources_deliver():
    """And, with twice the co-content at rest, what Tellegen's theorem says of the branches one by one."""
    net = deep_network((3, 6, 2), input_gain=4.0)
    inputs, targets = deep_batch((3, 6, 2), 3)
    system, end, v = relaxed(net, inputs, targets)
    held = 4.0 * np.hstack([inputs, -inputs])
    for r, power in enumerate(system.power(end.state)):
        V = np.concatenate([held[r], v[r]])
        delivered = sum(g * (V[a] - V[b]) * V[a] for a, b, g in branches(net) if a < 6)
        assert power == pytest.approx(sum(g * (V[a] - V[b]) ** 2 for a, b, g in branches(net)), rel=1e-12)
        assert power == pytest.approx(delivered, rel=1e-10)


def test_ideal_diodes_and_sources_alone_make_the_cost_blind_to_a_common_factor():
    """Fact 5: sum g dC/dg = 0 without bias currents; with them it is not, unless they share the factor."""
    net = deep_network(TWO_HIDDEN, input_gain=5.0)
    inputs, targets = deep_batch(TWO_HIDDEN, 5)
    conductances = {name: net.parameters[name] for name in ("G_0", "G_1", "G_2")}
    for gradient in (
        taught(net, RecurrentBackprop(type="recurrent_backprop"), inputs, targets),
        taught(net, symmetric(1e-5), inputs, targets, NEWTON),
    ):
        products = np.concatenate([np.ravel(g * gradient[name]) for name, g in conductances.items()])
        assert abs(products.sum()) < 1e-8 * np.abs(products).sum()
    biased = deep_network(TWO_HIDDEN, biases=0.3, input_gain=5.0)
    gradient = taught(biased, RecurrentBackprop(type="recurrent_backprop"), inputs, targets)
    own = {name: np.sum(biased.parameters[name] * values) for name, values in gradient.items()}
    assert abs(sum(own.values())) < 1e-10 * sum(map(abs, own.values()))
    assert abs(own["G_0"] + own["G_1"] + own["G_2"]) > 1e-3 * sum(map(abs, own.values()))


@pytest.mark.parametrize("nudging", ["symmetric", "one_sided"])
def test_the_update_is_the_difference_of_half_squares_branch_by_branch(nudging):
    """Fact 6: the outer products are what a resistor finds that keeps (v_a - v_b)^2 / 2 of two phases."""
    beta = 1e-3
    net = deep_network(TWO_HIDDEN, biases=0.2, input_gain=5.0)
    inputs, targets = deep_batch(TWO_HIDDEN, 4)
    held = 5.0 * np.hstack([inputs, -inputs])
    nudges = (beta, -beta) if nudging == "symmetric" else (beta, 0.0)
    plus, minus = (np.hstack([held, relaxed(net, inputs, targets, b)[2]]) for b in nudges)
    expected = np.array(
        [
            np.mean((plus[:, a] - plus[:, b]) ** 2 - (minus[:, a] - minus[:, b]) ** 2) / 2 / (nudges[0] - nudges[1])
            for a, b, _ in branches(net)
        ]
    )
    gradient = taught(net, symmetric(beta, nudging), inputs, targets)
    found = np.concatenate([gradient[name].ravel() for name in ("G_0", "G_1", "G_2")])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
    biases = np.concatenate([gradient[name] for name in ("b_1", "b_2", "b_3")])
    np.testing.assert_allclose(biases, (minus - plus).mean(axis=0)[8:] / (nudges[0] - nudges[1]), rtol=0, atol=1e-10)


def test_two_hidden_layers_with_biases_learn_by_the_gradient():
    """Fact 12: a symmetric nudge of 1 mS, and the exact gradient, against differences of the reference's cost."""
    net = deep_network(TWO_HIDDEN, biases=4.0, input_gain=5.0, scale=20.0)
    inputs, targets = deep_batch(TWO_HIDDEN, 3)
    estimate = flat(taught(net, symmetric(1e-3), inputs, targets))
    exact = flat(reference_gradient(net, sweeps(), inputs, targets))
    theta, step = net.parameters.flat, 1e-4
    differences = np.zeros(theta.size)
    for i in range(theta.size):
        costs = []
        for sign in (1.0, -1.0):
            theta[i] += sign * step
            costs.append(reference_cost(net, inputs, targets))
            theta[i] -= sign * step
        differences[i] = (costs[0] - costs[1]) / (2 * step)
    size = np.linalg.norm(differences)
    assert np.linalg.norm(exact - differences) < 1e-8 * size
    assert np.linalg.norm(estimate - differences) < 1e-6 * size


@pytest.mark.parametrize(("nudging", "order"), [("one_sided", 1), ("symmetric", 2)])
def test_the_error_of_the_nudge_has_the_order_of_its_protocol(nudging, order):
    net = deep_network(TWO_HIDDEN, biases=0.2, input_gain=5.0)
    inputs, targets = deep_batch(TWO_HIDDEN, 3)
    exact = flat(taught(net, RecurrentBackprop(type="recurrent_backprop"), inputs, targets))
    betas = np.array([0.02, 0.01, 0.005])
    errors = [np.linalg.norm(flat(taught(net, symmetric(b, nudging), inputs, targets, NEWTON)) - exact) for b in betas]
    np.testing.assert_allclose(np.polyfit(np.log(betas), np.log(errors), 1)[0], order, rtol=0, atol=0.1)


def test_reciprocal_resistors_answer_a_vanishing_nudge_with_the_gradient():
    net = deep_network(TWO_HIDDEN, biases=0.2, input_gain=5.0)
    inputs, targets = deep_batch(TWO_HIDDEN, 3)
    system, end, _ = relaxed(net, inputs, targets)
    exact = flat(implicit_gradient(system, end.state))
    np.testing.assert_allclose(flat(response_estimate(system, end.state, (-1.0,))), exact, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("beta", [0.0, 0.3])
@pytest.mark.parametrize("frozen", [False, True])
def test_the_jacobian_is_that_of_the_rate(beta, frozen):
    """Away from equilibrium too: products, transposed products, matrices and the slope of the nudge."""
    net = deep_network(TWO_HIDDEN, biases=0.3, input_gain=5.0)
    inputs, targets = deep_batch(TWO_HIDDEN, 3)
    system = net.system(3)
    system.present(inputs, targets)
    draw = np.random.default_rng(5)
    state = draw.standard_normal(system.size)
    if frozen:
        system.freeze_cost_gradient(draw.standard_normal(system.size))
    system.nudge(beta)
    linear, step = system.linearise(state), 1e-6
    v, w = draw.standard_normal((2, system.size))
    difference = (system.rate(state + step * v) - system.rate(state - step * v)) / (2 * step)
    np.testing.assert_allclose(linear.times(v), difference, rtol=0, atol=1e-8)
    assert w @ linear.times(v) == pytest.approx(v @ linear.transposed_times(w), rel=1e-12)
    np.testing.assert_allclose(linear.matrices(), super(type(linear), linear).matrices(), rtol=0, atol=1e-14)
    rates = []
    for nudge in (beta + step, beta - step):
        system.nudge(nudge)
        rates.append(system.rate(state))
    np.testing.assert_allclose(linear.nudge_slope(), (rates[0] - rates[1]) / (2 * step), rtol=0, atol=1e-8)


def test_only_ratios_matter():
    """Conductances, bias currents and nudge times a factor: the same voltages."""
    net = deep_network(TWO_HIDDEN, biases=0.2, input_gain=5.0)
    inputs, targets = deep_batch(TWO_HIDDEN, 3)
    before = relaxed(net, inputs, targets, 0.2)[2]
    net.parameters.flat[:] *= 1e-6
    net.parameters_changed()
    np.testing.assert_allclose(relaxed(net, inputs, targets, 0.2e-6)[2], before, rtol=0, atol=1e-11)


def test_conductances_are_drawn_as_published():
    """Uniform in +-1/sqrt(fan-in), the negative half at zero, with the doubled inputs in the fan-in; biases at zero."""
    settings = DeepResistiveCircuit(kind="deep_resistive", layers=[200, 100, 10])
    net = DeepResistiveNetwork(settings, None, "float32", 3)
    G_0, G_1 = net.parameters["G_0"], net.parameters["G_1"]
    assert G_0.shape == (400, 100)
    assert G_1.shape == (100, 10)
    for G, highest in ((G_0, 0.05), (G_1, 0.1)):
        assert abs(np.mean(G == 0) - 0.5) < 4 * 0.5 / np.sqrt(G.size)
        assert G.min() == 0
        assert 0.97 * highest < G.max() < highest
        assert G[G > 0].mean() == pytest.approx(highest / 2, rel=0.15)
    assert not net.parameters["b_1"].any()
    bounded = DeepResistiveNetwork(settings.model_copy(update={"bounds": (0.01, 0.03)}), None, "float32", 3)
    assert (bounded.parameters["G_0"].min(), bounded.parameters["G_0"].max()) == (np.float32(0.01), np.float32(0.03))


def test_a_nudge_up_the_cost_that_leaves_no_minimum_is_a_divergence():
    """Pushed away harder than all its resistors hold it, an output has no voltage."""
    net = deep_network((3, 4, 2))
    inputs, targets = deep_batch((3, 4, 2), 2)
    strongest = net.parameters["G_1"].sum(axis=0).min()
    assert relaxed(net, inputs, targets, -1.01 * strongest)[1].status is Status.DIVERGED
    assert relaxed(net, inputs, targets, -1.01 * strongest, NEWTON)[1].status is Status.DIVERGED
    assert relaxed(net, inputs, targets, -0.1 * strongest)[1].status is Status.SETTLED


def test_a_fixed_number_of_sweeps_says_that_nothing_was_tested_and_what_is_left():
    net = deep_network(TWO_HIDDEN, input_gain=5.0)
    inputs, targets = deep_batch(TWO_HIDDEN, 2)
    _, end, _ = relaxed(net, inputs, targets, how=sweeps(None, 3))
    assert end.status is Status.FINISHED
    assert end.steps == 3
    assert np.all(end.rates > 1e-9)
    assert relaxed(net, inputs, targets, how=sweeps(1e-9, 3))[1].status is Status.MAX_STEPS


def test_single_precision_agrees_with_double():
    net = deep_network(TWO_HIDDEN, biases=0.2, input_gain=5.0)
    inputs, targets = deep_batch(TWO_HIDDEN, 3)
    single = relaxed(net.twin("float32"), inputs, targets, 0.1, sweeps(1e-6))[2]
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, relaxed(net, inputs, targets, 0.1)[2], rtol=0, atol=1e-5)


def test_rows_are_independent():
    net = deep_network(TWO_HIDDEN, biases=0.2, input_gain=5.0)
    inputs, targets = deep_batch(TWO_HIDDEN, 5)
    system, _, v = relaxed(net, inputs, targets, 0.1)
    part = system.take([3, 1])
    again = sweeps().relax(part, part.rest())
    np.testing.assert_allclose(np.hstack(part.layers_of(again.state)), v[[3, 1]], rtol=0, atol=1e-12)


def test_what_it_cannot_do_it_refuses():
    net = deep_network((3, 4, 2))
    system = net.system(2)
    for ask, message in (
        (lambda: system.nudge(1j), "a complex nudge needs complex states"),
        (lambda: system.complex_copies(2), "has no complex states"),
        (lambda: system.transposed_at(system.rest()), "cannot send its signals the other way"),
        (lambda: system.dyads(), "cannot be made into dyads"),
        (lambda: net.plastic_system(1, (1.0,), (1.0,)), "no conductances that change while it relaxes"),
    ):
        with pytest.raises(SimulationError, match=message):
            ask()
