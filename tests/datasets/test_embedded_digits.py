from importlib.resources import files

import numpy as np
import pytest

from neurosim.datasets.dataset import Dataset
from neurosim.datasets.load import load_dataset
from neurosim.datasets.settings import DigitsData


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset(DigitsData(set="digits"), "float64", seed=7)


def test_shapes_and_types(digits):
    for part, rows in ((digits.train, 1437), (digits.test, 360)):
        assert part.inputs.shape == (rows, 64)
        assert part.targets.shape == (rows, 10)
        assert part.labels.shape == (rows,)
        assert part.labels.dtype == np.int64
        assert part.inputs.flags.c_contiguous
    assert digits.name == "digits"


def test_inputs_are_sixteenths_from_zero_to_one(digits):
    pixels = np.concatenate([digits.train.inputs, digits.test.inputs]) * 16
    assert pixels.min() == 0
    assert pixels.max() == 16
    assert np.array_equal(pixels, np.round(pixels))


def test_nothing_of_the_original_is_lost(digits):
    """Sums and class counts of the published file of 1797 images."""
    assert (digits.train.inputs.sum() + digits.test.inputs.sum()) * 16 == 561718
    labels = np.concatenate([digits.train.labels, digits.test.labels])
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_split_is_the_documented_one(digits):
    """Numbers are stated here so that a change of NumPy's permutation would be noticed."""
    assert digits.train.inputs.sum() * 16 == 449461
    assert digits.test.inputs.sum() * 16 == 112257
    assert np.bincount(digits.train.labels).tolist() == [139, 145, 130, 155, 139, 150, 144, 152, 144, 139]
    assert np.bincount(digits.test.labels).tolist() == [39, 37, 47, 28, 42, 32, 37, 27, 30, 41]
    with files("neurosim.datasets.embedded").joinpath("digits.npz").open("rb") as file, np.load(file) as archive:
        images, labels = archive["images"], archive["labels"]
    order = np.random.default_rng(0).permutation(1797)
    assert order[:5].tolist() == [360, 1773, 1482, 600, 850]
    assert np.array_equal(digits.train.labels, labels[order[:1437]])
    assert np.array_equal(digits.test.inputs[-1] * 16, images[order[-1]].ravel())


def test_the_split_does_not_depend_on_the_seed(digits):
    other = load_dataset(DigitsData(set="digits"), "float64", seed=8)
    assert np.array_equal(other.train.inputs, digits.train.inputs)
    assert np.array_equal(other.test.labels, digits.test.labels)


def test_targets_are_one_hot(digits):
    assert np.array_equal(digits.test.targets.argmax(axis=1), digits.test.labels)
    assert np.array_equal(digits.test.targets.sum(axis=1), np.ones(360))


def test_float32_holds_the_same_values(digits):
    single = load_dataset(DigitsData(set="digits"), np.float32, seed=7)
    assert single.train.inputs.dtype == single.train.targets.dtype == np.float32
    assert np.array_equal(single.train.inputs, digits.train.inputs)  # sixteenths are exact


def test_attribution_is_shipped_beside_the_file(digits):
    text = files("neurosim.datasets.embedded").joinpath("ATTRIBUTION.md").read_text()
    for words in ("Alpaydin", "Kaynak", "1998", "CC BY 4.0"):
        assert words in text
        assert words in digits.attribution
