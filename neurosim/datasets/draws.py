"""Random generators of the data sets: one independent stream per purpose, all from the seed of the run.

A stream depends on the seed and its purpose alone, so more training samples leave the test samples as they were.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

FAMILY = 0xDA7A
"""First entry of the spawn key of every stream here; keeps them apart from the streams of circuits and rules."""


class Purpose(IntEnum):
    """What a stream is drawn for. The numbers are part of the results: never reuse or reorder them."""

    SPLIT = 0
    CENTRES = 1
    TRAIN = 2
    TEST = 3


def generator(seed: int, purpose: Purpose) -> np.random.Generator:
    """Return the generator of `purpose` under `seed`, a non-negative integer."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(FAMILY, int(purpose))))
