"""Kernel activations and elementary functions beside NumPy, over the whole range, in single and double precision.

Errors are in units of the spacing at one, against the same function in the longest floating type there is; bounds are
the measured errors rounded up. Currents beyond 1e8 do not occur: a relaxation that fast counts as diverged.
"""

import numpy as np
import pytest
from numba import types

from neurosim.jit import kernel, vector
from neurosim.physics.activation_kernels import activate
from neurosim.physics.activations import ACTIVATIONS
from neurosim.physics.elementary import exp, expm1, log1p_unit
from neurosim.physics.names import ACTIVATION_CODE

PRECISIONS = (np.float32, np.float64)
LARGEST = 1e8  # neurosim.dynamics.solver.DIVERGED_RATE
LOWEST, HIGHEST = {np.float32: -87.0, np.float64: -708.0}, {np.float32: 88.0, np.float64: 709.0}
SQUASHING = ("hard_sigmoid", "tanh", "sigmoid", "shifted_sigmoid")

_exp, _expm1, _log1p_unit = exp, expm1, log1p_unit  # kernels take globals as they are when compiled


@kernel(lambda real: types.void(types.int64, vector(real)))
def activations_of(code, v):
    activate(code, v)


@kernel(lambda real: types.void(types.int64, vector(real)))
def elementary_of(which, v):
    if which == 0:
        for i in range(v.size):
            v[i] = _exp(v[i])
    elif which == 1:
        for i in range(v.size):
            v[i] = _expm1(v[i])
    else:
        for i in range(v.size):
            v[i] = _log1p_unit(v[i])


def applied(what, code, x):
    y = x.copy()
    what[x.dtype](code, y)
    return y


def grid(real, largest=LARGEST):
    """Currents of either sign and of every size, dense where activations bend."""
    sizes = np.logspace(np.log10(np.finfo(real).tiny), np.log10(largest), 40_000)
    return np.unique(np.concatenate([-sizes, [0.0], sizes, np.linspace(-50, 50, 100_001)]).astype(real))


def sigmoid(x):
    z = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, z) / (1 + z)


def dsilu(x):
    """The definition, with sigmoid(x) - sigmoid(x - 2) written as a product, which does not cancel."""
    return sigmoid(x - 2) + x / 2 * sigmoid(x) * sigmoid(2 - x) * -np.expm1(np.longdouble(-2))


FORMULA = {
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "hard_sigmoid": lambda x: np.clip(x, 0, 1),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "shifted_sigmoid": lambda x: sigmoid(4 * x - 2),
    "silu": lambda x: x * sigmoid(x),
    "dsilu": dsilu,
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
}


def spacings(found, x, formula):
    """Return |found - f(x)| / max(1, |f(x)|) in units of the spacing at one."""
    expected = formula(x.astype(np.longdouble))
    return np.abs(found - expected) / np.maximum(1, np.abs(expected)) / np.finfo(x.dtype).eps


@pytest.mark.parametrize("real", PRECISIONS)
@pytest.mark.parametrize("name", sorted(set(ACTIVATION_CODE) - {"dsilu"}))
def test_kernel_activations_are_accurate_over_the_whole_range(name, real):
    """Measured: clipped ones exact; silu, softplus 1.2; sigmoids .75; tanh 1.2, or 2.52 over all singles in [1, 8]."""
    bound = {"silu": 1.5, "softplus": 1.5, "sigmoid": 1.0, "shifted_sigmoid": 1.0}.get(name, 0.0)
    if name == "tanh":
        bound = 2.6 if real is np.float32 else 1.5
    x = grid(real)
    assert spacings(applied(activations_of, ACTIVATION_CODE[name], x), x, FORMULA[name]).max() <= bound


@pytest.mark.parametrize("real", PRECISIONS)
def test_kernel_dsilu_is_accurate_for_moderate_currents(real):
    """Measured 26 at currents up to 50; its terms cancel, see the next test."""
    x = grid(real, largest=50.0)
    assert spacings(applied(activations_of, ACTIVATION_CODE["dsilu"], x), x, dsilu).max() <= 30


@pytest.mark.parametrize("real", PRECISIONS)
@pytest.mark.parametrize("where", ["kernel", "numpy"])
def test_dsilu_is_accurate_over_the_whole_range(where, real):
    """Its two terms do not cancel, neither near zero nor at currents of 1e8."""
    x = grid(real)
    found = applied(activations_of, ACTIVATION_CODE["dsilu"], x) if where == "kernel" else ACTIVATIONS["dsilu"].value(x)
    assert spacings(found, x, dsilu).max() <= 4


@pytest.mark.parametrize("real", PRECISIONS)
@pytest.mark.parametrize(("name", "bound"), [("tanh", 2.6), ("sigmoid", 1.5), ("silu", 1.8), ("softplus", 2.5)])
def test_small_activities_keep_their_relative_accuracy(name, bound, real):
    """Measured 2.1, 1.3, 1.6 and 2.2 at currents above -50: neither tanh near zero nor e^-50 is lost in a sum."""
    x = grid(real, largest=50.0)
    x = x[(x != 0) & (np.abs(x) > 4 * np.finfo(real).tiny)]
    found, expected = applied(activations_of, ACTIVATION_CODE[name], x), FORMULA[name](x.astype(np.longdouble))
    assert (np.abs(found - expected) / np.abs(expected)).max() <= bound * np.finfo(real).eps


@pytest.mark.parametrize("real", PRECISIONS)
@pytest.mark.parametrize("name", sorted(ACTIVATION_CODE))
def test_kernel_and_numpy_activations_agree(name, real):
    x = grid(real, largest=50.0)
    y = ACTIVATIONS[name].value(x)
    assert y.dtype == x.dtype
    found = applied(activations_of, ACTIVATION_CODE[name], x).astype(np.float64)
    bound = (60 if name == "dsilu" else 3) * np.finfo(real).eps
    assert np.all(np.abs(found - y) <= bound * np.maximum(1, np.abs(y)))


@pytest.mark.parametrize("real", PRECISIONS)
@pytest.mark.parametrize("name", SQUASHING)
def test_squashing_activities_stay_within_their_range(name, real):
    y = applied(activations_of, ACTIVATION_CODE[name], grid(real))
    assert 1.0 - 2.6 * np.finfo(real).eps <= y.max() <= 1.0
    assert y.min() >= (-1.0 if name == "tanh" else 0.0)
    assert np.all(np.diff(y) >= -3.6 * np.finfo(real).eps)


@pytest.mark.parametrize("real", PRECISIONS)
@pytest.mark.parametrize("name", sorted(ACTIVATION_CODE))
def test_nan_stays_nan_wherever_it_stands(name, real):
    """At every place of a vector register, and in the rest of the loop behind the last full one."""
    for place in range(19):
        v = np.linspace(-1, 1, 19).astype(real)
        v[place] = np.nan
        assert np.flatnonzero(np.isnan(applied(activations_of, ACTIVATION_CODE[name], v))).tolist() == [place]


@pytest.mark.parametrize("real", PRECISIONS)
@pytest.mark.parametrize("name", sorted(ACTIVATION_CODE))
def test_infinite_currents_give_the_limit_or_say_that_they_were_infinite(name, real):
    """Never a finite number that is wrong. Limits of silu and dsilu are 0 times infinity; they do not claim them."""
    found = applied(activations_of, ACTIVATION_CODE[name], np.array([-np.inf, np.inf], real))
    limits = {"identity": (-np.inf, np.inf), "relu": (0, np.inf), "tanh": (-1, 1), "softplus": (0, np.inf)}
    for value, limit in zip(found, limits.get(name, (0, 1)) if name != "silu" else (0, np.inf), strict=True):
        honest = name in ("silu", "dsilu") and not np.isfinite(value)
        small = 2.6 * np.finfo(real).eps if name == "tanh" else 10 * np.finfo(real).tiny
        assert honest or value == limit or abs(value - limit) < small


@pytest.mark.parametrize("name", sorted(ACTIVATION_CODE))
def test_numpy_slopes_are_the_derivatives_of_numpy_values(name):
    x = np.linspace(-8, 8, 1603)  # no point within 1e-3 of a kink at 0 or 1
    assert min(np.abs(x).min(), np.abs(x - 1).min()) == 0.0 or min(np.abs(x).min(), np.abs(x - 1).min()) > 2e-4
    x, h = x[(np.abs(x) > 2e-4) & (np.abs(x - 1) > 2e-4)], 1e-4
    f = ACTIVATIONS[name].value
    differences = (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)
    assert np.abs(ACTIVATIONS[name].slope(x) - differences).max() < 1e-10


@pytest.mark.parametrize("real", PRECISIONS)
@pytest.mark.parametrize("name", sorted(ACTIVATION_CODE))
def test_numpy_slopes_keep_the_precision_and_the_shape(name, real):
    x = np.linspace(-3, 3, 12, dtype=real).reshape(3, 4)
    slope = ACTIVATIONS[name].slope(x)
    assert (slope.dtype, slope.shape) == (x.dtype, x.shape)


@pytest.mark.parametrize("real", PRECISIONS)
@pytest.mark.parametrize(("which", "reference", "bound"), [(0, np.exp, 1.0), (1, np.expm1, 1.5)], ids=["exp", "expm1"])
def test_exponentials_are_accurate_wherever_they_are_finite(which, reference, bound, real):
    """Relative; measured .82 and 1.3 spacings. Near zero expm1(x) is x, not a difference of ones."""
    x = np.concatenate([np.linspace(LOWEST[real], HIGHEST[real], 300_001, dtype=real), grid(real, largest=1.0)])
    x = x[x != 0]
    expected = reference(x.astype(np.longdouble))
    found = applied(elementary_of, which, x)
    assert (np.abs(found - expected) / np.abs(expected)).max() <= bound * np.finfo(real).eps
    assert applied(elementary_of, which, np.zeros(1, real))[0] == 1 - which


@pytest.mark.parametrize("real", PRECISIONS)
def test_exponentials_stop_where_the_result_would_leave_the_floating_range(real):
    """e^x stays at its value at the limit: beyond it every activation is at its own limit anyway."""
    beyond = np.array([LOWEST[real], -1e4, -np.inf, HIGHEST[real], 1e4, np.inf, np.nan], real)
    y = applied(elementary_of, 0, beyond)
    assert y[0] == y[1] == y[2] > 0
    assert y[3] == y[4] == y[5] < np.inf
    assert np.isnan(y[6])
    m = applied(elementary_of, 1, beyond)
    assert m[0] == m[1] == m[2] == -1.0
    assert m[3] == m[4] == m[5] < np.inf
    assert np.isnan(m[6])


@pytest.mark.parametrize("real", PRECISIONS)
def test_log1p_is_accurate_on_the_unit_interval(real):
    """Relative; measured 1.86 spacings."""
    z = np.unique(np.abs(np.concatenate([grid(real, largest=1.0), np.linspace(0, 1, 300_001)]).astype(real)))
    z = z[(z > 0) & (z <= 1)]
    expected = np.log1p(z.astype(np.longdouble))
    found = applied(elementary_of, 2, z)
    assert (np.abs(found - expected) / expected).max() <= 2.0 * np.finfo(real).eps
    assert applied(elementary_of, 2, np.array([0.0], real))[0] == 0
    assert np.isnan(applied(elementary_of, 2, np.array([np.nan], real))[0])
