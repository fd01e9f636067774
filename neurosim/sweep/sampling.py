"""Random points of a sweep, drawn in a box from the seed of the scenario.

``random``: independent and uniform; ``sobol``: a scrambled Sobol sequence; ``lhs``: a Latin hypercube. A key on a
logarithmic scale is uniform in its logarithm.

Source: A. B. Owen, Scrambling Sobol' and Niederreiter-Xing points, J. Complexity 14 (1998); M. D. McKay, R. J. Beckman,
W. J. Conover, Technometrics 21 (1979).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from neurosim.scenario.sweep_settings import Span, SweepSettings
from neurosim.seeds import Purpose, generator


def sampled(settings: SweepSettings, seed: int) -> tuple[tuple[float, ...], ...]:
    """Return the points of a sweep that draws them.

    Parameters
    ----------
    settings : SweepSettings
        With one of random, sobol and lhs.
    seed : int
        Seed of the scenario.

    Returns
    -------
    tuple of tuple of float or int
        One value per key, for every point.
    """
    assert settings.sampling is not None
    kind, chosen = settings.sampling
    draw = generator(seed, Purpose.SWEEP_POINTS)
    size, spans = len(chosen.keys), chosen.keys.values()
    if kind == "random":
        unit = draw.random((chosen.points, size))
    elif kind == "sobol":
        unit = qmc.Sobol(size, scramble=True, seed=draw).random_base2(chosen.points.bit_length() - 1)
    else:
        unit = qmc.LatinHypercube(size, seed=draw).random(chosen.points)
    columns = [_scaled(span, unit[:, i]).tolist() for i, span in enumerate(spans)]
    return tuple(zip(*columns, strict=True))


def _scaled(span: Span, unit: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Map numbers in [0, 1) to a range."""
    low, high = span.low, span.high + 1 if span.integer else span.high
    values = low * (high / low) ** unit if span.scale == "log" else low + (high - low) * unit
    if span.integer:
        return np.clip(np.floor(values), span.low, span.high).astype(np.int64)
    return np.clip(values, span.low, span.high)
