"""Equilibrium propagation on net R: numbered facts of the reference document, section 8."""

import numpy as np
import pytest
from equilibrium_nets import f, gradient_of_G, net_r, network_of, present

from neurosim.analysis.setup import build_solver
from neurosim.dynamics import linear
from neurosim.dynamics.settings import FixedStepSettings, NewtonSettings
from neurosim.errors import SimulationError
from neurosim.learning.exact.backprop import exact_gradient
from neurosim.learning.exact.implicit import implicit_gradient, response_estimate
from neurosim.learning.exact.reference import reference_gradient
from neurosim.learning.learner import Learner
from neurosim.learning.rules.equilibrium import Equilibrium
from neurosim.workers import Workers

NEWTON = build_solver(NewtonSettings(solver="newton", tolerance=1e-14))
BETAS = (0.05, 0.1, 0.2, 0.4)
# Fact 3: relative error of the gradient of G at these nudges, R(0, 0).
PUBLISHED = {"one_sided": (4.4e-2, 8.7e-2, 1.7e-1, 3.0e-1), "symmetric": (1.8e-3, 7.3e-3, 2.9e-2, 1.1e-1)}
ORDER = {"one_sided": 1, "symmetric": 2}


def free_state(system):
    state = system.rest()
    NEWTON.relax(system, state)
    return state


def estimate(net, nudging, beta, solver=NEWTON, **keys):
    network = network_of(net, **keys)
    with Workers(1) as workers:
        outcome = Learner(
            network, solver, Equilibrium(type="equilibrium", nudging=nudging, beta=beta), "free", workers
        ).learn(net.x[None], net.y[None])
    return {name: values.copy() for name, values in outcome.gradient.items()}


def flat_errors(gradient):
    """Return dC/db of all units: with one sample it is the error vector itself."""
    return np.concatenate([gradient[f"b_{k}"] for k in (1, 2, 3)])


def relative_error(net, nudging, beta):
    exact = gradient_of_G(reference_gradient(network_of(net), NEWTON, net.x[None], net.y[None]))
    return np.linalg.norm(gradient_of_G(estimate(net, nudging, beta)) - exact) / np.linalg.norm(exact)


@pytest.mark.parametrize("coordinates", ["membrane", "activity"])
@pytest.mark.parametrize("feedback", ["independent", "reciprocal"])
def test_fact_1_implicit_gradient_and_finite_differences(feedback, coordinates):
    """R(0, 40 degrees), every parameter, B included; a reciprocal conductance is moved in both directions at once."""
    net = net_r(0, 40.0 if feedback == "independent" else 0.0)
    network = network_of(net, feedback, coordinates=coordinates)
    system = present(network, net)
    state = free_state(system)
    found = implicit_gradient(system, state)
    assert ("B_1" in found) == (feedback == "independent")
    theta, step, slopes = network.parameters.trained, 1e-5, []
    for i, here in enumerate(theta.copy()):
        costs = []
        for value in (here + step, here - step):
            theta[i] = value
            network.parameters_changed()
            network.synchronise()
            system.present(net.x[None], net.y[None])
            moved = state.copy()
            NEWTON.relax(system, moved)
            costs.append(system.model.cost(system.prediction(moved), system.targets)[0])
        theta[i] = here
        slopes.append((costs[0] - costs[1]) / (2 * step))
    network.parameters_changed()
    assert np.linalg.norm(found.flat - slopes) < 1e-7 * np.linalg.norm(slopes)


def test_fact_2_the_free_state_of_R():
    net = net_r()
    system = present(network_of(net), net)
    state = free_state(system)
    assert state == pytest.approx(net.settle(), abs=1e-12)
    cost = system.model.cost(system.prediction(state), system.targets)[0]
    assert cost == pytest.approx(0.35222, abs=1e-3)
    s = f(state)
    through = net.G * (4 * s * (1 - s))
    assert np.linalg.eigvals(through - np.eye(21)).real.max() == pytest.approx(-0.3506, abs=1e-3)
    assert np.abs(np.linalg.eigvals(through)).max() == pytest.approx(0.6494, abs=1e-3)


@pytest.mark.parametrize("nudging", sorted(ORDER))
def test_fact_3_errors_at_finite_nudges(nudging):
    errors = [relative_error(net_r(), nudging, beta) for beta in BETAS]
    assert errors == pytest.approx(PUBLISHED[nudging], rel=0.05)


@pytest.mark.parametrize("nudging", sorted(ORDER))
def test_fact_3_order_in_the_nudge(nudging):
    near, far = (relative_error(net_r(), nudging, beta) for beta in (0.02, 0.05))
    assert np.log(far / near) / np.log(0.05 / 0.02) == pytest.approx(ORDER[nudging], abs=0.05)


@pytest.mark.parametrize("nudging", sorted(ORDER))
def test_the_estimate_is_the_formula_of_the_reference(nudging):
    """Errors read off the equilibria of plain NumPy, times the free activities, for directed conductances."""
    net, beta = net_r(3, 45.0), 0.1
    s0, s_plus, s_minus = (f(net.settle(nudge)) for nudge in (0.0, beta, -beta))
    dhat = -(s_plus - s_minus) / (2 * beta) if nudging == "symmetric" else -(s_plus - s0) / beta
    found = estimate(net, nudging, beta)
    assert found["W_0"] == pytest.approx(np.outer(net.x, dhat[:8]), abs=1e-12)
    assert found["W_2"] == pytest.approx(np.outer(s0[8:16], dhat[16:]), abs=1e-12)
    assert found["B_1"] == pytest.approx(np.outer(s0[8:16], dhat[:8]), abs=1e-12)
    assert found["b_2"] == pytest.approx(dhat[8:16], abs=1e-12)


@pytest.mark.parametrize(
    "dynamics",
    [
        {"solver": "sweeps", "max_steps": 500, "order": "forward"},
        {"solver": "sweeps", "max_steps": 500, "order": "backward"},
        {"solver": "rk4", "dt": 0.5, "t_end": 300.0},
        {"solver": "exponential_euler", "dt": 1.0, "t_end": 300.0},
        {"solver": "tsit5", "t_end": 300.0, "rtol": 1e-10, "atol": 1e-14},
    ],
    ids=lambda dynamics: "-".join(map(str, dynamics.values())),
)
@pytest.mark.parametrize("coordinates", ["membrane", "activity"])
def test_every_road_leads_to_the_same_estimate(dynamics, coordinates):
    """Solvers and coordinates differ on the way, not at the equilibrium.

    In activity coordinates the nudge is a current inside the output activation as well.
    """
    from neurosim.registry import SOLVERS

    net = net_r(3, 20.0)
    solver = build_solver(SOLVERS.settings(dynamics["solver"])(tolerance=1e-12, **dynamics))
    found = estimate(net, "symmetric", 0.1, solver, coordinates=coordinates)
    expected = estimate(net, "symmetric", 0.1)
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, abs=1e-9), name


@pytest.mark.parametrize(
    ("psi", "bias", "cosine"), [(5, 0.0506, 0.9986), (20, 0.1855, 0.980), (45, 0.339, 0.937), (90, 0.519, 0.854)]
)
def test_fact_5_what_asymmetry_leaves_of_a_vanishing_nudge(psi, bias, cosine):
    """Means over R(0..9): |d0 - delta| / |delta| and the cosine, with d0 from a symmetric nudge of 1e-4."""
    biases, cosines = [], []
    for seed in range(10):
        net = net_r(seed, float(psi))
        delta = flat_errors(reference_gradient(network_of(net), NEWTON, net.x[None], net.y[None]))
        d0 = flat_errors(estimate(net, "symmetric", 1e-4))
        biases.append(np.linalg.norm(d0 - delta) / np.linalg.norm(delta))
        cosines.append(d0 @ delta / np.linalg.norm(d0) / np.linalg.norm(delta))
        J = net.G - np.diag(1 / (4 * f(net.settle()) * (1 - f(net.settle()))))
        A = (J - J.T) / 2
        assert d0 - delta == pytest.approx(-2 * np.linalg.solve(J, A @ delta), abs=1e-7)
    assert np.mean(biases) == pytest.approx(bias, rel=0.01)
    assert np.mean(cosines) == pytest.approx(cosine, rel=0.01)


@pytest.mark.parametrize(("t", "published"), [(0.5, 0.667), (2.0, 0.231), (5.0, 0.0367)])
def test_fact_6_settling_error_of_a_short_nudge(t, published):
    """R(3, 45), one-sided, beta 1e-6, Euler steps of 0.02 tau from the exact free state, against the linear formula."""
    net, beta, h = net_r(3, 45.0), 1e-6, 0.02
    system = present(network_of(net), net)
    state = free_state(system)
    s0 = f(state)
    J_u = net.G * (4 * s0 * (1 - s0)) - np.eye(21)
    J = net.G - np.diag(1 / (4 * s0 * (1 - s0)))
    g = np.concatenate([np.zeros(16), s0[16:] - net.y])
    d0, D = -np.linalg.solve(J, g), 4 * s0 * (1 - s0)
    system.nudge(beta)
    euler = build_solver(FixedStepSettings(solver="euler", dt=h, t_end=t, tolerance=None))
    moved = state.copy()
    euler.relax(system, moved)
    dhat = -(f(moved) - s0) / beta
    left = np.linalg.matrix_power(np.eye(21) + h * J_u, round(t / h))
    assert np.linalg.norm(dhat - D * (d0 / D - left @ (d0 / D))) < 1e-5 * np.linalg.norm(d0)
    assert np.linalg.norm(dhat - d0) / np.linalg.norm(d0) == pytest.approx(published, rel=0.02)


@pytest.mark.parametrize("nudging", sorted(ORDER))
def test_fact_7_a_free_residual_cancels_only_between_nudges(nudging):
    """R(3, 45), beta 0.01: a residual of 1e-5 at the switch-on; t = 5 tau, Euler steps of 0.02 tau."""
    net, beta, h, t = net_r(3, 45.0), 0.01, 0.02, 5.0
    system = present(network_of(net), net)
    exact = free_state(system)
    xi = np.random.default_rng(0).normal(size=21)
    xi *= 1e-5 / np.linalg.norm(xi)
    euler = build_solver(FixedStepSettings(solver="euler", dt=h, t_end=t, tolerance=None))
    rule = Equilibrium(type="equilibrium", nudging=nudging, beta=beta)

    def dhat(start):
        ends = {}
        for phase in rule.phases("free")[1:]:
            system.nudge(phase.nudge)
            ends[phase.name] = start.copy()
            euler.relax(system, ends[phase.name])
        if nudging == "symmetric":
            return (f(ends["opposite"]) - f(ends["nudged"])) / (2 * beta)
        return (f(start) - f(ends["nudged"])) / beta

    s0 = f(exact)
    J_u, D = net.G * (4 * s0 * (1 - s0)) - np.eye(21), 4 * s0 * (1 - s0)
    left = np.linalg.matrix_power(np.eye(21) + h * J_u, round(t / h))
    predicted = D * (xi - left @ xi) / beta
    difference = dhat(exact + xi) - dhat(exact)
    if nudging == "one_sided":
        assert np.linalg.norm(difference - predicted) < 0.01 * np.linalg.norm(predicted)
    else:
        assert np.linalg.norm(difference) < 0.01 * np.linalg.norm(predicted)


def test_the_implicit_gradient_of_dyads_is_back_propagation():
    """A free dyad is feed-forward, whatever its feedback conductances: the two exact references agree."""
    from physics_nets import circuit, draw_numbers, rule

    net = draw_numbers((4, 6, 5, 3), samples=7, angle=50)
    for coordinates in ("activity", "membrane"):
        network = circuit(
            net, rule().compartments(), activation="tanh", cost="cross_entropy", coordinates=coordinates,
            output_activation="sigmoid", feedback="independent",
        )  # fmt: skip
        system = network.system(7)
        system.present(net.x.T, net.y.T)
        state = system.rest()
        system.free_state(state)
        found = implicit_gradient(system, state)
        for name, values in exact_gradient(network, net.x.T, net.y.T).items():
            assert found[name] == pytest.approx(values, abs=1e-13), name


def test_dense_and_krylov_solutions_agree(monkeypatch):
    net = net_r(1, 70.0)
    network = network_of(net)
    system = network.system(4)
    draw = np.random.default_rng(1)
    system.present(draw.normal(size=(4, 6)), draw.uniform(size=(4, 5)))
    state = free_state(system)
    dense = implicit_gradient(system, state)
    monkeypatch.setattr(linear, "DENSE_UNTIL", 0)
    assert implicit_gradient(system, state).flat == pytest.approx(dense.flat, rel=1e-8, abs=1e-10)


def test_a_nudged_circuit_has_no_implicit_gradient():
    net = net_r()
    system = present(network_of(net), net)
    state = free_state(system)
    system.nudge(0.1)
    with pytest.raises(SimulationError, match="belongs to the free equilibrium, but the circuit is nudged"):
        implicit_gradient(system, state)


@pytest.mark.parametrize(
    ("nudging", "published"),
    [("one_sided", (0.0388, 0.0404, 0.0894, 0.0970)), ("symmetric", (0.0393, 0.0023, 0.0894, 0.0802))],
)
def test_fact_9_the_ladder_of_a_short_relaxation(nudging, published):
    """R(3, 20), beta 0.05: Euler steps of 0.02 tau for 5 tau from the exact free state; norms relative to delta."""
    net, beta = net_r(3, 20.0), 0.05
    network = network_of(net)
    system = present(network, net)
    state = free_state(system)
    euler = build_solver(FixedStepSettings(solver="euler", dt=0.02, t_end=5.0, tolerance=None))

    def dhat(solver):
        ends = {"free": state.copy()}
        for phase in Equilibrium(type="equilibrium", nudging=nudging, beta=beta).phases("free")[1:]:
            system.nudge(phase.nudge)
            ends[phase.name] = state.copy()
            solver.relax(system, ends[phase.name])
        system.nudge(0.0)
        other, distance = ("opposite", 2 * beta) if nudging == "symmetric" else ("free", beta)
        return (f(ends[other]) - f(ends["nudged"])) / distance

    measured, settled = dhat(euler), dhat(NEWTON)
    limit = flat_errors(response_estimate(system, state, (-1.0,)))
    exact = flat_errors(implicit_gradient(system, state))
    terms = [measured - settled, settled - limit, limit - exact, measured - exact]
    assert [np.linalg.norm(term) / np.linalg.norm(exact) for term in terms] == pytest.approx(published, rel=0.02)
    assert sum(terms[:3]) == pytest.approx(terms[3], abs=1e-12)


@pytest.mark.parametrize("coordinates", ["membrane", "activity"])
def test_the_response_is_what_a_nudge_tends_to_and_differs_by_the_antisymmetric_part(coordinates):
    """d0 = -J^{-1} g and delta = -J^{-T} g, so d0 - delta = -2 J^{-1} A delta, to rounding."""
    net = net_r(1, 60.0)
    system = present(network_of(net, coordinates=coordinates), net)
    state = free_state(system)
    d0 = flat_errors(response_estimate(system, state, (-1.0,)))
    delta = flat_errors(implicit_gradient(system, state))
    u = net.settle()
    J = net.G - np.diag(1 / (4 * f(u) * (1 - f(u))))
    assert d0 - delta == pytest.approx(-2 * np.linalg.solve(J, (J - J.T) / 2 @ delta), abs=1e-12)
    if coordinates == "membrane":
        assert flat_errors(estimate(net, "symmetric", 1e-4)) == pytest.approx(d0, abs=1e-6)
