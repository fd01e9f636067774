"""Every rule of node perturbation against the same formula in NumPy, which keeps all of its history."""

import numpy as np
import pytest
from recurrent_nets import angle, drawn_noise, exact, network, perturbed, reference, rollout, signals, together, update

from neurosim.learning.sequences.copies import Perturbation, PerturbedCopies, answering
from neurosim.learning.sequences.noisy_weights import NoisyWeights
from neurosim.seeds import Purpose, noise_key

SIGMA = 1e-2
RULES = [f"{kind}-{credit}" for kind in ("np", "anp") for credit in ("step", "causal", "total")]


@pytest.mark.parametrize("noisy", [False, True], ids=["clean", "noisy"])
@pytest.mark.parametrize("layer", [False, True], ids=["global", "layer"])
@pytest.mark.parametrize("rule", RULES)
def test_updates_follow_the_table(rule, layer, noisy):
    """Two runs without history give what the whole history gives."""
    net, (u, y) = network(7, 2, 3, seed=3), signals(9, 2, 2, 3)
    found = perturbed(net, u, y, rule, 3, sigma=SIGMA, quiet=not noisy, whole_norm=not layer)
    expected = reference(net, u, y, rule, 3, SIGMA, noisy, layer)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6, atol=1e-9 * np.abs(values).max())


@pytest.mark.parametrize("rule", RULES)
def test_single_precision_gives_the_same_update(rule):
    """float32 and float64 draw different noise but estimate the same; K is large enough to see it."""
    u, y = signals(20, 1)
    single = perturbed(network(10, dtype="float32"), u, y, rule, 3000)
    double = perturbed(network(10), u, y, rule, 3000)
    assert angle(single, double) > (0.85 if rule.startswith("np-") else 0.97)


def test_a_step_without_a_loss_gives_nothing():
    """Steps that do not count are passed through, and nothing is learned from them."""
    net, (u, y) = network(8, seed=1), signals(12, 1)
    counted = np.arange(12) >= 5
    other = np.where(counted[:, None, None], y, 7.0)
    for rule in RULES:
        a = perturbed(net, u, y, rule, 2, counted=counted)
        b = perturbed(net, u, other, rule, 2, counted=counted)
        np.testing.assert_array_equal(together(a), together(b))
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(together(a), together(perturbed(net, u, y, rule, 2)))


@pytest.mark.parametrize("kind", ["np", "anp"])
def test_going_step_by_step_changes_nothing(kind):
    """With credit step a batch may be cut anywhere: states and noise go on."""
    net, (u, y) = network(8, seed=2), signals(12, 2)
    estimator = PerturbedCopies(net, 2, 0, Perturbation(activity=kind == "anp", credit="step", samples=3))
    estimator.present(u, y, np.ones(12, bool), False, 0)
    total = 0.0
    for t in range(12):
        estimator.learn(t, t + 1)
        total = total + together(estimator.gradient)
    np.testing.assert_allclose(total, together(perturbed(net, u, y, f"{kind}-step", 3)), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(estimator.mean_losses, [rollout(net, u[:, r], y[:, r])[3].mean() for r in range(2)])


def test_rows_do_not_change_each_other():
    """The update of a batch is the mean of those of its rows, with the noise of their paths."""
    net, (u, y) = network(8, seed=2), signals(12, 3)
    whole = together(perturbed(net, u, y, "anp-causal", 2, path=11))
    single = [
        together(perturbed(net, u[:, r : r + 1], y[:, r : r + 1], "anp-causal", 2, path=11 + r)) for r in range(3)
    ]
    np.testing.assert_allclose(whole, np.mean(single, axis=0), rtol=1e-9, atol=1e-12)


def test_memory_does_not_grow_with_the_sequence():
    """All arrays of an estimator have the same size before and after a longer sequence, but for the sequence itself."""
    net = network(8)
    estimator = PerturbedCopies(net, 1, 0, Perturbation(credit="causal", samples=4))
    sizes = []
    for steps in (10, 300):
        update(estimator, *signals(steps, 1))
        parts = (*estimator.copies, *estimator.sums, *estimator.products)
        sizes.append(sum(part.nbytes for part in parts))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("held", [False, True], ids=["redrawn", "held"])
def test_weight_noise_follows_its_formula(held):
    """dl_t V_t / s^2 summed over the steps, or the sum of dl times V / s^2; all rows see the same V."""
    net, (u, y) = network(5, 2, 2, seed=4, sparsity=0.3), signals(6, 2, 2, 2)
    estimator = NoisyWeights(net, 2, 0, held, SIGMA, 3)
    found = together(update(estimator, u, y))
    from neurosim.noise.fill import fill_normals

    theta, key = net.parameters.trained.copy(), noise_key(0, Purpose.NODE_PERTURBATION)
    mask = np.concatenate([np.ones(10), net.mask.ravel(), np.ones(10)])
    expected, quiet = np.zeros_like(theta), np.array([rollout(net, u[:, r], y[:, r])[3] for r in range(2)])
    V = np.zeros((1, theta.size))
    for k in range(3):
        draws = []
        for t in range(6):
            fill_normals[np.float64](*key, np.zeros(1, np.int64), 0 if held else t, k + 1, V)
            draws.append(SIGMA * mask * V[0])
        for r in range(2):
            z = np.zeros(5)
            for t in range(6):
                W = theta + draws[t]
                A, R, B = W[:10].reshape(5, 2), W[10:35].reshape(5, 5), W[35:].reshape(2, 5)
                z = np.tanh(A @ u[t, r] + R @ z)
                change = np.mean((B @ z - y[t, r]) ** 2) - quiet[r, t]
                expected += change * draws[t] / SIGMA**2 / 6
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


def test_missing_connections_learn_nothing():
    """A sparse network keeps its zeros under every rule, and its gradient leaves them out."""
    net, (u, y) = network(12, seed=1, sparsity=0.6), signals(10, 1)
    gone = ~net.mask
    assert 0.3 < gone.mean() < 0.9
    assert not net.parameters["R"][gone].any()
    for gradient in (exact(net, u, y), *(perturbed(net, u, y, rule, 2) for rule in RULES)):
        assert not gradient["R"][gone].any()
        assert gradient["R"][net.mask].all()


def test_decorrelation_follows_its_formula():
    """D <- D - eps ((1 - k) offdiag(z z^T) D + k diag(z^2 - 1) D), with the mean of z z^T over the rows."""
    net, (u, y) = network(6, seed=5), signals(8, 3)
    estimator = PerturbedCopies(net, 3, 0, Perturbation(samples=1, credit="causal", decorrelation=(0.05, 0.3)))
    D, z = np.eye(6), np.zeros((3, 6))
    A, R = net.parameters["A"], net.parameters["R"]
    for t in range(8):
        z = np.tanh(u[t] @ A.T + z @ R.T) @ D.T
        C = z.T @ z / 3
        squares = np.diag(np.diag(C))
        D = D - 0.05 * (0.7 * (C - squares) @ D + 0.3 * (squares - np.eye(6)) @ D)
    update(estimator, u, y)
    np.testing.assert_allclose(net.parameters["D"], D, rtol=1e-9, atol=1e-12)
    before = net.parameters["D"].copy()
    listener = answering(net, 3, decorrelated=True)
    update(listener, u, y)
    np.testing.assert_array_equal(net.parameters["D"], before)  # answering does not adapt it
    np.testing.assert_allclose(listener.mean_losses, [rollout(net, u[:, r], y[:, r])[3].mean() for r in range(3)])


def test_noise_differs_between_copies_and_presentations():
    """No two copies, steps or paths share their noise."""
    net = network(6)
    here, there = drawn_noise(net, 3, 2, 3), drawn_noise(net, 3, 2, 3, path=2)
    values = np.concatenate([here.ravel(), there.ravel()])
    assert len(np.unique(values)) == values.size
