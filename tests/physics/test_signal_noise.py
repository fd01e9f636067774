"""Noise on reads and nudges: how large, how independent, and the same for every way to run a batch."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.dynamics.settings import SweepsSettings
from neurosim.dynamics.sweeps import SweepSolver
from neurosim.learning.learner import Learner
from neurosim.learning.rules.dual_propagation import DualPropagation
from neurosim.learning.rules.equilibrium import Equilibrium
from neurosim.physics.imperfection_settings import Imperfections
from neurosim.physics.layered.compartments import POINT, dyad
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import LayeredCircuit
from neurosim.workers import Workers

SWEEPS = SweepSolver(SweepsSettings(solver="sweeps", max_steps=60, tolerance=1e-10))
ROWS = 400


def network(neuron="point", layers=(3, 30, 20), dtype="float64", **imperfections):
    circuit = LayeredCircuit(
        kind="layered", neuron=neuron, layers=layers, activation="shifted_sigmoid", output_activation="tanh",
        init={"gain": 0.3}, imperfections=Imperfections(**imperfections),
    )  # fmt: skip
    return CompartmentNetwork(circuit, POINT if neuron == "point" else dyad(0.5, transposed=True), dtype, seed=2)


def presented(model, rows=ROWS):
    draw = np.random.default_rng(4)
    system = model.system(rows)
    system.present(draw.normal(size=(rows, 3)), draw.normal(size=(rows, 20)))
    return system


@pytest.mark.parametrize(("neuron", "weights"), [("point", (1.0,)), ("point", (-2.0,)), ("dyad", (0.3, 0.7))])
def test_every_state_that_is_read_has_noise_of_its_own(neuron, weights):
    system = presented(network(neuron, read_noise={"sd": 0.1}))
    state, exact = system.rest(), system.signal()
    system.read_exactly(state, weights, exact)
    noises = [np.concatenate(system.read_anew(state, weights).blocks(), 1) - np.concatenate(exact.blocks(), 1)
              for _ in range(2)]  # fmt: skip
    for noise in noises:
        assert noise.std() == pytest.approx(0.1 * np.linalg.norm(weights), rel=5 / np.sqrt(2 * noise.size))
    pairs = [(noises[0], noises[1]), (noises[0][:, 1:], noises[0][:, :-1]), (noises[0][1:], noises[0][:-1])]
    for a, b in pairs:
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(a.size)


def test_only_the_blocks_that_were_named_are_read_with_noise():
    system = presented(network(read_noise={"sd": 0.1, "blocks": ["layer_2"]}))
    hidden, outputs = system.read_anew(system.rest(), (1.0,)).blocks()
    every = presented(network(read_noise={"sd": 0.1})).read_anew(system.rest(), (1.0,)).blocks()
    assert np.ptp(hidden) == 0.0
    np.testing.assert_array_equal(outputs, every[1])


def test_the_nudge_pulls_towards_targets_that_are_wrong_anew_in_every_phase():
    system = presented(network(nudge_noise={"sd": 0.2}))
    shown = system.targets.copy()
    errors = []
    for _ in range(2):
        system.nudge(0.1)
        errors.append(system.targets - shown)
        system.nudge(0.0)
        np.testing.assert_array_equal(system.targets, shown)
    for error in errors:
        assert error.std() == pytest.approx(0.2, rel=5 / np.sqrt(2 * error.size))
    assert abs(np.corrcoef(errors[0].ravel(), errors[1].ravel())[0, 1]) < 5 / np.sqrt(errors[0].size)


def test_copies_of_a_sample_are_nudged_with_noise_of_their_own():
    copies = presented(network(nudge_noise={"sd": 0.2})).complex_copies(3)
    shown = copies.targets.copy()
    copies.nudge_copies([0.1j, 0.1 + 0.1j, -0.1])
    parts = np.split(copies.targets - shown, 3)
    for i in range(3):
        assert parts[i].std() == pytest.approx(0.2, rel=5 / np.sqrt(2 * parts[i].size))
        assert abs(np.corrcoef(parts[i].ravel(), parts[i - 1].ravel())[0, 1]) < 5 / np.sqrt(parts[i].size)


RULES = [
    ("point", Equilibrium(type="equilibrium", nudging="one_sided", beta=0.2)),
    ("point", Equilibrium(type="equilibrium", nudging="contour", points=4, beta=0.2)),
    ("dyad", DualPropagation(type="dual_propagation", beta=0.2)),
]


@pytest.mark.parametrize(("neuron", "rule"), RULES, ids=["one_sided", "contour", "dyads"])
def test_noise_depends_on_the_path_and_not_on_company_order_or_threads(neuron, rule):
    noise = {"read_noise": {"sd": 0.05}, "nudge_noise": {"sd": 0.1}}
    draw = np.random.default_rng(4)
    inputs, targets, paths = draw.normal(size=(150, 3)), draw.normal(size=(150, 20)), draw.permutation(10**6)[:150]

    def errors(order, threads=1):
        with Workers(threads) as workers:
            learner = Learner(network(neuron, **noise), SWEEPS, rule, "free", workers)
            lesson = learner.learn(inputs[order], targets[order], paths[order])
            return np.concatenate(lesson.errors.blocks(), axis=1) * len(order)

    everyone = np.arange(150)
    whole = errors(everyone)
    np.testing.assert_array_equal(errors(everyone, threads=2), whole)
    mixed = draw.permutation(150)
    np.testing.assert_allclose(errors(mixed), whole[mixed], rtol=0, atol=1e-8)
    few = mixed[:7]
    np.testing.assert_allclose(errors(few), whole[few], rtol=0, atol=1e-8)


def test_a_circuit_without_noise_is_the_one_whose_noise_is_zero():
    quiet, silent = network(), network(read_noise={"sd": 0.0}, nudge_noise={"sd": 0.0})
    assert not silent.noisy
    assert silent.system(3).signal_noise is None
    np.testing.assert_array_equal(quiet.parameters.flat, silent.parameters.flat)


def test_one_kind_of_noise_does_not_change_the_other():
    both, one = network(read_noise={"sd": 0.1}, nudge_noise={"sd": 0.2}), network(read_noise={"sd": 0.1})
    state = both.system(5).rest()
    reads = []
    for model in (both, one):
        system = presented(model, 5)
        system.nudge(0.1)
        reads.append(system.read_anew(state, (1.0,)).values)
    np.testing.assert_array_equal(*reads)
