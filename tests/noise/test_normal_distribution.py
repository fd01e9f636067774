"""Normals are standard, and those of neighbouring units, steps, paths, streams and keys have nothing in common."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neurosim.noise.fill import fill_normals
from neurosim.seeds import Purpose, noise_key

KEY = noise_key(2026, Purpose.STATE_NOISE)
ROWS, UNITS, STEPS = 100, 100, 100
COUNT = ROWS * UNITS * STEPS


def draw(dtype, first_path=0, first_step=0, stream=0, key=KEY):
    """Return normals, shape (steps, rows, units)."""
    out = np.empty((STEPS, ROWS, UNITS), dtype)
    for step in range(STEPS):
        fill_normals[dtype](*key, np.arange(first_path, first_path + ROWS), first_step + step, stream, out[step])
    return out.astype(np.float64)


@pytest.fixture(scope="module", params=["float32", "float64"])
def sample(request):
    """A million draws in one precision, and its name."""
    return request.param, draw(request.param)


def test_kolmogorov_and_smirnov(sample):
    _, z = sample
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3


def test_moments_within_four_standard_errors(sample):
    """E z^k = 0, 1, 0, 3, 0, 15 for k = 1 to 6; the variance of z^k is (2k-1)!! - (E z^k)^2."""
    _, z = sample
    double_factorial = {k: float(np.prod(np.arange(2 * k - 1, 0, -2))) for k in range(1, 7)}
    for k, expected in zip(range(1, 7), (0, 1, 0, 3, 0, 15), strict=True):
        error = np.sqrt((double_factorial[k] - expected**2) / COUNT)
        assert abs((z**k).mean() - expected) < 4 * error, k


def test_tails_hold_as_many_as_they_should(sample):
    _, z = sample
    for limit in (2.0, 3.0, 4.0):
        p = 2 * stats.norm.sf(limit)
        assert abs((np.abs(z) > limit).sum() - COUNT * p) < 4 * np.sqrt(COUNT * p), limit


@pytest.mark.parametrize("power", [1, 2], ids=["values", "squares"])
@pytest.mark.parametrize("lag", [1, 2, 3, 4, 5])
def test_neighbours_are_uncorrelated(sample, lag, power):
    """Along units (also those of one counter), paths and steps."""
    _, z = sample
    x = (z**power - (power - 1)) / (1, np.sqrt(2))[power - 1]
    for axis in range(3):
        a = np.moveaxis(x, axis, 0)
        product = a[lag:] * a[:-lag]
        assert abs(product.mean()) < 4 / np.sqrt(product.size), axis


def test_streams_keys_and_precisions_are_uncorrelated(sample):
    dtype, z = sample
    others = {
        "stream": draw(dtype, stream=1),
        "far path": draw(dtype, first_path=1 << 32),
        "purpose": draw(dtype, key=noise_key(2026, Purpose.READ_NOISE)),
        "seed": draw(dtype, key=noise_key(2027, Purpose.STATE_NOISE)),
    }
    for name, other in others.items():
        assert abs((z * other).mean()) < 4 / np.sqrt(COUNT), name
