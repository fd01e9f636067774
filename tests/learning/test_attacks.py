"""Attacks on costs whose best answer is known: the ball, the range, the rise, and how the kinds compare."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neurosim.learning.attacks import fgsm, pgd

HALVES = st.floats(0.0, 1.0)
INPUTS = arrays(np.float64, (3, 4), elements=HALVES)
SLOPES = arrays(np.float64, (3, 4), elements=st.floats(-2.0, 2.0))


def linear(slopes):
    return lambda x: (np.sum(slopes * x, axis=1), slopes)


def bowl(centre, sign=1.0):
    """sign |x - centre|^2 / 2."""
    return lambda x: (sign * np.sum((x - centre) ** 2, axis=1) / 2, sign * (x - centre))


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(inputs=INPUTS, slopes=SLOPES, size=st.floats(1e-3, 2.0), steps=st.integers(1, 6), share=st.floats(0.1, 3.0))
def test_attacks_stay_in_the_ball_and_in_the_range(inputs, slopes, size, steps, share):
    for attacked in (
        fgsm(linear(slopes), inputs, size, (0.0, 1.0)),
        pgd(linear(slopes), inputs, size, steps, share * size, (0.0, 1.0)),
        pgd(bowl(slopes), inputs, size, steps, share * size, (0.0, 1.0)),
    ):
        assert np.abs(attacked - inputs).max() <= size * (1 + 1e-12)
        assert attacked.min() >= 0.0
        assert attacked.max() <= 1.0


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(inputs=INPUTS, slopes=SLOPES, size=st.floats(1e-3, 2.0))
def test_on_a_linear_cost_fgsm_is_the_best_attack(inputs, slopes, size):
    """It raises the cost by eps |slope|_1 where nothing is clipped, and enough steps of PGD find the same."""
    cost = linear(slopes)
    risen = cost(fgsm(cost, inputs, size))[0] - cost(inputs)[0]
    np.testing.assert_allclose(risen, size * np.abs(slopes).sum(axis=1), rtol=1e-9, atol=1e-12)
    for allowed in (None, (0.0, 1.0)):
        one, many = fgsm(cost, inputs, size, allowed), pgd(cost, inputs, size, 4, size / 2, allowed)
        np.testing.assert_allclose(cost(many)[0], cost(one)[0], rtol=1e-9, atol=1e-12)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    inputs=INPUTS, centre=SLOPES, size=st.floats(1e-3, 2.0), steps=st.integers(1, 6), share=st.floats(0.1, 3.0),
    sign=st.sampled_from([1.0, -1.0]),
)  # fmt: skip
def test_pgd_never_lowers_a_cost_and_more_steps_never_find_less(inputs, centre, size, steps, share, sign):
    cost = bowl(centre, sign)
    before = cost(inputs)[0]
    for count in range(1, steps + 1):
        after = cost(pgd(cost, inputs, size, count, share * size))[0]
        assert np.all(after >= before)
        before = after


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(inputs=INPUTS, centre=SLOPES, size=st.floats(1e-3, 2.0), share=st.floats(1.0, 3.0))
def test_one_long_step_of_pgd_is_fgsm_where_that_helps(inputs, centre, size, share):
    cost = bowl(centre, -1.0)
    one, other = fgsm(cost, inputs, size, (0.0, 1.0)), pgd(cost, inputs, size, 1, share * size, (0.0, 1.0))
    higher = cost(one)[0] > cost(inputs)[0]
    np.testing.assert_array_equal(other[higher], one[higher])
    np.testing.assert_array_equal(other[~higher], inputs[~higher])


def test_pgd_finds_a_hill_that_one_step_leaps_over():
    """The top of -|x - c|^2 lies inside the ball: short steps find it, one whole step does not."""
    inputs, top = np.zeros((1, 2)), np.array([[0.3, -0.2]])
    cost = bowl(top, -1.0)
    assert np.abs(fgsm(cost, inputs, 1.0) - top).max() == pytest.approx(0.8)
    assert np.abs(pgd(cost, inputs, 1.0, 20, 0.1) - top).max() <= 0.1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_precision_and_inputs_are_kept(dtype):
    inputs = np.full((2, 3), 0.5, dtype)
    kept = inputs.copy()
    cost = linear(np.ones((2, 3), dtype))
    for attacked in (fgsm(cost, inputs, 0.1, (0.0, 1.0)), pgd(cost, inputs, 0.1, 3, 0.1, (0.0, 1.0))):
        assert attacked.dtype == dtype
        assert not np.shares_memory(attacked, inputs)
    np.testing.assert_array_equal(inputs, kept)


def test_without_a_slope_nothing_moves():
    inputs = np.full((2, 3), 0.5)
    for attacked in (fgsm(linear(np.zeros((2, 3))), inputs, 0.1), pgd(linear(np.zeros((2, 3))), inputs, 0.1, 3, 0.1)):
        np.testing.assert_array_equal(attacked, inputs)
