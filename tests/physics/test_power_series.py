"""The equilibrium as a power series in the nudge, beside the Fourier coefficients of equilibria around a circle."""

import numpy as np
import pytest
from test_complex_states import point_network, presented
from test_readout import network as network_with_readout
from test_readout import presented as presented_with_readout

from neurosim.analysis.setup import build_solver
from neurosim.dynamics import linear
from neurosim.dynamics.linear import InverseJacobian
from neurosim.dynamics.settings import NewtonSettings
from neurosim.errors import SimulationError
from neurosim.learning.exact.power_series import ORDERS, fitted_radii, power_series
from neurosim.physics.holomorphic.activations import holomorphic
from neurosim.physics.holomorphic.series import ActivationSeries, SoftmaxSeries
from neurosim.physics.names import HOLOMORPHIC

NEWTON = build_solver(NewtonSettings(solver="newton", tolerance=1e-14))
ON_CIRCLE = 32


def at_rest(system):
    state = system.rest()
    assert NEWTON.relax(system, state).status.key == "settled"
    return state


def around_a_circle(function, radius):
    """Return the Taylor coefficients of a function of one complex number, times radius^m, by the trapezoidal rule."""
    points = radius * np.exp(2j * np.pi * np.arange(ON_CIRCLE) / ON_CIRCLE)
    return np.fft.fft([function(point) for point in points], axis=0) / ON_CIRCLE


def settled_around_a_circle(system, free, radius):
    copies = system.complex_copies(1)

    def activities(beta):
        copies.nudge_copies([beta])
        state = copies.lift(free)
        assert NEWTON.relax(copies, state).status.key == "settled"
        return np.concatenate(copies.complex_activities(state), axis=1)

    return around_a_circle(activities, radius)


def check(system):
    free = at_rest(system)
    series = power_series(system, free)
    radius = 0.4 * min(series.radius.min(), 1.0)
    expected = settled_around_a_circle(system, free, radius)[:12]
    found = series.coefficients[:12] * radius ** np.arange(12)[:, None, None]
    assert np.abs(expected.imag).max() < 1e-11
    assert found == pytest.approx(expected.real, abs=1e-11)
    assert np.abs(found[1:4]).max() > 1e-5


@pytest.mark.parametrize("activation", HOLOMORPHIC)
@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
@pytest.mark.parametrize("cost", ["squared_error", "cross_entropy"])
def test_the_series_has_the_fourier_coefficients_of_the_equilibria(activation, coordinates, cost):
    keys = {"activation": activation, "output_activation": "tanh", "coordinates": coordinates, "cost": cost}
    check(presented(point_network(gain=0.4, **keys), samples=3))


@pytest.mark.parametrize("cost", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
def test_behind_a_readout_too(cost, coordinates):
    check(presented_with_readout(network_with_readout(cost, coordinates=coordinates)))


@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
def test_of_the_transposed_circuit_too(coordinates):
    system = presented(point_network(gain=0.5, coordinates=coordinates))
    check(system.transposed_at(at_rest(system)))


@pytest.mark.parametrize("name", HOLOMORPHIC)
@pytest.mark.parametrize("v_0", [-30.0, -2.0, 0.0, 0.4, 3.0, 30.0])
def test_the_series_of_an_activation(name, v_0):
    """f(v_0 + beta - beta^2 / 2): coefficients around a circle, to what is lost there where f hardly bends."""
    f, orders = holomorphic(name).value, 10
    v = np.zeros((orders, 1))
    v[0] = v_0
    series, found = ActivationSeries(name, v), []
    for m in range(1, orders):
        bend = series.bend(m)
        v_m = np.array([{1: 1.0, 2: -0.5}.get(m, 0.0)])
        found.append(float((bend + series.slope * v_m)[0]))
        series.extend(m, v_m)
    radius = 0.2
    expected = around_a_circle(lambda b: f(np.array(v_0 + b - b * b / 2)), radius)[1:orders].real
    scaled = np.array(found) * radius ** np.arange(1, orders)
    assert scaled == pytest.approx(expected, rel=1e-10, abs=1e-14 * max(1.0, abs(v_0)))


def test_the_series_of_a_softmax():
    draw = np.random.default_rng(0)
    z = draw.normal(size=(8, 1, 4))
    series = SoftmaxSeries(z[0], 8)
    found = np.concatenate([series.p[:1], [series.extend(m, z[m]) for m in range(1, 8)]])

    def softmax(beta):
        e = np.exp(np.polynomial.polynomial.polyval(beta, z))
        return e / e.sum(axis=-1, keepdims=True)

    expected = around_a_circle(softmax, 0.1)[:8].real
    assert found * 0.1 ** np.arange(8)[:, None, None] == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
def test_large_circuits_iterate_to_the_same_series(monkeypatch, coordinates):
    system = presented(point_network(coordinates=coordinates, gain=0.8), samples=4)
    state = at_rest(system)
    dense = power_series(system, state)
    assert power_series(system, state, InverseJacobian(system, state)).coefficients == pytest.approx(dense.coefficients)
    monkeypatch.setattr(linear, "DENSE_UNTIL", 0)
    products = power_series(system, state)
    assert products.radius == pytest.approx(dense.radius, rel=1e-6)
    assert products.coefficients[:8] == pytest.approx(dense.coefficients[:8], rel=1e-7, abs=1e-9)


def test_samples_have_radii_of_their_own():
    system = presented(point_network(gain=0.8), samples=4)
    free = at_rest(system)
    together = power_series(system, free)
    assert together.radius.max() > 1.05 * together.radius.min()
    for row in range(4):
        alone = power_series(system.take([row]), system.take_state(free, [row]))
        assert alone.radius == pytest.approx(together.radius[row : row + 1], rel=1e-9)


def test_outputs_that_no_nudge_moves_have_an_infinite_radius():
    """Linear outputs that say what they should are not pulled."""
    network = point_network(activation="identity", output_activation="identity", gain=0.2)
    system = presented(network)
    free = at_rest(system)
    system.present(system.inputs, system.prediction(free))
    system.targets[:] = system.activities(free)[-1][0]
    series = power_series(system, free)
    assert np.isinf(series.radius).all()
    assert not series.coefficients[1:].any()


def test_coefficients_that_overflow_are_no_series():
    system = presented(point_network())
    free = at_rest(system)
    inverse = InverseJacobian(system, free)

    class Steep:
        def times(self, right):
            return 1e40 * inverse.times(right)

    with pytest.raises(SimulationError, match="no power series in the nudge: its coefficients are not finite"):
        power_series(system, free, Steep())


@pytest.mark.parametrize("angle", [0.0, 40.0, 90.0, 180.0])
@pytest.mark.parametrize("distance", [1e-3, 0.4, 50.0])
def test_a_pair_of_branch_points_is_found_where_it_is(angle, distance):
    """(1 - beta/beta_0)^(1/2) and its conjugate, and another singularity at twice the distance."""
    m = np.arange(ORDERS)

    def root(place):
        return np.cumprod([1.0, *((k - 0.5) / (k + 1) / place for k in m[:-1])])

    near, far = root(distance * np.exp(1j * np.radians(angle))), root(-2.0 * distance)
    units = np.stack([near.real, near.real + near.imag, near.real - 0.5 * near.imag + far.real], axis=1)
    still = np.zeros_like(units)
    assert fitted_radii(np.stack([still, units], axis=1)) == pytest.approx([np.inf, distance], rel=2e-3)


def test_a_series_needs_complex_states():
    system = presented(point_network(activation="relu"))
    with pytest.raises(SimulationError, match="'relu' is not holomorphic"):
        power_series(system, at_rest(system))


def test_dyads_have_none():
    system = presented(point_network())
    dyads = system.dyads()
    with pytest.raises(SimulationError, match="DyadicSystem have no power series in the nudge"):
        dyads.power_series(dyads.rest(), lambda right: right, 3)
