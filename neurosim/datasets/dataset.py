"""What every loader returns: samples to train on and samples to test on, checked once and for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from neurosim.errors import DataError

Floats: TypeAlias = NDArray[np.floating[Any]]
Labels: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs with their targets, one sample per row.

    Parameters
    ----------
    inputs : array of float, shape (n, features)
        What is clamped to the first layer, dimensionless.
    targets : array of float, shape (n, outputs)
        What the last layer should show: one-hot rows for classes, any values for regression.
    labels : array of int64, shape (n,), optional
        The class of each sample; None for regression.

    Raises
    ------
    DataError
        If an array is empty, has the wrong number of axes or type, if lengths disagree, if a value is NaN or infinite,
        or if a label has no column in `targets`.
    """

    inputs: Floats
    targets: Floats
    labels: Labels | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that no run could use."""
        _check_table(self.inputs, "inputs")
        _check_table(self.targets, "targets")
        _check_length(self.targets, "targets", len(self.inputs))
        check_finite(self.inputs, "inputs")
        check_finite(self.targets, "targets")
        if self.labels is not None:
            if self.labels.ndim != 1 or self.labels.dtype != np.int64:
                raise DataError(f"labels: expected int64 of shape (n,), found {_form(self.labels)}")
            _check_length(self.labels, "labels", len(self.inputs))
            check_labels(self.labels, self.targets.shape[1], "labels")

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.inputs)

    def head(self, limit: int | None) -> Samples:
        """Return the first `limit` samples as views, or all of them if there are fewer or `limit` is None.

        Raises
        ------
        DataError
            If `limit` is below 1.
        """
        if limit is None or limit >= len(self):
            return self
        if limit < 1:
            raise DataError(f"cannot take the first {limit} samples; at least 1 is needed")
        labels = None if self.labels is None else self.labels[:limit]
        return Samples(self.inputs[:limit], self.targets[:limit], labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples for training and for testing, of the same widths and type.

    Parameters
    ----------
    name : str
        For messages, plots and result files.
    train, test : Samples
        The two parts.
    attribution : str
        Authors, source and licence, in one line.

    Raises
    ------
    DataError
        If the parts disagree in inputs per sample, targets per sample or float type, or if one has labels and the other
        has none.
    """

    name: str
    train: Samples
    test: Samples
    attribution: str

    def __post_init__(self) -> None:
        """Refuse parts that do not go together."""
        train: Floats
        test: Floats
        for what in ("inputs", "targets"):
            train, test = getattr(self.train, what), getattr(self.test, what)
            if train.shape[1] != test.shape[1]:
                raise DataError(
                    f"{self.name}: {what} have {train.shape[1]} columns in the training part, "
                    f"{test.shape[1]} in the test part"
                )
            if train.dtype != test.dtype:
                raise DataError(
                    f"{self.name}: {what} are {train.dtype} in the training part, {test.dtype} in the test part"
                )
        if (self.train.labels is None) != (self.test.labels is None):
            raise DataError(f"{self.name}: one part has class labels and the other has none")

    @property
    def features(self) -> int:
        """Inputs per sample."""
        return int(self.train.inputs.shape[1])

    @property
    def outputs(self) -> int:
        """Targets per sample."""
        return int(self.train.targets.shape[1])


def one_hot(labels: NDArray[Any], classes: int, dtype: DTypeLike, name: str = "labels") -> Floats:
    """Return rows with a one in the column of the label and zeros elsewhere.

    Parameters
    ----------
    labels : array of int, shape (n,)
        Classes, counted from 0.
    classes : int
        Number of columns.
    dtype : dtype
        float32 or float64.
    name : str
        What to call `labels` in a message.

    Returns
    -------
    array of dtype, shape (n, classes)

    Raises
    ------
    DataError
        If a label lies outside 0 to `classes` - 1.
    """
    check_labels(labels, classes, name)
    rows = np.zeros((len(labels), classes), dtype=dtype)
    rows[np.arange(len(labels)), labels.astype(np.int64)] = 1  # as indices, never as a mask of booleans
    return rows


def check_finite(values: Floats, name: str) -> None:
    """Raise `DataError` if one of `values`, of shape (n, ...), is NaN or infinite: where, and how many."""
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(bad.reshape(len(bad), -1).any(axis=1).argmax())
        raise DataError(
            f"{name}: {np.count_nonzero(bad)} of {bad.size} values are NaN or infinite, the first in row {row} "
            "(rows count from 0)"
        )


def check_labels(labels: NDArray[Any], classes: int, name: str) -> None:
    """Raise `DataError` if one of `labels`, of shape (n,), lies outside 0 to `classes` - 1."""
    bad = (labels < 0) | (labels >= classes)
    if bad.any():
        row = int(bad.argmax())
        raise DataError(
            f"{name}: {np.count_nonzero(bad)} of {bad.size} labels lie outside 0 to {classes - 1}, "
            f"the first in row {row} (rows count from 0): {labels[row]}"
        )


def _check_table(values: NDArray[Any], name: str) -> None:
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.floating):
        raise DataError(f"{name}: expected floats of shape (n, columns), found {_form(values)}")
    if values.size == 0:
        raise DataError(f"{name}: empty, of shape {values.shape}")


def _check_length(values: NDArray[Any], name: str, length: int) -> None:
    if len(values) != length:
        raise DataError(f"{name}: {len(values)} rows beside {length} rows of inputs")


def _form(values: NDArray[Any]) -> str:
    return f"{values.dtype} of shape {values.shape}"
