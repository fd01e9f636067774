"""A series from a file of the user: one row per step, columns by name."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from neurosim.datasets.containers import read_arrays
from neurosim.datasets.dataset import Floats
from neurosim.datasets.places import find_file
from neurosim.datasets.scaling import fit_scaling, split_by_time
from neurosim.datasets.sequence_settings import SeriesData
from neurosim.datasets.sequences import PARTS
from neurosim.datasets.windows import Series, WindowedSeries
from neurosim.errors import DataError, nearest


def load(settings: SeriesData, dtype: DTypeLike, seed: int, folders: tuple[Path, ...]) -> WindowedSeries:
    """Read the columns that `settings` names and split them by time.

    Parameters
    ----------
    settings : SeriesData
        The `data` section.
    dtype : dtype
        Of inputs and targets: float32 or float64.
    seed : int
        Ignored.
    folders : tuple of Path
        What --data-dir named; may be empty. A relative `data.path` is sought there too.

    Raises
    ------
    DataError
        If the file or a column is missing or damaged; if columns have unequal lengths; if a value is no finite number,
        with its row; if a part is shorter than one window.
    """
    path = find_file(settings.path, folders)
    wanted = (*settings.inputs, *settings.targets)
    read = _read_csv if path.suffix.lower() == ".csv" else _read_container
    columns = read(path, tuple(dict.fromkeys(wanted)))
    table = np.stack([columns[name] for name in wanted], axis=1)
    slices = split_by_time(len(table), settings.test_fraction)
    train = slices[0]
    if len(table[train]) == 0:
        raise DataError(f"{path}: {len(table)} rows; too few to split into training, validation and test parts")
    scaling = fit_scaling(table[train], settings.scaling, wanted, str(path))
    scaled = _cast(scaling(table), dtype, wanted, path)
    split = len(settings.inputs)
    parts = {part: Series(scaled[rows, :split], scaled[rows, split:]) for part, rows in zip(PARTS, slices, strict=True)}
    dataset = WindowedSeries(path.stem, parts, settings.steps, settings.ahead, settings.inputs, settings.targets)
    dataset.target_scale = tuple(scaling.scale[split:].tolist())
    dataset.target_offset = tuple(scaling.offset[split:].tolist())
    dataset.attribution = f"columns {', '.join(columns)} of the file {path.name}"
    dataset.attributes = {"rows": len(table)}
    return dataset


def _read_csv(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    """Return columns of a CSV file with a header; rows are counted as lines, so that an editor finds them."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            header = [name.strip() for name in next(rows, [])]
            for name in names:
                if name not in header:
                    known = ", ".join(header) or "none"
                    raise DataError(f"{path}: no column '{name}'.{nearest(name, header)} Columns present: {known}.")
                if header.count(name) > 1:
                    raise DataError(f"{path}: the header has {header.count(name)} columns '{name}'")
            places = [header.index(name) for name in names]
            values: list[list[float]] = []
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header):
                    raise DataError(
                        f"{path}:{rows.line_num}: {len(row)} values below a header of {len(header)} columns"
                    )
                values.append([_number(row[k], f"{path}:{rows.line_num}: column '{header[k]}'") for k in places])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV ({error})") from error
    if not values:
        raise DataError(f"{path}: a header, but no rows")
    return dict(zip(names, np.array(values).T, strict=True))


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise DataError(f"{where}: found '{text}', expected a finite number") from None
    if not np.isfinite(value):
        raise DataError(f"{where}: found '{text}', expected a finite number")
    return value


def _read_container(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    """Return columns of an NPZ or HDF5 file, each an array of shape (rows,)."""
    columns = {}
    for name, values in read_arrays(path, names).items():
        where = f"{path}: array '{name}'"
        if values.dtype.kind not in "biuf" or values.ndim != 1 or not len(values):
            raise DataError(f"{where}: found {values.dtype} of shape {values.shape}, expected numbers of shape (rows,)")
        columns[name] = values.astype(np.float64)
        bad = ~np.isfinite(columns[name])
        if bad.any():
            row = int(bad.argmax())
            raise DataError(
                f"{where}: row {row} (rows count from 0) is {columns[name][row]}, expected a finite number; "
                f"{np.count_nonzero(bad)} such rows"
            )
        first = columns[names[0]]
        if len(values) != len(first):
            raise DataError(f"{where}: {len(values)} rows beside {len(first)} in array '{names[0]}'")
    return columns


def _cast(table: NDArray[np.float64], dtype: DTypeLike, names: tuple[str, ...], path: Path) -> Floats:
    """Return `table` in the precision of the run, refusing what does not fit into it."""
    with np.errstate(over="ignore"):
        cast: Floats = table.astype(dtype)
    bad = ~np.isfinite(cast)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise DataError(
            f"{path}: column '{names[column]}', row {row} (rows count from 0): {table[row, column]:g} does "
            f"not fit into {cast.dtype}"
        )
    return cast
