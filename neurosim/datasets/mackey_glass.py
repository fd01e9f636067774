"""The Mackey-Glass series, a chaotic solution of a delay equation.

M. C. Mackey, L. Glass, Oscillation and chaos in physiological control systems, Science 197, 287 (1977).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from neurosim.datasets.sequence_settings import MackeyGlassData
from neurosim.datasets.sequences import PARTS
from neurosim.datasets.windows import Series, WindowedSeries
from neurosim.seeds import Purpose, generator

WASHOUT = 100
"""Samples thrown away while the solution forgets its history."""

_SUBSTEPS, _DT, _DELAY = 10, 0.1, 17.0
_STREAMS = {"train": (Purpose.DATA_TRAIN,), "validation": (Purpose.DATA_TEST, 1), "test": (Purpose.DATA_TEST, 0)}


def mackey_glass(length: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Return samples of tanh(x - 1), one per unit of time, shape (length,).

    dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x, by ten Euler steps of 0.1 per sample, from x(0) = 1.2 and a
    history that is uniform in [1.1, 1.3], independently at every step. The first 100 samples are thrown away.
    """
    delay = round(_DELAY / _DT)
    past = [*random.uniform(1.1, 1.3, delay).tolist(), 1.2]  # x at t - 17, ..., t
    for i in range((WASHOUT + length - 1) * _SUBSTEPS):
        late, now = past[i], past[-1]
        past.append(now + _DT * (0.2 * late / (1.0 + late**10) - 0.1 * now))
    return np.tanh(np.array(past[delay + WASHOUT * _SUBSTEPS :: _SUBSTEPS]) - 1.0)


def load(settings: MackeyGlassData, dtype: DTypeLike, seed: int, folders: tuple[Path, ...]) -> WindowedSeries:
    """Return a series of its own for training, validation and testing, each from its own history.

    predict: the target at a step is the value `lag` samples after the input. recall: it is the value `lag` samples
    before; the first `lag` targets of a series lie before its first input, and count all the same. A part has `length`
    pairs of input and target. The mean of the training series is subtracted from all.

    Parameters
    ----------
    settings : MackeyGlassData
        The `data` section.
    dtype : dtype
        Of inputs and targets: float32 or float64.
    seed : int
        Decides the three histories.
    folders : tuple of Path
        Ignored.
    """
    lengths = dict.fromkeys(PARTS, settings.test_length or settings.length) | {"train": settings.length}
    raw = {}
    for part in PARTS:
        purpose, *stream = _STREAMS[part]
        raw[part] = mackey_glass(lengths[part] + settings.lag, generator(seed, Purpose(purpose), *stream))
    mean = raw["train"].mean()
    parts = {}
    for part in PARTS:
        column = (raw[part] - mean).astype(dtype)[:, None]
        parts[part] = Series(column, column)
    predict = settings.task == "predict"
    name = f"x {settings.lag} samples {'ahead' if predict else 'ago'}"
    dataset = WindowedSeries(
        "mackey_glass",
        parts,
        settings.steps or settings.length,
        settings.lag if predict else -settings.lag,
        ("x",),
        (name,),
    )
    dataset.attributes = {"task": settings.task, "lag": settings.lag, "training_mean": float(mean)}
    return dataset
