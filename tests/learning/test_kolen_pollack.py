"""Feedback conductances that follow the updates of the forward ones: the mismatch decays as the weights do."""

from __future__ import annotations

import numpy as np
import pytest
from learning_nets import batch, solver
from pydantic import TypeAdapter

from neurosim.learning.learner import Learner
from neurosim.learning.optimizers import Optimizer
from neurosim.learning.rules.dual_propagation import DualPropagation
from neurosim.learning.rules.equilibrium import Equilibrium
from neurosim.learning.settings import OptimizerSettings
from neurosim.physics.imperfection_settings import Asymmetry, Imperfections
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import LayeredCircuit
from neurosim.workers import Workers

LAYERS = (6, 8, 7, 3)
DYADS = DualPropagation(type="dual_propagation", alpha=0.5, beta=0.1, feedback_learning="kolen_pollack")
LOOP = Equilibrium(type="equilibrium", beta=0.1, feedback_learning="kolen_pollack")


def circuit(rule, feedback_learning="kolen_pollack"):
    settings = LayeredCircuit(
        layers=LAYERS, feedback="independent", neuron="dyad" if rule is DYADS else "point", activation="tanh",
        imperfections=Imperfections(asymmetry=Asymmetry(angle_deg=70.0)), init={"gain": 0.4},
    )  # fmt: skip
    return CompartmentNetwork(settings, rule.compartments(), "float64", 3, feedback_learning)


def mismatch(network):
    return np.concatenate([(network.parameters[f"W_{k}"] - network.parameters[f"B_{k}"].T).ravel() for k in (1, 2)])


@pytest.mark.parametrize("rule", [DYADS, LOOP], ids=["dyads", "loop"])
def test_fact_14_the_mismatch_shrinks_by_the_decay_alone(rule, workers: Workers):
    """eta wd = 0.01, 500 steps: 0.99^500, whatever the common updates are."""
    network = circuit(rule)
    before = mismatch(network)
    settings = {"type": "sgd", "rate": 0.2, "weight_decay": 0.05}
    optimizer = Optimizer(
        TypeAdapter(OptimizerSettings).validate_python(settings), network.parameters.trained, workers
    )  # fmt: skip
    learner = Learner(network, solver("sweeps", max_steps=30, tolerance=None), rule, "free", workers)
    start = network.parameters["W_1"].copy()
    for step in range(500):
        inputs, targets = batch(5 + step % 3, LAYERS)
        assert learner.adapt(inputs, targets, optimizer, 0).usable
    assert mismatch(network) == pytest.approx(0.0065705 * before, rel=1e-4)
    assert mismatch(network) == pytest.approx(0.99**500 * before, abs=1e-10 * np.abs(before).max())
    assert np.linalg.norm(network.parameters["W_1"] - 0.99**500 * start) > 0.01  # there were common updates


@pytest.mark.parametrize("rule", [DYADS, LOOP], ids=["dyads", "loop"])
def test_the_product_is_that_of_the_forward_conductance(rule, workers: Workers):
    learner = Learner(circuit(rule), solver("sweeps", max_steps=200), rule, "free", workers)
    gradient = learner.learn(*batch(9, LAYERS)).gradient
    for k in (1, 2):
        np.testing.assert_allclose(gradient[f"B_{k}"], gradient[f"W_{k}"].T, rtol=0, atol=1e-15)


def test_without_it_feedback_between_dyads_stays_and_that_of_a_loop_has_a_product_of_its_own(workers: Workers):
    assert "B_1" not in circuit(DYADS, "none").parameters.gradient()
    learner = Learner(circuit(LOOP, "none"), solver("sweeps", max_steps=200), LOOP, "free", workers)
    gradient = learner.learn(*batch(9, LAYERS)).gradient
    assert np.abs(gradient["B_1"] - gradient["W_1"].T).max() > 1e-3
