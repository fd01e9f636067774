"""Samples from a file of the user: which array means what, and which samples are set aside for testing.

Integer targets are class labels; floats are regression targets, even where their values happen to be whole numbers.
Inputs of more than two axes (images) are flattened.
Values are used as they are: a file that needs scaling is scaled by who writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from neurosim.datasets.containers import read_arrays
from neurosim.datasets.dataset import Dataset, Floats, Samples, check_finite, one_hot
from neurosim.datasets.places import find_file
from neurosim.datasets.settings import FileData
from neurosim.errors import DataError
from neurosim.seeds import Purpose, generator


@dataclass(frozen=True, eq=False)
class Table:
    """Inputs and targets as the file has them, with the words that name them in messages.

    Parameters
    ----------
    inputs : array of numbers, shape (n, ...)
        One sample per row.
    targets : array of numbers, shape (n,) or (n, m)
        Labels (integers, with m = 1) or regression targets (floats).
    inputs_name, targets_name : str
        File and array.

    Raises
    ------
    DataError
        If an array is empty or holds no numbers, if the lengths disagree, or if the targets have too many axes.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    inputs_name: str
    targets_name: str

    def __post_init__(self) -> None:
        """Refuse arrays that cannot be samples."""
        for values, name in ((self.inputs, self.inputs_name), (self.targets, self.targets_name)):
            if values.dtype.kind not in "biuf":
                raise DataError(f"{name}: found values of type {values.dtype}, allowed are integers and floats")
            if values.size == 0 or values.ndim == 0:
                raise DataError(f"{name}: found the shape {values.shape}, expected one sample per row")
        if len(self.targets) != len(self.inputs):
            raise DataError(f"{self.targets_name}: {len(self.targets)} rows beside {len(self.inputs)} rows of inputs")
        columns = self.targets.size // len(self.targets)
        if self.targets.ndim > 2 or (self.labelled and columns > 1):
            raise DataError(
                f"{self.targets_name}: found {self.targets.dtype} of shape {self.targets.shape}, "
                "allowed are integer labels of shape (n,) and floats of shape (n,) or (n, m)"
            )

    @property
    def labelled(self) -> bool:
        """Whether the targets are class labels."""
        return self.targets.dtype.kind != "f"

    def samples(self, classes: int | None, dtype: DTypeLike) -> Samples:
        """Return the table as checked samples of type `dtype`; `classes` is None for regression."""
        inputs = _floats(self.inputs, self.inputs_name, dtype)
        if classes is None:
            return Samples(inputs, _floats(self.targets, self.targets_name, dtype))
        labels = self.targets.reshape(-1)
        targets = one_hot(labels, classes, dtype, self.targets_name)
        return Samples(inputs, targets, labels.astype(np.int64))


def load(settings: FileData, dtype: DTypeLike, seed: int, folders: tuple[Path, ...]) -> Dataset:
    """Read the samples that `settings` names.

    Parameters
    ----------
    settings : FileData
        The `data` section.
    dtype : dtype
        Of inputs and targets: float32 or float64.
    seed : int
        Decides which samples are set aside for testing where the file has no test arrays; not used otherwise.
    folders : tuple of Path
        What --data-dir named; may be empty. A relative `data.path` is sought there too.

    Returns
    -------
    Dataset
        Named after the file. The order of named test arrays is kept, that of a split is random.

    Raises
    ------
    DataError
        If the file or an array is missing or damaged; if shapes, lengths or types do not fit; if a value is NaN or
        infinite, or a label out of range.
    """
    path = find_file(settings.path, folders)
    names = [(settings.inputs, settings.targets)]
    if settings.test_inputs is not None and settings.test_targets is not None:
        names.append((settings.test_inputs, settings.test_targets))
    arrays = read_arrays(path, [name for pair in names for name in pair])
    tables = [
        Table(arrays[inputs], arrays[targets], f"{path}: array '{inputs}'", f"{path}: array '{targets}'")
        for inputs, targets in names
    ]
    classes = _classes(tables, settings.classes)
    parts = [table.samples(classes, dtype) for table in tables]
    train, test = parts if len(parts) == 2 else _split(parts[0], settings.test_fraction, seed, path)
    return Dataset(path.stem, train, test, f"arrays {', '.join(arrays)} of the file {path.name}")


def _classes(tables: list[Table], stated: int | None) -> int | None:
    """Return the number of classes over all tables, or None if the targets are floats."""
    if tables[0].labelled != tables[-1].labelled:
        raise DataError(
            f"{tables[-1].targets_name}: {tables[-1].targets.dtype} beside {tables[0].targets.dtype} targets"
        )
    if not tables[0].labelled:
        if stated is not None:
            raise DataError(
                f"{tables[0].targets_name}: data.classes is {stated}, which needs integer labels; "
                f"found {tables[0].targets.dtype}"
            )
        return None
    if stated is not None:
        return stated
    inferred = max(2, 1 + max(int(table.targets.max()) for table in tables))
    rows = sum(len(table.targets) for table in tables)
    if inferred > max(rows, 2):  # rather a column of identifiers than of classes; would fill the memory as one-hot rows
        raise DataError(
            f"{tables[0].targets_name}: labels up to {inferred - 1} in {rows} rows; state data.classes if this is meant"
        )
    return inferred


def _floats(values: NDArray[Any], name: str, dtype: DTypeLike) -> Floats:
    """Return `values` as a table of `dtype`, shape (n, columns), refusing what has no finite value in it."""
    table = values.reshape(len(values), -1)
    check_finite(table, name)
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(table, dtype=dtype)
    check_finite(cast, f"{name}, as {cast.dtype}")
    return cast


def _split(samples: Samples, fraction: float, seed: int, path: Path) -> tuple[Samples, Samples]:
    """Return (train, test): a random `fraction` of the samples, at least one, is set aside for testing."""
    count = len(samples)
    if count < 2:
        raise DataError(f"{path}: cannot set test samples aside from {count} sample; name test_inputs and test_targets")
    tests = min(max(round(count * fraction), 1), count - 1)
    order = generator(seed, Purpose.DATA_SPLIT).permutation(count)
    train, test = (
        Samples(samples.inputs[rows], samples.targets[rows], None if samples.labels is None else samples.labels[rows])
        for rows in (order[tests:], order[:tests])
    )
    return train, test
