"""Learning on netlists: exact gradients, orders of equilibrium propagation, floors of asymmetry, corrections."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from resistive_nets import IS, NVT, base_net, base_numbers, network

from neurosim.dynamics.adaptive import AdaptiveSolver
from neurosim.dynamics.polished import EQUILIBRIUM
from neurosim.dynamics.schemes.tsit5 import TSIT5
from neurosim.dynamics.settings import AdaptiveSettings
from neurosim.learning.exact.implicit import implicit_gradient, response_estimate
from neurosim.learning.learner import Learner
from neurosim.learning.rules.equilibrium import Equilibrium
from neurosim.physics.resistive.model import ResistiveNetwork
from neurosim.workers import Workers

Array = np.ndarray
_, _, X, Y = base_numbers()
SPREAD = np.exp(0.3 * np.random.default_rng(5).standard_normal((8, 3)))
FIRST = slice(0, 48)
SECOND = slice(48, 72)


def estimate(model: ResistiveNetwork, nudging: Any, beta: float, **keys: Any) -> Array:
    rule = Equilibrium(type="equilibrium", nudging=nudging, beta=beta, **keys)
    lesson = Learner(model, EQUILIBRIUM, rule, "free", Workers(1)).learn(X[None], Y[None])
    assert not lesson.codes.any()
    return lesson.gradient["g"].copy()


def exact(model: ResistiveNetwork) -> Array:
    system = model.system(1)
    system.present(X[None], Y[None])
    state = system.rest()
    EQUILIBRIUM.relax(system, state)
    return implicit_gradient(system, state)["g"].copy()


def cost(model: ResistiveNetwork) -> float:
    system = model.system(1)
    system.present(X[None], Y[None])
    state = system.rest()
    EQUILIBRIUM.relax(system, state)
    return float(model.cost(system.prediction(state), Y[None])[0])


def error(found: Array, reference: Array) -> float:
    return float(np.linalg.norm(found - reference) / np.linalg.norm(reference))


@pytest.mark.parametrize("model", [base_net(), base_net(1, 0.9), base_net(1, SPREAD), base_net(4, 0.25)])
def test_the_gradient_against_central_differences(model):
    g, differences = exact(model), np.zeros(72)
    for i in range(72):
        here = model.parameters["g"][i]
        sides = []
        for step in (1e-6, -1e-6):
            model.parameters["g"][i] = here + step
            sides.append(cost(model))
        model.parameters["g"][i] = here
        differences[i] = (sides[0] - sides[1]) / 2e-6
    assert error(g, differences) < 1e-8


def test_orders_of_the_base_net():
    """The published table: 0.0271, 0.00278, 0.000279 one-sided; 8.2e-4, 8.2e-6, 8.2e-8 centered."""
    model = base_net()
    g = exact(model)
    one_sided = [error(estimate(model, "one_sided", beta), g) for beta in (0.1, 0.01, 0.001)]
    centered = [error(estimate(model, "symmetric", beta), g) for beta in (0.1, 0.01, 0.001)]
    assert one_sided == pytest.approx([0.0271, 0.00278, 0.000279], rel=5e-3)
    assert centered[:2] == pytest.approx([8.2e-4, 8.2e-6], rel=1e-2)
    assert np.log10(one_sided[1] / one_sided[2]) == pytest.approx(1, abs=0.05)
    assert np.log10(centered[0] / centered[1]) == pytest.approx(2, abs=0.05)
    assert centered[2] < 2e-7


@pytest.mark.parametrize(("kappa", "floor"), [(0.9, 0.0965), (0.5, 0.4768), (0.1, 0.8425)])
def test_floors_of_uniform_asymmetry(kappa, floor):
    """One current gain for all hidden nodes only rescales the first layer; the limit of a vanishing nudge says so."""
    model = base_net(1, kappa)
    g, found = exact(model), estimate(model, "symmetric", 0.001)
    assert error(found, g) == pytest.approx(floor, abs=5e-4)
    assert error(found[FIRST] / kappa, g[FIRST]) < 1e-6
    assert error(found[SECOND], g[SECOND]) < 1e-6
    system = model.system(1)
    system.present(X[None], Y[None])
    state = system.rest()
    EQUILIBRIUM.relax(system, state)
    assert error(response_estimate(system, state, (-1.0,))["g"], g) == pytest.approx(floor, abs=5e-4)


@pytest.mark.parametrize("model", [base_net(), base_net(1, 0.5), base_net(1, SPREAD)])
def test_a_transposed_circuit_corrects_asymmetry(model):
    g = exact(model)
    errors = [error(estimate(model, "symmetric", beta, correction="asymmetric"), g) for beta in (0.1, 0.01, 0.001)]
    assert errors[2] < 1e-6
    assert np.log10(errors[0] / errors[1]) == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize(
    "kappa",
    [None, 0.9, 0.5, 0.1, *(np.exp(s * np.random.default_rng(5).standard_normal((8, 3))) for s in (0.1, 0.3, 1))],
)
def test_both_corrections_of_every_row_of_the_table(kappa):
    """Uniform and per-branch asymmetry: AsymEP has the order of its nudge, dyads are exact for any strength."""
    model = base_net(1, kappa)
    g = exact(model)
    errors = [error(estimate(model, "symmetric", beta, correction="asymmetric"), g) for beta in (0.01, 0.001)]
    assert errors[0] < 1.2e-5
    assert errors[1] < 1e-6
    assert np.log10(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)
    for beta in (1e-3, 1.0, 100.0):
        assert error(estimate(model, "symmetric", beta, correction="dyadic"), g) < 1e-10


@pytest.mark.parametrize(
    ("kappa", "one_sided", "centered"),
    [
        (1.0, (0.217, 0.0271, 0.00278, 0.000279), (8.2e-4, 8.2e-6, 8.2e-8)),
        (0.9, (0.285, 0.119, 0.0988, 0.0967), (0.0959, 0.0965, 0.0965)),
        (0.5, (0.569, 0.488, 0.478, 0.477), (0.4765, 0.4768, 0.4768)),
        (0.1, (0.860, 0.844, 0.843, 0.843), (0.8425, 0.8425, 0.8425)),
    ],
)
def test_the_published_rows_of_uniform_asymmetry(kappa, one_sided, centered):
    model = base_net(1, kappa)
    g = exact(model)
    found = [error(estimate(model, "one_sided", beta), g) for beta in (1.0, 0.1, 0.01, 0.001)]
    assert found == pytest.approx(one_sided, rel=0.02)
    found = [error(estimate(model, "symmetric", beta), g) for beta in (0.1, 0.01, 0.001)]
    assert found[:2] == pytest.approx(centered[:2], rel=0.02)
    assert found[2] == pytest.approx(centered[2], rel=0.05)


@pytest.mark.parametrize("spread", [0.1, 0.3, 1.0])
def test_the_floor_of_asymmetry_per_branch(spread):
    """EP solves with J^-1 where the gradient needs J^-T; J written out for the base net, with no netlist in it."""
    kb = np.exp(spread * np.random.default_rng(5).standard_normal((8, 3)))
    model = base_net(1, kb)
    system = model.system(1)
    system.present(X[None], Y[None])
    state = system.rest()
    EQUILIBRIUM.relax(system, state)
    V = dict(zip(model.netlist.nodes, system.node_voltages(state)[0], strict=True))
    h, o = np.array([V[f"h{j}"] for j in range(8)]), np.array([V[f"o{k}"] for k in range(3)])
    G1, G2, _, _ = base_numbers()
    slope = IS / NVT * np.exp(np.where(np.arange(8) < 4, -h, h) / NVT)
    J = np.zeros((11, 11))
    J[:8, :8] = -np.diag(G1.sum(0) + (kb * G2).sum(1) + slope)
    J[:8, 8:], J[8:, :8], J[8:, 8:] = kb * G2, G2.T, -np.diag(G2.sum(0))
    right = np.concatenate([np.zeros(8), Y - o])

    def products(errors: Array, of_branches: Array) -> Array:
        first = (h - X[:, None]) * -errors[:8]
        second = (h[:, None] - o) * (errors[8:] - of_branches)
        return np.concatenate([first.ravel(), second.ravel()])

    adjoint, response = np.linalg.solve(J.T, right), np.linalg.solve(J, right)
    g, biased = products(adjoint, kb * adjoint[:8, None]), products(response, response[:8, None] * np.ones(3))
    assert error(exact(model), g) < 1e-8
    found = estimate(model, "symmetric", 0.001)
    assert error(found, biased) < 1e-5
    assert error(found, g) == pytest.approx(error(biased, g), rel=1e-4)
    assert error(biased, g) > 0.05


def test_dyads_relax_in_time_to_what_newton_finds():
    """The compiled drift against the operating point and a linear system, from rest."""
    model = base_net(1, SPREAD)
    system = model.system(2)
    system.present(np.stack([X, -X]), np.stack([Y, Y]))
    dyads = system.dyads()
    dyads.nudge(0.3)
    found, relaxed = dyads.rest(), dyads.rest()
    assert not EQUILIBRIUM.relax(dyads, found).codes.any()
    assert np.abs(dyads.rate(found)).max() < 1e-9 * np.abs(dyads.rate(relaxed)).max()
    keys = {"solver": "tsit5", "t_end": 1e-9, "tolerance": 1e-9, "rtol": 1e-9, "atol": 1e-11, "max_steps": 100000}
    assert not AdaptiveSolver(TSIT5, AdaptiveSettings(**keys)).relax(dyads, relaxed).codes.any()
    assert relaxed == pytest.approx(found, rel=1e-5, abs=1e-7)
    single = dyads.take([1])
    assert single.rate(dyads.take_state(found * 1.1, [1])) == pytest.approx(
        dyads.take_state(dyads.rate(found * 1.1), [1]), rel=1e-10
    )


def test_amplifiers_with_gain():
    """Gain 4: kappa 1/4 misleads, but only by a factor 16 before the amplifiers; kappa 4 needs no correction."""
    active, passive = base_net(4, 0.25), base_net(4, 4.0)
    g, found = exact(active), estimate(active, "symmetric", 0.001)
    assert found @ g / np.linalg.norm(found) / np.linalg.norm(g) == pytest.approx(0.485, abs=0.001)
    assert error(found[FIRST] * 16, g[FIRST]) < 1e-6
    assert error(estimate(passive, "symmetric", 0.001), exact(passive)) < 1e-5


def test_bias_currents_learn():
    """dC/dI of a current source against central differences."""

    def build(amps: float) -> ResistiveNetwork:
        return network(
            {
                "R1": {"type": "resistor", "nodes": ["in", "h"], "ohms": 2, "trainable": True},
                "D1": {"type": "diode", "nodes": ["h", 0], "is": 1e-3, "n": 4},
                "I1": {"type": "current_source", "nodes": [0, "h"], "amps": amps, "trainable": True},
                "R2": {"type": "resistor", "nodes": ["h", "o"], "ohms": 1, "trainable": True},
                "R3": {"type": "resistor", "nodes": ["o", 0], "ohms": 3},
            },
            ["in"],
        )  # fmt: skip

    def answer(model: ResistiveNetwork) -> tuple[float, Any]:
        system = model.system(2)
        targets = np.array([[0.3], [-0.2]])
        system.present(np.array([[0.5], [-0.4]]), targets)
        state = system.rest()
        EQUILIBRIUM.relax(system, state)
        value = float(model.cost(system.prediction(state), targets).mean())
        return value, implicit_gradient(system, state)

    slope = (answer(build(0.1 + 1e-6))[0] - answer(build(0.1 - 1e-6))[0]) / 2e-6
    gradient = answer(build(0.1))[1]
    assert gradient["I"][0] == pytest.approx(slope, rel=1e-7)


def test_updates_stay_within_bounds():
    model = network(
        {
            "R1": {"type": "resistor", "nodes": ["in", "o"], "siemens": 1, "trainable": True, "bounds": [0.5, 2]},
            "R2": {"type": "resistor", "nodes": ["o", 0], "siemens": 1, "trainable": True, "bounds": [0.5, 2]},
        },
        ["in"],
    )
    model.parameters["g"][:] = 7.0, -1.0
    model.keep_in_bounds()
    assert model.parameters["g"].tolist() == [2.0, 0.5]


def test_conductances_are_drawn_from_their_bounds():
    resistor = {"type": "resistor", "trainable": True, "bounds": ["1u", "2u"]}
    elements = {f"R{k}": {**resistor, "nodes": ["o", 0]} for k in range(50)}
    g, again = network(elements).parameters["g"], network(elements).parameters["g"]
    assert g.tolist() == again.tolist()
    assert 1e-6 <= g.min() < 1.2e-6 < 1.8e-6 < g.max() <= 2e-6


GROUPED = {
    "R1": {"type": "resistor", "nodes": ["in", "h"], "trainable": True, "bounds": [1, 2], "group": "first"},
    "R2": {"type": "resistor", "nodes": ["h", "o"], "trainable": True, "bounds": [1, 2], "group": "second"},
    "R3": {"type": "resistor", "nodes": ["h", 0], "trainable": True, "bounds": [1, 2], "group": "first"},
    "R4": {"type": "resistor", "nodes": ["o", 0], "trainable": True, "bounds": [1, 2]},
    "I1": {"type": "current_source", "nodes": [0, "h"], "amps": 0.1, "trainable": True},
    "I2": {"type": "current_source", "nodes": [0, "o"], "amps": 0.2, "trainable": True, "group": "second"},
}


def test_groups_are_parameter_blocks_of_the_same_circuit():
    """Every element has the value and the gradient that it has without groups."""
    alike = {name: {k: v for k, v in e.items() if k != "group"} for name, e in GROUPED.items()}
    grouped, plain = network(GROUPED, ["in"]), network(alike, ["in"])
    members = {"g_first": ["R1", "R3"], "g_second": ["R2"], "g": ["R4"], "I": ["I1"], "I_second": ["I2"]}
    assert {name: list(names) for name, names in grouped.netlist.groups.items()} == members
    assert [block.name for block in plain.parameters.blocks] == ["g", "I"]

    def by_element(model: ResistiveNetwork) -> dict[str, list[float]]:
        system = model.system(1)
        system.present(np.array([[0.7]]), np.array([[0.4]]))
        state = system.rest()
        EQUILIBRIUM.relax(system, state)
        gradient = implicit_gradient(system, state)
        return {
            name: [model.parameters[block][i], gradient[block][i]]
            for block, names in model.netlist.groups.items() for i, name in enumerate(names)
        }  # fmt: skip

    found, expected = by_element(grouped), by_element(plain)
    assert set(found) == set(expected) == set(GROUPED)
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, rel=1e-12)
    assert len({grouped.parameter_dimensions(name) for name in members}) == len(members)
