"""The exact gradient beside central differences of the cost of the free prediction, parameter by parameter."""

import numpy as np
import pytest
from physics_circuits import ACTIVATIONS, CLIPPED_IDENTITIES, SMOOTH
from physics_nets import circuit, draw_numbers, learn, present, rule, solver

from neurosim.errors import SimulationError
from neurosim.learning.exact.backprop import exact_gradient, forward_and_errors
from neurosim.learning.rules.backprop import Backprop
from neurosim.physics.layered.compartments import POINT
from neurosim.physics.names import COST_CODE


def dyads(net, **keys):
    return circuit(net, rule().compartments(), **keys)


def differences(network, net, step=1e-3):
    """dC/dtheta of the mean cost, from four free states per parameter; trained parameters one after the other."""
    system, theta = present(network, net), network.parameters.trained
    state = system.rest()

    def cost(i, value):
        here, theta[i] = theta[i], value
        network.parameters_changed()
        system.present(net.x.T, net.y.T)
        system.free_state(state)
        mean = system.model.cost(system.prediction(state), system.targets).mean()
        theta[i] = here
        return mean

    slopes = []
    for i, x in enumerate(theta.copy()):
        near = cost(i, x + step) - cost(i, x - step)
        far = cost(i, x + 2 * step) - cost(i, x - 2 * step)
        slopes.append((8 * near - far) / (12 * step))
    return np.array(slopes)


def gradient_vector(network, net):
    gradient = exact_gradient(network, net.x.T, net.y.T)
    assert list(gradient) == [block.name for block in network.parameters.trained_blocks]
    assert all(values.shape == network.parameters[name].shape for name, values in gradient.items())
    return np.concatenate([values.ravel() for values in gradient.values()])


@pytest.mark.parametrize("role", ["hidden", "output", "both"])
@pytest.mark.parametrize("cost", sorted(COST_CODE))
@pytest.mark.parametrize("activation", SMOOTH)
def test_the_gradient_is_the_slope_of_the_cost(activation, cost, role):
    """3-4-4-3, five samples, one layer of the other kind where the role leaves room for it; measured 1.6e-11."""
    net = draw_numbers((3, 4, 4, 3), samples=5)
    roles = {"activation": "tanh", "output_activation": "identity"}
    roles |= {"activation": activation} if role != "output" else {}
    roles |= {"output_activation": activation} if role != "hidden" else {}
    network = dyads(net, cost=cost, **roles)
    found, expected = gradient_vector(network, net), differences(network, net)
    assert np.linalg.norm(expected) > 1e-2
    assert np.abs(found - expected).max() < 1e-10


@pytest.mark.parametrize("cost", sorted(COST_CODE))
@pytest.mark.parametrize("activation", [name for name in CLIPPED_IDENTITIES if name != "identity"])
def test_the_gradient_is_the_slope_of_the_cost_between_kinks(activation, cost):
    """No current comes near a kink while a parameter moves; measured 3e-12."""
    net, step = draw_numbers((3, 4, 4, 3), samples=5, seed=3), 1e-4
    network = dyads(net, cost=cost, activation=activation)
    s, at_kink = net.x, []
    for W, b in zip(net.W[:-1], net.b[:-1], strict=True):
        a = W @ s + b
        at_kink += [np.abs(a).min(), np.abs(a - 1).min()]
        s = np.maximum(a, 0) if activation == "relu" else np.clip(a, 0, 1)
    assert min(at_kink) > 10 * step
    assert np.abs(gradient_vector(network, net) - differences(network, net, step)).max() < 1e-10


@pytest.mark.parametrize("cost", sorted(COST_CODE))
@pytest.mark.parametrize("layers", [(4, 3), (4, 5, 3), (2, 3, 3, 3, 3, 2)])
def test_networks_of_any_depth(layers, cost):
    net = draw_numbers(layers, samples=3)
    network = dyads(net, cost=cost, activation="tanh", output_activation="softplus")
    assert np.abs(gradient_vector(network, net) - differences(network, net)).max() < 1e-10


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_gradient_goes_by_the_forward_conductances_alone(activation):
    tilted = draw_numbers((3, 4, 4, 3), samples=5, angle=60)
    straight = draw_numbers((3, 4, 4, 3), samples=5)
    found = [gradient_vector(dyads(net, activation=activation), net) for net in (tilted, straight)]
    assert np.array_equal(*found)


def test_backprop_as_a_rule_is_the_exact_gradient():
    net, chosen = draw_numbers((3, 4, 4, 3), samples=70), Backprop(type="backprop")
    network = circuit(net, chosen.compartments(), activation="tanh", cost="cross_entropy")
    update = learn(network, net, chosen, solver("sweeps"))
    for name, values in exact_gradient(network, net.x.T, net.y.T).items():
        assert update[name] == pytest.approx(values, abs=1e-15)


def test_the_gradient_of_a_batch_is_the_mean_over_its_samples():
    net = draw_numbers((3, 4, 3), samples=4)
    network = dyads(net, activation="tanh", cost="cross_entropy")
    one_by_one = [exact_gradient(network, x[None], y[None]) for x, y in zip(net.x.T, net.y.T, strict=True)]
    for name, values in exact_gradient(network, net.x.T, net.y.T).items():
        assert values == pytest.approx(np.mean([one[name] for one in one_by_one], axis=0), abs=1e-15)


def test_point_neurons_have_no_feed_forward_gradient():
    net = draw_numbers((3, 4, 3), samples=2)
    with pytest.raises(SimulationError, match="needs a feed-forward free state; point neurons feed back"):
        forward_and_errors(circuit(net, POINT), net.x.T, net.y.T)
