"""The points of a sweep as a table: its keys with their values, and how every point ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError, UnknownNameError, nearest
from neurosim.plots.status_note import GOOD
from neurosim.results.reader import text, texts

Array = npt.NDArray[Any]

POINT = "point"  # the dimension of keys that vary together


@dataclass(frozen=True, eq=False)
class SweptKey:
    """One key of a sweep.

    Parameters
    ----------
    key : str
        Dotted key of the scenario.
    name : str
        Name of its array in the file.
    values : ndarray, shape (length of the dimension,)
        Numbers, or text as objects.
    dimension : str
        Its own name, or ``point``.
    """

    key: str
    name: str
    values: Array
    dimension: str

    @property
    def numeric(self) -> bool:
        """Whether the values are numbers."""
        return bool(self.values.dtype.kind == "f")

    @property
    def own_dimension(self) -> bool:
        """Whether the key varies by itself, as keys of a grid do."""
        return self.dimension == self.name

    @property
    def repeats(self) -> bool:
        """Whether its values only number repetitions: seeds."""
        return self.key.rpartition(".")[2] == "seed"

    @property
    def label(self) -> str:
        """The last two parts of the dotted key: short, and still to be recognised."""
        return ".".join(self.key.split(".")[-2:])

    def told(self, index: int) -> str:
        """Return one value as it stands in a picture."""
        value = shown(self.values[index])
        return value.replace("-", "\N{MINUS SIGN}") if self.numeric else value

    def place(self, asked: str) -> int:
        """Return the place of a value that a user wrote; numbers match to three digits.

        Raises
        ------
        UnknownNameError
            If there is no such value.
        """
        if self.numeric:
            try:
                wanted = float(asked)
            except ValueError:
                wanted = np.nan
            away = np.abs(self.values - wanted)
            if np.isfinite(wanted) and away.min() <= 1e-3 * abs(wanted):
                return int(away.argmin())
            close = f" Nearest: {shown(self.values[away.argmin()])}." if np.isfinite(wanted) else ""
        else:
            if asked in self.values.tolist():
                return int(self.values.tolist().index(asked))
            close = nearest(asked, self.values.tolist())
        raise UnknownNameError(f"the sweep has no {self.key} = {asked}.{close} {self.span()}")

    def span(self) -> str:
        """Return what values there are, as a sentence."""
        told = [shown(value) for value in dict.fromkeys(self.values.tolist())]
        if len(told) > 8 and self.numeric:
            return f"There are {len(told)} values from {shown(self.values.min())} to {shown(self.values.max())}."
        return f"Values: {', '.join(told[:8])}{', ...' if len(told) > 8 else ''}."


@dataclass(frozen=True)
class SweepTable:
    """What a ``sweep.h5`` says of its points.

    Parameters
    ----------
    file : h5py.File
        The open file.
    dimensions : tuple of str
        Names of the dimensions, in the order of the arrays.
    keys : tuple of SweptKey
        All swept keys.
    unsettled, failed, missing : ndarray of bool, shape of the sweep
        Points with a result that did not settle; without a result for a reason; that have not run.
    """

    file: h5py.File
    dimensions: tuple[str, ...]
    keys: tuple[SweptKey, ...]
    unsettled: Array
    failed: Array
    missing: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the dimensions."""
        return tuple(self.unsettled.shape)

    @property
    def grid_keys(self) -> tuple[SweptKey, ...]:
        """Keys that vary by themselves."""
        return tuple(key for key in self.keys if key.own_dimension)

    @property
    def point_keys(self) -> tuple[SweptKey, ...]:
        """Keys that vary together."""
        return tuple(key for key in self.keys if not key.own_dimension)

    def key(self, name: str) -> SweptKey:
        """Return a key by its dotted key or the name of its coordinate.

        Raises
        ------
        UnknownNameError
            If the sweep does not vary such a key.
        """
        for key in self.keys:
            if name in (key.key, key.name):
                return key
        near = nearest(name, [known for key in self.keys for known in (key.key, key.name)])
        told = ", ".join(key.key for key in self.keys)
        raise UnknownNameError(f"the sweep does not vary '{name}'.{near} It varies: {told}.")


def read_table(file: h5py.File) -> SweepTable:
    """Return the table of an open ``sweep.h5``.

    Raises
    ------
    SimulationError
        If the file is not that of a sweep.
    """
    if "sweep_dimensions" not in file.attrs:
        raise SimulationError("there is no sweep; it comes from `neurosim sweep`.")
    dimensions = tuple(text(file.attrs["sweep_dimensions"]).split())
    keys = [_key(item, dimensions) for item in file.values() if "key" in item.attrs]
    section = text(file.attrs["sweep"])  # keys of points come as they were written there
    meanings = text(file["status"].attrs["flag_meanings"]).split()
    codes = file["status"][...]
    ended = {name: codes == code for code, name in enumerate(meanings)}
    failed, missing = ended.pop("failed"), ended.pop("missing")
    good = np.any([ended[name] for name in GOOD], axis=0)
    return SweepTable(
        file=file,
        dimensions=dimensions,
        keys=tuple(sorted(keys, key=lambda key: (dimensions.index(key.dimension), section.find(json.dumps(key.key))))),
        unsettled=~(good | failed | missing),
        failed=failed,
        missing=missing,
    )


def shown(value: Any) -> str:
    """Return a value of a key as people type it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _key(item: h5py.Dataset, dimensions: tuple[str, ...]) -> SweptKey:
    name = item.name.rpartition("/")[2]
    values = np.array(texts(item), object) if item.dtype.kind in "OSU" else item[...].astype(np.float64)
    return SweptKey(text(item.attrs["key"]), name, values, name if name in dimensions else POINT)
