"""Every random draw: a function of the seed, the purpose and an index, and of nothing else.

Drawing one thing more or less never changes another draw, and nothing needs to be saved to resume a run.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np


class Purpose(IntEnum):
    """What a stream of random numbers is for. The numbers are part of the results: never reuse or reorder them."""

    PARAMETERS = 0
    ASYMMETRY = 1
    SHUFFLE = 2
    DATA_SPLIT = 3
    DATA_CENTRES = 4
    DATA_TRAIN = 5
    DATA_TEST = 6
    HOMEOSTASIS = 7
    REFERENCE_CHECK = 8
    READOUT = 9
    STATE_NOISE = 10
    READ_NOISE = 11
    NUDGE_NOISE = 12
    DEVICES = 13
    MISMATCH = 14
    PROGRAMMING = 15
    DEVICE_READS = 16
    SWEEP_POINTS = 20
    NODE_PERTURBATION = 40


def generator(seed: int, purpose: Purpose, *index: int) -> np.random.Generator:
    """Return the stream of random numbers for a purpose.

    Parameters
    ----------
    seed : int
        Seed of the scenario.
    purpose : Purpose
        What the numbers are for.
    *index : int
        Which of several streams: a layer, an epoch.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(purpose), *index)))


class NoiseKey(NamedTuple):
    """Key of the random numbers inside kernels (see `neurosim.noise.fill`), two words of 32 bits."""

    key0: int
    key1: int


def noise_key(seed: int, purpose: Purpose, *index: int) -> NoiseKey:
    """Return the key of the noise for a purpose, with the arguments of `generator`."""
    words = np.random.SeedSequence(seed, spawn_key=(int(purpose), *index)).generate_state(2, np.uint32)
    return NoiseKey(*words.tolist())
