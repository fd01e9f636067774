"""Laws of noisy relaxations: variances, autocorrelations, averages; each within four standard errors."""

from __future__ import annotations

import numpy as np
import pytest
from dynamics_circuits import Tape
from scipy.integrate import quad
from stochastic_toys import SCHEMES, leaking, stochastic

UNITS = 20_000
STANDARD_ERROR = np.sqrt(2 / UNITS)  # of a variance, relative
SD, TAU = 0.3, 2.0


def correlation(lag: float, tau: float, T: float) -> float:
    """Autocorrelation of a leaking unit driven by coloured noise; T = 0 is white."""
    if tau == T:
        return float((1 + lag / tau) * np.exp(-lag / tau))
    return float((tau * np.exp(-lag / tau) - T * np.exp(-lag / T if T else -np.inf)) / (tau - T))


@pytest.mark.parametrize("T", [0.0, 0.05, 1.0, 8.0])
@pytest.mark.parametrize("name", SCHEMES)
def test_stationary_variance_and_autocorrelation(name: str, T: float):
    """The variance is sd^2 for every correlation time, and the correlation is that of a process filtered twice."""
    toy = leaking(UNITS, 1 / TAU, sd=SD, correlation_time=T)
    h, lag = 0.02 if T else 0.04, 1.0
    end = 7 * TAU + 5 * T
    tape = Tape([end - lag, end])
    stochastic(name, h, end).relax(toy, SD * np.random.default_rng(0).standard_normal(UNITS), tape)
    before, after = tape.states
    # Euler's own stationary variance of a white process, exactly; the rest of the bias is below the standard error.
    expected = SD**2 / (1 - h / (2 * TAU)) if name == "euler_maruyama" and not T else SD**2
    assert abs(after.var() / expected - 1) < 4 * STANDARD_ERROR + h / TAU / 2 * (T > 0)
    rho = float(np.corrcoef(before, after)[0, 1])
    expected_rho = correlation(lag, TAU, T)
    assert abs(rho - expected_rho) < 4 * (1 - expected_rho**2) / np.sqrt(UNITS) + h / TAU / 2
    assert abs(after.mean()) < 4 * SD / np.sqrt(UNITS)


def test_coloured_noise_of_a_long_step_is_white():
    """A correlation time far below the step leaves what white noise does: the integral over a step is exact."""
    ends = [
        stochastic("euler_maruyama", 0.1, 20.0).relax(leaking(UNITS, 1 / TAU, sd=SD, correlation_time=T), start)
        for T, start in ((0.0, np.zeros(UNITS)), (1e-4, np.zeros(UNITS)))
    ]
    white, coloured = (float(end.state.var()) for end in ends)
    assert abs(coloured / white - 1) < 4 * np.sqrt(2) * STANDARD_ERROR


@pytest.mark.parametrize("T", [0.0, 0.5])
@pytest.mark.parametrize("rate", [0.25, 1.0, 4.0])
def test_sd_is_that_of_every_leak(rate: float, T: float):
    """Like kT/C, the variance of a leaking unit does not depend on how fast it leaks."""
    toy = leaking(UNITS, rate, sd=SD, correlation_time=T)
    end = stochastic("stochastic_heun", 0.02 / rate, (6 + 8 * rate * T) / rate).relax(toy, np.zeros(UNITS))
    assert abs(end.state.var() / SD**2 - 1) < 4 * STANDARD_ERROR + 0.01


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("window", [0.5, 4.0, 20.0])
def test_a_longer_average_has_a_smaller_variance(window: float, dtype: str):
    """var = (2/W^2) int_0^W (W - t) rho(t) dt sd^2, which tends to sd^2 2 tau / W."""
    toy = leaking(UNITS, 1.0, sd=SD, dtype=dtype)
    end = stochastic("stochastic_heun", 0.02, 30.0, average=window).relax(toy, np.zeros(UNITS, dtype))
    assert end.mean is not None
    assert end.reading is end.mean
    assert end.mean.dtype == end.state.dtype
    expected = 2 / window**2 * quad(lambda t: (window - t) * np.exp(-t), 0, window)[0]
    assert abs(end.mean.var() / (SD**2 * expected) - 1) < 4 * STANDARD_ERROR + 0.005
    if window == 20.0:
        assert abs(expected / (2 / window) - 1) < 0.06
    assert abs(end.state.var() / SD**2 - 1) < 4 * STANDARD_ERROR, "the next phase starts from a moment, not a mean"


def test_noise_in_proportion_to_the_state():
    """Stratonovich and Ito of g = b y: the mean of a leaking unit grows by b^2/2 in the one, and not in the other."""
    rate, relative, end = 0.5, 0.5, 1.0
    b2 = 2 * rate * relative**2
    for name, growth in (("euler_maruyama", 0.0), ("stochastic_heun", b2 / 2)):
        toy = leaking(UNITS, rate, relative_sd=relative)
        y = stochastic(name, 0.01, end).relax(toy, np.ones(UNITS)).state
        spread = np.exp((growth - rate) * end) * np.sqrt(np.expm1(b2 * end) / UNITS)
        assert abs(y.mean() - np.exp((growth - rate) * end)) < 4 * spread + 0.002
