"""How the update of a noisy circuit scatters around what it would be without noise.

Over R repeats with noise of their own, with the update u_r, the update q without noise and the exact gradient g:

    mean            (1/R) sum_r u_r                                  noise term of the ladder: mean - q
    spread          root of the trace of the covariance of u_r       its standard error: spread / sqrt(R)
    error           root of the mean of |u_r - g|^2, what a single update is off
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.status import Status
from neurosim.learning.alignment import cosine

Array = npt.NDArray[Any]
Estimate = Mapping[str, Array]


def flat(estimate: Estimate, block: str) -> Array:
    """Return one block of an estimate, or all of them, as a flat vector."""
    names = list(estimate) if block == "all" else [block]
    return np.concatenate([np.asarray(estimate[name], np.float64).ravel() for name in names])


@dataclass(frozen=True)
class Scatter:
    """Moments of the update over repeats.

    Parameters
    ----------
    repeats : int
        R; 1 of a circuit without noise.
    mean : mapping of str to ndarray
        Mean update by parameter name.
    spread, error, cosine : dict of str to float
        By parameter block and for ``all``: the spread and the error as above, and the mean cosine of an update with g.
    codes : ndarray of int8, shape (samples,)
        Worst status of every sample over the repeats.
    """

    repeats: int
    mean: Estimate
    spread: Mapping[str, float]
    error: Mapping[str, float]
    cosine: Mapping[str, float]
    codes: npt.NDArray[np.int8]

    def standard_error(self, block: str) -> float:
        """Return the standard error of the norm of the mean; NaN where there was one repeat."""
        return float(self.spread[block] / self.repeats**0.5)


def scatter(
    update: Callable[[int], tuple[Estimate, npt.NDArray[np.int8]]], repeats: int, quiet: Estimate, exact: Estimate
) -> Scatter:
    """Return the moments of `repeats` updates; only sums are kept.

    Parameters
    ----------
    update : callable
        Returns the update number r, by parameter name, and the status of every sample.
    repeats : int
        R, at least 1. The spread of a single one is NaN.
    quiet, exact : mapping of str to ndarray
        The update without noise, and the gradient. All sums are those of differences from `quiet`, so that noise much
        smaller than the update is not lost to rounding.
    """
    blocks = [*exact, "all"]
    bases, gradients = ({block: flat(given, block) for block in blocks} for given in (quiet, exact))
    sums = {block: np.zeros_like(bases[block]) for block in blocks}
    squares, cosines = dict.fromkeys(blocks, 0.0), dict.fromkeys(blocks, 0.0)
    worst: npt.NDArray[np.int8] | None = None
    for r in range(repeats):
        estimate, codes = update(r)
        worst = codes.copy() if worst is None else np.maximum(worst, codes)
        if (codes == Status.DIVERGED.code).any():
            break
        known = {name: estimate[name] for name in exact}
        for block in blocks:
            u = flat(known, block)
            difference = u - bases[block]
            sums[block] += difference
            squares[block] += float(difference @ difference)
            cosines[block] += cosine(u, gradients[block])
    assert worst is not None
    mean, spread, error = {}, {}, {}
    for block in blocks:
        shift, off = sums[block] / repeats, bases[block] - gradients[block]
        square = squares[block] / repeats
        variance = max(0.0, square - float(shift @ shift)) * repeats / (repeats - 1) if repeats > 1 else float("nan")
        spread[block] = variance**0.5
        error[block] = max(0.0, square + 2 * float(shift @ off) + float(off @ off)) ** 0.5
        if block != "all":
            mean[block] = (bases[block] + shift).reshape(np.shape(quiet[block]))
    return Scatter(repeats, mean, spread, error, {block: cosines[block] / repeats for block in blocks}, worst)


def without_scatter(quiet: Estimate, exact: Estimate, codes: npt.NDArray[np.int8]) -> Scatter:
    """Return the moments of a circuit without noise, whose updates are all the same."""
    blocks = [*exact, "all"]
    known = {name: np.asarray(quiet[name], np.float64) for name in exact}
    error = {block: float(np.linalg.norm(flat(known, block) - flat(exact, block))) for block in blocks}
    cosines = {block: cosine(flat(known, block), flat(exact, block)) for block in blocks}
    return Scatter(1, known, dict.fromkeys(blocks, 0.0), error, cosines, codes)
