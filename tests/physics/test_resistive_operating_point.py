"""Operating points: against an independent Newton's method, laws of circuits, and transients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resistive_nets import IS, NVT, base_net, base_numbers, network
from scipy.optimize import root

from neurosim.analysis.setup import build_solver
from neurosim.dynamics.newton import NewtonSolver
from neurosim.dynamics.polished import EQUILIBRIUM
from neurosim.dynamics.settings import NewtonSettings
from neurosim.dynamics.status import Status
from neurosim.errors import SimulationError
from neurosim.physics.resistive.model import ResistiveNetwork
from neurosim.registry import SOLVERS

Array = np.ndarray


def settle(model: ResistiveNetwork, inputs: Array, targets: Array | None = None, beta: float = 0.0) -> Any:
    """Return a system and its operating point."""
    system = model.system(len(inputs))
    system.present(inputs, np.zeros((len(inputs), model.outputs)) if targets is None else targets)
    system.nudge(beta)
    state = system.rest()
    assert EQUILIBRIUM.relax(system, state).status is Status.SETTLED
    return system, state


@pytest.mark.parametrize("beta", [0.0, 0.3, -0.05])
def test_the_base_net_against_scipy(beta):
    """Hidden and output nodes solve Kirchhoff's law, written out by hand."""
    G1, G2, x, y = base_numbers()
    sign = np.where(np.arange(8) < 4, -1.0, 1.0)  # of the diode voltage in the node voltage

    def residual(v: Array) -> Array:
        h, o = v[:8], v[8:]
        diode = sign * IS * np.expm1(sign * h / NVT)
        hidden = G1.T @ x - G1.sum(0) * h + G2 @ o - G2.sum(1) * h - diode
        return np.concatenate([hidden, G2.T @ h - G2.sum(0) * o + beta * (y - o)])

    system, state = settle(base_net(), x[None], y[None], beta)
    names = system.model.netlist.nodes[1 : 1 + 11]
    by_name = dict(zip(names, state, strict=True))
    ours = np.array([by_name[f"h{j}"] for j in range(8)] + [by_name[f"o{k}"] for k in range(3)])
    expected = root(residual, np.clip(ours, -0.3, 0.3), tol=1e-13)
    assert expected.success
    assert ours == pytest.approx(expected.x, abs=1e-10)


def dense_newton(edges: list[tuple[int, int, float]], diodes: list[tuple[int, int]], drive: Array, n: int) -> Array:
    """Return the operating point of resistors and silicon diodes by damped Newton steps on a dense matrix."""
    vt = 1.380649e-23 * 300.15 / 1.602176634e-19
    v = np.zeros(n + 1)
    for _ in range(3000):
        F, J = np.append(0.0, drive), np.zeros((n + 1, n + 1))
        for a, b, g in edges:
            F[[a, b]] += np.array([-1, 1]) * g * (v[a] - v[b])
            J[np.ix_([a, b], [a, b])] += g * np.array([[-1, 1], [1, -1]])
        for a, b in diodes:
            w = v[a] - v[b]
            i, g = 1e-14 * np.expm1(w / vt) + 1e-15 * w, 1e-14 / vt * np.exp(w / vt) + 1e-15
            F[[a, b]] += np.array([-1, 1]) * i
            J[np.ix_([a, b], [a, b])] += g * np.array([[-1, 1], [1, -1]])
        dv = np.linalg.solve(J[1:, 1:], -F[1:])
        largest = np.abs(dv).max()
        v[1:] += dv * min(1.0, 2 * vt / max(largest, vt))
        if largest < 1e-13 * max(1.0, np.abs(v).max()):
            return v[1:]
    raise AssertionError("the reference did not converge")


@st.composite
def resistor_nets(draw: Any) -> tuple[int, list[tuple[int, int, float]], list[tuple[int, int]], Array]:
    """Return nodes, resistors (a path from every node to ground among them), diodes, currents."""
    n = draw(st.integers(2, 6))
    value = st.floats(1e-6, 1e-3)
    edges = [(i, draw(st.integers(0, i - 1)), draw(value)) for i in range(1, n + 1)]
    pair = st.tuples(st.integers(0, n), st.integers(0, n)).filter(lambda ends: ends[0] != ends[1])
    edges += [(*ends, draw(value)) for ends in draw(st.lists(pair, max_size=6))]
    diodes = draw(st.lists(pair, max_size=4))
    return n, edges, diodes, np.array([draw(st.floats(-1e-5, 1e-5)) for _ in range(n)])


def as_network(n: int, edges: Any, diodes: Any, drive: Array) -> ResistiveNetwork:
    name = ["0", "o", *(f"n{i}" for i in range(2, n + 1))]
    elements: dict[str, Any] = {
        f"R{k}": {"type": "resistor", "nodes": [name[a], name[b]], "siemens": g, "trainable": True}
        for k, (a, b, g) in enumerate(edges)
    }
    elements |= {f"D{k}": {"type": "diode", "nodes": [name[a], name[b]]} for k, (a, b) in enumerate(diodes)}
    elements |= {
        f"I{i}": {"type": "current_source", "nodes": [0, name[i]], "amps": float(drive[i - 1])} for i in range(1, n + 1)
    }
    return network(elements)


def by_number(model: ResistiveNetwork, state: Array, n: int) -> Array:
    place = {name: i for i, name in enumerate(model.netlist.nodes[1:])}
    return np.array([state[place["o" if i == 1 else f"n{i}"]] for i in range(1, n + 1)])


@settings(deadline=None, max_examples=40, derandomize=True)
@given(resistor_nets())
def test_random_nets_against_a_dense_newton_method(net):
    """Any topology of resistors, junctions and currents; Kirchhoff's law and the balance of power hold as well."""
    n, edges, diodes, drive = net
    model = as_network(*net)
    system, state = settle(model, np.zeros((1, 0)))
    assert by_number(model, state, n) == pytest.approx(dense_newton(edges, diodes, drive, n), abs=1e-9)
    F = system.rate(state) / model.rates
    assert np.abs(F).max() < 1e-12 + 1e-9 * np.abs(drive).max()
    delivered = float(drive @ by_number(model, state, n))
    assert system.power(state)[0] == pytest.approx(delivered, rel=1e-8, abs=1e-14)


@settings(deadline=None, max_examples=20, derandomize=True)
@given(resistor_nets())
def test_linear_nets_superpose_and_are_reciprocal(net):
    n, edges, _, drive = net

    def answer(currents: Array) -> Array:
        model = as_network(n, edges, [], currents)
        return by_number(model, settle(model, np.zeros((1, 0)))[1], n)

    unit = np.eye(n) * 1e-4
    answers = np.stack([answer(row) for row in unit])
    assert answers == pytest.approx(answers.T, rel=1e-9, abs=1e-12)
    assert answer(drive) == pytest.approx(drive @ answers / 1e-4, rel=1e-8, abs=1e-10)


def test_floating_voltage_sources_and_amplifiers_hold_their_nodes():
    """v_a - v_b = 1.5 V wherever b is; the amplifier gives 4 v_b - 3 s, and draws kappa times what it delivers."""
    model = network(
        {
            "V1": {"type": "voltage_source", "nodes": ["a", "b"], "volts": 1.5},
            "R1": {"type": "resistor", "nodes": ["in", "a"], "ohms": "1k"},
            "R2": {"type": "resistor", "nodes": ["b", 0], "ohms": "2k"},
            "A1": {"type": "amplifier", "nodes": ["b", "w"], "gain": 4, "current_gain": 0.5, "shift": 0.1},
            "R3": {"type": "resistor", "nodes": ["w", "o"], "ohms": "1k"},
            "R4": {"type": "resistor", "nodes": ["o", 0], "ohms": "1k"},
        },
        ["in"],
    )
    system, state = settle(model, np.array([[2.0]]))
    v = dict(zip(model.netlist.nodes, system.node_voltages(state)[0], strict=True))
    assert v["in"] == 2.0
    assert v["a"] - v["b"] == pytest.approx(1.5)
    assert v["w"] == pytest.approx(4 * v["b"] - 0.3)
    delivered = (v["w"] - v["o"]) / 1e3
    assert (v["in"] - v["a"]) / 1e3 == pytest.approx(v["b"] / 2e3 + 0.5 * delivered)


def test_sparse_and_dense_steps_agree(monkeypatch):
    _, _, x, y = base_numbers()
    dense = settle(base_net(1.0, 0.5), x[None], y[None], 0.1)[1]
    monkeypatch.setattr("neurosim.physics.resistive.operating_point.DENSE_UNTIL", 1)
    assert settle(base_net(1.0, 0.5), x[None], y[None], 0.1)[1] == pytest.approx(dense, abs=1e-13)


def test_a_circuit_without_an_operating_point_says_so():
    """A current that only the reverse direction of a junction could carry."""
    elements = {
        "D": {"type": "diode", "nodes": [0, "o"]},
        "I": {"type": "current_source", "nodes": [0, "o"], "amps": 1e-3},
    }
    system = network(elements, gmin=0.0).system(2)
    found = EQUILIBRIUM.relax(system, system.rest())
    assert not found.status.good
    assert found.codes.tolist() == [found.status.code] * 2


def test_a_settled_state_is_left_as_it_is():
    """One step sees that nothing moves, also where a junction carries more than its critical current."""
    junction = {"type": "diode", "nodes": ["o", 0]}
    resistor = {"type": "resistor", "nodes": ["in", "o"], "ohms": 10}
    system, state = settle(network({"D": junction, "R": resistor}, ["in"]), np.array([[5.0]]))
    before = state.copy()
    once = NewtonSolver(NewtonSettings(solver="newton", tolerance=1e-12, max_steps=1)).relax(system, state)
    assert once.status is Status.SETTLED
    assert once.steps == 1
    assert state == pytest.approx(before, abs=1e-13)


def test_rows_do_not_see_each_other():
    draw = np.random.default_rng(0)
    x, model = draw.uniform(-3, 3, (5, 6)), base_net()
    system, together = settle(model, x)
    for row in range(5):
        alone = settle(model, x[row : row + 1])[1]
        assert system.take_state(together, [row]) == pytest.approx(alone, abs=1e-12)


def rc() -> ResistiveNetwork:
    return network(
        {
            "R1": {"type": "resistor", "nodes": ["in", "o"], "ohms": "10k"},
            "C1": {"type": "capacitor", "nodes": ["o", 0], "farads": "9p"},
        },
        ["in"],
    )


class _At:
    def __init__(self, times: Array) -> None:
        self.times, self.states = times, np.zeros((0, 1))

    def save(self, times: Array, states: Array, rates: Array) -> None:
        self.states = np.concatenate([self.states, states.reshape(len(times), -1)])


@pytest.mark.parametrize(
    ("solver", "keys", "accuracy"),
    [("radau", {"rtol": 1e-9, "atol": 1e-12}, 1e-8), ("tsit5", {"rtol": 1e-9, "atol": 1e-12}, 1e-8),
     ("rk4", {"dt": 1e-9}, 1e-7)],
)  # fmt: skip
def test_an_rc_node_charges_exponentially(solver, keys, accuracy):
    """10 kOhm and 10 pF, stray capacitance included: v = 2 V (1 - exp(-t / 100 ns))."""
    system = rc().system(1)
    system.present(np.array([[2.0]]), np.zeros((1, 1)))
    record = _At(np.linspace(0, 5e-7, 11))
    made = build_solver(SOLVERS.settings(solver)(solver=solver, t_end=5e-7, tolerance=None, **keys))
    made.relax(system, system.rest(), record)
    assert record.states[:, 0] == pytest.approx(2 * (1 - np.exp(-record.times / 1e-7)), abs=accuracy)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2), ("rk4", 4)])
def test_orders_of_transients(solver, order):
    """On the base net with amplifiers, against a fine run of the same scheme's betters."""
    _, _, x, y = base_numbers()
    system = base_net(1.0, 0.5).system(1)
    system.present(x[None], y[None])
    system.nudge(0.3)
    t_end = 4e-13

    def end(name: str, **keys: Any) -> Array:
        state = system.rest()
        build_solver(SOLVERS.settings(name)(solver=name, t_end=t_end, tolerance=None, **keys)).relax(system, state)
        return state

    exact = end("rk4", dt=t_end / 4096)
    errors = [np.abs(end(solver, dt=t_end / n) - exact).max() for n in (32, 64)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)


def test_transients_end_at_the_operating_point():
    _, _, x, y = base_numbers()
    system, state = settle(base_net(1.0, 0.5), x[None], y[None], 0.3)
    tsit5 = build_solver(SOLVERS.settings("tsit5")(solver="tsit5", t_end=1e-9, tolerance=1e-6))
    moving = system.rest()
    assert tsit5.relax(system, moving).status is Status.SETTLED
    assert moving == pytest.approx(state, abs=1e-5)


def test_what_a_netlist_cannot_do():
    system = base_net().system(1)
    with pytest.raises(SimulationError, match="complex"):
        system.nudge(0.1j)
    with pytest.raises(SimulationError, match="sweeps"):
        system.sweep(system.rest(), "forward", True)
    dyads = system.dyads()
    with pytest.raises(SimulationError, match="complex"):
        dyads.nudge(0.1j)
    with pytest.raises(SimulationError, match="cannot be held"):
        dyads.freeze_cost_gradient(dyads.rest())
    with pytest.raises(SimulationError, match="no Jacobian"):
        dyads.linearise(dyads.rest())
