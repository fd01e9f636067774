"""The update of a conductance is made of two numbers next to it: mean of the dyad below, difference of that above."""

import numpy as np
import pytest
from physics_nets import circuit, draw_numbers, present, relax, rule, solver, sweeps

from neurosim.dynamics.solver import Relaxation, Solver
from neurosim.learning.learner import Learner
from neurosim.workers import Workers

ALPHA, BETA = 0.3, 0.4
LAYERS = (4, 6, 5, 3)


class Given(Solver):
    """A solver that puts the nudged circuit into a state of our choice: whatever was read was read there."""

    name = "given"

    def __init__(self, state):
        self.state = state

    def relax(self, system, state, recorder=None) -> Relaxation:
        if not system.free:
            state[:] = self.state
        return Relaxation(state, np.zeros(system.rows, np.int8), np.zeros(system.rows), 1, 1.0)


def setting(seed, coordinates="activity", samples=7, cost="squared_error"):
    """A network and its samples, a state, all of them random."""
    net, chosen = draw_numbers(LAYERS, samples, seed), rule("original", ALPHA, BETA)
    network = circuit(
        net, chosen.compartments(), activation="tanh", coordinates=coordinates, cost=cost, output_activation="sigmoid"
    )
    state = np.random.default_rng(100 + seed).normal(size=network.system(samples).size)
    return net, chosen, network, state


def update_at(net, chosen, network, state):
    with Workers(1) as workers:
        outcome = Learner(network, Given(state), chosen, "free", workers).learn(net.x.T, net.y.T)
    return {name: values.copy() for name, values in outcome.gradient.items()}


def moved_along_its_mean(planes, r):
    """Change both compartments of a layer such that alpha s+ + (1 - alpha) s- stays."""
    shift = r.normal(size=planes[0].shape)
    return planes + np.stack([(1 - ALPHA) * shift, -ALPHA * shift])


@pytest.mark.parametrize("cost", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("k", range(3))
def test_the_update_of_a_block_ignores_everything_but_its_two_layers(k, cost):
    """All else is drawn anew: other layers, conductances, targets, inputs unless they are the source, even the cost."""
    net, chosen, network, state = setting(seed=0)
    other_net, _, other_network, other_state = setting(seed=1, cost=cost)
    before = update_at(net, chosen, network, state)
    views, others = network.system(7).views(state), other_network.system(7).views(other_state)
    others[k][:] = views[k]  # the target layer k + 1, both compartments
    if k == 0:
        other_net.x = net.x
    else:
        others[k - 1][:] = moved_along_its_mean(views[k - 1], np.random.default_rng(5))
    after = update_at(other_net, chosen, other_network, other_state)
    assert after[f"W_{k}"] == pytest.approx(before[f"W_{k}"], rel=0, abs=1e-13)
    assert after[f"b_{k + 1}"] == pytest.approx(before[f"b_{k + 1}"], rel=0, abs=1e-13)
    for name in before:
        if name not in (f"W_{k}", f"b_{k + 1}"):
            assert np.abs(after[name] - before[name]).min() > 1e-8


@pytest.mark.parametrize("k", range(3))
def test_of_its_target_it_reads_the_difference_alone(k):
    net, chosen, network, state = setting(seed=0)
    before = update_at(net, chosen, network, state)
    target = network.system(7).views(state)[k]
    target += np.random.default_rng(5).normal(size=target[0].shape)  # the same shift for both compartments
    after = update_at(net, chosen, network, state)
    assert after[f"W_{k}"] == pytest.approx(before[f"W_{k}"], rel=0, abs=1e-13)
    target[0] += 1.0
    assert np.abs(update_at(net, chosen, network, state)[f"W_{k}"] - before[f"W_{k}"]).min() > 1e-3


@pytest.mark.parametrize("k", range(3))
def test_one_sample_of_one_unit_reaches_the_conductances_next_to_it_and_no_others(k):
    net, chosen, network, state = setting(seed=0)
    before = update_at(net, chosen, network, state)
    network.system(7).views(state)[k][0, 4, 2] += 1.0  # s+ of unit 2 of layer k + 1, in sample 4
    after = update_at(net, chosen, network, state)
    changed = {name: np.argwhere(after[name] != before[name]) for name in before}
    assert {name for name, where in changed.items() if len(where)} == {f"W_{k}", f"b_{k + 1}"} | (
        {f"W_{k + 1}"} if k < 2 else set()
    )
    assert set(changed[f"W_{k}"][:, 1]) == {2}
    assert changed[f"b_{k + 1}"].tolist() == [[2]]
    if k < 2:
        assert set(changed[f"W_{k + 1}"][:, 0]) == {2}


@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
@pytest.mark.parametrize("variant", ["original", "transposed"])
@pytest.mark.parametrize("samples", [7, 300])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_learner_forms_the_outer_products_of_the_settled_state(variant, coordinates, samples, threads):
    """By hand, from the compartments of every layer; 300 samples are relaxed in several blocks of rows."""
    net, chosen = draw_numbers(LAYERS, samples), rule(variant, ALPHA, BETA)
    network = circuit(net, chosen.compartments(), activation="tanh", coordinates=coordinates, cost="cross_entropy")
    settle = solver("sweeps", tolerance=None, max_steps=60)
    system = present(network, net)
    u = system.views(relax(system, chosen, settle).state)
    s = [np.tanh(x) if coordinates == "membrane" and k < 2 else x for k, x in enumerate(u)]
    with Workers(threads) as workers:
        outcome = Learner(network, settle, chosen, "free", workers).learn(net.x.T, net.y.T)
    for k in range(3):
        source = net.x.T if k == 0 else ALPHA * s[k - 1][0] + (1 - ALPHA) * s[k - 1][1]
        error = (s[k][1] - s[k][0]) / BETA
        expected = sum(np.outer(pre, post) for pre, post in zip(source, error, strict=True)) / samples
        assert outcome.gradient[f"W_{k}"] == pytest.approx(expected, rel=0, abs=1e-13)
        assert outcome.gradient[f"b_{k + 1}"] == pytest.approx(error.mean(axis=0), rel=0, abs=1e-13)


@pytest.mark.parametrize("order", ["forward", "backward", "both"])
def test_what_a_learner_reads_is_what_the_phases_leave(order):
    """Two phases from rest in the array that the learner's system keeps: nothing of the first is left in the second."""
    net, chosen = draw_numbers(LAYERS, samples=5), rule("original", ALPHA, BETA, cost_gradient="frozen")
    network = circuit(net, chosen.compartments(), activation="tanh")
    system = present(network, net)
    s = system.views(relax(system, chosen, sweeps(2, order), "rest").state)
    with Workers(1) as workers:
        outcome = Learner(network, sweeps(2, order), chosen, "rest", workers).learn(net.x.T, net.y.T)
    for k in range(3):
        assert outcome.gradient[f"b_{k + 1}"] == pytest.approx((s[k][1] - s[k][0]).mean(axis=0) / BETA, abs=1e-13)
