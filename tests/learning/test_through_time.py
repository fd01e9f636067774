"""The exact gradient through time: central differences, truncation, and what a decorrelated network changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recurrent_nets import exact, network, rollout, signals, together

from neurosim.learning.exact.through_time import ThroughTime


def total_loss(net, u, y, counted):
    """Return the sum over the steps that count, mean over the rows."""
    return np.mean([rollout(net, u[:, r], y[:, r])[3] @ counted for r in range(u.shape[1])])


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.integers(0, 99), st.booleans())
def test_adjoint_agrees_with_central_differences(units, inputs, outputs, steps, seed, decorrelated):
    """On random networks: within 1e-7 of the gradient."""
    net, (u, y) = network(units, inputs, outputs, seed), signals(steps, 2, inputs, outputs, seed)
    if decorrelated:
        net.parameters["D"][:] += 0.2 * np.random.default_rng(seed).standard_normal((units, units))
    counted = np.arange(steps) >= steps // 2
    gradient, theta = together(exact(net, u, y, counted=counted)), net.parameters.trained
    found, h = np.zeros_like(gradient), 1e-5
    for i in range(theta.size):
        middle = theta[i]
        for sign in (1, -1):
            theta[i] = middle + sign * h
            found[i] += sign * total_loss(net, u, y, counted) / (2 * h)
        theta[i] = middle
    assert np.linalg.norm(found - gradient) < 1e-7 * np.linalg.norm(gradient) + 1e-10


def test_one_step_gives_no_credit_to_earlier_states():
    """It is the sum over t of the gradient of l_t with z_{t-1} held constant."""
    net, (u, y) = network(6, 2, 2), signals(7, 1, 2, 2)
    A, R, B = (net.parameters[name] for name in "ARB")
    z, G = np.zeros(6), np.zeros((6, 6))
    for t in range(7):
        h = np.tanh(A @ u[t, 0] + R @ z)
        G += np.outer(B.T @ (B @ h - y[t, 0]) * (1 - h**2), z)
        z = h
    np.testing.assert_allclose(exact(net, u, y, one_step=True)["R"], G, rtol=1e-12, atol=1e-14)


def test_the_state_is_carried_over():
    """Two halves that continue give the losses of the whole; a new sequence starts from zero."""
    net, (u, y) = network(6), signals(10, 2)
    counted = np.ones(5, bool)
    whole, halves = ThroughTime(net, 2, False), ThroughTime(net, 2, False)
    whole.present(u, y, np.ones(10, bool), False, 0)
    whole.learn(0, 10)
    losses = []
    for part, continues in ((slice(0, 5), False), (slice(5, 10), True)):
        halves.present(u[part], y[part], counted, continues, 0)
        halves.learn(0, 5)
        losses.append(halves.losses)
    np.testing.assert_allclose(sum(losses), whole.losses, rtol=1e-12)
    np.testing.assert_allclose(halves.state, whole.state, rtol=1e-12)
    halves.present(u[:5], y[:5], counted, False, 0)
    halves.learn(0, 5)
    np.testing.assert_allclose(halves.losses, losses[0], rtol=1e-12)


@pytest.mark.parametrize("gain", [0.5, 0.9])
def test_gain_is_the_spectral_radius(gain):
    """Up to the spread of one random matrix of 300 units, sparse or not."""
    for sparsity in (0.0, 0.5):
        R = network(300, gain=gain, sparsity=sparsity).parameters["R"]
        np.testing.assert_allclose(np.abs(np.linalg.eigvals(R)).max(), gain, rtol=0.15)
