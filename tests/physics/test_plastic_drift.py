"""A network that learns while it relaxes: its equation against NumPy, and what each conductance can see."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from physics_circuits import ACTIVATIONS, FUNCTION, Case, rate_of_change
from physics_nets import Numbers, circuit, draw_numbers, rule, solver

from neurosim.errors import SimulationError
from neurosim.physics.layered.compartments import POINT, dyad
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.plastic import PlasticLayeredSystem
from neurosim.physics.layered.settings import LayeredCircuit
from neurosim.physics.layered.system import LayeredSystem
from neurosim.physics.names import COST_CODE

Array = np.ndarray
SOURCE, ERROR = (0.3, 0.7), (-2.5, 2.5)
RATE, DECAY = 0.6, 0.2
PROPERTY = settings(deadline=None, derandomize=True, database=None)  # the first example compiles


@dataclass
class Learning:
    """A network that learns, the same network with the conductances of the state, and that state."""

    system: PlasticLayeredSystem
    held: LayeredSystem
    network: CompartmentNetwork
    state: Array
    decay: float


def learning(
    network: CompartmentNetwork, x: Array, y: Array, r: np.random.Generator, nudge: float = 0.4, decay: float = DECAY
) -> Learning:
    """Put samples on the terminals and draw a state; afterwards the network itself has its conductances."""
    system = network.plastic_system(len(x), SOURCE, ERROR)
    system.present(x, y)
    system.nudge(nudge)
    system.learn_at(RATE, decay)
    state = r.normal(size=system.size).astype(system.dtype)
    network.parameters.trained[:] = system.conductances(state)
    network.parameters_changed()
    held = network.system(len(x))
    held.present(x, y)
    held.nudge(nudge)
    return Learning(system, held, network, state, decay)


@st.composite
def learners(draw: st.DrawFn) -> Learning:
    """Any dyads that can learn all the time: 1 to 4 layers, any activation, cost and kind of feedback."""
    layers = draw(st.lists(st.integers(1, 20), min_size=2, max_size=5))
    rows, follows = draw(st.integers(1, 4)), draw(st.booleans())
    r = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    chosen = LayeredCircuit(
        layers=tuple(layers),
        tau=draw(st.sampled_from([0.5, 1.0, 3.0])),
        activation=draw(st.sampled_from(ACTIVATIONS)),
        output_activation=draw(st.sampled_from(ACTIVATIONS)),
        cost=draw(st.sampled_from(sorted(COST_CODE))),
        coordinates=draw(st.sampled_from(["activity", "membrane"])),
        feedback="independent" if follows else draw(st.sampled_from(["reciprocal", "independent"])),
    )
    tables = dyad(
        draw(st.sampled_from([0.0, 0.3, 0.5, 1.0])),
        transposed=draw(st.booleans()),
        gradient_at=draw(st.sampled_from(["current", "compartment"])),
    )
    network = CompartmentNetwork(
        chosen, tables, draw(st.sampled_from(["float32", "float64"])), 1, "kolen_pollack" if follows else "none"
    )
    for k in range(1, len(layers) - 1):
        network.parameters[f"B_{k}"][:] = r.normal(size=(layers[k + 1], layers[k]))
    network.parameters_changed()
    x, y = r.normal(size=(rows, layers[0])), r.dirichlet(np.ones(layers[-1]), rows)
    return learning(network, x, y, r, r.uniform(), draw(st.sampled_from([0.0, DECAY])))


def products(case: Learning) -> Array:
    """d theta/dt from the equation, sample by sample in double precision, in the order of the parameters."""
    chosen, planes = case.network.settings, [view.astype(float) for view in case.held.views(case.state)]
    names = [chosen.activation] * (len(planes) - 1) + [chosen.output_activation]
    if chosen.coordinates == "membrane":
        planes = [FUNCTION[name](u) for name, u in zip(names, planes, strict=True)]
    sources = [case.held.inputs.astype(float), *(SOURCE[0] * s[0] + SOURCE[1] * s[1] for s in planes)]
    errors = [ERROR[0] * s[0] + ERROR[1] * s[1] for s in planes]
    rates = {}
    for k, error in enumerate(errors):
        rates[f"W_{k}"] = np.mean([np.outer(a, e) for a, e in zip(sources[k], error, strict=True)], axis=0)
        rates[f"b_{k + 1}"] = error.mean(axis=0)
        if f"B_{k}" in case.network.parameters:
            rates[f"B_{k}"] = rates[f"W_{k}"].T
    return np.concatenate(
        [
            -RATE * (rates[block.name] + case.decay * case.network.parameters[block.name]).ravel()
            for block in case.network.parameters.trained_blocks
        ]
    )


def assert_drift_is_the_equation(case: Learning) -> None:
    rate = case.system.rate(case.state)
    compartments = Case(case.network, case.held, case.state[: case.held.size], None)
    expected = np.concatenate([rate_of_change(compartments), products(case)])
    scale = np.abs(expected).max() + 20.0  # sums of up to 20 terms of order one
    np.testing.assert_allclose(rate, expected, rtol=0, atol=scale * (4e-6 if rate.dtype == np.float32 else 1e-13))


@PROPERTY
@given(case=learners())
def test_the_drift_is_the_equation(case: Learning):
    """Compartments move by the equation of a circuit with the conductances of the state, these by mean products."""
    assert_drift_is_the_equation(case)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("layers", "rows"), [((7, 300, 90, 4), 37), ((40, 33, 50, 16), 1), ((5, 3), 300)])
def test_wide_layers_and_many_rows(layers: tuple[int, ...], rows: int, dtype: str):
    """Sizes that random circuits do not reach: several tiles, no multiple of a tile, no hidden layer."""
    numbers = draw_numbers(layers, rows)
    network = circuit(numbers, dyad(0.3, transposed=True), dtype=dtype, activation="tanh", feedback="reciprocal")
    assert_drift_is_the_equation(learning(network, numbers.x.T, numbers.y.T, np.random.default_rng(2)))


@PROPERTY
@given(case=learners())
def test_held_conductances_leave_the_drift_of_the_circuit(case: Learning):
    """Rate zero: nothing moves but the compartments, bit for bit as without plasticity; so does the prediction."""
    case.system.learn_at(0.0, 0.0)
    compartments, rate = case.state[: case.held.size], case.system.rate(case.state)
    np.testing.assert_array_equal(rate[: case.held.size], case.held.rate(compartments))
    assert not case.system.conductances(rate).any()
    np.testing.assert_array_equal(case.system.prediction(case.state), case.held.prediction(compartments))


LAYERS = (4, 6, 5, 3)


def tanh_dyads(seed: int = 0, samples: int = 7) -> Learning:
    numbers = draw_numbers(LAYERS, samples, seed)
    network = circuit(numbers, rule("original", 0.3, 0.4).compartments(), activation="tanh")
    return learning(network, numbers.x.T, numbers.y.T, np.random.default_rng(100 + seed), decay=0.0)


def conductance_rates(case: Learning) -> dict[str, Array]:
    flat, at, found = case.system.conductances(case.system.rate(case.state)), 0, {}
    for block in case.network.parameters.trained_blocks:
        found[block.name] = flat[at : at + block.size].reshape(block.shape).copy()
        at += block.size
    return found


@pytest.mark.parametrize("k", range(3))
def test_one_sample_of_one_unit_reaches_the_conductances_next_to_it_and_no_others(k: int):
    case = tanh_dyads()
    before = conductance_rates(case)
    case.system.views(case.state)[k][0, 4, 2] += 1.0  # s+ of unit 2 of layer k + 1, in sample 4
    after = conductance_rates(case)
    changed = {name: np.argwhere(after[name] != before[name]) for name in before}
    above = {f"W_{k + 1}"} if k < 2 else set()
    assert {name for name, where in changed.items() if len(where)} == {f"W_{k}", f"b_{k + 1}"} | above
    assert set(changed[f"W_{k}"][:, 1]) == {2}
    assert changed[f"b_{k + 1}"].tolist() == [[2]]
    if k < 2:
        assert set(changed[f"W_{k + 1}"][:, 0]) == {2}


def test_conductances_do_not_see_each_other_nor_the_targets():
    """Without decay a change is a product of two numbers: nothing moves if conductances and targets are drawn anew."""
    case = tanh_dyads()
    before = conductance_rates(case)
    case.system.conductances(case.state)[:] = np.random.default_rng(3).normal(size=case.network.parameters.trained.size)
    case.system.targets[:] += 1.0
    after = conductance_rates(case)
    for name in before:
        np.testing.assert_array_equal(after[name], before[name])


def test_an_input_reaches_the_first_layer_alone():
    case = tanh_dyads()
    before = conductance_rates(case)
    case.system.inputs[2, 1] += 1.0
    after = conductance_rates(case)
    assert np.argwhere(after["W_0"] != before["W_0"])[:, 0].tolist() == [1] * 6
    assert all((after[name] == before[name]).all() for name in before if name != "W_0")


@pytest.mark.parametrize("name", ["euler", "exponential_euler", "heun", "rk4", "tsit5"])
def test_the_mismatch_of_feedback_decays_as_the_weights_do(name: str):
    """Kolen and Pollack: d(W - B^T)/dt = -rate decay (W - B^T), whatever the common products are."""
    chosen = LayeredCircuit(layers=LAYERS, activation="tanh", feedback="independent", init={"gain": 0.5})
    network = CompartmentNetwork(chosen, rule().compartments(), "float64", 3, "kolen_pollack")
    r, before = np.random.default_rng(1), {}
    for k in (1, 2):
        network.parameters[f"B_{k}"][:] += r.normal(size=(LAYERS[k + 1], LAYERS[k]))
        before[k] = network.parameters[f"W_{k}"] - network.parameters[f"B_{k}"].T
    system = network.plastic_system(3, (0.5, 0.5), (-10.0, 10.0))
    system.present(r.normal(size=(3, 4)), r.normal(size=(3, 3)))
    system.nudge(0.1)
    system.learn_at(0.05, 0.8)
    keys = {"rtol": 1e-9} if name == "tsit5" else {"dt": 0.02}
    state = system.rest()
    assert solver(name, t_end=50.0, tolerance=None, **keys).relax(system, state).status.good
    first = network.parameters["W_1"].copy()
    network.parameters.trained[:] = system.conductances(state)
    # Of order 1: (1 - 0.04 * 0.02)^2500 = e^-2 (1 - 8e-4).
    accuracy = 1e-3 if "euler" in name else 3e-7 if name == "heun" else 1e-8
    for k in (1, 2):
        after = network.parameters[f"W_{k}"] - network.parameters[f"B_{k}"].T
        np.testing.assert_allclose(after, np.exp(-2.0) * before[k], rtol=accuracy, atol=1e-12)
    assert np.abs(network.parameters["W_1"] - np.exp(-2.0) * first).max() > 0.01  # there were common products


def test_the_circuit_keeps_its_conductances_while_a_system_learns():
    case = tanh_dyads()
    before = case.network.p.copy()
    state = case.system.rest()
    np.testing.assert_array_equal(case.system.conductances(state), case.network.parameters.trained)
    assert not state[: case.held.size].any()
    solver("rk4", dt=0.2, t_end=4.0, tolerance=None).relax(case.system, state)
    np.testing.assert_array_equal(case.network.p, before)
    assert np.abs(case.system.conductances(state) - case.network.parameters.trained).max() > 0.1
    np.testing.assert_array_equal(case.system.conductances(case.system.shared_rest()), case.network.parameters.trained)


def test_feedback_that_is_not_trained_follows_the_circuit():
    """Written into the circuit after the system was made: in force when the next batch is presented."""
    case = tanh_dyads()
    x, y = case.system.inputs.copy(), case.system.targets.copy()
    case.network.parameters["B_1"][:] *= 2.0
    case.network.parameters_changed()
    assert (
        np.abs(case.system.rate(case.state)[: case.held.size] - case.held.rate(case.state[: case.held.size])).max()
        > 0.1
    )
    case.system.present(x, y)
    np.testing.assert_array_equal(
        case.system.rate(case.state)[: case.held.size], case.held.rate(case.state[: case.held.size])
    )


def test_what_has_no_meaning_for_changing_conductances_is_refused():
    case = tanh_dyads()
    with pytest.raises(SimulationError, match="rows that share changing conductances cannot be taken apart"):
        case.system.take([0])
    with pytest.raises(SimulationError, match="no Jacobian per row"):
        case.system.linearise(case.state)
    with pytest.raises(SimulationError, match="no closed-form sweeps; use an ODE solver"):
        solver("sweeps").relax(case.system, case.state)
    for name, keys in (("newton", {}), ("radau", {"t_end": 1.0})):
        with pytest.raises(SimulationError, match=r"cannot be taken apart|no Jacobian"):
            solver(name, **keys).relax(case.system, case.state)


def test_circuits_that_cannot_learn_from_one_state_are_refused():
    numbers = Numbers(
        [np.ones((m, n)) for n, m in pairwise(LAYERS)], [np.zeros((n, 1)) for n in LAYERS[1:]], *2 * [None]
    )
    with pytest.raises(SimulationError, match="conductances in loops cannot follow a single state; they need dyads"):
        circuit(numbers, POINT).plastic_system(2, (1.0,), (1.0,))
    damped = circuit(numbers, dyad(0.5, transposed=False, damped=True), activation="relu")
    with pytest.raises(SimulationError, match="damping follows the norm of the conductances"):
        damped.plastic_system(2, SOURCE, ERROR)
