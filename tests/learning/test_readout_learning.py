"""What a linear readout learns beside the circuit in front of it: products, bounds, oscillations, attacks."""

from __future__ import annotations

import numpy as np
import pytest
from learning_nets import batch, solver
from pydantic import TypeAdapter

from neurosim.learning.exact.implicit import implicit_gradient
from neurosim.learning.exact.input_slope import input_slope
from neurosim.learning.learner import Learner
from neurosim.learning.optimizers import Optimizer
from neurosim.learning.rule import Homeostasis
from neurosim.learning.rules.equilibrium import Equilibrium
from neurosim.learning.rules.oscillating import Oscillating
from neurosim.learning.rules.recurrent_backprop import RecurrentBackprop
from neurosim.learning.settings import OptimizerSettings
from neurosim.physics.imperfection_settings import Asymmetry, Imperfections
from neurosim.physics.layered.compartments import POINT
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import Init, LayeredCircuit, LinearReadout

LAYERS, OUTPUTS = (6, 8, 5), 3
BATCH = (LAYERS[0], OUTPUTS)
NEWTON = solver("newton", tolerance=1e-13)
SGD = {"type": "sgd", "rate": 0.2, "weight_decay": 0.05}
COSTS = pytest.mark.parametrize("cost", ["squared_error", "cross_entropy"])


def circuit(cost="cross_entropy", feedback_learning="none", dtype="float64", **keys):
    directed = {"feedback": "independent", "imperfections": Imperfections(asymmetry=Asymmetry(angle_deg=40.0))}
    settings = LayeredCircuit(
        neuron="point", layers=LAYERS, init=Init(gain=0.4), cost=cost, coordinates="membrane",
        readout=LinearReadout(outputs=OUTPUTS),
        **{"activation": "shifted_sigmoid", "output_activation": "tanh", **directed, **keys},
    )  # fmt: skip
    made = CompartmentNetwork(settings, POINT, dtype, 3, feedback_learning)
    draw = np.random.default_rng(1)
    for name in ("b_1", "b_2", "c"):
        made.parameters[name][:] = 0.2 * draw.standard_normal(made.parameters[name].shape)
    made.parameters_changed()
    return made


def optimizer(model, workers, **keys):
    chosen = TypeAdapter(OptimizerSettings).validate_python({**SGD, **keys})
    return Optimizer(chosen, model.parameters.trained, workers)


def costs_of(model, inputs, targets):
    """The cost of every free equilibrium, from the activities on in plain NumPy."""
    system = model.system(len(inputs))
    system.present(inputs, targets)
    s = system.activities(NEWTON.relax(system, system.rest()).state)[-1][0]
    z = s @ model.parameters["R"] + model.parameters["c"]
    if model.settings.cost == "squared_error":
        return np.sum((z - targets) ** 2, axis=1) / 2
    return np.log(np.exp(z).sum(axis=1)) - np.sum(targets * z, axis=1)


def exact(model, inputs, targets):
    system = model.system(len(inputs))
    system.present(inputs, targets)
    return implicit_gradient(system, NEWTON.relax(system, system.rest()).state)


def slopes(model, name, inputs, targets, step=1e-3):
    """Fourth-order differences of the mean cost along every entry of a parameter."""
    values = model.parameters[name]
    found = np.zeros_like(values)
    for index in np.ndindex(values.shape):
        here, costs = values[index], []
        for moved in (step, -step, 2 * step, -2 * step):
            values[index] = here + moved
            model.parameters_changed()
            costs.append(costs_of(model, inputs, targets).mean())
        values[index] = here
        found[index] = (8 * (costs[0] - costs[1]) - (costs[2] - costs[3])) / (12 * step)
    model.parameters_changed()
    return found


@COSTS
def test_the_products_of_the_readout_are_the_slope_of_the_cost(workers, cost):
    """Whatever the nudge: they are those of the free state."""
    model, (inputs, targets) = circuit(cost), batch(7, BATCH)
    rule = Equilibrium(type="equilibrium", beta=0.8)
    gradient = Learner(model, NEWTON, rule, "free", workers).learn(inputs, targets).gradient
    for name in ("R", "c"):
        assert gradient[name] == pytest.approx(slopes(model, name, inputs, targets), abs=1e-9)
        assert np.abs(gradient[name]).max() > 1e-3


def test_kolen_pollack_leaves_the_readout_its_own_product(workers):
    """Feedback follows the forward products, so its mismatch decays alone; R and c learn as ever, and decay."""
    rule = Equilibrium(type="equilibrium", beta=0.1, feedback_learning="kolen_pollack")
    model, (inputs, targets) = circuit(feedback_learning="kolen_pollack"), batch(7, BATCH)
    learner, follow = Learner(model, NEWTON, rule, "free", workers), optimizer(model, workers)
    gradient = learner.learn(inputs, targets).gradient
    assert gradient["B_1"] == pytest.approx(gradient["W_1"].T, abs=1e-15)
    R, mismatch = model.parameters["R"].copy(), model.parameters["W_1"] - model.parameters["B_1"].T
    expected = R - 0.2 * (slopes(model, "R", inputs, targets) + 0.05 * R)
    for _ in range(20):
        assert learner.adapt(inputs, targets, follow, 0).usable
        if follow.steps == 1:
            assert model.parameters["R"] == pytest.approx(expected, abs=1e-9)
    after = model.parameters["W_1"] - model.parameters["B_1"].T
    assert after == pytest.approx(0.99**20 * mismatch, abs=1e-10)


def test_homeostasis_pulls_loops_and_leaves_the_readout_alone(workers):
    ends = []
    for pull in (None, Homeostasis(weight=0.5)):
        model = circuit()
        rule = Equilibrium(type="equilibrium", beta=0.1, homeostasis=pull)
        learner = Learner(model, NEWTON, rule, "free", workers, seed=4)
        assert learner.adapt(*batch(7, BATCH), optimizer(model, workers), 0).usable
        ends.append(model.parameters)
    plain, pulled = ends
    for name in plain:
        assert np.array_equal(plain[name], pulled[name]) == (name not in ("W_1", "B_1"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_readout_whose_products_leave_the_floating_range_teaches_nothing(workers, dtype):
    """With R zero the circuit does not feel how far off the prediction is, and its own products stay small."""
    model = circuit("squared_error", dtype=dtype)
    model.parameters["R"][:] = 0.0
    rule, follow = RecurrentBackprop(type="recurrent_backprop"), optimizer(model, workers, type="adam", rate=0.1)
    learner = Learner(model, solver("newton", tolerance=1e-5), rule, "free", workers)
    inputs, targets = (array.astype(dtype) for array in batch(7, BATCH))
    model.parameters["c"][:] = 2.0 * np.sqrt(np.finfo(dtype).max)
    before = model.parameters.flat.copy()
    outcome = learner.adapt(inputs, targets, follow, 0)
    assert not outcome.usable
    assert outcome.diverged == 0
    np.testing.assert_array_equal(model.parameters.flat, before)
    assert follow.steps == 0
    model.parameters["c"][:] = 1.0
    assert learner.adapt(inputs, targets, follow, 0).usable


def test_a_rotating_nudge_in_time(workers):
    """The mean activity is the free one, so R and c are exact; in front of them a lag of order (omega tau)^2 is left.

    A quarter per doubled period, as without a readout.
    """
    model, (inputs, targets) = circuit(feedback="reciprocal", imperfections=Imperfections()), batch(3, BATCH)
    rk4, limit = solver("rk4", dt=0.5, t_end=1.0), exact(model, inputs, targets)
    distances = []
    for period in (40.0, 80.0):
        rule = Oscillating(type="oscillating", beta=0.01, period=period, periods=2)
        outcome = Learner(model, rk4, rule, "free", workers).learn(inputs, targets)
        for name in ("R", "c"):
            assert outcome.gradient[name] == pytest.approx(limit[name], abs=1e-6)
        assert outcome.losses == pytest.approx(costs_of(model, inputs, targets), abs=1e-6)
        distances.append(np.linalg.norm(outcome.gradient["W_0"] - limit["W_0"]))
    assert distances[0] / distances[1] == pytest.approx(4.0, rel=0.05)
    assert distances[1] < 0.05 * np.linalg.norm(limit["W_0"])


def test_a_cosine_in_time_shifts_what_the_readout_reads(workers):
    """By c_2 beta^2 / 2, the shift of the mean activity: a quarter per half of the nudge."""
    model, (inputs, targets) = circuit(), batch(3, BATCH)
    rk4, limit = solver("rk4", dt=0.5, t_end=1.0), exact(model, inputs, targets)
    distances = []
    for beta in (0.4, 0.2):
        rule = Oscillating(type="oscillating", drive="cosine", beta=beta, period=40.0, periods=2)
        gradient = Learner(model, rk4, rule, "free", workers).learn(inputs, targets).gradient
        distances.append(np.linalg.norm(gradient["R"] - limit["R"]))
    assert distances[0] / distances[1] == pytest.approx(4.0, rel=0.1)
    assert distances[0] < 0.1 * np.linalg.norm(limit["R"])


@COSTS
def test_attacks_raise_the_cost_behind_the_readout(workers, cost):
    model, (inputs, targets) = circuit(cost), batch(5, BATCH)
    found, step = input_slope(model, NEWTON, workers, inputs, targets), 1e-4
    assert found.costs == pytest.approx(costs_of(model, inputs, targets), abs=1e-11)
    for i in range(LAYERS[0]):
        moved = step * np.eye(LAYERS[0])[i]
        up, down = (costs_of(model, inputs + sign * moved, targets) for sign in (1, -1))
        assert found.gradient[:, i] == pytest.approx((up - down) / (2 * step), abs=1e-7)
