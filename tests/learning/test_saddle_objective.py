"""The objective of dual propagation: fact 13 of the reference, and the penalty of units that are not linear."""

from __future__ import annotations

import numpy as np
import pytest
from learning_nets import batch, network, rule, solver

from neurosim.errors import SimulationError
from neurosim.learning.exact.backprop import forward_and_errors
from neurosim.learning.exact.objective import POTENTIALS, has_objective, penalty, saddle_objective
from neurosim.learning.protocol import run_phases
from neurosim.physics.activations import ACTIVATIONS
from neurosim.physics.layered.compartments import POINT

SWEEPS = solver("sweeps", order="both", max_steps=2000, tolerance=1e-14)


def excess(beta, alpha, variant="original", rows=6, **keys):
    """Return (J - C) / ((beta/2) P), sums over a batch."""
    chosen = rule(variant=variant, alpha=alpha, beta=beta)
    model = network(chosen.compartments(), **keys)
    inputs, targets = batch(rows)
    system = model.system(rows)
    system.present(inputs, targets)
    relaxation = run_phases(system, SWEEPS, chosen.phases("free"))["nudged"]
    assert relaxation.status.good
    cost, size = penalty(model, inputs, targets)
    return float((saddle_objective(system, relaxation.state, beta) - cost).sum() / (beta / 2 * size.sum()))


@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize(
    ("activation", "output"),
    [("identity", "identity"), ("relu", "identity"), ("tanh", "identity"), ("sigmoid", "tanh"),
     ("shifted_sigmoid", "shifted_sigmoid"), ("softplus", "softplus"), ("hard_sigmoid", "identity")],
)  # fmt: skip
@pytest.mark.parametrize("cost", ["squared_error", "cross_entropy"])
def test_fact_13_the_excess_is_one_minus_two_alpha(activation, output, alpha, cost):
    """Within 5e-3 at beta = 1e-4; the rest is of order beta."""
    found = excess(1e-4, alpha, activation=activation, output_activation=output, cost=cost)
    assert found == pytest.approx(1 - 2 * alpha, abs=5e-3)


def test_the_rest_is_of_order_beta():
    far, near = (abs(excess(beta, 0.0, activation="tanh") - 1.0) for beta in (2e-3, 1e-3))
    assert np.log2(far / near) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("variant", ["damped", "original"])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_damping_leaves_the_objective(variant, alpha):
    assert excess(1e-3, alpha, variant, activation="relu") == pytest.approx(1 - 2 * alpha, abs=0.02)


def test_the_penalty_of_rectified_units_is_the_sum_of_squared_errors():
    """And of smooth ones it is not: there |delta|^2 counts the slope of the unit twice."""
    for activation, same in (("relu", True), ("tanh", False)):
        model, (inputs, targets) = network(rule().compartments(), activation=activation), batch(6)
        _, errors, prediction = forward_and_errors(model, inputs, targets)
        squares = sum(np.sum(delta**2, axis=1) for delta in errors)
        cost, size = penalty(model, inputs, targets)
        assert np.allclose(size, squares, rtol=1e-12) is same
        np.testing.assert_allclose(cost, np.sum((prediction - targets) ** 2, axis=1) / 2)


@pytest.mark.parametrize("name", sorted(POTENTIALS))
def test_the_slope_of_a_potential_is_the_inverse_of_its_activation(name):
    currents = np.linspace(0.1, 0.9, 9)
    s, step = ACTIVATIONS[name].value(currents), 1e-5
    slope = (POTENTIALS[name](s + step) - POTENTIALS[name](s - step)) / (2 * step)
    np.testing.assert_allclose(slope, currents, atol=1e-8)


@pytest.mark.parametrize(
    ("keys", "circuit"),
    [
        ({"variant": "transposed", "alpha": 0.0}, {}),
        ({"variant": "original", "alpha": 0.0}, {"feedback": "independent"}),
        ({"variant": "original", "alpha": 0.0}, {"activation": "silu"}),
        ({"variant": "original", "alpha": 0.0}, {"output_activation": "dsilu"}),
    ],
)
def test_other_circuits_have_no_such_objective(keys, circuit):
    model = network(rule(**keys).compartments(), **circuit)
    assert not has_objective(model)
    system = model.system(1)
    with pytest.raises(SimulationError, match="belongs to reciprocal dyads of the original variant, or alpha = 1/2"):
        saddle_objective(system, system.rest(), 0.1)


def test_point_neurons_have_none_and_symmetric_dyads_have_one_in_both_variants():
    assert not has_objective(network(POINT, neuron="point"))
    for variant in ("original", "transposed"):
        assert has_objective(network(rule(variant=variant, alpha=0.5).compartments()))
