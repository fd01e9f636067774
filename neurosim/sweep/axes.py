"""Names and coordinates of the dimensions of a sweep."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def short_names(keys: Sequence[str], taken: Collection[str]) -> dict[str, str]:
    """Return short names for dotted keys: their last part, or as many parts as tell them from others.

    Parameters
    ----------
    keys : sequence of str
        All swept keys, each once.
    taken : collection of str
        Names that mean something else.

    Returns
    -------
    dict of str to str
        Names with underscores for dots. A key of which even the whole is taken gets the prefix ``swept_``.
    """
    parts = {key: key.split(".") for key in keys}
    length = dict.fromkeys(keys, 1)
    while True:
        names = {key: "_".join(parts[key][-length[key] :]) for key in keys}
        shared = Counter(names.values())
        bad = [key for key, name in names.items() if shared[name] > 1 or name in taken]
        longer = [key for key in bad if length[key] < len(parts[key])]
        if not longer:
            return {key: f"swept_{name}" if key in bad else name for key, name in names.items()}
        for key in longer:
            length[key] += 1


def coordinate(values: Sequence[Any]) -> npt.NDArray[Any]:
    """Return the values of a key as numbers where all are, else as text: words as they are, the rest as JSON."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.asarray(values)
    return np.array([value if isinstance(value, str) else json.dumps(value) for value in values])
