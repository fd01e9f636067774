"""Protocols of rules: which phases, where they start, which cost gradient they feel, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from learning_nets import batch, copied, network, rule, solver

from neurosim.errors import SimulationError
from neurosim.learning.exact.backprop import forward_and_errors
from neurosim.learning.learner import Learner
from neurosim.learning.protocol import FREE, Phase, run_phases
from neurosim.learning.rules.backprop import Backprop
from neurosim.physics.layered.compartments import POINT, dyad
from neurosim.workers import Workers

STARTS = pytest.mark.parametrize("start", ["free", "rest"])
GRADIENTS = pytest.mark.parametrize("cost_gradient", ["live", "frozen"])


def test_phases_of_dual_propagation():
    """A free phase first where the nudged one starts from it or needs its prediction, and not otherwise."""

    def phases(start: str, cost_gradient: str) -> tuple[Phase, ...]:
        return rule(beta=0.2, cost_gradient=cost_gradient).phases(start)

    assert phases("free", "live") == (FREE, Phase("nudged", 0.2, "free", "live"))
    assert phases("rest", "live") == (Phase("nudged", 0.2, "rest", "live"),)
    assert phases("free", "frozen") == (FREE, Phase("nudged", 0.2, "free", "frozen"))
    assert phases("rest", "frozen") == (FREE, Phase("nudged", 0.2, "rest", "frozen"))
    assert Backprop(type="backprop").phases("free") == (FREE,)


@GRADIENTS
@pytest.mark.parametrize("name", ["sweeps", "newton", "tsit5"])
def test_the_start_does_not_matter_once_settled(name: str, cost_gradient: str, workers: Workers):
    """From rest or from the free state: the same equilibrium, so the same lesson."""
    keys = {"tsit5": {"t_end": 300.0, "rtol": 1e-9, "atol": 1e-13}}.get(name, {"max_steps": 500})
    chosen = rule(beta=0.2, cost_gradient=cost_gradient)
    lessons = []
    for start in ("free", "rest"):
        learner = Learner(network(chosen.compartments()), solver(name, tolerance=1e-11, **keys), chosen, start, workers)
        lessons.append(copied(learner.learn(*batch(6))))
    for name in lessons[0].keys() - {"steps"}:
        np.testing.assert_allclose(lessons[0][name], lessons[1][name], rtol=0, atol=1e-8, err_msg=name)


@STARTS
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_a_frozen_gradient_is_that_of_the_free_prediction(alpha: float, start: str, workers: Workers):
    """Linear outputs feel exactly -gain beta (prediction - y), so their difference reads it, whatever the beta."""
    chosen = rule(alpha=alpha, beta=0.7, cost_gradient="frozen")
    circuit, (inputs, targets) = network(chosen.compartments()), batch(9)
    learner = Learner(circuit, solver("sweeps", max_steps=200, tolerance=1e-12), chosen, start, workers)
    outcome = learner.learn(inputs, targets)
    _, errors, _ = forward_and_errors(circuit, inputs, targets)
    np.testing.assert_allclose(outcome.gradient["b_3"], errors[-1].mean(axis=0), rtol=0, atol=1e-12)


def test_a_live_gradient_follows_the_output(workers: Workers):
    """Where the nudge moves the mean that goes forward, the live gradient is that of the moved prediction.

    Original dyads with alpha = 1 send the nudged compartment up, so their outputs move to first order in beta.
    """
    lessons, (inputs, targets) = {}, batch(9)
    for cost_gradient in ("live", "frozen"):
        chosen = rule(variant="original", alpha=1.0, beta=0.3, cost_gradient=cost_gradient)
        circuit = network(chosen.compartments(), init={"gain": 0.5})
        learner = Learner(circuit, solver("sweeps", max_steps=500, tolerance=1e-12), chosen, "free", workers)
        lessons[cost_gradient] = copied(learner.learn(inputs, targets))
    moved = lessons["live"]["prediction"]
    _, _, free = forward_and_errors(circuit, inputs, targets)
    assert np.abs(moved - free).max() > 1e-2
    np.testing.assert_allclose(lessons["live"]["b_3"], (moved - targets).mean(axis=0), rtol=0, atol=1e-10)
    np.testing.assert_allclose(lessons["frozen"]["b_3"], (free - targets).mean(axis=0), rtol=0, atol=1e-10)


@GRADIENTS
@STARTS
@pytest.mark.parametrize("order", ["forward", "backward", "both"])
def test_reading_is_running_the_phases(order: str, start: str, cost_gradient: str, workers: Workers):
    """What a rule reads after a few sweeps is what its phases, run on states of their own, end with."""
    chosen = rule(alpha=0.3, beta=0.5, cost_gradient=cost_gradient)
    circuit, (inputs, targets) = network(chosen.compartments()), batch(6)
    how = solver("sweeps", max_steps=2, tolerance=None, order=order)
    lesson = copied(Learner(circuit, how, chosen, start, workers).learn(inputs, targets))
    system = circuit.system(6)
    system.present(inputs, targets)
    settled = run_phases(system, how, chosen.phases(start))["nudged"].state
    for k, (plus, minus) in enumerate(system.views(settled), start=1):
        np.testing.assert_allclose(lesson[f"b_{k}"], ((minus - plus) / 0.5).mean(axis=0), rtol=0, atol=1e-12)


def test_states_of_phases_are_their_own():
    """`own_states`: the free state is still there after a nudged phase from rest."""
    chosen = rule(beta=0.5, cost_gradient="frozen")
    circuit, (inputs, targets) = network(chosen.compartments()), batch(4)
    system = circuit.system(4)
    system.present(inputs, targets)
    results = run_phases(system, solver("sweeps", max_steps=100), chosen.phases("rest"))
    p = circuit.parameters
    free = np.tanh(inputs @ p["W_0"] + p["b_1"])
    np.testing.assert_allclose(system.views(results["free"].state)[0][0], free, rtol=0, atol=1e-13)
    assert np.abs(system.views(results["nudged"].state)[0][0] - free).max() > 1e-6


def test_present_thaws_a_frozen_gradient():
    """The next batch feels a live gradient again until it is frozen anew."""
    chosen = rule(beta=0.5)
    circuit, (inputs, targets) = network(chosen.compartments()), batch(4)
    system = circuit.system(4)
    how = solver("sweeps", max_steps=100)
    system.present(inputs, targets)
    live = run_phases(system, how, chosen.phases("free"))["nudged"].state.copy()
    system.freeze_cost_gradient(np.ones(system.size))
    system.present(inputs, targets)
    np.testing.assert_array_equal(run_phases(system, how, chosen.phases("free"))["nudged"].state, live)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "silu"])
def test_damping_is_refused_where_it_would_move_the_equilibrium(activation: str):
    """Damped sweeps are the original equilibria for clipped identities only."""
    with pytest.raises(SimulationError, match=f"damping would move the fixed points of '{activation}' units.*relu"):
        network(rule(variant="damped").compartments(), activation=activation)
    network(rule(variant="damped").compartments(), activation="relu")


def test_point_neurons_are_refused_by_a_rule_of_dyads():
    """The number of compartments is told on both sides."""
    with pytest.raises(SimulationError, match="'point', with 1 compartments; the rule wants 2"):
        network(rule().compartments(), neuron="point")
    with pytest.raises(SimulationError, match="'dyad', with 2 compartments; the rule wants 1"):
        network(POINT)


def test_backprop_is_refused_where_free_neurons_talk_back():
    """Point neurons have no feed-forward prediction."""
    circuit = network(POINT, neuron="point")
    with pytest.raises(SimulationError, match="feed-forward free state"):
        forward_and_errors(circuit, *batch(3))


def test_a_proximal_nudge_without_a_closed_form_is_refused(workers: Workers):
    """Implicit nudges of outputs that are not linear have no closed form; the message names the ways out."""
    chosen = rule(output="prox", alpha=0.0)
    for keys in ({"output_activation": "tanh"}, {"cost": "cross_entropy"}):
        learner = Learner(network(chosen.compartments(), **keys), solver("sweeps"), chosen, "free", workers)
        with pytest.raises(SimulationError, match="linearised, or an ODE solver"):
            learner.learn(*batch(3))


@pytest.mark.parametrize(
    ("variant", "alpha", "gain"),
    [
        ("original", 0.3, (0.3, -0.7)),
        ("damped", 0.3, (0.3, -0.7)),
        ("transposed", 0.3, (0.7, -0.3)),
        ("transposed", 1.0, (0.0, -1.0)),
    ],
)
def test_variants_are_their_tables(variant: str, alpha: float, gain: tuple[float, float]):
    """Forward goes the alpha mean, backward the difference; the variants differ in who feels how much of it."""
    tables = rule(variant=variant, alpha=alpha).compartments()
    assert tables.forward == (alpha, 1 - alpha)
    assert tables.backward == (1.0, -1.0)
    assert tables.gain == pytest.approx(gain)
    assert tables.damped == (variant == "damped")
    assert rule(output="prox").compartments().gradient_at == "compartment"
    assert Backprop(type="backprop").compartments() == dyad(0.5, transposed=True)
