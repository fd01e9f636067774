"""A static linear readout behind point neurons, beside NumPy and finite differences; `OutputCost` is not used."""

import numpy as np
import pytest
from pydantic import ValidationError

from neurosim.analysis.setup import build_solver
from neurosim.dynamics.dense import to_rows
from neurosim.dynamics.settings import NewtonSettings, SweepsSettings
from neurosim.dynamics.status import statuses
from neurosim.learning.contour import Contour
from neurosim.learning.exact.implicit import implicit_gradient, implicit_reading, relaxed_reading
from neurosim.learning.exact.power_series import power_series
from neurosim.physics.imperfection_settings import Asymmetry, Imperfections
from neurosim.physics.layered.compartments import POINT
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import Init, LayeredCircuit, LinearReadout

COSTS = ("squared_error", "cross_entropy")
COORDINATES = ("activity", "membrane")
LAYERS, OUTPUTS = (4, 6, 5), 3
NEWTON = build_solver(NewtonSettings(solver="newton", tolerance=1e-13))


def network(cost, coordinates="membrane", outputs=OUTPUTS, seed=3, dtype="float64", **keys):
    circuit = LayeredCircuit(
        neuron="point", layers=LAYERS, tau=0.7, init=Init(gain=0.5), cost=cost, coordinates=coordinates,
        readout=LinearReadout(outputs=outputs), feedback="independent",
        imperfections=Imperfections(asymmetry=Asymmetry(angle_deg=40.0)),
        **{"activation": "shifted_sigmoid", "output_activation": "tanh", **keys},
    )  # fmt: skip
    made = CompartmentNetwork(circuit, POINT, dtype, seed)
    draw = np.random.default_rng(seed)
    for name in ("b_1", "b_2", "c"):
        made.parameters[name][:] = 0.3 * draw.normal(size=made.parameters[name].shape)
    return made


def presented(model, samples=3, seed=0):
    draw = np.random.default_rng(seed)
    system = model.system(samples)
    targets = draw.dirichlet(np.ones(model.outputs), samples)
    system.present(draw.normal(size=(samples, LAYERS[0])), targets)
    return system


def predicted(model, s):
    return s @ model.parameters["R"] + model.parameters["c"]


def slope(model, s, y):
    """R (softmax(s R + c) - y), or without the softmax; s may be complex."""
    z = predicted(model, s)
    if model.settings.cost == "cross_entropy":
        z = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return (z - y) @ model.parameters["R"].T


def with_output_rate(system, state, beta):
    """The rate of the outputs at complex activities, from the equation of the reference."""
    model = system.model
    (below, z), p = [v[0] + 1j * v[1] if len(v) == 2 else v[0] for v in system.views(state)], model.parameters
    membrane = model.settings.coordinates == "membrane"
    s = np.tanh(z) if membrane else z
    below = 1 / (1 + np.exp(2 - 4 * below)) if membrane else below
    v = below @ p["W_1"] + p["b_2"] - beta[:, None] * slope(model, s, system.targets)
    return ((v if membrane else np.tanh(v)) - z) / model.settings.tau


@pytest.mark.parametrize("outputs", [1, 3, 9])
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("cost", COSTS)
def test_the_outputs_feel_the_slope_of_the_cost_through_the_readout(cost, coordinates, outputs):
    """Fewer and more values than units; real states in both precisions, and complex ones."""
    for dtype, accuracy in (("float32", 2e-6), ("float64", 1e-13)):
        system = presented(network(cost, coordinates, outputs, dtype=dtype))
        state = (0.4 * np.random.default_rng(1).normal(size=system.size)).astype(dtype)
        system.nudges[:] = 0.3, 0.0, -0.6
        expected = with_output_rate(system, state, system.nudges)
        assert system.views(system.rate(state))[-1][0] == pytest.approx(expected, abs=accuracy)
    copies = system.complex_copies(2)
    copies.nudge_copies((0.3 - 0.2j, 0.7j))
    state = 0.4 * np.random.default_rng(1).normal(size=copies.size)
    expected = with_output_rate(copies, state, copies.complex_nudges())
    assert copies.complex_views(copies.rate(state))[-1] == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("kind", ["real", "complex", "dyadic"])
def test_the_jacobian_is_a_difference_of_rates(kind, cost, coordinates):
    system = presented(network(cost, coordinates))
    system = {"real": system, "complex": system.complex_copies(1), "dyadic": system.dyads()}[kind]
    system.nudge(0.4 + 0.3j if kind == "complex" else 0.4)
    draw, h = np.random.default_rng(1), 1e-4
    state, v, w = (0.4 * draw.normal(size=system.size) for _ in range(3))
    linear = system.linearise(state)
    near = system.rate(state + h * v) - system.rate(state - h * v)
    far = system.rate(state + 2 * h * v) - system.rate(state - 2 * h * v)
    assert linear.times(v) == pytest.approx((8 * near - far) / (12 * h), abs=1e-8)
    assert w @ linear.times(v) == pytest.approx(v @ linear.transposed_times(w), abs=1e-11)
    product = np.einsum("rij,rj->ri", linear.matrices(), to_rows(system, v))
    assert to_rows(system, linear.times(v)) == pytest.approx(product, abs=1e-11)
    moved = []
    for beta in (0.4 + h, 0.4 - h):
        system.nudge(beta + 0.3j if kind == "complex" else beta)
        moved.append(system.rate(state))
    assert linear.nudge_slope() == pytest.approx((moved[0] - moved[1]) / (2 * h), abs=1e-8)


def mean_cost(model, system):
    """Of the free equilibrium, in plain NumPy."""
    model.parameters_changed()
    system.present(system.inputs, system.targets.copy())
    z = predicted(model, system.activities(NEWTON.relax(system, system.rest()).state)[-1][0])
    if model.settings.cost == "squared_error":
        return np.mean(np.sum((z - system.targets) ** 2, axis=1)) / 2
    return -np.mean(np.sum(system.targets * (z - np.log(np.exp(z).sum(axis=1, keepdims=True))), axis=1))


@pytest.mark.parametrize("feedback", ["reciprocal", "independent"])
@pytest.mark.parametrize("cost", COSTS)
def test_the_implicit_gradient_is_the_slope_of_the_cost_for_every_parameter(cost, feedback):
    keys = {} if feedback == "independent" else {"feedback": feedback, "imperfections": Imperfections()}
    made = CompartmentNetwork(network(cost).settings.model_copy(update=keys), POINT, "float64", 3)
    system = presented(made)
    gradient = implicit_gradient(system, NEWTON.relax(system, system.rest()).state)
    assert {"R", "c"} <= set(gradient)
    theta, h = made.parameters.trained, 1e-3
    for i, found in enumerate(gradient.flat):
        here, costs = theta[i], []
        for step in (h, -h, 2 * h, -2 * h):
            theta[i] = here + step
            costs.append(mean_cost(made, system))
        theta[i] = here
        up, down, far_up, far_down = costs
        assert found == pytest.approx((8 * (up - down) - (far_up - far_down)) / (12 * h), abs=1e-9)


@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("cost", COSTS)
def test_adjoint_dyads_and_transposed_loops_find_the_exact_errors(cost, coordinates):
    system = presented(network(cost, coordinates))
    free = NEWTON.relax(system, system.rest()).state
    source, exact, found = system.signal(), system.signal(), system.signal()
    implicit_reading(system, free, source, exact)
    relaxed_reading(system, free, NEWTON, source, found)
    assert found.values == pytest.approx(exact.values, abs=1e-11)
    dyads = system.dyads()
    dyads.nudge(0.5)
    end = NEWTON.relax(dyads, dyads.rest()).state
    dyads.read(end, (-2.0, 2.0), found)
    assert found.values == pytest.approx(exact.values, abs=1e-11)
    assert dyads.prediction(end) == pytest.approx(predicted(system.model, source.block(1)), abs=1e-11)
    Contour(0.1, 8).relax(system.transposed_at(free), NEWTON, free, "free", source, found)
    assert np.abs(found.values - exact.values).max() < 1e-6 * np.abs(exact.values).max()


@pytest.mark.parametrize("points", [2, 4, 6])
def test_a_contour_of_n_points_is_of_order_n_with_cross_entropy(points):
    system = presented(network("cross_entropy"))
    free = NEWTON.relax(system, system.rest()).state
    source, found, limit = system.signal(), system.signal(), system.signal()
    system.read(free, (1.0,), source)
    Contour(0.02, 16).relax(system, NEWTON, free, "free", source, limit)
    errors = []
    for beta in (0.8, 0.4):
        Contour(beta, points).relax(system, NEWTON, free, "free", source, found)
        errors.append(np.linalg.norm(found.values - limit.values))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(points, abs=0.3)


def test_the_radius_of_a_linear_circuit_is_the_distance_of_a_pole():
    """Where J - beta R R^T is singular. The law of folds takes a simple pole for a little closer than it is."""
    made = network("squared_error", activation="identity", output_activation="identity")
    system = presented(made)
    free = NEWTON.relax(system, system.rest()).state
    J = made.settings.tau * system.linearise(free).matrices()[0]
    R = made.parameters["R"]
    through = R.T @ np.linalg.inv(J)[-5:, -5:] @ R  # det(J - beta R R^T) = 0 where 1/beta is one of its eigenvalues
    assert power_series(system, free).radius == pytest.approx(1 / np.abs(np.linalg.eigvals(through)).max(), rel=0.1)


@pytest.mark.parametrize("cost", COSTS)
def test_the_series_is_the_equilibrium_and_far_beyond_its_radius_a_contour_is_off_the_branch(cost):
    made = network(cost)
    made.parameters["R"][:] *= 2.0
    system = presented(made)
    free = NEWTON.relax(system, system.rest()).state
    series = power_series(system, free)
    assert 0 < series.radius.min() <= series.radius.max() < 10
    beta = 0.3 * series.radius.min()
    system.nudge(beta)
    nudged = np.concatenate([a[0] for a in system.activities(NEWTON.relax(system, free.copy()).state)], axis=1)
    assert series.at(beta) == pytest.approx(nudged, abs=1e-7)
    system.nudge(0.0)
    source, error = system.signal(), system.signal()
    system.read(free, (1.0,), source)
    inside, _ = Contour(0.3 * series.radius.min(), 4).relax(system, NEWTON, free, "free", source, error)
    beyond, _ = Contour(8.0 * series.radius.max(), 4).relax(system, NEWTON, free, "free", source, error)
    assert [status.key for status in statuses(inside)] == ["settled"] * 3
    assert "off_branch" in [status.key for status in statuses(beyond)]


@pytest.mark.parametrize("keys", [{}, {"output_activation": "identity"}], ids=str)
@pytest.mark.parametrize("cost", COSTS)
def test_sweeps_lead_to_the_equilibrium(cost, keys):
    """Linear outputs with squared error have a closed form without a readout only."""
    system = presented(network(cost, **keys))
    sweeps = build_solver(SweepsSettings(solver="sweeps", max_steps=400, tolerance=1e-13))
    for nudged, beta in ((system, 0.3), (system.complex_copies(1), 0.2 + 0.2j)):
        nudged.nudge(beta)
        found = NEWTON.relax(nudged, nudged.rest())
        swept = sweeps.relax(nudged, nudged.rest())
        assert (found.status.key, swept.status.key) == ("settled", "settled")
        assert swept.state == pytest.approx(found.state, abs=1e-11)


def test_a_readout_changes_no_other_draw():
    made = network("cross_entropy")
    plain = CompartmentNetwork(made.settings.model_copy(update={"readout": None}), POINT, "float64", 3)
    for name in ("W_0", "W_1", "B_1"):
        assert np.array_equal(made.parameters[name], plain.parameters[name])
    assert "R" not in plain.parameters
    assert made.parameters["R"].std() == pytest.approx(0.5 / np.sqrt(5), rel=0.4)


def test_dyads_refuse_a_readout():
    with pytest.raises(ValidationError, match="readout: linear is for neuron: point"):
        LayeredCircuit(neuron="dyad", layers=(4, 3), readout=LinearReadout(outputs=3))
