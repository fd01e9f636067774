"""The one way in: from the `data` section of a scenario to samples or sequences, through the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any, overload

from numpy.typing import DTypeLike

from neurosim.datasets.dataset import Dataset
from neurosim.datasets.sequence_settings import SequenceData
from neurosim.datasets.sequences import SequenceDataset
from neurosim.datasets.settings import Data
from neurosim.registry import DATASETS


@overload
def load_dataset(settings: Data, dtype: DTypeLike, seed: int, folders: tuple[Path, ...] = ()) -> Dataset: ...


@overload
def load_dataset(
    settings: SequenceData, dtype: DTypeLike, seed: int, folders: tuple[Path, ...] = ()
) -> SequenceDataset: ...


def load_dataset(settings: Any, dtype: DTypeLike, seed: int, folders: tuple[Path, ...] = ()) -> Any:
    """Load or generate the data set that `settings.set` names.

    Parameters
    ----------
    settings : one of the classes in `neurosim.datasets.settings` or `neurosim.datasets.sequence_settings`
        The `data` section.
    dtype : dtype
        Of inputs and targets: float32 or float64.
    seed : int
        Seed of the run, non-negative; decides random splits and generated samples, never the split of a standard set.
    folders : tuple of Path
        Where to look for files, from --data-dir; $NEUROSIM_DATA is looked into after them.

    Returns
    -------
    Dataset or SequenceDataset
        Samples for circuits that settle; sequences where `settings.sequential`, for recurrent circuits.

    Raises
    ------
    DataError
        If a file is missing or damaged, or its values cannot be used.
    UnknownNameError
        If the registry has no such data set.
    """
    return DATASETS.load(settings.set)(settings, dtype, seed, folders)
