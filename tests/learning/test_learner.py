"""The learner: mean products of what every synapse reads, the same whatever the threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from learning_nets import Array, batch, copied, network, rule, solver
from pydantic import TypeAdapter

from neurosim.dynamics.status import Status
from neurosim.learning.exact.backprop import exact_gradient
from neurosim.learning.learner import Learner
from neurosim.learning.optimizers import Optimizer
from neurosim.learning.protocol import run_phases
from neurosim.learning.rules.backprop import Backprop
from neurosim.learning.settings import OptimizerSettings
from neurosim.physics.layered import products
from neurosim.workers import Workers

SWEEPS = {"name": "sweeps", "max_steps": 8, "tolerance": None}
EULER = {"name": "euler", "dt": 0.2, "t_end": 6.0, "tolerance": None}
HOW = pytest.mark.parametrize("how", [SWEEPS, EULER], ids=["sweeps", "euler"])


def planes_of(system: Any, state: Array) -> list[tuple[Array, Array]]:
    """Return (s+, s-) of every layer above the inputs, (rows, units) each, cut out of the flat state by hand."""
    found, at = [], 0
    for units in system.model.layers[1:]:
        size = system.rows * units
        plus, minus = state[at : at + size], state[at + size : at + 2 * size]
        found.append((plus.reshape(system.rows, units), minus.reshape(system.rows, units)))
        at += 2 * size
    return found


@HOW
@pytest.mark.parametrize("rows", [1, 50, 100, 257])
def test_gradients_are_mean_outer_products(rows: int, how: dict[str, Any]):
    """dW_k = mean over samples of (alpha s+ + (1 - alpha) s-)_k x (s- - s+)_{k+1} / beta, db_k = mean of the second."""
    chosen = rule(alpha=0.3, beta=0.2)
    circuit, (inputs, targets) = network(chosen.compartments()), batch(rows)
    with Workers(2) as workers:
        outcome = Learner(circuit, solver(**how), chosen, "free", workers).learn(inputs, targets)
    system = circuit.system(rows)
    system.present(inputs, targets)
    states = run_phases(system, solver(**how), chosen.phases("free"))
    layers = planes_of(system, states["nudged"].state)
    reads = [inputs, *(0.3 * plus + 0.7 * minus for plus, minus in layers)]
    errors = [(minus - plus) / 0.2 for plus, minus in layers]
    for k, error in enumerate(errors):
        expected = np.zeros((reads[k].shape[1], error.shape[1]))
        for sample in range(rows):
            expected += np.outer(reads[k][sample], error[sample]) / rows
        np.testing.assert_allclose(outcome.gradient[f"W_{k}"], expected, rtol=0, atol=1e-13)
        np.testing.assert_allclose(outcome.gradient[f"b_{k + 1}"], error.sum(axis=0) / rows, rtol=0, atol=1e-13)
    parameters = circuit.parameters
    prediction = reads[-2] @ parameters["W_2"] + parameters["b_3"]
    np.testing.assert_allclose(outcome.prediction, prediction, rtol=0, atol=1e-13)
    np.testing.assert_allclose(outcome.losses, 0.5 * np.sum((prediction - targets) ** 2, axis=1), rtol=1e-12)
    assert outcome.steps == sum(relaxation.steps for relaxation in states.values())
    assert set(outcome.gradient) == {block.name for block in parameters.trained_blocks}


@HOW
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [50, 100, 257])
def test_threads_do_not_change_a_bit(rows: int, dtype: str, how: dict[str, Any]):
    """One, two and three threads: gradient, prediction, losses, statuses and steps are the same numbers."""
    chosen = rule(alpha=0.5, beta=0.1)
    inputs, targets = batch(rows, dtype=dtype)
    outcomes = []
    for threads in (1, 2, 3):
        with Workers(threads) as workers:
            learner = Learner(network(chosen.compartments(), dtype=dtype), solver(**how), chosen, "free", workers)
            outcomes.append([copied(learner.learn(inputs, targets)), copied(learner.predict(inputs, targets))])
    for other in outcomes[1:]:
        for mine, theirs in zip(outcomes[0], other, strict=True):
            assert mine.keys() == theirs.keys()
            for name in mine:
                np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)


def test_large_products_are_shared_without_a_difference(monkeypatch: pytest.MonkeyPatch):
    """A matrix cut in pieces for several threads has the values of one that is not cut."""
    chosen = rule(alpha=0.5, beta=0.1)
    inputs, targets = batch(100)
    gradients = []
    for size in (1 << 17, 100):
        monkeypatch.setattr(products, "PRODUCT_PIECE", size)
        with Workers(2) as workers:
            learner = Learner(network(chosen.compartments()), solver(**SWEEPS), chosen, "free", workers)
            gradients.append(copied(learner.learn(inputs, targets)))
    for name in ("W_0", "W_1", "W_2"):
        np.testing.assert_allclose(gradients[0][name], gradients[1][name], rtol=0, atol=1e-15)


@HOW
def test_a_batch_leaves_no_trace(how: dict[str, Any], workers: Workers):
    """Batches of other sizes and predictions in between change nothing about what a batch teaches."""
    chosen = rule(alpha=0.5, beta=0.1)
    learner = Learner(network(chosen.compartments()), solver(**how), chosen, "rest", workers)
    first = copied(learner.learn(*batch(50)))
    parameters = learner.model.parameters.flat.copy()
    learner.learn(*batch(100))
    learner.predict(*batch(50))
    learner.learn(batch(50)[0][::-1], batch(50)[1])
    again = copied(learner.learn(*batch(50)))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name], err_msg=name)
    np.testing.assert_array_equal(learner.model.parameters.flat, parameters)


@HOW
def test_it_notices_that_conductances_have_changed(how: dict[str, Any], workers: Workers):
    """After a change the learner agrees with one that was made after it: no stale current, no stale feedback."""
    chosen = rule(alpha=0.5, beta=0.1)
    old = Learner(network(chosen.compartments()), solver(**how), chosen, "free", workers)
    old.learn(*batch(50))
    new = Learner(network(chosen.compartments()), solver(**how), chosen, "free", workers)
    for learner in (old, new):
        learner.model.parameters.trained[:] *= 0.7
        learner.model.parameters_changed()
    mine, theirs = copied(old.learn(*batch(50))), copied(new.learn(*batch(50)))
    for name in mine:
        np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)


def test_predictions_are_those_of_the_free_circuit(workers: Workers):
    """Dyads at rest are a feed-forward network: layer by layer in NumPy, whatever the nudge of the rule."""
    chosen = rule(alpha=0.2, beta=3.0)
    circuit, (inputs, targets) = network(chosen.compartments()), batch(100)
    outcome = Learner(circuit, solver(**SWEEPS), chosen, "free", workers).predict(inputs, targets)
    p = circuit.parameters
    s = np.tanh(np.tanh(inputs @ p["W_0"] + p["b_1"]) @ p["W_1"] + p["b_2"]) @ p["W_2"] + p["b_3"]
    np.testing.assert_allclose(outcome.prediction, s, rtol=0, atol=1e-13)
    np.testing.assert_allclose(outcome.losses, 0.5 * np.sum((s - targets) ** 2, axis=1), rtol=1e-12)
    assert set(outcome.codes.tolist()) == {Status.SETTLED.code}
    assert outcome.diverged == 0


def test_statuses_are_those_of_the_samples():
    """A sample that diverges is one sample: its code, counted once, beside others that settle."""
    chosen = rule(variant="original", alpha=0.0, beta=1.0)
    circuit = network(chosen.compartments(), (2, 4, 4, 2), activation="relu", init={"gain": 4.0})
    for k in (1, 2, 3):
        circuit.parameters[f"b_{k}"][:] = 0.0
    circuit.parameters_changed()
    inputs = np.random.default_rng(0).standard_normal((70, 2))
    inputs[::7] = 0.0  # silent rows with targets of zero: nothing to disagree about
    targets = np.random.default_rng(1).random((70, 2))
    targets[::7] = 0.0
    with Workers(2) as workers:
        outcome = Learner(circuit, solver("sweeps", max_steps=400), chosen, "free", workers).learn(inputs, targets)
    assert outcome.diverged == np.count_nonzero(outcome.codes == Status.DIVERGED.code)
    assert 0 < outcome.diverged < 70
    assert set(outcome.codes[::7].tolist()) == {Status.SETTLED.code}


def test_the_worse_of_two_phases_counts(workers: Workers):
    """A free phase that settles does not excuse a nudged one that does not, nor the other way round."""
    chosen = rule(alpha=0.5, beta=0.5)
    circuit = network(chosen.compartments())
    unsettled = Learner(circuit, solver("sweeps", max_steps=1), chosen, "free", workers).learn(*batch(20))
    assert set(unsettled.codes.tolist()) == {Status.MAX_STEPS.code}
    settled = Learner(circuit, solver("sweeps", max_steps=100), chosen, "free", workers).learn(*batch(20))
    assert set(settled.codes.tolist()) == {Status.SETTLED.code}


def test_backprop_as_a_rule_is_the_exact_gradient(workers: Workers):
    """Nothing relaxes; the products are those of the exact errors, for both costs."""
    for cost in ("squared_error", "cross_entropy"):
        circuit = network(Backprop(type="backprop").compartments(), cost=cost)
        inputs, targets = batch(80)
        learner = Learner(circuit, solver(**SWEEPS), Backprop(type="backprop"), "free", workers)
        outcome = learner.learn(inputs, targets)
        for name, exact in exact_gradient(circuit, inputs, targets).items():
            np.testing.assert_allclose(outcome.gradient[name], exact, rtol=0, atol=1e-15)
        assert outcome.steps == 0
        # And the exact gradient is that of the mean loss: one conductance moved by hand.
        h, loss = 1e-6, []
        for sign in (1, -1):
            circuit.parameters["W_1"][3, 4] += sign * h
            circuit.parameters_changed()
            loss.append(learner.predict(inputs, targets).losses.mean())
            circuit.parameters["W_1"][3, 4] -= sign * h
        circuit.parameters_changed()
        slope = (loss[0] - loss[1]) / (2 * h)
        assert outcome_gradient(learner, inputs, targets)["W_1"][3, 4] == pytest.approx(slope, abs=1e-8)


def outcome_gradient(learner: Learner, inputs: Array, targets: Array) -> dict[str, Array]:
    return copied(learner.learn(inputs, targets))


@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_adapting_is_learning_and_a_step(threads: int, kind: str, monkeypatch: pytest.MonkeyPatch):
    """Piece by piece or one after the other: the same conductances and the same memory, bit for bit."""
    monkeypatch.setattr(products, "PRODUCT_PIECE", 100)
    chosen = rule(alpha=0.5, beta=0.1)
    settings = TypeAdapter(OptimizerSettings).validate_python({"type": kind, "rate": 0.01, "weight_decay": 0.1})
    with Workers(threads) as workers:
        ends = []
        for piecewise in (True, False):
            learner = Learner(network(chosen.compartments()), solver(**SWEEPS), chosen, "free", workers)
            optimizer = Optimizer(settings, learner.model.parameters.trained, workers)
            for rows in (50, 100, 50):
                if piecewise:
                    learner.adapt(*batch(rows), optimizer, 1)
                else:
                    optimizer.step(learner.learn(*batch(rows)).gradient.flat, 1)
                    learner.model.parameters_changed()
            learner.model.synchronise()
            ends.append((learner.model.parameters.flat, *optimizer.memory.values()))
            assert optimizer.steps == 3
    for mine, theirs in zip(*ends, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("trouble", ["diverged", "too large"])
def test_conductances_do_not_follow_what_cannot_be_used(trouble: str, dtype: str, workers: Workers):
    """A sample that diverges, or an update whose square is infinite: nothing moves, not even the step count."""
    chosen = rule(variant="original", alpha=0.0, beta=1.0 if trouble == "diverged" else 1e-3)
    gain = 4.0 if trouble == "diverged" else 1.0
    circuit = network(chosen.compartments(), (2, 4, 4, 2), dtype, activation="relu", init={"gain": gain})
    learner = Learner(circuit, solver("sweeps", max_steps=400, tolerance=None), chosen, "free", workers)
    optimizer = Optimizer(
        TypeAdapter(OptimizerSettings).validate_python({"type": "adam", "rate": 0.1}),
        circuit.parameters.trained,
        workers,
    )
    inputs, targets = batch(20, (2, 4, 4, 2), dtype)
    if trouble == "too large":
        circuit.parameters["W_0"][:] = 0.0  # the states stay small, what the synapses of W_0 read does not
        inputs *= np.sqrt(np.finfo(dtype).max)
    before = circuit.parameters.flat.copy()
    outcome = learner.adapt(inputs, targets, optimizer, 0)
    assert not outcome.usable
    assert (outcome.diverged > 0) == (trouble == "diverged")
    np.testing.assert_array_equal(circuit.parameters.flat, before)
    assert optimizer.steps == 0
    assert not any(memory.any() for memory in optimizer.memory.values())
    if trouble == "too large":
        assert learner.adapt(*batch(20, (2, 4, 4, 2), dtype), optimizer, 0).usable
        assert optimizer.steps == 1
