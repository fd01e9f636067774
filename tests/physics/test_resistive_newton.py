"""Newton steps of small netlists: the order of elimination, and the solution of one step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import types
from resistive_nets import base_net, network

from neurosim.dynamics.polished import EQUILIBRIUM
from neurosim.jit import kernel, vector
from neurosim.physics.resistive.newton_kernel import elimination_order, solve_eliminating

_solve_eliminating = solve_eliminating


@kernel(lambda real: types.void(types.Array(real, 2, "C"), vector(real), types.int64))
def solution_of(A, x, first):
    _solve_eliminating(A, x, first)


def independent_system(draw, first, rest):
    """Return a matrix whose first unknowns do not touch each other, dominated by their diagonal."""
    n = first + rest
    A = draw.normal(size=(n, n))
    A[:first, :first] = -np.diag(2.0 * n + draw.random(first))
    return A


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 12), st.integers(0, 8), st.integers(0, 10_000))
def test_a_step_solves_its_linear_system(first, rest, seed):
    draw = np.random.default_rng(seed)
    if first + rest == 0:
        return
    A, b = independent_system(draw, first, rest), draw.normal(size=first + rest)
    x = b.copy()
    solution_of[np.float64](A.copy(), x, first)
    assert x == pytest.approx(np.linalg.solve(A, b), rel=1e-8, abs=1e-9)


def test_rows_are_swapped_where_a_pivot_is_zero():
    A, x = np.array([[0.0, 2.0], [1.0, 0.0]]), np.array([4.0, 3.0])
    solution_of[np.float64](A, x, 0)
    assert x.tolist() == [3.0, 2.0]


def test_a_singular_matrix_has_no_finite_solution():
    x = np.ones(2)
    solution_of[np.float64](np.ones((2, 2)), x, 0)
    assert not np.isfinite(x).all()


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.integers(1, 15), st.integers(0, 40), st.integers(0, 10_000))
def test_eliminated_nodes_do_not_touch_each_other(free, branches, seed):
    draw = np.random.default_rng(seed)
    nodes = free + 3
    roots = np.full(nodes, -1)
    roots[1 : free + 1] = np.arange(free)
    roots[-1] = free - 1  # follows the last free node
    plain = draw.random(free) < 0.8
    ends = draw.integers(0, nodes, (branches, 2))
    order, first = elimination_order(roots, plain, ends)
    assert sorted(order.tolist()) == list(range(free))
    eliminated = set(order[:first].tolist())
    assert all(plain[node] for node in eliminated)
    joined = [set(pair) for pair in roots[ends].tolist() if min(pair) >= 0 and pair[0] != pair[1]]
    assert not any(pair <= eliminated for pair in joined)
    # No other plain node could be added.
    for node in set(np.flatnonzero(plain).tolist()) - eliminated:
        assert any(node in pair and pair - {node} <= eliminated for pair in joined)


def test_hidden_nodes_of_a_layered_net_are_eliminated():
    net = base_net()
    order, first = net.equations.order
    names = [net.netlist.nodes[1 + node] for node in order.tolist()]
    assert sorted(names[:first]) == [f"h{j}" for j in range(8)]


def test_nodes_behind_amplifiers_are_not_eliminated():
    elements = {
        "A": {"type": "amplifier", "nodes": ["a", "w"], "gain": 4},
        "R1": {"type": "resistor", "nodes": ["in", "a"], "ohms": 1e3},
        "R2": {"type": "resistor", "nodes": ["w", "o"], "ohms": 1e3},
        "R3": {"type": "resistor", "nodes": ["o", 0], "ohms": 1e3},
    }
    net = network(elements, inputs=("in",))
    order, first = net.equations.order
    assert [net.netlist.nodes[1 + node] for node in order[:first].tolist()] == ["o"]


def test_steps_that_are_watched_lead_to_the_same_place():
    """One step per call or all in one: the same steps, bit for bit, and the same rows as alone."""
    net, draw = base_net(), np.random.default_rng(3)
    inputs = draw.uniform(-2, 2, (5, 6))

    def present(rows):
        system = net.system(len(rows))
        system.present(rows, np.zeros((len(rows), 3)))
        return system

    seen = []
    watched, plain = present(inputs), present(inputs)
    a, b = watched.rest(), plain.rest()
    found = watched.operating_point(a, 1e-12, 100, lambda step, state, corrections: seen.append((step, state.copy())))
    other = plain.operating_point(b, 1e-12, 100)
    assert found.converged.all()
    assert found.steps == other.steps
    np.testing.assert_array_equal(a, b)
    assert [step for step, _ in seen] == list(range(found.steps + 1))
    np.testing.assert_array_equal(seen[-1][1], a)
    alone = present(inputs[2:3])
    state = alone.rest()
    assert EQUILIBRIUM.relax(alone, state).status.key == "settled"
    assert state == pytest.approx(plain.take_state(b, [2]), abs=1e-12)
