"""How well an update points along the exact gradient: cosines of parameter blocks, and of the errors behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def cosine(x: Array, y: Array) -> float:
    """Return <x, y> / (|x| |y|) in double precision; NaN if either is zero, because then there is no angle."""
    a, b = x.astype(np.float64).ravel(), y.astype(np.float64).ravel()
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norms if norms > 0 else float("nan")


def mean_row_cosine(x: Array, y: Array) -> float:
    """Return the cosine of every row of `x` with that of `y`, mean over the rows that have an angle; NaN if none has.

    Parameters
    ----------
    x, y : ndarray, shape (rows, units)
        Vectors of the samples, one per row.
    """
    cosines = np.array([cosine(a, b) for a, b in zip(x, y, strict=True)])
    known = cosines[~np.isnan(cosines)]
    return float(known.mean()) if known.size else float("nan")


def gradient_cosines(estimate: Mapping[str, Array], exact: Mapping[str, Array]) -> dict[str, float]:
    """Return the cosine of every block of `exact` with the same block of `estimate`, and of all together as ``all``."""
    cosines = {name: cosine(estimate[name], exact[name]) for name in exact}
    together = [np.concatenate([array[name].ravel() for name in exact]) for array in (estimate, exact)]
    return {**cosines, "all": cosine(*together)}
