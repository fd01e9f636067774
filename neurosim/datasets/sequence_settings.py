"""Keys of the `data` section for sequences, which recurrent circuits are shown; one class per data set."""

from __future__ import annotations

from pathlib import PurePath
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from neurosim.settings import Settings

SERIES_SUFFIXES = (".csv", ".npz", ".h5", ".hdf5")
"""Endings, in lower case, of the files that `set: series` reads."""

Scaling = Literal["standard", "min_max", "none"]
_SCALING = "standard: mean 0, standard deviation 1; min_max: 0 to 1; both over the training part."

Feature = Literal[
    "temperature",
    "dew_point",
    "humidity",
    "wind_speed",
    "wind_sin",
    "wind_cos",
    "pressure",
    "precipitation",
    "visibility",
]


class SequenceData(Settings):
    """Keys that every data set of sequences has."""

    sequential: ClassVar[bool] = True

    batch: int = Field(1, ge=1, description="Sequences per batch, side by side.")

    def shape(self) -> tuple[int | None, int | None]:
        """Return (inputs per step, targets per step); None where only the file itself can tell."""
        return None, None


class DrawnData(SequenceData):
    """Keys of tasks whose sequences are drawn from the seed."""

    sequences: int = Field(1000, ge=1, description="Training sequences per epoch; every epoch has new ones.")
    test_sequences: int = Field(200, ge=1, description="Sequences for validation, and as many others for testing.")


class DelayData(DrawnData):
    """Delay memory: the target is the white input, uniform in [-1, 1], some steps ago."""

    set: Literal["delay"] = Field(description="White input; recall it some steps later: 1 input, 1 target.")
    steps: int = Field(40, ge=2, description="Steps per sequence.")
    lag: int = Field(4, ge=0, description="The target is the input so many steps ago; steps before it do not count.")

    @model_validator(mode="after")
    def _some_steps_count(self) -> Self:
        if self.lag >= self.steps:
            raise ValueError(f"lag is {self.lag}, but must be below steps, which is {self.steps}: no step would count")
        return self

    def shape(self) -> tuple[int, int]:
        """Return (inputs per step, targets per step)."""
        return 1, 1


class CopyingData(DrawnData):
    """Copying memory: symbols, a pause that ends with a marker, then the symbols are recalled in order."""

    set: Literal["copying"] = Field(description="Recall a list of symbols after a pause; 10 inputs, 10 targets.")
    symbols: int = Field(8, ge=2, description="Different symbols; blank and marker come beside them.")
    length: int = Field(100, ge=1, description="Symbols in a list; a sequence has 2 * length + delay steps.")
    delay: int = Field(10, ge=1, description="Steps of the pause; the last of them is the marker.")

    def shape(self) -> tuple[int, int]:
        """Return (inputs per step, targets per step)."""
        return self.symbols + 2, self.symbols + 2


class MackeyGlassData(SequenceData):
    """Mackey-Glass: a chaotic series of a delay equation, one series for each part."""

    set: Literal["mackey_glass"] = Field(description="A chaotic series, to predict or to recall: 1 input, 1 target.")
    task: Literal["predict", "recall"] = Field(
        "predict", description="predict: the target is the value `lag` samples ahead; recall: `lag` samples ago."
    )
    lag: int = Field(15, ge=1, description="Samples between input and target.")
    length: int = Field(5000, ge=2, description="Samples of the training series, whole windows of which are used.")
    test_length: int | None = Field(
        None, ge=2, description="Samples of the validation and of the test series; null: as many as `length`."
    )
    steps: int | None = Field(
        None,
        ge=2,
        description="Consecutive windows of so many samples, the state carried over; null: the whole series.",
    )

    @model_validator(mode="after")
    def _a_window_fits(self) -> Self:
        if self.steps is None and self.test_length not in (None, self.length):
            raise ValueError("with test_length other than length, give steps: sequences have one length")
        shortest = min(self.length, self.test_length or self.length)
        if self.steps is not None and self.steps > shortest:
            raise ValueError(f"steps is {self.steps}, but the shortest series has {shortest} samples")
        return self

    def shape(self) -> tuple[int, int]:
        """Return (inputs per step, targets per step)."""
        return 1, 1


class WeatherData(SequenceData):
    """Hourly weather at JFK airport in 2013, embedded in the package; the target is the temperature hours ahead."""

    set: Literal["weather"] = Field(description="Embedded hourly weather: temperature ahead from up to 9 measurements.")
    ahead: int = Field(1, ge=1, le=168, description="Hours ahead.")
    features: tuple[Feature, ...] = Field(
        ("temperature", "dew_point", "humidity", "wind_speed", "wind_sin", "wind_cos", "pressure", "visibility"),
        min_length=1,
        description="Measurements that are inputs, in order.",
    )
    steps: int = Field(168, ge=2, description="Hours per window; the state is carried over between windows.")
    scaling: Scaling = Field("standard", description=f"Of inputs and target. {_SCALING}")

    @field_validator("features")
    @classmethod
    def _named_once(cls, features: tuple[str, ...]) -> tuple[str, ...]:
        return _once(features)

    def shape(self) -> tuple[int, int]:
        """Return (inputs per step, targets per step)."""
        return len(self.features), 1


class SeriesData(SequenceData):
    """Your own series from a CSV, NPZ or HDF5 file, one row per step; split by time."""

    set: Literal["series"] = Field(description="Columns of a CSV, NPZ or HDF5 file, one row per step.")
    path: str = Field(
        min_length=1,
        description="A .csv (with a header), .npz, .h5 or .hdf5 file; also sought in --data-dir and $NEUROSIM_DATA.",
    )
    inputs: tuple[str, ...] = Field(min_length=1, description="Names of the columns that are inputs.")
    targets: tuple[str, ...] = Field(min_length=1, description="Names of the columns that are targets.")
    ahead: int = Field(0, ge=0, description="The targets are the values so many rows later.")
    steps: int = Field(100, ge=1, description="Rows per window; the state is carried over between windows.")
    scaling: Scaling = Field("none", description=f"Of every column. {_SCALING}")
    test_fraction: float = Field(
        0.2, gt=0.0, lt=0.5, description="Share of the rows at the end for testing, and as many before for validation."
    )

    @field_validator("path")
    @classmethod
    def _has_a_known_ending(cls, path: str) -> str:
        suffix = PurePath(path).suffix
        if suffix.lower() not in SERIES_SUFFIXES:
            raise ValueError(f"found the ending '{suffix}', allowed are {', '.join(SERIES_SUFFIXES)}")
        return path

    @field_validator("inputs", "targets")
    @classmethod
    def _named_once(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        return _once(columns)

    def shape(self) -> tuple[int, int]:
        """Return (inputs per step, targets per step)."""
        return len(self.inputs), len(self.targets)


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise ValueError(f"'{twice[0]}' is named twice")
    return names
