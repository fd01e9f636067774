"""Which path of noise a sample sees: a running number of its presentations, apart for each purpose."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from neurosim.noise.fill import PATHS

_ROOM = PATHS // 16  # paths of each kind


class Shown(IntEnum):
    """What a sample is shown for. The numbers are part of the results: never reuse or reorder them."""

    LEARNING = 0
    TEST = 1
    ALIGNMENT = 2
    ATTACK = 3


def first_path(shown: Shown, number: int) -> int:
    """Return the path of presentation `number`, as `paths` counts them."""
    return int(paths(shown, number, 1)[0])


def paths(shown: Shown, first: int, count: int) -> npt.NDArray[np.int64]:
    """Return the paths of `count` presentations, from number `first` on, shape (count,).

    Parameters
    ----------
    shown : Shown
        What the samples are shown for; no two purposes share a path.
    first : int
        How many presentations of this kind came before, below 2^44.
    count : int
        Number of samples.
    """
    return np.arange(first, first + count, dtype=np.int64) + shown * _ROOM
