"""The one way in: from the `data` section of a scenario to samples, through the registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from numpy.typing import DTypeLike

from neurosim.datasets.dataset import Dataset
from neurosim.datasets.settings import DataSettings
from neurosim.registry import DATASETS

Loader: TypeAlias = Callable[[DataSettings, DTypeLike, int, tuple[Path, ...]], Dataset]


def load_dataset(settings: DataSettings, dtype: DTypeLike, seed: int, folders: tuple[Path, ...] = ()) -> Dataset:
    """Load or generate the data set that `settings.set` names.

    Parameters
    ----------
    settings : one of the classes in `neurosim.datasets.settings`
        The `data` section.
    dtype : dtype
        Of inputs and targets: float32 or float64.
    seed : int
        Seed of the run, non-negative; decides random splits and generated samples, never the split of a standard set.
    folders : tuple of Path
        Where to look for files, from --data-dir; $NEUROSIM_DATA is looked into after them.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If a file is missing or damaged, or its values cannot be used.
    UnknownNameError
        If the registry has no such data set.
    """
    loader: Loader = DATASETS.load(settings.set)
    return loader(settings, dtype, seed, folders)
