"""Nudges around a circle on net R: numbered facts of the reference document, section 8, for N points."""

from itertools import pairwise

import numpy as np
import pytest
from equilibrium_nets import f, gradient_of_G, net_r, network_of, present
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import root
from test_complex_states import point_network, presented

from neurosim.analysis.setup import build_solver
from neurosim.dynamics.settings import FixedStepSettings, NewtonSettings
from neurosim.dynamics.status import Status
from neurosim.learning.contour import Contour, contour_points
from neurosim.learning.exact.implicit import implicit_reading, response_reading
from neurosim.learning.exact.power_series import power_series
from neurosim.learning.exact.reference import reference_gradient
from neurosim.learning.learner import Learner
from neurosim.learning.rules.equilibrium import Equilibrium
from neurosim.workers import Workers

NEWTON = build_solver(NewtonSettings(solver="newton", tolerance=1e-14))
BETAS = (0.05, 0.1, 0.2, 0.4)
# Fact 3: relative error of the gradient of G at these nudges, R(0, 0).
PUBLISHED = {
    2: (1.8e-3, 7.3e-3, 2.9e-2, 1.1e-1),
    3: (3.0e-4, 2.4e-3, 2.0e-2, 2.3e-1),
    4: (2.6e-5, 4.2e-4, 6.6e-3, 9.1e-2),
    6: (2.3e-7, 1.5e-5, 9.5e-4, 6.8e-2),
    8: (2.9e-9, 7.4e-7, 1.9e-4, 7.6e-2),
    12: (3.8e-13, 1.5e-9, 6.3e-6, 1.8e-2),
}


def free_state(system):
    state = system.rest()
    NEWTON.relax(system, state)
    return state


def learned(net, points, beta, solver=NEWTON, start="free", coordinates="membrane", **keys):
    rule = Equilibrium(type="equilibrium", nudging="contour", points=points, beta=beta, **keys)
    with Workers(1) as workers:
        learner = Learner(network_of(net, coordinates=coordinates), solver, rule, start, workers)
        outcome = learner.learn(net.x[None], net.y[None])
    return {name: values.copy() for name, values in outcome.gradient.items()}, outcome.codes.copy()


def exact_of(net):
    return reference_gradient(network_of(net), NEWTON, net.x[None], net.y[None])


def error_vector(gradient):
    """dC/db of all units: with one sample it is the error vector itself."""
    return np.concatenate([gradient[f"b_{k}"] for k in (1, 2, 3)])


def relative_error(net, points, beta):
    exact = gradient_of_G(exact_of(net))
    return np.linalg.norm(gradient_of_G(learned(net, points, beta)[0]) - exact) / np.linalg.norm(exact)


@pytest.mark.parametrize("points", sorted(PUBLISHED))
def test_fact_3_errors_at_finite_nudges(points):
    found = [relative_error(net_r(), points, beta) for beta in BETAS]
    assert found == pytest.approx(PUBLISHED[points], rel=0.05)


@pytest.mark.parametrize("points", [2, 3, 4, 6, 8])
def test_fact_3_order_in_the_nudge(points):
    near, far = (relative_error(net_r(), points, beta) for beta in (0.02, 0.05))
    assert np.log(far / near) / np.log(0.05 / 0.02) == pytest.approx(points, abs=0.05)


@pytest.mark.parametrize("points", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("psi", [0.0, 45.0])
def test_the_estimate_is_the_mean_over_the_whole_circle(points, psi):
    """Equilibria of plain NumPy at all N points: the half that is not simulated is the mirror image of the other."""
    net, beta = net_r(3, psi), 0.15
    betas = beta * np.exp(2j * np.pi * np.arange(points) / points)
    dhat = -np.mean([(f(net.settle(complex(b))) / b).real for b in betas], axis=0)
    assert error_vector(learned(net, points, beta)[0]) == pytest.approx(dhat, abs=1e-12)


def fold_of(net, guess):
    """Return the nudge nearest to `guess` at which two equilibria of the net meet: F = 0 and J v = 0 with v != 0."""
    outputs, y = np.concatenate([np.zeros(16), np.ones(5)]), np.concatenate([np.zeros(16), net.y])

    def jacobian(u, beta):
        return (net.G - beta * np.diag(outputs)) * (4 * f(u) * (1 - f(u))) - np.eye(21)

    u = net.settle(complex(guess))
    values, vectors = np.linalg.eig(jacobian(u, guess))
    v = vectors[:, np.argmin(abs(values))]
    scale = v.conj() / (v.conj() @ v)

    def equations(x):
        z = x[:43] + 1j * x[43:]
        u, v, beta = z[:21], z[21:42], z[42]
        rest = net.G @ f(u) + net.drive - u - beta * outputs * (f(u) - y)
        parts = np.concatenate([rest, jacobian(u, beta) @ v, [scale @ v - 1]])
        return np.concatenate([parts.real, parts.imag])

    z = np.concatenate([u, v, [guess]])
    solution = root(equations, np.concatenate([z.real, z.imag]), tol=1e-12)
    assert solution.success
    return complex(solution.x[42], solution.x[85])


@pytest.mark.parametrize(("seed", "psi", "guess"), [(0, 0.0, -0.16 + 0.34j), (3, 45.0, -0.23 + 0.44j)])
def test_fact_4_the_radius_of_convergence_is_the_distance_of_the_nearest_fold(seed, psi, guess):
    """R(0, 0): .4001 by solving for the fold; the reference's estimate is .41 to .44."""
    net = net_r(seed, psi)
    system = present(network_of(net), net)
    series = power_series(system, free_state(system))
    assert series.radius == pytest.approx(abs(fold_of(net, guess)), rel=0.01)
    assert series.at(0.05)[0] == pytest.approx(f(net.settle(0.05)), abs=1e-12)


@pytest.mark.parametrize("points", [2, 3, 4, 6])
def test_fact_4_aliasing(points):
    """At beta = .1 the error is -c_{N+1} beta^N: cosine > .998, norm within 2 %."""
    net, beta = net_r(), 0.1
    system = present(network_of(net), net)
    series = power_series(system, free_state(system))
    delta = error_vector(exact_of(net))
    assert -series.coefficients[1, 0] == pytest.approx(delta, abs=1e-10)
    error = error_vector(learned(net, points, beta)[0]) - delta
    expected = -series.coefficients[points + 1, 0] * beta**points
    assert error @ expected / np.linalg.norm(error) / np.linalg.norm(expected) > 0.998
    assert np.linalg.norm(error) == pytest.approx(np.linalg.norm(expected), rel=0.02)


@pytest.mark.parametrize("points", [2, 3, 4, 6, 8, 12, 24])
def test_fact_4_beyond_the_radius_no_number_of_points_helps(points):
    assert relative_error(net_r(), points, 0.8) > 0.3


def test_the_radius_of_a_linear_circuit_is_the_distance_of_a_pole():
    """Where J - beta H is singular. The law of folds takes a simple pole for a little closer than it is."""
    system = presented(point_network(activation="identity", output_activation="identity", gain=0.2))
    state = free_state(system)
    J = 0.7 * system.linearise(state).matrices()[0]
    through = np.linalg.inv(J)[-3:, -3:]  # det(J - beta H) = 0 where 1/beta is an eigenvalue of the outputs' block
    assert power_series(system, state).radius == pytest.approx(1 / np.abs(np.linalg.eigvals(through)).max(), rel=0.1)


@pytest.mark.parametrize("psi", [5.0, 20.0, 45.0, 90.0])
def test_fact_5_the_asymmetry_floor_is_that_of_the_response(psi):
    """N = 8 at beta .05 and the linear response leave the same bias, to 1e-4 of it."""
    for seed in range(10):
        net = net_r(seed, psi)
        system = present(network_of(net), net)
        state, source, error = free_state(system), system.signal(), system.signal()
        response_reading(system, state, (-1.0,), source, error)
        d0 = np.concatenate([error.block(i)[0] for i in range(3)])
        delta = error_vector(exact_of(net))
        found = error_vector(learned(net, 8, 0.05)[0])
        assert np.linalg.norm(found - delta) == pytest.approx(np.linalg.norm(d0 - delta), rel=1e-4)
        assert np.linalg.norm(found - d0) < 1e-4 * np.linalg.norm(d0 - delta)


def test_fact_7_a_free_residual_cancels_around_the_circle():
    """R(3, 45), beta .01, N = 4: less than 1 % of what a one-sided nudge makes of a free residual of 1e-5."""
    net, beta = net_r(3, 45.0), 0.01
    system = present(network_of(net), net)
    exact = free_state(system)
    xi = np.random.default_rng(0).normal(size=21)
    xi *= 1e-5 / np.linalg.norm(xi)
    euler = build_solver(FixedStepSettings(solver="euler", dt=0.02, t_end=5.0, tolerance=None))

    def dhat(start):
        source, error = system.signal(), system.signal()
        system.read(start, (1.0,), source)
        Contour(beta, 4).relax(system, euler, start, "free", source, error)
        return np.concatenate([error.block(i)[0] for i in range(3)])

    s0 = f(exact)
    J_u, D = net.G * (4 * s0 * (1 - s0)) - np.eye(21), 4 * s0 * (1 - s0)
    one_sided = D * (xi - np.linalg.matrix_power(np.eye(21) + 0.02 * J_u, 250) @ xi) / beta
    assert np.linalg.norm(dhat(exact + xi) - dhat(exact)) < 0.01 * np.linalg.norm(one_sided)


def test_fact_9_the_ladder_of_a_short_relaxation():
    """R(3, 20), beta .05, N = 4, Euler steps of .02 tau for 5 tau: settling, nudge, asymmetry, total."""
    net = net_r(3, 20.0)
    system = present(network_of(net), net)
    state = free_state(system)
    euler = build_solver(FixedStepSettings(solver="euler", dt=0.02, t_end=5.0, tolerance=None))

    def dhat(solver):
        source, error = system.signal(), system.signal()
        system.read(state, (1.0,), source)
        Contour(0.05, 4).relax(system, solver, state, "free", source, error)
        return np.concatenate([error.block(i)[0] for i in range(3)])

    def read(reading, *weights):
        source, error = system.signal(), system.signal()
        reading(system, state, *weights, source, error)
        return np.concatenate([error.block(i)[0] for i in range(3)])

    rungs = [dhat(euler), dhat(NEWTON), read(response_reading, (-1.0,)), read(implicit_reading)]
    terms = [above - below for above, below in pairwise(rungs)]
    terms.append(rungs[0] - rungs[-1])
    sizes = [np.linalg.norm(term) / np.linalg.norm(rungs[-1]) for term in terms]
    assert sizes == pytest.approx((0.0392, 6.2e-6, 0.0894, 0.0796), rel=0.02)
    assert sum(terms[:3]) == pytest.approx(terms[3], abs=1e-12)


def read_out_noise(draw, sigma, betas, share):
    """Noise of -sum_k share Re(s_k / beta_k) with noise of its own on every real component, 4000 draws of 21 units."""
    weights = share / betas
    re, im = draw.normal(size=(2, 4000, len(betas), 21)) * sigma
    return np.einsum("k,nku->nu", weights.real, re) - np.einsum("k,nku->nu", weights.imag, im)


@pytest.mark.parametrize(
    ("points", "published"), [(1, (0.62, 0.13, 0.17)), (2, (0.31, 0.062, 0.032)), (8, (0.16, 0.031, 0.0078))]
)
def test_fact_10_read_out_noise(points, published):
    """R(0, 0), sigma 1e-3 on every real component that is read: variance of dhat, and its error at three nudges.

    The published errors of N = 8 are those of eight independent points; half of them, mirrored, are noisier.
    """
    factor = {1: 2.0, 2: 1 / 2, 8: 1 / 8}[points]
    net, sigma, draw = net_r(), 1e-3, np.random.default_rng(1)
    delta, errors = error_vector(exact_of(net)), []
    for beta in (0.01, 0.05, 0.2):
        if points == 1:
            clean = -(f(net.settle(beta)) - f(net.settle())) / beta
            noise = (draw.normal(size=(4000, 21)) - draw.normal(size=(4000, 21))) * sigma / beta
        else:
            clean = error_vector(learned(net, points, beta)[0])
            noise = read_out_noise(draw, sigma, beta * np.exp(2j * np.pi * np.arange(points) / points), 1 / points)
            upper = np.array(contour_points(beta, points))
            mirrored = read_out_noise(draw, sigma, upper, np.where(np.abs(upper.imag) > 0, 2, 1) / points)
            assert mirrored.var() == pytest.approx((2 * points - 2) / points**2 * sigma**2 / beta**2, rel=0.05)
        assert noise.var() == pytest.approx(factor * sigma**2 / beta**2, rel=0.05)
        errors.append(np.sqrt(np.mean(np.sum((clean + noise - delta) ** 2, axis=1))) / np.linalg.norm(delta))
    assert errors == pytest.approx(published, rel=0.1)


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(st.integers(2, 9), st.floats(0.01, 0.1), st.integers(0, 1000), st.sampled_from(["activity", "membrane"]))
def test_on_random_circuits_more_points_are_closer_to_the_response(points, beta, seed, coordinates):
    """Well inside the radius: the error of N points is below a bound that falls with (beta/R)^N."""
    system = presented(point_network(coordinates=coordinates, gain=0.3), seed=seed)
    state, source, limit, error = free_state(system), system.signal(), system.signal(), system.signal()
    response_reading(system, state, (-1.0,), source, limit)
    codes, _ = Contour(beta, points).relax(system, NEWTON, state, "free", source, error)
    assert np.all(codes == 0)
    left = np.sqrt(sum(np.sum((error.block(i) - limit.block(i)) ** 2) for i in range(3)))
    assert left < (2 * beta) ** points * np.sqrt(limit.square()) + 1e-11


def test_leaving_the_branch_is_a_status_of_the_sample_and_not_a_number():
    """R(0, 0), N = 3 at twice the radius: the mean over the circle is farther from the free state than the response."""
    _, codes = learned(net_r(), 3, 0.8)
    assert codes.tolist() == [Status.OFF_BRANCH.code]
    _, codes = learned(net_r(), 3, 0.2)
    assert codes.tolist() == [Status.SETTLED.code]


def test_what_is_not_settled_is_not_taken_for_another_branch():
    """A response smaller than what is left to relax says nothing about branches."""
    net = net_r()
    short = build_solver(FixedStepSettings(solver="euler", dt=0.1, t_end=0.5, tolerance=1e-9))
    _, codes = learned(net, 4, 1e-9, short)
    assert codes.tolist() == [Status.NOT_SETTLED.code]


def test_points_of_the_upper_half():
    assert contour_points(0.5, 2) == (0.5, -0.5)
    assert contour_points(0.5, 4) == pytest.approx((0.5, 0.5j, -0.5))
    assert contour_points(0.5, 4)[2] == -0.5  # exactly: a real nudge keeps real states
    assert len(contour_points(0.5, 5)) == 3
    assert all(complex(beta).imag for beta in contour_points(0.5, 5)[1:])
