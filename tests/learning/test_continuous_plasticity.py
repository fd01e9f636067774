"""Learning as one differential equation: its slow limit is descent by the same products; the circuit never rests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from learning_nets import Array, batch, network, rule, solver

from neurosim.learning.exact.backprop import exact_gradient
from neurosim.learning.learner import Learner
from neurosim.learning.optimizers import Optimizer
from neurosim.learning.plasticity import Continuous
from neurosim.learning.protocol import run_phases
from neurosim.learning.settings import Sgd
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.workers import Workers

LAYERS = (4, 6, 5, 3)
CHOSEN = rule(alpha=0.5, beta=0.1)
SETTLE = solver("sweeps", max_steps=200, tolerance=1e-14)


def continuous(
    circuit: CompartmentNetwork, rate: float, hold: float, rows: int = 5, dt: float = 0.25, **keys: Any
) -> Continuous:
    how = solver("rk4", dt=dt, t_end=hold, tolerance=None)
    return Continuous(circuit, how, CHOSEN.always_on, Sgd(type="sgd", rate=rate, **keys), rows)


def circuit(dtype: str = "float64", **keys: Any) -> CompartmentNetwork:
    return network(CHOSEN.compartments(), LAYERS, dtype, **keys)


def settled(model: CompartmentNetwork, inputs: Array, targets: Array) -> Array:
    """Return the compartments at the nudged equilibrium of a batch."""
    system = model.system(len(inputs))
    system.present(inputs, targets)
    return run_phases(system, SETTLE, CHOSEN.phases("free"))["nudged"].state


def test_one_hold_of_a_settled_circuit_is_a_step_of_gradient_descent(workers: Workers):
    """From the equilibrium of the batch: half the rate, a quarter of the difference to a step of rate times hold."""
    inputs, targets = batch(5, LAYERS)
    differences = []
    for rate in (4e-3, 2e-3, 1e-3):
        ends = []
        for always in (True, False):
            model = circuit()
            if always:
                plasticity = continuous(model, rate, hold=10.0)
                plasticity.memory["compartments"][:] = settled(model, inputs, targets)
                assert plasticity.adapt(inputs, targets, 0).usable
            else:
                optimizer = Optimizer(Sgd(type="sgd", rate=10.0 * rate), model.parameters.trained, workers)
                Learner(model, SETTLE, CHOSEN, "free", workers).adapt(inputs, targets, optimizer, 0)
            ends.append(model.parameters.trained.copy())
        differences.append(float(np.linalg.norm(ends[0] - ends[1])))
        moved = float(np.linalg.norm(ends[1] - circuit().parameters.trained))
        assert differences[-1] < 20 * rate * moved
    np.testing.assert_allclose(np.diff(np.log2(differences)), -2.0, rtol=0, atol=0.05)


def test_slow_plasticity_follows_the_flow_of_the_settled_products(workers: Workers):
    """d theta/dt = -rate (product at equilibrium) if the circuit has time: the distance is proportional to the rate."""
    inputs, targets = batch(5, LAYERS)
    model = circuit()
    learner, theta = Learner(model, SETTLE, CHOSEN, "free", workers), model.parameters.trained
    steps, travelled = 40, 1.0  # rate times time

    def slope(at: Array) -> Array:
        theta[:] = at
        model.parameters_changed()
        return -learner.learn(inputs, targets).gradient.flat.copy()

    y, h = theta.copy(), travelled / steps
    for _ in range(steps):
        k1 = slope(y)
        k2 = slope(y + h / 2 * k1)
        k3 = slope(y + h / 2 * k2)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(y + h * k3))
    distances = []
    for rate in (0.04, 0.02, 0.01):
        other = circuit()
        plasticity = continuous(other, rate, hold=travelled / rate)
        plasticity.memory["compartments"][:] = settled(other, inputs, targets)
        plasticity.adapt(inputs, targets, 0)
        distances.append(float(np.linalg.norm(other.parameters.trained - y)))
    np.testing.assert_allclose(np.diff(np.log2(distances)), -1.0, rtol=0, atol=0.1)
    assert distances[-1] < 0.03 * np.linalg.norm(y - circuit().parameters.trained)


def test_the_cost_falls_by_the_power_of_its_gradient():
    """-dC/dt = rate |dC/dtheta|^2 for a slow circuit with a weak nudge."""
    inputs, targets = batch(5, LAYERS)
    weak, model, rate, hold = rule(alpha=0.5, beta=1e-3), circuit(), 1e-4, 20.0
    how = solver("rk4", dt=0.25, t_end=hold, tolerance=None)
    plasticity = Continuous(model, how, weak.always_on, Sgd(type="sgd", rate=rate), 5)
    plasticity.adapt(inputs, targets, 0)  # whatever the start was, the circuit has followed the batch now
    costs, powers = [], []
    for _ in range(2):
        gradient = exact_gradient(model, inputs, targets)
        powers.append(sum(float(np.sum(g**2)) for g in gradient.values()))
        system = model.system(5)
        system.present(inputs, targets)
        state = system.rest()
        SETTLE.relax(system, state)
        costs.append(float(model.cost(system.prediction(state), targets).mean()))
        plasticity.adapt(inputs, targets, 0)
    assert costs[0] - costs[1] == pytest.approx(rate * hold * np.mean(powers), rel=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_circuit_goes_on_where_it_was(dtype: str):
    """Shown twice for half the time is shown once: nothing is reset in between."""
    inputs, targets = batch(5, LAYERS, dtype)
    once, twice = circuit(dtype), circuit(dtype)
    continuous(once, 0.05, hold=8.0).adapt(inputs, targets, 0)
    halves = continuous(twice, 0.05, hold=4.0)
    halves.adapt(inputs, targets, 0)
    outcome = halves.adapt(inputs, targets, 0)
    assert halves.steps == 2
    assert outcome.steps == 16
    np.testing.assert_array_equal(once.parameters.trained, twice.parameters.trained)
    assert np.abs(once.parameters.trained - circuit(dtype).parameters.trained).max() > 0.01


def test_it_starts_from_zeros_and_remembers_where_a_batch_has_left_it():
    inputs, targets = batch(5, LAYERS)
    model = circuit()
    plasticity = continuous(model, 0.05, hold=4.0)
    assert not plasticity.memory["compartments"].any()
    system = model.plastic_system(5, CHOSEN.always_on.source, CHOSEN.always_on.error)
    system.present(inputs, targets)
    system.nudge(0.1)
    system.learn_at(0.05, 0.0)
    state = system.rest()
    solver("rk4", dt=0.25, t_end=4.0, tolerance=None).relax(system, state)
    outcome = plasticity.adapt(inputs, targets, 0)
    np.testing.assert_array_equal(plasticity.memory["compartments"], state[: plasticity.memory["compartments"].size])
    np.testing.assert_array_equal(model.parameters.trained, system.conductances(state))
    held = model.system(5)
    held.present(inputs, targets)
    expected = held.prediction(plasticity.memory["compartments"])
    np.testing.assert_allclose(outcome.prediction, expected, rtol=0, atol=1e-14)
    np.testing.assert_allclose(outcome.losses, 0.5 * np.sum((expected - targets) ** 2, axis=1), rtol=1e-12)


def test_circuits_without_a_sample_wait():
    """A batch of 3 after one of 5: three circuits go on, two keep their state; the mean is over three."""
    inputs, targets = batch(5, LAYERS)
    model, alone = circuit(), circuit()
    plasticity, three = continuous(model, 0.05, hold=4.0), continuous(alone, 0.05, hold=4.0, rows=3)
    plasticity.adapt(inputs, targets, 0)
    before = [view.copy() for view in model.system(5).views(plasticity.memory["compartments"])]
    alone.parameters.trained[:] = model.parameters.trained
    alone.parameters_changed()
    for mine, view in zip(alone.system(3).views(three.memory["compartments"]), before, strict=True):
        mine[:] = view[:, :3]
    plasticity.adapt(inputs[2:], targets[2:], 0)
    three.adapt(inputs[2:], targets[2:], 0)
    np.testing.assert_array_equal(model.parameters.trained, alone.parameters.trained)
    after = model.system(5).views(plasticity.memory["compartments"])
    for new, old, mine in zip(after, before, alone.system(3).views(three.memory["compartments"]), strict=True):
        np.testing.assert_array_equal(new[:, 3:], old[:, 3:])
        np.testing.assert_array_equal(new[:, :3], mine)


def test_four_circuits_with_one_sample_learn_as_one():
    """Rows share the conductances and their mean product moves them."""
    inputs, targets = batch(1, LAYERS)
    one, four = circuit(), circuit()
    continuous(one, 0.05, hold=6.0, rows=1).adapt(inputs, targets, 0)
    continuous(four, 0.05, hold=6.0, rows=4).adapt(np.repeat(inputs, 4, 0), np.repeat(targets, 4, 0), 0)
    np.testing.assert_allclose(four.parameters.trained, one.parameters.trained, rtol=0, atol=1e-14)


def test_the_rate_decays_by_epoch():
    inputs, targets = batch(5, LAYERS)
    late, slow = circuit(), circuit()
    continuous(late, 0.08, hold=4.0, decay=0.5, weight_decay=0.1).adapt(inputs, targets, 2)
    continuous(slow, 0.02, hold=4.0, weight_decay=0.1).adapt(inputs, targets, 0)
    np.testing.assert_array_equal(late.parameters.trained, slow.parameters.trained)


def test_weights_decay_without_anything_to_learn():
    """No input, no bias, targets of zero: d theta/dt = -rate weight_decay theta."""
    model = circuit()
    for k in range(1, 4):
        model.parameters[f"b_{k}"][:] = 0.0
    start = model.parameters.trained.copy()
    continuous(model, 0.1, hold=10.0, weight_decay=0.5).adapt(np.zeros((5, 4)), np.zeros((5, 3)), 0)
    np.testing.assert_allclose(model.parameters.trained, np.exp(-0.5) * start, rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_circuit_that_runs_away_keeps_the_conductances_it_had(dtype: str):
    """Far too fast: the outcome says so, nothing follows it, and the circuit can go on."""
    inputs, targets = batch(5, LAYERS, dtype)
    model = circuit(dtype, activation="relu")
    plasticity = continuous(model, 1e4, hold=30.0)
    before = model.parameters.flat.copy()
    outcome = plasticity.adapt(inputs, targets, 0)
    assert outcome.diverged > 0
    assert not outcome.usable
    assert plasticity.steps == 0
    np.testing.assert_array_equal(model.parameters.flat, before)
    assert not plasticity.memory["compartments"].any()
    slow = continuous(model, 0.01, hold=4.0)
    assert slow.adapt(inputs, targets, 0).usable


def test_what_a_conductance_cannot_hold_is_lost():
    """Steps below half a unit in the last place: single precision stands still where double precision moves."""
    moved = {}
    for dtype in ("float32", "float64"):
        model = circuit(dtype)
        before = model.parameters["W_1"].copy()
        continuous(model, 1e-10, hold=10.0).adapt(*batch(5, LAYERS, dtype), 0)
        moved[dtype] = np.abs(model.parameters["W_1"] - before).max()
    assert moved["float32"] == 0
    assert moved["float64"] > 1e-12
