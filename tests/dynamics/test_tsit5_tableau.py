"""The constants of Tsitouras' pair satisfy the order conditions, tree by tree.

A Runge-Kutta method has order p if sum_i b_i Phi_i(tree) = 1 / gamma(tree) for every rooted tree with at most p nodes
(E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I (1993), theorem II.2.13).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from dynamics_circuits import circuit, exact_states

from neurosim.dynamics.schemes import tsit5
from neurosim.dynamics.schemes.tsit5 import TSIT5, tsit5_interpolant

Tree = tuple  # a tree is the sorted tuple of the trees that hang from its root

STAGES = 7
B = np.array([*(getattr(tsit5, f"B{i}") for i in range(1, 7)), 0.0])
E = np.array([getattr(tsit5, f"E{i}") for i in range(1, 8)])
A = np.zeros((STAGES, STAGES))
for row in range(2, 7):
    for column in range(1, row):
        A[row - 1, column - 1] = getattr(tsit5, f"A{row}{column}")
A[6] = B  # the last stage is the first one of the next step
C = np.array([0.0, *(getattr(tsit5, f"C{i}") for i in range(2, 6)), 1.0, 1.0])


@cache
def trees(nodes: int) -> tuple[Tree, ...]:
    """Return all rooted trees with this many nodes."""
    return tuple(sorted(set(_forests(nodes - 1, nodes - 1))))


def _forests(nodes: int, largest: int) -> Iterator[Tree]:
    if nodes == 0:
        yield ()
    for size in range(1, min(nodes, largest) + 1):
        for tree in trees(size):
            for rest in _forests(nodes - size, size):
                yield tuple(sorted((tree, *rest)))


def order(tree: Tree) -> int:
    return 1 + sum(order(child) for child in tree)


def density(tree: Tree) -> int:
    """Return gamma: the product of the orders of all subtrees."""
    return order(tree) * int(np.prod([density(child) for child in tree], dtype=int))


def elementary_weights(tree: Tree) -> np.ndarray:
    """Return Phi_i: the product over the children of sum_j a_ij Phi_j(child)."""
    product = np.ones(STAGES)
    for child in tree:
        product = product * (A @ elementary_weights(child))
    return product


def up_to(nodes: int) -> list[Tree]:
    return [tree for n in range(1, nodes + 1) for tree in trees(n)]


def interpolant_weights(theta: float) -> np.ndarray:
    """Return b_i(theta), read off the compiled interpolant one stage at a time."""
    out = np.empty(STAGES)
    for i, stages in enumerate(np.eye(STAGES)):
        one = np.empty(1)
        tsit5_interpolant[np.float64](theta, 1.0, np.zeros(1), stages.copy(), one)
        out[i] = one[0]
    return out


def test_the_trees_are_all_there():
    """1, 1, 2, 4, 9, 20 rooted trees with one to six nodes (HNW I, table II.2.3)."""
    assert [len(trees(n)) for n in range(1, 7)] == [1, 1, 2, 4, 9, 20]


def test_rows_sum_to_the_nodes():
    """sum_j a_ij = c_i: stages look at the time their state belongs to."""
    np.testing.assert_allclose(A.sum(axis=1), C, rtol=0, atol=1e-14)


@pytest.mark.parametrize("tree", up_to(5), ids=str)
def test_the_solution_has_order_five(tree: Tree):
    """All 17 conditions up to order 5."""
    assert B @ elementary_weights(tree) == pytest.approx(1 / density(tree), abs=1e-13)


def test_the_solution_has_no_higher_order():
    """Order 5 and not 6: at least one of the 20 conditions of order 6 fails, so `TSIT5.order` is not too modest."""
    assert max(abs(B @ elementary_weights(tree) - 1 / density(tree)) for tree in trees(6)) > 1e-4
    assert TSIT5.order == 5
    assert TSIT5.stages == STAGES


@pytest.mark.parametrize("tree", up_to(4), ids=str)
def test_the_embedded_solution_has_order_four(tree: Tree):
    """The error weights are the difference of two solutions of order 4 at least, so they cancel up to order 4."""
    assert E @ elementary_weights(tree) == pytest.approx(0.0, abs=1e-13)


def test_the_error_estimate_sees_order_five():
    """The embedded solution is of order 4 only: otherwise the estimate would be blind to the leading error."""
    assert max(abs(E @ elementary_weights(tree)) for tree in trees(5)) > 1e-4


@pytest.mark.parametrize("theta", [0.1, 1 / 3, 0.5, 0.9])
def test_the_dense_output_has_order_four(theta: float):
    """sum_i b_i(theta) Phi_i = theta^order / gamma for every tree up to order 4."""
    b = interpolant_weights(theta)
    for tree in up_to(4):
        assert b @ elementary_weights(tree) == pytest.approx(theta ** order(tree) / density(tree), abs=1e-13)


def test_the_dense_output_joins_the_steps():
    """At the ends of a step it is the state there, and its slope is the drift there: no kinks in a trajectory."""
    np.testing.assert_allclose(interpolant_weights(0.0), 0.0, atol=0)
    np.testing.assert_allclose(interpolant_weights(1.0), B, rtol=0, atol=1e-13)
    h = 1e-6
    first, last = interpolant_weights(h) / h, (B - interpolant_weights(1.0 - h)) / h
    np.testing.assert_allclose(first, np.eye(STAGES)[0], atol=1e-4)
    np.testing.assert_allclose(last, np.eye(STAGES)[-1], atol=1e-4)


def fixed_steps(h: float, n: int, system: object, y: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Take n steps of the compiled kernel; return the state, and the estimate and the true error of the first step."""
    size = y.size
    k, new, error = np.empty(STAGES * size), np.empty(size), np.empty(size)
    k[:size] = system.rate(y)
    drift = system.drift[system.dtype]
    estimate = 0.0
    for i in range(n):
        args = (drift, i * h, h, y, system.arrays, k, new, error)
        TSIT5.step[system.dtype](*args)
        if i == 0:
            estimate = float(np.linalg.norm(error))
        y = new.copy()
        k[:size] = k[-size:]
    return y, estimate, k[:size]


def test_the_kernel_uses_the_constants():
    """Fixed steps on a nudged dyad: order 5 of the solution, order 5 of the local estimate, last stage = next first."""
    system = circuit(beta=0.5)
    start = np.random.default_rng(1).standard_normal(system.size)
    exact = exact_states(system, start, np.array([1.0]))[-1]
    errors, estimates = [], []
    for n in (32, 64, 128):
        y, estimate, last_stage = fixed_steps(1 / n, n, system, start)
        np.testing.assert_allclose(last_stage, system.rate(y), rtol=0, atol=1e-15)
        errors.append(np.linalg.norm(y - exact))
        estimates.append(estimate)
    np.testing.assert_allclose(-np.diff(np.log2(errors)), 5, atol=0.2)
    np.testing.assert_allclose(-np.diff(np.log2(estimates)), 5, atol=0.35)
