"""The gradient with respect to the inputs beside finite differences, for dyads and for circuits with loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_nets import batch, network, solver

from neurosim.dynamics.status import Status
from neurosim.errors import SimulationError
from neurosim.learning.attacks import fgsm
from neurosim.learning.exact.backprop import forward_and_errors
from neurosim.learning.exact.input_slope import input_slope
from neurosim.physics.layered.compartments import POINT, dyad
from neurosim.physics.model import PhysicalModel
from neurosim.workers import Workers

LAYERS = (6, 8, 7, 4)
NEWTON = solver("newton", tolerance=1e-13)
KINDS = {
    "dyads": (dyad(0.3, transposed=False), {}),
    "loop": (POINT, {"neuron": "point", "init": {"type": "gaussian", "gain": 0.4}}),
    "directed loop": (
        POINT,
        {
            "neuron": "point", "init": {"type": "gaussian", "gain": 0.4}, "feedback": "independent",
            "imperfections": {"asymmetry": {"angle_deg": 50.0}},
        },
    ),
    "membranes": (POINT, {"neuron": "point", "coordinates": "membrane", "init": {"type": "gaussian", "gain": 0.4}}),
}  # fmt: skip


def circuit(kind, layers=LAYERS, **keys):
    compartments, own = KINDS[kind]
    return network(compartments, layers, **{**own, **keys})


def differences(model, inputs, targets, step=1e-4):
    """Central differences of the cost of the free prediction, one input after the other."""

    def costs(x):
        system = model.system(len(x))
        system.present(x, targets)
        state = NEWTON.relax(system, system.rest()).state
        return model.cost(system.prediction(state), targets)

    slopes = np.zeros_like(inputs)
    for i in range(inputs.shape[1]):
        moved = step * np.eye(inputs.shape[1])[i]
        slopes[:, i] = (costs(inputs + moved) - costs(inputs - moved)) / (2 * step)
    return slopes


@pytest.mark.parametrize("cost", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_input_gradient_is_the_slope_of_the_cost(workers, kind, activation, cost):
    model = circuit(kind, activation=activation, cost=cost, output_activation="sigmoid")
    inputs, targets = batch(5, LAYERS)
    found = input_slope(model, NEWTON, workers, inputs, targets)
    expected = differences(model, inputs, targets)
    largest = np.abs(expected).max()
    assert largest > 1e-4
    assert np.abs(found.gradient - expected).max() < 1e-5 * largest
    assert not found.codes.any()


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(
    kind=st.sampled_from(sorted(KINDS)), hidden=st.lists(st.integers(1, 6), max_size=3), rows=st.integers(1, 4),
)  # fmt: skip
def test_a_small_attack_raises_the_cost_by_its_size_times_the_slope(kind, hidden, rows):
    """C(x') - C(x) = eps |dC/dx|_1 + O(eps^2), whatever the circuit."""
    layers = (5, *hidden, 3)
    model, (inputs, targets) = circuit(kind, layers), batch(rows, layers)
    with Workers(1) as workers:
        before, size = input_slope(model, NEWTON, workers, inputs, targets), 1e-6

        def known(x):
            return before.costs, before.gradient

        after = input_slope(model, NEWTON, workers, fgsm(known, inputs, size), targets)
    expected = np.abs(before.gradient).sum(axis=1)
    np.testing.assert_allclose((after.costs - before.costs) / size, expected, rtol=1e-3, atol=1e-5)


def test_the_sum_of_squared_errors_is_that_of_back_propagation(workers):
    model, (inputs, targets) = circuit("dyads"), batch(5, LAYERS)
    _, errors, _ = forward_and_errors(model, inputs, targets)
    expected = sum(np.sum(delta**2, axis=1) for delta in errors)
    np.testing.assert_allclose(input_slope(model, NEWTON, workers, inputs, targets).error_squares, expected, rtol=1e-14)


@pytest.mark.parametrize("kind", ["dyads", "loop"])
def test_batches_and_threads_change_nothing(workers, kind):
    """300 rows in several blocks, one thread or three: what each sample says by itself."""
    model, (inputs, targets) = circuit(kind), batch(300, LAYERS)
    together = input_slope(model, NEWTON, workers, inputs, targets)
    with Workers(3) as threads:
        shared = input_slope(model, NEWTON, threads, inputs, targets)
    np.testing.assert_array_equal(shared.gradient, together.gradient)
    for row in (0, 150, 299):
        alone = input_slope(model, NEWTON, workers, inputs[[row]], targets[[row]])
        np.testing.assert_allclose(alone.gradient[0], together.gradient[row], rtol=1e-9, atol=1e-12)
        assert alone.costs[0] == pytest.approx(together.costs[row])


def test_what_diverges_has_no_direction_and_says_so(workers):
    """One of three samples drives rectified units that excite each other without end."""
    model = network(
        POINT, (2, 2, 2), neuron="point", activation="relu", output_activation="relu",
        init={"type": "gaussian", "gain": 0.0},
    )  # fmt: skip
    model.parameters["W_0"][:] = np.eye(2)
    model.parameters["W_1"][:] = 2 * np.eye(2)
    for k in (1, 2):
        model.parameters[f"b_{k}"][:] = 0.0
    model.parameters_changed()
    inputs = np.array([[-1.0, -1.0], [1.0, 1.0], [-2.0, -0.5]])
    targets = np.eye(2)[[0, 1, 0]]
    euler = solver("euler", dt=0.5, t_end=200.0, tolerance=1e-9)
    with np.errstate(over="ignore"):
        found = input_slope(model, euler, workers, inputs, targets)
    assert (found.codes == Status.DIVERGED.code).tolist() == [False, True, False]
    assert not found.gradient[1].any()
    assert np.isnan(found.error_squares).tolist() == [False, True, False]


def test_a_diverged_feed_forward_prediction_says_so(workers):
    model, (inputs, targets) = circuit("dyads", activation="relu"), batch(3, LAYERS)
    inputs[1] = 1e308
    with np.errstate(over="ignore", invalid="ignore"):
        found = input_slope(model, NEWTON, workers, inputs, targets)
    assert (found.codes == Status.DIVERGED.code).tolist() == [False, True, False]
    assert not found.gradient[1].any()


def test_a_circuit_that_does_not_know_its_inputs_says_so():
    model = circuit("dyads")
    with pytest.raises(SimulationError, match="CompartmentNetwork does not say how its cost depends on its inputs"):
        PhysicalModel.input_gradient(model, model.system(1).signal())
