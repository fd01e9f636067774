"""Jacobian homeostasis on net R: facts 12 and 13 of the reference on equilibrium propagation."""

import numpy as np
import pytest
from equilibrium_nets import net_r, network_of, present

from neurosim.analysis.setup import build_solver
from neurosim.dynamics.settings import NewtonSettings
from neurosim.errors import SimulationError
from neurosim.learning.exact.implicit import implicit_gradient, response_estimate
from neurosim.physics.layered import homeostasis
from neurosim.physics.layered.compartments import dyad
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import LayeredCircuit

NEWTON = build_solver(NewtonSettings(solver="newton", tolerance=1e-13))
LAYERS = (6, 8, 8, 5)


def whole(parameters):
    """G as one matrix, column to row as in the reference, from our arrays."""
    G = np.zeros((21, 21))
    G[8:16, :8], G[16:, 8:16] = parameters["W_1"].T, parameters["W_2"].T
    G[:8, 8:16], G[8:16, 16:] = parameters["B_1"].T, parameters["B_2"].T
    return G


def noise(draws, seed=0):
    return homeostasis.noise(LAYERS, draws, np.random.default_rng(seed), "float64")


def test_fact_12_the_loss_and_its_estimates():
    parameters = network_of(net_r(3, 90.0)).parameters
    G, e = whole(parameters), noise(20_000)
    A = (G - G.T) / 2
    loss = homeostasis.antisymmetry_loss(parameters, 3)
    assert loss == pytest.approx(2 * np.sum(A**2), rel=1e-12)
    assert loss == pytest.approx(9.586, abs=1e-3)
    estimates = homeostasis.loss_estimates(parameters, e)
    flat = np.concatenate(e, axis=1)
    assert estimates == pytest.approx(np.sum((flat @ G.T) ** 2, axis=1) - np.einsum("ri,ij,rj->r", flat, G @ G, flat))
    assert estimates.std() == pytest.approx(4.63, rel=0.03)
    assert abs(estimates.mean() - loss) < 3 * estimates.std() / np.sqrt(len(estimates))
    assert estimates.min() < 0


def test_fact_12_the_update_points_along_the_gradient_of_the_loss():
    network = network_of(net_r(3, 90.0))
    gradient = network.parameters.gradient()
    homeostasis.add_update(network.parameters, noise(20_000), 1.0, gradient)
    found, G = whole(gradient), whole(network.parameters)
    expected = 2 * (G - G.T) / 21
    assert np.sum(found * expected) / np.linalg.norm(found) / np.linalg.norm(expected) > 0.999
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(expected), rel=0.02)
    for name in ("W_0", "b_1", "b_2", "b_3"):
        assert not gradient[name].any()


def test_the_update_is_the_local_rule():
    """2 [(G e) e^T - e (G e)^T] / n of one draw, where there are conductances; it adds to what is there."""
    network = network_of(net_r(1, 50.0))
    e, gradient = noise(1), network.parameters.gradient()
    gradient.flat[:] = 1.0
    homeostasis.add_update(network.parameters, e, 0.7, gradient)
    flat, G = np.concatenate(e, axis=1)[0], whole(network.parameters)
    rule = 0.7 * 2 * (np.outer(G @ flat, flat) - np.outer(flat, G @ flat)) / 21
    assert whole(gradient)[G != 0] == pytest.approx(1.0 + rule[G != 0], abs=1e-13)


def test_fact_13_homeostasis_alone_makes_the_response_a_gradient():
    """R(0, 90), 5 draws a step, G <- G - 0.042 homeostasis: |A| / |S| and the mean cosine over 10 inputs."""
    net = net_r(0, 90.0)
    network = network_of(net)
    inputs = np.random.default_rng(1).normal(size=(10, 6))
    ratios, cosines = [], []
    for step in range(401):
        if step in (0, 100, 400):
            G = whole(network.parameters) - np.eye(21)
            ratios.append(np.linalg.norm(G - G.T) / np.linalg.norm(G + G.T))
            found = []
            for x in inputs:
                system = present(network, net)
                system.present(x[None], net.y[None])
                state = system.rest()
                NEWTON.relax(system, state)
                pair = [
                    np.concatenate([estimate[f"b_{k}"] for k in (1, 2, 3)])
                    for estimate in (response_estimate(system, state, (-1.0,)), implicit_gradient(system, state))
                ]
                found.append(pair[0] @ pair[1] / np.linalg.norm(pair[0]) / np.linalg.norm(pair[1]))
            cosines.append(np.mean(found))
        gradient = network.parameters.gradient()
        network.add_homeostasis(1.0, 5, np.random.default_rng(step), gradient)
        network.parameters.trained[:] -= 0.042 * gradient.flat
        network.parameters_changed()
    assert ratios == pytest.approx([0.45, 0.21, 0.03], abs=0.02)
    assert cosines == pytest.approx([0.84, 0.95, 0.998], abs=0.02)


def test_circuits_without_directed_loops_have_nothing_to_pull():
    reciprocal = network_of(net_r(), feedback="reciprocal")
    dyads = CompartmentNetwork(LayeredCircuit(layers=LAYERS, feedback="independent"), dyad(0.5, True), "float64", 0)
    for network in (reciprocal, dyads):
        with pytest.raises(SimulationError, match="needs point neurons with independent feedback"):
            network.add_homeostasis(1.0, 5, np.random.default_rng(0), network.parameters.gradient())


@pytest.mark.parametrize(("psi", "published"), [(5, 0.0249), (20, 0.0994), (45, 0.2215), (90, 0.4251)])
def test_fact_5_asymmetry_of_the_conductances(psi, published):
    """|A|/|S| of G - 1, mean over R(0..9); the training log has it with the loss, for directed loops only."""
    found = []
    for seed in range(10):
        network = network_of(net_r(seed, float(psi)))
        G = whole(network.parameters) - np.eye(21)
        figures = network.loop_figures()
        assert figures["asymmetry"] == pytest.approx(np.linalg.norm(G - G.T) / np.linalg.norm(G + G.T), rel=1e-12)
        assert figures["homeostasis_loss"] == homeostasis.antisymmetry_loss(network.parameters, 3)
        found.append(figures["asymmetry"])
    assert np.mean(found) == pytest.approx(published, rel=0.01)
    assert network_of(net_r(0, 0.0), feedback="reciprocal").loop_figures() == {}
