"""The cosine between an update and a gradient."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.learning.alignment import cosine, gradient_cosines, mean_row_cosine


@given(st.floats(0.0, np.pi), st.floats(1e-3, 1e3), st.integers(2, 40))
def test_cosine_is_that_of_the_angle(angle: float, scale: float, size: int):
    """Vectors made at a given angle, of any length: the cosine of that angle, whatever their norms."""
    draw = np.random.default_rng(size)
    x, other = draw.standard_normal(size), draw.standard_normal(size)
    across = other - x * (other @ x) / (x @ x)
    y = scale * (np.cos(angle) * x / np.linalg.norm(x) + np.sin(angle) * across / np.linalg.norm(across))
    assert cosine(x, y) == pytest.approx(np.cos(angle), abs=1e-12)
    assert cosine(x, x) == pytest.approx(1.0, abs=1e-15)
    assert cosine(x, -y) == pytest.approx(-cosine(x, y), abs=1e-15)


def test_blocks_and_all():
    """Every block by itself; `all` weighs them by their size: it is the cosine of the joined vectors."""
    estimate = {"W_0": np.array([[3.0, 0.0], [0.0, 4.0]]), "b_1": np.array([0.0, 1.0])}
    exact = {"W_0": np.array([[3.0, 0.0], [0.0, 4.0]]), "b_1": np.array([1.0, 0.0])}
    cosines = gradient_cosines(estimate, exact)
    assert list(cosines) == ["W_0", "b_1", "all"]
    assert cosines["W_0"] == pytest.approx(1.0)
    assert cosines["b_1"] == pytest.approx(0.0)
    assert cosines["all"] == pytest.approx(25 / 26)


def test_a_zero_vector_has_no_angle():
    """NaN, silently: neither 0 nor 1 would be true. The other blocks are not affected."""
    estimate = {"W_0": np.zeros((2, 2)), "b_1": np.ones(2)}
    exact = {"W_0": np.ones((2, 2)), "b_1": np.ones(2)}
    cosines = gradient_cosines(estimate, exact)
    assert np.isnan(cosines["W_0"])
    assert cosines["b_1"] == pytest.approx(1.0)
    assert cosines["all"] == pytest.approx(np.sqrt(2 / 6))
    assert np.isnan(cosine(np.ones(3), np.zeros(3)))


def test_single_precision_gradients_are_compared_in_double():
    """Norms whose squares would overflow or vanish in float32 still have an angle."""
    x = np.array([3e30, 4e30], np.float32)
    y = np.array([4e-30, 3e-30], np.float32)
    assert cosine(x, y) == pytest.approx(0.96, abs=1e-6)
    assert isinstance(cosine(x, y), float)


def test_samples_without_an_angle_do_not_count():
    """The mean is over the others; with none left it is not a number."""
    x = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    y = np.array([[0.5, 0.0], [1.0, 2.0], [1.0, 0.0]])
    assert mean_row_cosine(x, y) == pytest.approx((1 + np.sqrt(0.5)) / 2)
    assert np.isnan(mean_row_cosine(x[1:2], y[1:2]))
