"""Scaling of the columns of a series by what its training part shows; the future is not looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.datasets.sequence_settings import Scaling
from neurosim.errors import DataError


@dataclass(frozen=True)
class ColumnScaling:
    """Scaled values are (values - offset) / scale, column by column.

    Parameters
    ----------
    offset, scale : array of float64, shape (columns,)
        In the units of the columns; scales are positive.
    """

    offset: NDArray[np.float64]
    scale: NDArray[np.float64]

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return scaled values, shape (length, columns)."""
        return (values - self.offset) / self.scale


def fit_scaling(train: NDArray[np.float64], kind: Scaling, names: tuple[str, ...], where: str) -> ColumnScaling:
    """Return the scaling that makes the training part standard, or fills 0 to 1 with it.

    Parameters
    ----------
    train : array of float64, shape (length, columns)
        The training part.
    kind : str
        ``standard`` (mean 0, standard deviation 1), ``min_max`` (0 to 1) or ``none``.
    names : tuple of str
        Of the columns, for messages.
    where : str
        File or data set, for messages.

    Raises
    ------
    DataError
        If a column is constant over the training part and therefore has no scale.
    """
    if kind == "none":
        return ColumnScaling(np.zeros(train.shape[1]), np.ones(train.shape[1]))
    low, high = train.min(axis=0), train.max(axis=0)
    for name, constant in zip(names, low == high, strict=True):
        if constant:
            raise DataError(
                f"{where}: column '{name}' is constant over the training part, so scaling '{kind}' has no scale "
                "for it; leave it out, or use scaling: none"
            )
    return ColumnScaling(low, high - low) if kind == "min_max" else ColumnScaling(train.mean(axis=0), train.std(axis=0))


def split_by_time(length: int, test_fraction: float) -> tuple[slice, slice, slice]:
    """Return the rows for training, validation and testing: the last are for testing, as many before for validation."""
    test = round(length * test_fraction)
    return slice(0, length - 2 * test), slice(length - 2 * test, length - test), slice(length - test, length)
