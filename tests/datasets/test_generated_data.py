from itertools import combinations

import numpy as np
import pytest

from neurosim.datasets.dataset import Dataset
from neurosim.datasets.load import load_dataset
from neurosim.datasets.settings import GaussianData, XorData
from neurosim.seeds import Purpose, generator


def clouds(seed: int = 5, dtype: str = "float64", **keys: object) -> Dataset:
    return load_dataset(GaussianData(set="gaussian", **keys), dtype, seed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_xor_is_its_truth_table(dtype):
    dataset = load_dataset(XorData(set="xor"), dtype, seed=0)
    assert dataset.train.inputs.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert dataset.train.targets.tolist() == [[1, 0], [0, 1], [0, 1], [1, 0]]
    assert dataset.train.labels.tolist() == [0, 1, 1, 0]
    assert dataset.train.inputs.dtype == dataset.train.targets.dtype == dtype
    assert dataset.test is dataset.train


def test_gaussian_shapes_and_balance():
    dataset = clouds(features=7, classes=3, samples=100, test_samples=11, dtype="float32")
    assert dataset.train.inputs.shape == (100, 7)
    assert dataset.test.targets.shape == (11, 3)
    assert dataset.train.inputs.dtype == np.float32
    assert sorted(np.bincount(dataset.train.labels)) == [33, 33, 34]
    assert np.array_equal(dataset.train.targets.argmax(axis=1), dataset.train.labels)
    assert not np.array_equal(dataset.train.labels, np.arange(100) % 3)  # in random order


def test_gaussian_follows_the_seed_alone():
    first, again, other = clouds(seed=5), clouds(seed=5), clouds(seed=6)
    assert np.array_equal(first.train.inputs, again.train.inputs)
    assert not np.array_equal(first.train.inputs, other.train.inputs)
    assert not np.array_equal(first.train.inputs[:200], first.test.inputs)


def test_more_training_samples_leave_the_test_samples_as_they_were():
    assert np.array_equal(clouds(samples=10).test.inputs, clouds(samples=1000).test.inputs)


@pytest.mark.parametrize("separation", [1.0, 8.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_gaussian_has_unit_variance_within_and_the_stated_distance_between(separation, seed):
    """4000 samples of 16 inputs: the standard error of a variance is about 0.0056, of a centre's coordinate 0.032."""
    train = clouds(seed=seed, samples=4000, separation=separation).train
    means = np.stack([train.inputs[train.labels == label].mean(axis=0) for label in range(4)])
    assert np.var(train.inputs - means[train.labels]) == pytest.approx(1.0, abs=0.03)
    distances = [np.linalg.norm(a - b) for a, b in combinations(means, 2)]
    assert np.sqrt(np.mean(np.square(distances))) == pytest.approx(separation, abs=0.1)
    assert np.abs(means.mean(axis=0)).max() < 0.1


def test_separation_zero_leaves_nothing_to_learn():
    train = clouds(samples=4000, separation=0.0).train
    means = np.stack([train.inputs[train.labels == label].mean(axis=0) for label in range(4)])
    assert np.abs(means).max() < 0.15


def test_streams_are_independent_and_stable():
    """The numbers pin the streams: a change of key would silently change every result that depends on them."""
    draws = {purpose: generator(7, purpose).integers(1 << 30, size=2).tolist() for purpose in Purpose}
    assert len({tuple(draw) for draw in draws.values()}) == len(Purpose)
    assert draws[Purpose.DATA_SPLIT] == [514899155, 1054761074]
