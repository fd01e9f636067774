"""Mismatch: units f(g I + o), dyads with an offset between their compartments, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.dynamics.fixed_step import FixedStepSolver
from neurosim.dynamics.schemes.rk4 import RK4
from neurosim.dynamics.settings import FixedStepSettings, SweepsSettings
from neurosim.dynamics.sweeps import SweepSolver
from neurosim.learning.exact.implicit import implicit_gradient
from neurosim.physics.imperfection_settings import Imperfections
from neurosim.physics.layered.compartments import POINT, dyad
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import LayeredCircuit

ALL = {"gain_sd": 0.2, "offset_sd": 0.3, "compartment_offset_sd": 0.25}


def network(neuron="dyad", mismatch=None, alpha=0.5, transposed=True, layers=(4, 5, 3), seed=3, **keys):
    values = ALL if mismatch is None else mismatch
    if neuron == "point":
        values = {key: value for key, value in values.items() if key != "compartment_offset_sd"}
    keys = {"activation": "tanh", "output_activation": "tanh", **keys}
    imperfections = Imperfections(mismatch=values)
    circuit = LayeredCircuit(kind="layered", neuron=neuron, layers=layers, imperfections=imperfections, **keys)
    compartments = dyad(alpha, transposed=transposed) if neuron == "dyad" else POINT
    return CompartmentNetwork(circuit, compartments, "float64", seed)


def presented(model, rows=3, beta=0.0):
    draw = np.random.default_rng(5)
    system = model.system(rows)
    system.present(draw.normal(size=(rows, model.layers[0])), draw.normal(size=(rows, model.layers[-1])))
    system.nudge(beta)
    return system


def written_out(system, state, beta):
    """Return tau ds/dt of two layers above the inputs, from the definition of every imperfection."""
    model = system.model
    w, c, drawn = model.parameters, model.compartments, model.imperfect
    one, nothing = np.ones(1), np.zeros(1)
    g = [None, drawn.gains.get(1, one), drawn.gains.get(2, one)]
    o = [None, drawn.offsets.get(1, nothing), drawn.offsets.get(2, nothing)]
    d = [None, drawn.compartment_offsets.get(1, nothing), drawn.compartment_offsets.get(2, nothing)]
    s1, s2 = system.views(state)
    gain, sign = np.array(c.gain)[:, None, None], np.array([0.5, -0.5])[: c.count, None, None]
    sent, back = np.einsum("c,crn->rn", c.forward, s1), np.einsum("c,crn->rn", c.backward, s2)
    hidden = g[1] * (system.inputs @ w["W_0"] + w["b_1"] + gain * (back @ w["W_1"].T)) + o[1] + sign * d[1]
    a = g[2] * (sent @ w["W_1"] + w["b_2"]) + o[2]
    seen = a + np.dot([0.5, -0.5][: c.count], c.forward) * d[2]  # the outputs are judged by their mean current
    judged = np.tanh(seen) if c.count == 2 else s2[0]
    output = a - gain * beta * (judged - system.targets) + sign * d[2]
    return [np.tanh(hidden) - s1, np.tanh(output) - s2]


@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(
    neuron=st.sampled_from(["point", "dyad"]), alpha=st.floats(0.0, 1.0), beta=st.floats(0.0, 0.5),
    seed=st.integers(0, 50),
)  # fmt: skip
def test_the_drift_is_that_of_the_definition(neuron, alpha, beta, seed):
    system = presented(network(neuron, alpha=alpha, seed=seed), beta=beta)
    state = np.random.default_rng(seed).normal(size=system.size)
    for found, expected in zip(system.views(system.rate(state)), written_out(system, state, beta), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-13)


@pytest.mark.parametrize("neuron", ["point", "dyad"])
def test_sweeps_and_the_differential_equation_settle_in_the_same_state(neuron):
    system = presented(network(neuron, init={"gain": 0.5}), beta=0.2)
    swept, relaxed = system.rest(), system.rest()
    sweeps = SweepSolver(SweepsSettings(solver="sweeps", max_steps=200, tolerance=1e-12))
    assert sweeps.relax(system, swept).status.key == "settled"
    ode = FixedStepSolver(RK4, FixedStepSettings(solver="rk4", dt=0.1, t_end=200.0, tolerance=1e-12, max_steps=10000))
    assert ode.relax(system, relaxed).status.key == "settled"
    np.testing.assert_allclose(swept, relaxed, atol=1e-10)
    np.testing.assert_allclose(system.linearise(relaxed).slopes[0].shape, system.views(relaxed)[0].shape)


@pytest.mark.parametrize("neuron", ["point", "dyad"])
def test_the_jacobian_is_the_slope_of_the_drift(neuron):
    system = presented(network(neuron), beta=0.2)
    draw = np.random.default_rng(1)
    state, v = draw.normal(size=system.size), draw.normal(size=system.size)
    slope = (system.rate(state + 1e-6 * v) - system.rate(state - 1e-6 * v)) / 2e-6
    np.testing.assert_allclose(system.linearise(state).times(v), slope, atol=1e-8)
    rows = system.linearise(state).matrices()
    for row in range(system.rows):
        taken = system.take([row])
        np.testing.assert_allclose(rows[row] @ system.take_state(v, [row]), taken.linearise(
            system.take_state(state, [row])).times(system.take_state(v, [row])), atol=1e-10)  # fmt: skip


def test_a_free_dyad_with_an_offset_disagrees_by_its_slope_times_the_offset():
    """In the last layer s+ - s- = f(a + d/2) - f(a - d/2): an error signal that no target has asked for."""
    model = network(mismatch={"compartment_offset_sd": 0.1})
    system = presented(model)
    state = system.rest()
    assert not system.free_state(state)
    SweepSolver(SweepsSettings(solver="sweeps", max_steps=300, tolerance=1e-13)).relax(system, state)
    s1, (plus, minus) = system.views(state)
    a = s1.mean(axis=0) @ model.parameters["W_1"] + model.parameters["b_2"]
    d = model.imperfect.compartment_offsets[2]
    np.testing.assert_allclose(plus - minus, np.tanh(a + d / 2) - np.tanh(a - d / 2), atol=1e-11)


def test_gains_break_the_reciprocity_of_what_acts_and_offsets_do_not():
    scaled, shifted = network("point", {"gain_sd": 0.1}), network("point", {"offset_sd": 0.1})
    assert not np.allclose(scaled.conductances["B_1"], scaled.conductances["W_1"].T)
    np.testing.assert_array_equal(shifted.conductances["B_1"], shifted.conductances["W_1"].T)
    np.testing.assert_array_equal(scaled.parameters["B_1"], scaled.parameters["W_1"].T)


@pytest.mark.parametrize("feedback", ["reciprocal", "independent"])
def test_the_gradient_of_what_learning_wants_is_the_slope_of_the_cost(feedback):
    """Central differences of the cost of the settled, mismatched circuit, parameter by parameter."""
    model = network("point", {"gain_sd": 0.2, "offset_sd": 0.2}, feedback=feedback, init={"gain": 0.5})
    perfect = model.twin("float64", ideal=True)
    draw = np.random.default_rng(5)
    inputs, targets = draw.normal(size=(3, 4)), draw.normal(size=(3, 3))
    sweeps = SweepSolver(SweepsSettings(solver="sweeps", max_steps=500, tolerance=1e-14))

    def cost():
        model.parameters_changed()
        system = model.system(3)
        model.synchronise()
        system.present(inputs, targets)
        state = system.rest()
        sweeps.relax(system, state)
        return float(model.cost(system.activities(state)[-1][0], targets).mean())

    system = perfect.system(3)
    system.present(inputs, targets)
    state = system.rest()
    sweeps.relax(system, state)
    gradient = model.wanted_gradient(dict(implicit_gradient(system, state)))
    assert set(gradient) == {block.name for block in model.parameters.trained_blocks}
    for name, values in gradient.items():
        for index in [(0,) * values.ndim, tuple(n - 1 for n in values.shape)]:
            here, costs = model.parameters[name][index], []
            for step in (1e-5, -1e-5):
                model.parameters[name][index] = here + step
                costs.append(cost())
            model.parameters[name][index] = here
            assert values[index] == pytest.approx((costs[0] - costs[1]) / 2e-5, abs=1e-8), (name, index)


def test_what_is_drawn_of_one_kind_does_not_depend_on_the_others():
    everything, alone = network().imperfect, network(mismatch={"offset_sd": 0.3}).imperfect
    np.testing.assert_array_equal(everything.offsets[2], alone.offsets[2])
    assert not alone.gains
    twice = network(mismatch={"offset_sd": 0.6}).imperfect
    np.testing.assert_allclose(twice.offsets[1], 2 * alone.offsets[1])
    with_devices = Imperfections(mismatch=ALL, devices={"stuck_fraction": 0.5, "programming_sd": 0.1})
    circuit = LayeredCircuit(kind="layered", layers=(4, 5, 3), activation="tanh", imperfections=with_devices)
    both = CompartmentNetwork(circuit, dyad(0.5, transposed=True), "float64", 3)
    np.testing.assert_array_equal(both.imperfect.gains[1], everything.gains[1])
    np.testing.assert_array_equal(both.parameters["W_0"], network().parameters["W_0"])


def test_the_scatter_is_the_one_asked_for():
    drawn = network("point", {"gain_sd": 0.05, "offset_sd": 0.2}, layers=(2, 20000, 2)).imperfect
    for values, mean, sd in ((drawn.gains[1], 1.0, 0.05), (drawn.offsets[1], 0.0, 0.2)):
        assert values.mean() == pytest.approx(mean, abs=5 * sd / np.sqrt(20000))
        assert values.std() == pytest.approx(sd, rel=5 / np.sqrt(2 * 20000))


def test_blocks_choose_the_layers():
    drawn = network("point", {"gain_sd": 0.1, "blocks": ["layer_2"]}).imperfect
    assert set(drawn.gains) == {2}
    np.testing.assert_array_equal(drawn.gains[2], network("point", {"gain_sd": 0.1}).imperfect.gains[2])


def test_a_point_neuron_has_no_offset_between_compartments():
    with pytest.raises(ValueError, match="compartment_offset_sd needs neuron: dyad"):
        LayeredCircuit(
            kind="layered", neuron="point", layers=(2, 2),
            imperfections=Imperfections(mismatch={"compartment_offset_sd": 0.1}),
        )  # fmt: skip
