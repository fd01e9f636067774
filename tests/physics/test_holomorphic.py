"""Activations and costs of complex numbers: kernels beside NumPy in the longest floating type there is.

Imaginary parts of currents are those of a nudged circuit, up to 30; bounds are the measured errors rounded up.
"""

import numpy as np
import pytest
from numba import types

from neurosim.errors import SimulationError
from neurosim.jit import kernel, vector
from neurosim.physics.activations import ACTIVATIONS
from neurosim.physics.costs import cost_curvature_times, cost_gradient, softmax
from neurosim.physics.holomorphic.activation_kernels import activate
from neurosim.physics.holomorphic.activations import holomorphic
from neurosim.physics.holomorphic.elementary import complex_exp, sine_cosine
from neurosim.physics.names import ACTIVATION_CODE, HOLOMORPHIC

PRECISIONS = (np.float32, np.float64)
_sine_cosine, _complex_exp = sine_cosine, complex_exp  # kernels take globals as they are when compiled


@kernel(lambda real: types.void(types.int64, vector(real)))
def complex_activations_of(code, z):
    activate(code, z)


@kernel(lambda real: types.void(vector(real), vector(real), vector(real)))
def sines_and_cosines(y, sine, cosine):
    for i in range(y.size):
        sine[i], cosine[i] = _sine_cosine(y[i])


@kernel(lambda real: types.void(vector(real), vector(real)))
def complex_exponentials(x, y):
    for i in range(y.size):
        x[i], y[i] = _complex_exp(x[i], y[i])


def applied(name, x, y):
    planes = np.concatenate([x, y])
    complex_activations_of[x.dtype](ACTIVATION_CODE[name], planes)
    return planes[: x.size], planes[x.size :]


def currents(real, imaginary=0.35):
    """Currents at all sizes of the real part; |imaginary part| below the first pole of every activation."""
    draw = np.random.default_rng(0)
    x = np.concatenate([draw.normal(size=20_000) * scale for scale in (1e-3, 1.0, 10.0, 1e3)])
    return x.astype(real), draw.uniform(-imaginary, imaginary, x.size).astype(real)


@pytest.mark.parametrize("real", PRECISIONS)
@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_kernels_are_accurate(name, real):
    """Measured up to 2.1 spacings of the larger of one and the value (tanh)."""
    x, y = currents(real)
    exact = holomorphic(name).value(x.astype(np.clongdouble) + 1j * y)
    re, im = applied(name, x, y)
    error = np.hypot(re - exact.real, im - exact.imag) / np.maximum(1, np.abs(exact))
    assert error.max() <= 2.5 * np.finfo(real).eps


@pytest.mark.parametrize("real", PRECISIONS)
@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_on_the_real_axis_they_are_the_real_activations(name, real):
    x, y = currents(real)
    re, im = applied(name, x, 0 * y)
    expected = ACTIVATIONS[name].value(x)
    assert np.all(im == 0)
    assert np.all(np.abs(re - expected) <= 6 * np.finfo(real).eps * np.maximum(1, np.abs(expected)))


@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_they_are_mirrored_at_the_real_axis(name):
    x, y = currents(np.float64)
    re, im = applied(name, x, y)
    mirrored_re, mirrored_im = applied(name, x, -y)
    assert np.array_equal(re, mirrored_re)
    assert np.array_equal(im, -mirrored_im)


@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_numpy_slopes_are_derivatives_in_every_direction(name):
    """What makes them holomorphic: the same slope along the real and the imaginary axis."""
    draw = np.random.default_rng(1)
    z = draw.normal(size=500) * 2 + 1j * draw.uniform(-0.3, 0.3, 500)
    f, h = holomorphic(name).value, 1e-4
    for direction in (1.0, 1j):
        step = h * direction
        differences = (8 * (f(z + step) - f(z - step)) - (f(z + 2 * step) - f(z - 2 * step))) / (12 * step)
        assert np.abs(holomorphic(name).slope(z) - differences).max() < 1e-9


@pytest.mark.parametrize("name", sorted(set(ACTIVATION_CODE) - set(HOLOMORPHIC)))
def test_what_is_not_holomorphic_has_no_value(name):
    re, im = applied(name, *currents(np.float64))
    assert np.isnan(re).all()
    assert np.isnan(im).all()
    with pytest.raises(
        SimulationError, match=f"'{name}' is not holomorphic; complex states need one of identity, tanh"
    ):
        holomorphic(name)


@pytest.mark.parametrize("real", PRECISIONS)
def test_sine_and_cosine_are_accurate(real):
    """Measured .62 spacings at one, for arguments up to 2000."""
    y = np.concatenate([np.linspace(-2000, 2000, 200_001), np.linspace(-4, 4, 80_001)]).astype(real)
    sine, cosine = np.empty_like(y), np.empty_like(y)
    sines_and_cosines[real](y, sine, cosine)
    exact = y.astype(np.longdouble)
    assert np.abs(sine - np.sin(exact)).max() <= 1.5 * np.finfo(real).eps
    assert np.abs(cosine - np.cos(exact)).max() <= 1.5 * np.finfo(real).eps


@pytest.mark.parametrize("real", PRECISIONS)
def test_complex_exponentials(real):
    draw = np.random.default_rng(2)
    x, y = draw.uniform(-20, 20, 5000).astype(real), draw.uniform(-30, 30, 5000).astype(real)
    re, im = x.copy(), y.copy()
    complex_exponentials[real](re, im)
    exact = np.exp(x.astype(np.clongdouble) + 1j * y)
    assert (np.hypot(re - exact.real, im - exact.imag) / np.abs(exact)).max() <= 4 * np.finfo(real).eps


def test_softmax_and_its_cost_continue_to_complex_predictions():
    """Derivatives along the imaginary axis are those along the real one, times i."""
    draw = np.random.default_rng(3)
    s = draw.normal(size=(4, 5)) + 0.3j * draw.normal(size=(4, 5))
    y, v = np.eye(5)[[0, 2, 4, 1]], draw.normal(size=(4, 5))
    assert softmax(s).sum(axis=1) == pytest.approx(np.ones(4), abs=1e-14)
    assert softmax(s.real.astype(complex)).real == pytest.approx(softmax(s.real), abs=1e-14)
    h = 1e-5
    for step in (h, 1j * h):
        slope = (
            cost_gradient("cross_entropy", s + step * v, y) - cost_gradient("cross_entropy", s - step * v, y)
        ) / (2 * step)  # fmt: skip
        assert cost_curvature_times("cross_entropy", s, v) == pytest.approx(slope, abs=1e-9)
