"""Keys of the `data` section, one class per data set; the key `set` tells them apart."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, field_validator, model_validator

from neurosim.datasets.sequence_settings import (
    CopyingData,
    DelayData,
    MackeyGlassData,
    SeriesData,
    WeatherData,
)
from neurosim.settings import Settings

FILE_SUFFIXES = (".npz", ".h5", ".hdf5")
"""Endings, in lower case, of the files that `set: file` reads."""


class Data(Settings):
    """Keys that every data set of samples has."""

    sequential: ClassVar[bool] = False

    batch: int = Field(50, ge=1, description="Samples per batch.")

    def shape(self) -> tuple[int | None, int | None]:
        """Return (inputs per sample, targets per sample); None where only the file itself can tell."""
        return None, None


class DigitsData(Data):
    """Handwritten digits, 8 x 8 pixels, embedded in the package: 1437 for training, 360 for testing."""

    set: Literal["digits"] = Field(description="Embedded handwritten digits: 64 inputs, 10 classes.")

    def shape(self) -> tuple[int, int]:
        """Return (inputs per sample, targets per sample)."""
        return 64, 10


class MnistData(Data):
    """MNIST, handwritten digits of 28 x 28 pixels: 60000 for training, 10000 for testing."""

    set: Literal["mnist"] = Field(description="MNIST from its four IDX files: 784 inputs, 10 classes.")
    path: str | None = Field(
        None, min_length=1, description="Folder with the four IDX files; also sought in --data-dir and $NEUROSIM_DATA."
    )

    def shape(self) -> tuple[int, int]:
        """Return (inputs per sample, targets per sample)."""
        return 784, 10


class FashionMnistData(Data):
    """Fashion-MNIST, articles of clothing of 28 x 28 pixels: 60000 for training, 10000 for testing."""

    set: Literal["fashion_mnist"] = Field(description="Fashion-MNIST from its four IDX files: 784 inputs, 10 classes.")
    path: str | None = Field(
        None, min_length=1, description="Folder with the four IDX files; also sought in --data-dir and $NEUROSIM_DATA."
    )

    def shape(self) -> tuple[int, int]:
        """Return (inputs per sample, targets per sample)."""
        return 784, 10


class FileData(Data):
    """Your own samples from an NPZ or HDF5 file: integer targets are class labels, floats are regression targets."""

    set: Literal["file"] = Field(description="Arrays of an NPZ or HDF5 file.")
    path: str = Field(
        min_length=1,
        description="The .npz, .h5 or .hdf5 file; a relative path is also sought in --data-dir and $NEUROSIM_DATA.",
    )
    inputs: str = Field("inputs", min_length=1, description="Name of the array of inputs, one sample per row.")
    targets: str = Field("targets", min_length=1, description="Name of the array of labels or regression targets.")
    test_inputs: str | None = Field(None, min_length=1, description="Name of the array of test inputs.")
    test_targets: str | None = Field(None, min_length=1, description="Name of the array of test targets.")
    test_fraction: float = Field(
        0.2, gt=0.0, lt=1.0, description="Share of the samples set aside for testing where no test arrays are named."
    )
    classes: int | None = Field(
        None, ge=2, description="Number of classes of integer labels; null: the largest label plus one."
    )

    @field_validator("path")
    @classmethod
    def _has_a_known_ending(cls, path: str) -> str:
        suffix = PurePath(path).suffix
        if suffix.lower() not in FILE_SUFFIXES:
            raise ValueError(f"found the ending '{suffix}', allowed are {', '.join(FILE_SUFFIXES)}")
        return path

    @model_validator(mode="after")
    def _names_both_test_arrays(self) -> Self:
        if (self.test_inputs is None) != (self.test_targets is None):
            raise ValueError("give both test_inputs and test_targets, or neither")
        return self

    def shape(self) -> tuple[None, int | None]:
        """Return (None, number of classes if it was given): the rest stands in the file."""
        return None, self.classes


class XorData(Data):
    """Exclusive or: four patterns of two inputs, two classes; the same four serve for training and testing."""

    set: Literal["xor"] = Field(description="The four patterns of exclusive or: 2 inputs, 2 classes.")
    batch: int = Field(4, ge=1, description="Samples per batch.")

    def shape(self) -> tuple[int, int]:
        """Return (inputs per sample, targets per sample)."""
        return 2, 2


class GaussianData(Data):
    """Gaussian clouds of unit variance, one per class, around centres drawn from the seed."""

    set: Literal["gaussian"] = Field(description="Generated Gaussian clouds, one per class.")
    features: int = Field(16, ge=1, description="Inputs per sample.")
    classes: int = Field(4, ge=2, description="Number of classes, which are as nearly balanced as can be.")
    samples: int = Field(800, ge=1, description="Training samples.")
    test_samples: int = Field(200, ge=1, description="Test samples.")
    separation: float = Field(
        3.0, ge=0.0, description="RMS distance between two class centres, in standard deviations within a class."
    )

    def shape(self) -> tuple[int, int]:
        """Return (inputs per sample, targets per sample)."""
        return self.features, self.classes


DataSettings: TypeAlias = Annotated[
    DigitsData
    | MnistData
    | FashionMnistData
    | FileData
    | XorData
    | GaussianData
    | DelayData
    | MackeyGlassData
    | CopyingData
    | WeatherData
    | SeriesData,
    Field(discriminator="set"),
]
"""The `data` section: whichever class its key `set` names."""
