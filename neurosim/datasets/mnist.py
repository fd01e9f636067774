"""MNIST and Fashion-MNIST, each from its four IDX files, whose contents are verified before use.

The files are not shipped. They are sought in the folder `data.path`, then in those of --data-dir and $NEUROSIM_DATA, in
each of them first below the sub-folder named after the set; Fashion-MNIST also where its Debian package puts it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from neurosim.datasets.dataset import Dataset, Samples, one_hot
from neurosim.datasets.idx import parse_idx, read_bytes
from neurosim.datasets.places import VARIABLE, Place, data_places
from neurosim.datasets.settings import FashionMnistData, MnistData
from neurosim.errors import DataError

TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True)
class Source:
    """What is known about one of the two sets.

    Parameters
    ----------
    title : str
        Its name in messages and results.
    sums : mapping of str to str
        MD5 of the uncompressed content of each of the four files.
    subfolders : tuple of str
        Names that its folder may have inside a data folder.
    attribution : str
        Authors, source and licence.
    system : tuple of Path
        Folders that a package of the operating system fills.
    remedy : str
        How to get it besides naming a folder; empty if there is no other way.
    """

    title: str
    sums: Mapping[str, str]
    subfolders: tuple[str, ...]
    attribution: str
    system: tuple[Path, ...] = ()
    remedy: str = ""


SOURCES = {
    "mnist": Source(
        title="MNIST",
        sums={
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
        subfolders=("mnist",),
        attribution="MNIST, Y. LeCun, C. Cortes, C. J. C. Burges, CC BY-SA 3.0",
    ),
    "fashion_mnist": Source(
        title="Fashion-MNIST",
        sums={
            "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
        },
        subfolders=("fashion-mnist", "fashion_mnist"),
        attribution="Fashion-MNIST, H. Xiao, K. Rasul, R. Vollgraf (2017), arXiv 1708.07747, Zalando SE, MIT licence",
        system=(Path("/usr/share/datasets/fashion-mnist"),),
        remedy="; on Debian and Ubuntu, install the package dataset-fashion-mnist",
    ),
}
"""The two sets by their key `data.set`."""


def load(settings: MnistData | FashionMnistData, dtype: DTypeLike, seed: int, folders: tuple[Path, ...]) -> Dataset:
    """Read the set that `settings` names; pixels are scaled from 0..255 to [0, 1].

    Parameters
    ----------
    settings : MnistData or FashionMnistData
        The `data` section.
    dtype : dtype
        Of inputs and targets: float32 or float64.
    seed : int
        Ignored: the authors fixed which images are for testing, and their order is kept.
    folders : tuple of Path
        What --data-dir named; may be empty.

    Returns
    -------
    Dataset
        60000 training and 10000 test samples of 784 inputs, row after row of the image, and 10 classes.

    Raises
    ------
    DataError
        If a file is missing, damaged, or not the file of this set.
    """
    source = SOURCES[settings.set]
    files = _find(source, data_places(settings.path, folders, source.subfolders, source.system))
    train, test = (_samples(source, files, part, dtype) for part in (TRAIN, TEST))
    return Dataset(settings.set, train, test, source.attribution)


def _find(source: Source, places: tuple[Place, ...]) -> dict[str, Path]:
    """Return the path of each of the four files: plain or .gz, from the first place that has it."""
    found: dict[str, Path] = {}
    for name in source.sums:
        candidates = (place.folder / (name + ending) for place in places for ending in ("", ".gz"))
        path = next((candidate for candidate in candidates if candidate.is_file()), None)
        if path is not None:
            found[name] = path
    missing = [name for name in source.sums if name not in found]
    if missing:
        looked = "".join(f"\n  {place}" for place in places) or " nowhere, for no folder was named."
        raise DataError(
            f"{source.title}: no file {', '.join(missing)} (plain or .gz). Looked in:{looked}\n"
            f"Name a folder that holds the four IDX files by --data-dir, by ${VARIABLE} or by data.path{source.remedy}."
        )
    return found


def _samples(source: Source, files: Mapping[str, Path], part: tuple[str, str], dtype: DTypeLike) -> Samples:
    images, labels = (_verified(source, name, files[name]) for name in part)
    inputs = images.reshape(len(images), -1).astype(dtype)
    inputs /= 255
    return Samples(inputs, one_hot(labels, 10, dtype), labels.astype(np.int64))


def _verified(source: Source, name: str, path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the array in `path` after comparing the MD5 of its uncompressed bytes with the known one."""
    content = read_bytes(path)
    values = parse_idx(content, path)
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != source.sums[name]:
        owners = [
            f"{known.title}'s {file}" for known in SOURCES.values() for file, md5 in known.sums.items() if md5 == found
        ]
        guess = f"this is {owners[0]}" if owners else "the file is damaged or belongs to another data set"
        raise DataError(
            f"{path}: found MD5 {found} of the uncompressed bytes, expected {source.sums[name]} for "
            f"{source.title}'s {name}; {guess}"
        )
    return values
