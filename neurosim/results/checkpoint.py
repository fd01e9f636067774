"""Checkpoints of long runs: parameters, optimizer memory, logs, the place reached; an HDF5 file beside the result.

Shuffles and draws are functions of the seed and the epoch, so no state of a random generator needs saving.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import ResultFileError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run between two batches.

    Parameters
    ----------
    run_id : str
        Which run it belongs to.
    numbers : mapping of str to int or float
        Place reached, sums of the running epoch.
    arrays : mapping of str to ndarray
        Parameters, optimizer memory, logs of finished epochs.
    """

    run_id: str
    numbers: Mapping[str, float]
    arrays: Mapping[str, Array]


def checkpoint_path(result: Path) -> Path:
    """Return where the checkpoint of a result lives."""
    return result.with_name(result.stem + ".checkpoint.h5")


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    with h5py.File(temporary, "w") as file:
        file.attrs["run_id"] = checkpoint.run_id
        for name, number in checkpoint.numbers.items():
            file.attrs[f"number_{name}"] = number
        for name, array in checkpoint.arrays.items():
            file.create_dataset(name, data=array)
    os.replace(temporary, path)


def load_checkpoint(path: Path, run_id: str) -> Checkpoint | None:
    """Return the checkpoint at `path`, or None where there is none.

    Raises
    ------
    ResultFileError
        If it is damaged or belongs to another run.
    """
    if not path.exists():
        return None
    try:
        with h5py.File(path, "r") as file:
            found = str(file.attrs["run_id"])
            numbers = {
                name.removeprefix("number_"): value.item()
                for name, value in file.attrs.items()
                if name.startswith("number_")
            }
            arrays = {name: np.asarray(dataset[()]) for name, dataset in file.items()}
    except (OSError, KeyError) as error:
        raise ResultFileError(
            f"{path}: is not a whole checkpoint. Remove it, or give --force to start over."
        ) from error
    if found != run_id:
        raise ResultFileError(
            f"{path}: is the checkpoint of run {found}, not of {run_id}. "
            "Give another name with -o, or --force to start over."
        )
    return Checkpoint(found, numbers, arrays)
