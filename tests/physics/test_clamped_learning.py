"""Coupled and contrastive learning on netlists: what they descend, how far it is from the gradient, and its limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resistive_nets import IS, NVT, VT, base_net, base_numbers, network

from neurosim.dynamics.adaptive import AdaptiveSolver
from neurosim.dynamics.polished import EQUILIBRIUM
from neurosim.dynamics.schemes.tsit5 import TSIT5
from neurosim.dynamics.settings import AdaptiveSettings
from neurosim.learning.exact.implicit import implicit_gradient
from neurosim.learning.learner import Learner
from neurosim.learning.rules.contrastive import Contrastive
from neurosim.learning.rules.coupled import Coupled
from neurosim.learning.rules.equilibrium import Equilibrium
from neurosim.physics.resistive.model import ResistiveNetwork
from neurosim.workers import Workers

Array = np.ndarray
G1, G2, X, Y = base_numbers()
SIGN = np.where(np.arange(8) < 4, -1.0, 1.0)  # anode voltage of a hidden diode over that of its node


def estimate(model: ResistiveNetwork, rule: Any, start: Any = "free", solver: Any = EQUILIBRIUM) -> Array:
    lesson = Learner(model, solver, rule, start, Workers(1)).learn(X[None], Y[None])
    assert not lesson.codes.any()
    return lesson.gradient["g"].copy()


def coupled(eta: float) -> Coupled:
    return Coupled(type="coupled", eta=eta)


def free_point(model: ResistiveNetwork) -> tuple[Any, Array]:
    system = model.system(1)
    system.present(X[None], Y[None])
    state = system.rest()
    EQUILIBRIUM.relax(system, state)
    return system, state


def cosine(a: Array, b: Array) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def relaxed(g: Array, u: Array | None = None) -> tuple[Array, float]:
    """Return outputs and co-content of the base net at its free point, or with the outputs at `u`; plain Newton."""
    A, B = g[:48].reshape(6, 8), g[48:].reshape(8, 3)
    h, o = np.zeros(8), np.zeros(3) if u is None else u
    for _ in range(200):
        w = SIGN * h
        F = A.T @ X - A.sum(0) * h + B @ o - B.sum(1) * h - SIGN * IS * np.expm1(w / NVT)
        J = np.diag(-A.sum(0) - B.sum(1) - IS / NVT * np.exp(w / NVT))
        if u is None:
            F = np.concatenate([F, B.T @ h - B.sum(0) * o])
            J = np.block([[J, B], [B.T, -np.diag(B.sum(0))]])
        step = np.linalg.solve(J, -F)
        step *= min(1.0, 0.2 / np.abs(step).max(initial=1e-300))
        h = h + step[:8]
        o = o + step[8:] if u is None else o
    w = SIGN * h
    squares = (A * (X[:, None] - h) ** 2).sum() + (B * (h[:, None] - o) ** 2).sum()
    return o, float(squares / 2 + (IS * (NVT * np.expm1(w / NVT) - w)).sum())


@pytest.mark.parametrize(("eta", "published"), [(0.01, 0.9935), (0.1, 0.9935), (1.0, 0.977)])
def test_the_published_cosines_with_the_gradient(eta, published):
    model = base_net()
    exact = implicit_gradient(*free_point(model))["g"]
    assert cosine(estimate(model, coupled(eta)), exact) == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize("eta", [0.05, 0.5, 1.0])
def test_they_descend_the_difference_of_co_contents(eta):
    """Central differences of (J_c - J_f) / eta with u_c held, from a reference that knows no netlist."""
    model = base_net()
    g = model.parameters["g"].copy()
    u = relaxed(g)[0]
    assert u == pytest.approx(free_point(model)[1].reshape(-1)[model.output_states], abs=1e-10)
    held = u + eta * (Y - u)

    def contrast(g: Array) -> float:
        return (relaxed(g, held)[1] - relaxed(g)[1]) / eta

    found = estimate(model, coupled(eta))
    for i in (0, 11, 30, 47, 48, 60, 71):
        step = np.zeros(72)
        step[i] = 1e-5
        assert found[i] == pytest.approx((contrast(g + step) - contrast(g - step)) / 2e-5, rel=1e-5, abs=1e-8)


def test_contrastive_is_coupled_all_the_way_and_the_limit_of_a_strong_nudge():
    model = base_net()
    contrastive = estimate(model, Contrastive(type="contrastive"))
    assert contrastive == pytest.approx(estimate(model, coupled(1.0)), rel=1e-12)
    apart = []
    for beta in (1e3, 1e4, 1e5):
        nudged = beta * estimate(model, Equilibrium(type="equilibrium", nudging="one_sided", beta=beta))
        apart.append(np.linalg.norm(nudged - contrastive) / np.linalg.norm(contrastive))
    assert apart[2] < 1e-4
    assert np.log10(apart[0] / apart[1]) == pytest.approx(1, abs=0.05)
    assert np.log10(apart[1] / apart[2]) == pytest.approx(1, abs=0.05)


@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 1000), eta=st.floats(0.01, 1.0), hidden=st.integers(0, 3))
def test_a_clamped_circuit_obeys_kirchhoff_where_it_is_not_held(seed, eta, hidden):
    """Random nets with amplifiers behind outputs: outputs where they should be, no current left at free nodes."""
    draw = np.random.default_rng(seed)
    nodes = ["a", *(f"h{j}" for j in range(hidden)), "o", "w", "z"]
    elements: dict[str, Any] = {"A": {"type": "amplifier", "nodes": ["o", "w"], "gain": 2, "current_gain": 0.3}}
    for i, a in enumerate(nodes):
        for b in [*nodes[i + 1 :], 0]:
            value = draw.uniform(0.1, 1)
            elements[f"R{a}{b}"] = {"type": "resistor", "nodes": [a, b], "siemens": value, "trainable": True}
    elements["D"] = {"type": "diode", "nodes": ["z", 0], "is": 1e-3, "n": 4}
    model = network(elements, ["a"], ["o"])
    system = model.system(2)
    system.present(draw.normal(size=(2, 1)), draw.normal(size=(2, 1)))
    free = system.rest()
    EQUILIBRIUM.relax(system, free)
    clamped = system.clamped_at(free, eta)
    state = clamped.rest()
    assert not EQUILIBRIUM.relax(clamped, state).codes.any()
    u = system.prediction(free)
    V = clamped.node_voltages(state)
    order = list(model.netlist.nodes)
    assert V[:, order.index("o")] == pytest.approx((u + eta * (system.targets - u))[:, 0], abs=1e-12)
    assert V[:, order.index("w")] == pytest.approx(2 * V[:, order.index("o")], abs=1e-12)
    assert state.reshape(2, -1)[:, model.output_states] == pytest.approx(clamped.prediction(state), abs=1e-12)
    leaving = np.zeros((2, len(order)))
    for name, (a, b) in ((n, e["nodes"]) for n, e in elements.items() if n != "A"):
        a, b = order.index(a), order.index(str(b))
        w = V[:, a] - V[:, b]
        current = 1e-3 * np.expm1(w / (4 * VT)) if name == "D" else elements[name]["siemens"] * w
        leaving[:, a] += current
        leaving[:, b] -= current
    for node in order:
        if node.startswith("h") or node == "z":
            assert np.abs(leaving[:, order.index(node)]).max() < 1e-9


def test_a_clamped_circuit_relaxes_in_time_to_the_same_point():
    """An ODE solver, from rest and from the free state."""
    model = base_net()
    ode = AdaptiveSolver(
        TSIT5,
        AdaptiveSettings(solver="tsit5", t_end=1e-9, tolerance=1e-9, rtol=1e-9, atol=1e-11, max_steps=100000),
    )
    wanted = estimate(model, coupled(0.5))
    for start in ("free", "rest"):
        assert estimate(model, coupled(0.5), start, ode) == pytest.approx(wanted, rel=1e-4, abs=1e-6)


def test_the_clamp_follows_conductances_that_learning_has_moved():
    """One learner, before and after: its clamped system is kept from batch to batch."""
    model, moved = base_net(), base_net()
    learner = Learner(model, EQUILIBRIUM, coupled(0.2), "free", Workers(1))
    learner.learn(X[None], Y[None])
    for each in (model, moved):
        each.parameters["g"][:] *= 1.5
        each.parameters["g"][:10] *= 0.5
        each.parameters_changed()
    again = learner.learn(X[None], Y[None]).gradient["g"]
    assert again == pytest.approx(estimate(moved, coupled(0.2)), rel=1e-12)
