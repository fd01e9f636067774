"""Handwritten digits of 8 x 8 pixels, embedded in the package: the set that needs no download.

Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository (1998), test
part, CC BY 4.0; see ATTRIBUTION.md beside the file.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from neurosim.datasets.dataset import Dataset, Samples, one_hot
from neurosim.datasets.settings import DigitsData

TRAIN_SAMPLES = 1437
"""Samples for training; the remaining 360 of 1797 are for testing."""

ATTRIBUTION = "Optical Recognition of Handwritten Digits, E. Alpaydin, C. Kaynak (1998), UCI, CC BY 4.0"


def load(settings: DigitsData, dtype: DTypeLike, seed: int, folders: tuple[Path, ...]) -> Dataset:
    """Read the embedded digits; pixels are scaled from 0..16 to [0, 1].

    The split is FIXED, whatever the seed of the run: the 1797 images are permuted by ``numpy.random.default_rng(0)``,
    the first 1437 are for training, the last 360 for testing. Runs with different seeds see the same test images.

    Parameters
    ----------
    settings : DigitsData
        The `data` section.
    dtype : dtype
        Of inputs and targets: float32 or float64.
    seed : int
        Ignored, see above.
    folders : tuple of Path
        Ignored: the file is part of the package.

    Returns
    -------
    Dataset
        1437 training and 360 test samples of 64 inputs, row after row of the image, and 10 classes.
    """
    with files("neurosim.datasets.embedded").joinpath("digits.npz").open("rb") as file, np.load(file) as archive:
        images, labels = archive["images"], archive["labels"].astype(np.int64)
    inputs = images.reshape(len(images), -1).astype(dtype)
    inputs /= 16
    targets = one_hot(labels, 10, dtype)
    order = np.random.default_rng(0).permutation(len(labels))
    train, test = (
        Samples(inputs[rows], targets[rows], labels[rows]) for rows in (order[:TRAIN_SAMPLES], order[TRAIN_SAMPLES:])
    )
    return Dataset("digits", train, test, ATTRIBUTION)
