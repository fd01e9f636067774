"""Attacks: small changes of the inputs, bounded in the largest component, that raise the cost.

    FGSM   x' = clip(x + eps sign(dC/dx))
    PGD    x <- clip(project(x + step sign(dC/dx))),  project: into |x - x_0|_inf <= eps,  from x_0, n steps

`clip` keeps every input in the range that inputs have. An attack is a function of the cost alone and knows no circuit.

References
----------
I. Goodfellow, J. Shlens, C. Szegedy, Explaining and harnessing adversarial examples, ICLR 2015, arXiv 1412.6572: FGSM.
A. Madry, A. Makelov, L. Schmidt, D. Tsipras, A. Vladu, Towards deep learning models resistant to adversarial attacks,
ICLR 2018, arXiv 1706.06083: PGD.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

Range = tuple[float, float] | None
CostAndSlope = Callable[[Array], tuple[Array, Array]]
"""From inputs (rows, n) to the cost of each row (rows,) and to dC/dx (rows, n)."""


def fgsm(cost_and_slope: CostAndSlope, inputs: Array, size: float, allowed: Range = None) -> Array:
    """Return the inputs after one step along the sign of their gradient.

    Parameters
    ----------
    cost_and_slope : callable
        The cost that is to rise.
    inputs : ndarray, shape (rows, n)
        Where to start.
    size : float
        Largest change of a component, eps.
    allowed : (float, float), optional
        Lowest and highest input; default: any.

    Returns
    -------
    ndarray, shape (rows, n)
        Within `size` of `inputs` and within `allowed`.
    """
    _, slope = cost_and_slope(inputs)
    return _bounded(inputs + _length(inputs, size) * np.sign(slope), inputs, size, allowed)


def pgd(
    cost_and_slope: CostAndSlope, inputs: Array, size: float, steps: int, step: float, allowed: Range = None
) -> Array:
    """Return the inputs of highest cost on a path of projected ascent, row by row; the start is one of them.

    Parameters
    ----------
    cost_and_slope, inputs, size, allowed
        As for `fgsm`.
    steps : int
        Steps of the path, at least 1.
    step : float
        Change of a component in a step. One step of `size` or more is FGSM, if that raises the cost.

    Returns
    -------
    ndarray, shape (rows, n)
        Within `size` of `inputs` and within `allowed`; no row has a lower cost than before.
    """
    here, best = inputs, inputs.copy()
    highest, slope = cost_and_slope(inputs)
    for _ in range(steps):
        here = _bounded(here + _length(inputs, step) * np.sign(slope), inputs, size, allowed)
        costs, slope = cost_and_slope(here)
        higher = costs > highest
        best[higher] = here[higher]
        highest = np.where(higher, costs, highest)
    return best


def _bounded(moved: Array, inputs: Array, size: float, allowed: Range) -> Array:
    """Project into the ball of the attack, and then into the allowed range, in which its centre lies."""
    reach = _length(inputs, size)
    near = np.clip(moved, inputs - reach, inputs + reach)
    return near if allowed is None else np.clip(near, *(_length(inputs, end) for end in allowed))


def _length(inputs: Array, length: float) -> Any:
    """Return a length in the precision of the inputs."""
    return inputs.dtype.type(length)
