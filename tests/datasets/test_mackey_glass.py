"""The Mackey-Glass series against its recipe and the figures of the reference."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neurosim.datasets.load import load_dataset
from neurosim.datasets.mackey_glass import mackey_glass
from neurosim.datasets.sequence_settings import MackeyGlassData
from neurosim.seeds import Purpose, generator


def task(seed=3, dtype="float64", **keys):
    return load_dataset(MackeyGlassData(set="mackey_glass", **keys), dtype, seed)


def test_the_recipe_step_by_step():
    """The same Euler steps on an array of known length, with the history read from a second stream of the seed."""
    steps = (100 + 30) * 10
    x = np.empty(171 + steps)
    x[:170], x[170] = np.random.default_rng(5).uniform(1.1, 1.3, 170), 1.2
    for i in range(170, 170 + steps):
        x[i + 1] = x[i] + 0.1 * (0.2 * x[i - 170] / (1 + x[i - 170] ** 10) - 0.1 * x[i])
    expected = np.tanh(x[170:][::10] - 1)[100:130]
    np.testing.assert_allclose(mackey_glass(30, np.random.default_rng(5)), expected, rtol=0, atol=1e-14)


def test_a_small_step_of_the_recipe_follows_the_equation():
    """Without its delayed part the equation decays at a rate of 0.1; the samples are a unit of time apart.

    The delayed part is taken from the samples themselves by interpolation, and the equation is integrated by SciPy over
    one delay; Euler steps of 0.1 leave an error of about 1 % of the range.
    """
    samples = np.arctanh(mackey_glass(200, np.random.default_rng(1))) + 1
    times = np.arange(200.0)

    def rate(t, x):
        late = np.interp(t - 17, times, samples)
        return 0.2 * late / (1 + late**10) - 0.1 * x

    solved = solve_ivp(rate, (100, 117), [samples[100]], t_eval=np.arange(100, 118), rtol=1e-8, atol=1e-10)
    assert np.abs(solved.y[0] - samples[100:118]).max() < 0.02


def test_variance_and_persistence_of_the_reference():
    """Section 5: variance .0467, persistence at a lag of 15 .120; four seeds of 5000 samples spread by 3 %."""
    baselines = [task(seed=seed).baselines() for seed in range(4)]
    assert np.mean([b["variance"] for b in baselines]) == pytest.approx(0.0467, rel=0.02)
    assert np.mean([b["persistence"] for b in baselines]) == pytest.approx(0.120, rel=0.03)


def test_prediction_and_recall_are_the_same_series_shifted_both_ways():
    predict, recall = (task(task=name, length=400, steps=100).batch("train", 1, 1) for name in ("predict", "recall"))
    assert np.array_equal(predict.inputs, recall.targets)
    assert np.array_equal(predict.targets, recall.inputs)
    assert np.array_equal(predict.targets[:-15], predict.inputs[15:])
    assert np.array_equal(recall.targets[15:], recall.inputs[:-15])


def test_parts_are_stretches_of_one_series_centred_by_the_first():
    """Each stretch has 15 samples more than steps, which are targets alone."""
    dataset = task(length=2000, test_length=900, steps=900)
    series = mackey_glass(2015 + 2 * 915, generator(3, Purpose.DATA_TRAIN))
    mean = series[:2015].mean()
    assert dataset.attributes["training_mean"] == pytest.approx(mean)
    for part, start in (("train", 0), ("validation", 2015), ("test", 2930)):
        batch = dataset.batch(part, 0, 1)
        np.testing.assert_allclose(batch.inputs[:, 0, 0], series[start : start + 900] - mean, atol=1e-15)
        np.testing.assert_allclose(batch.targets[:, 0, 0], series[start + 15 : start + 915] - mean, atol=1e-15)


def test_whole_or_in_windows():
    whole, windows = task(length=300), task(length=300, test_length=200, steps=90)
    assert (whole.steps, whole.count("train"), whole.count("test")) == (300, 1, 1)
    assert (windows.steps, windows.count("train"), windows.count("validation"), windows.count("test")) == (90, 3, 2, 2)
    second = windows.batch("train", 1, 1)
    assert np.array_equal(second.inputs, whole.batch("train", 0, 1).inputs[90:180])
    assert second.continues


def test_the_seed_decides_the_history():
    assert np.array_equal(task(length=50).batch("train", 0, 1).inputs, task(length=50).batch("train", 0, 1).inputs)
    assert not np.array_equal(
        task(length=50).batch("train", 0, 1).inputs, task(4, length=50).batch("train", 0, 1).inputs
    )
