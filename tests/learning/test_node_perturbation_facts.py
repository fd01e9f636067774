"""What node perturbation estimates: facts measured on networks of 50 units, Mackey-Glass 15 steps ahead, 60 steps."""

import numpy as np
import pytest
from recurrent_nets import angle, exact, length_ratio, network, perturbed

from neurosim.learning.sequences.copies import Perturbation, PerturbedCopies


def mackey_glass(steps, lag, seed):
    """Return input and target (steps, 1, 1) of dx/dt = 0.2 x_d / (1 + x_d^10) - 0.1 x, delay 17, lag samples ahead."""
    draw, x, found = np.random.default_rng(seed), 1.2, []
    history = list(1.2 + 0.1 * (2 * draw.random(170) - 1))
    for _ in range(100 + steps + lag):
        for _ in range(10):
            delayed = history[-170]
            history.append(x)
            x += 0.1 * (0.2 * delayed / (1 + delayed**10) - 0.1 * x)
        found.append(np.tanh(x - 1))
    series = np.array(found[100:])
    series -= series.mean()
    return series[:steps, None, None], series[lag:, None, None]


def case(seed, **keys):
    """Return a network and its signals."""
    return network(50, seed=seed, **keys), *mackey_glass(60, 15, seed)


def mean_angle(rule, samples, networks, one_step, **keys):
    """Return the mean cosine of a rule with a reference over networks."""
    found = []
    for seed in range(networks):
        net, u, y = case(seed)
        found.append(angle(perturbed(net, u, y, rule, samples, seed, **keys), exact(net, u, y, one_step)))
    return float(np.mean(found))


def test_step_credit_estimates_the_one_step_gradient():
    """K 4000: cosine > .98, length within 5 %; with the full gradient it makes the angle of the truncated one.

    On a network that is not chaotic (spectral radius 1.02): where noise grows, even K 4000 leaves mostly variance.
    """
    net, u, y = case(2)
    full, one = exact(net, u, y), exact(net, u, y, one_step=True)
    found = perturbed(net, u, y, "np-step", 4000)
    assert angle(found, one) > 0.98
    assert abs(length_ratio(found, one) - 1) < 0.05
    assert abs(angle(found, full) - angle(one, full)) < 0.03


def test_causal_credit_estimates_the_gradient_through_time():
    """K 4000: causal > .96 with length within 10 %, total > .92."""
    net, u, y = case(2)
    full = exact(net, u, y)
    causal, total = (perturbed(net, u, y, f"np-{credit}", 4000) for credit in ("causal", "total"))
    assert angle(causal, full) > 0.96
    assert abs(length_ratio(causal, full) - 1) < 0.1
    assert angle(total, full) > 0.92


def test_causal_credit_has_less_variance_than_total():
    """K 100, mean of 10 networks."""
    assert mean_angle("np-causal", 100, 10, False) > mean_angle("np-total", 100, 10, False) + 0.05


def test_activity_perturbation_wins_at_few_samples_and_loses_at_many():
    """Mean of 20 networks: at K 1 more than twice the cosine with the one-step gradient, at K 100 less."""
    assert mean_angle("anp-step", 1, 20, True) > 2 * mean_angle("np-step", 1, 20, True)
    assert mean_angle("anp-step", 100, 20, True) < mean_angle("np-step", 100, 20, True) - 0.05


def test_colouring_leaves_a_bias_that_averaging_does_not_remove():
    """ANP-step: the same cosine at K 1000 and 4000, below .85."""
    net, u, y = case(0)
    one = exact(net, u, y, one_step=True)
    many, more = (angle(perturbed(net, u, y, "anp-step", K), one) for K in (1000, 4000))
    assert abs(more - many) < 0.03
    assert more < 0.85


def test_colouring_is_weak_where_recurrence_is_weak():
    """Gain .5, K 1000, 5 networks: the layer norm reaches .95; the global one makes the readout's part too long."""
    layer, whole, readout = [], [], []
    for seed in range(5):
        net, u, y = case(seed, gain=0.5)
        one = exact(net, u, y, one_step=True)
        layer.append(angle(perturbed(net, u, y, "anp-step", 1000, whole_norm=False), one))
        found = perturbed(net, u, y, "anp-step", 1000)
        whole.append(angle(found, one))
        readout.append(np.linalg.norm(found["B"]) / np.linalg.norm(one["B"]))
    assert np.mean(layer) > 0.95
    assert np.mean(whole) < np.mean(layer) - 0.03
    assert 1.8 < np.mean(readout) < 3.5


def test_two_noisy_copies_do_as_well_as_a_clean_one():
    """ANP-step, K 1000: the cosine changes by less than .02."""
    net, u, y = case(1)
    one = exact(net, u, y, one_step=True)
    clean, noisy = (angle(perturbed(net, u, y, "anp-step", 2000, quiet=quiet), one) for quiet in (True, False))
    assert abs(clean - noisy) < 0.02


def test_activity_perturbation_does_not_depend_on_the_size_of_the_noise():
    """Sigma 1e-4, 1e-3, 1e-2 at K 100, 10 networks: equal within .03."""
    found = [mean_angle("anp-step", 100, 10, True, sigma=sigma) for sigma in (1e-4, 1e-3, 1e-2)]
    assert np.ptp(found) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize(("rank", "kept"), [(20, True), (3, False)])
def test_decorrelation_of_static_data(rank, kept):
    """Rate 1e-3, k 0, 20 signals, 40000 steps: full rank loses its correlations, rank 3 loses its variance."""
    net = network(20, 20, seed=0)
    draw = np.random.default_rng(0)
    net.parameters["R"][:] = 0.0
    mix = draw.standard_normal((20, rank)) @ draw.standard_normal((rank, 20)) / np.sqrt(20 * rank)
    if rank == 20:
        mix = mix * 0.5 + np.eye(20) * 0.7
    net.parameters["A"][:] = mix

    def measured():
        h = np.tanh(np.random.default_rng(1).standard_normal((4000, 20)) @ net.parameters["A"].T)
        z = h @ net.parameters["D"].T
        C = np.corrcoef(z.T)
        return np.sqrt(np.mean(C[~np.eye(20, dtype=bool)] ** 2)), z.var()

    before = measured()
    estimator = PerturbedCopies(net, 1, 0, Perturbation(samples=1, credit="step", decorrelation=(1e-3, 0.0)))
    u = draw.standard_normal((40000, 1, 20))
    estimator.present(u, np.zeros((40000, 1, 1)), np.ones(40000, bool), False, 0)
    estimator.learn(0, 40000)
    after = measured()
    if kept:
        assert after[0] < before[0] / 5
        assert after[1] > 0.65 * before[1]
    else:
        assert after[1] < before[1] / 5
