"""Tasks drawn from the seed, sequence by sequence: recall of an input some steps ago, and of a list of symbols."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from neurosim.datasets.sequence_settings import CopyingData, DelayData, DrawnData
from neurosim.datasets.sequences import Part, SequenceDataset, Sequences, target_variance
from neurosim.seeds import Purpose, generator

_STREAMS = {"train": (Purpose.DATA_TRAIN,), "validation": (Purpose.DATA_TEST, 1), "test": (Purpose.DATA_TEST, 0)}


class DrawnSequences(SequenceDataset):
    """Independent sequences; training never sees the same one twice.

    Sequence i of a part is a function of seed, part and i. A batch holds the sequences from number * rows on, so that
    the test part is the same whatever the size of batches. Validation and test repeat after `count` sequences.

    Parameters
    ----------
    settings : DrawnData
        The `data` section.
    dtype : dtype
        Of inputs and targets: float32 or float64.
    seed : int
        Seed of the run.
    """

    def __init__(self, settings: DrawnData, dtype: DTypeLike, seed: int) -> None:
        self._dtype, self._seed = np.dtype(dtype), seed
        self._counts = {
            "train": settings.sequences,
            "validation": settings.test_sequences,
            "test": settings.test_sequences,
        }
        self.attributes = {}

    @abstractmethod
    def draw(self, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the inputs and targets of one sequence, shapes (steps, n_in) and (steps, n_out)."""

    @abstractmethod
    def counted(self) -> NDArray[np.bool_]:
        """Return which steps count in the loss, shape (steps,)."""

    def count(self, part: Part) -> int:
        """Return the number of sequences per epoch in a part."""
        return self._counts[part]

    def batch(self, part: Part, number: int, rows: int) -> Sequences:
        """Return sequences number * rows to (number + 1) * rows - 1 of a part; see `SequenceDataset.batch`."""
        self.check_batch(part, number, rows)
        inputs = np.empty((self.steps, rows, self.inputs), self._dtype)
        targets = np.empty((self.steps, rows, self.outputs), self._dtype)
        purpose, *stream = _STREAMS[part]
        for row in range(rows):
            index = number * rows + row
            if part != "train":
                index %= self._counts[part]
            inputs[:, row], targets[:, row] = self.draw(generator(self._seed, Purpose(purpose), *stream, index))
        return Sequences(inputs, targets, self.counted(), continues=False)

    def baselines(self) -> dict[str, float]:
        """Return the variance of the counted targets of the test part."""
        test = self.batch("test", 0, self.count("test"))
        return {"variance": target_variance(test.targets[test.counted])}


class DelaySequences(DrawnSequences):
    """White input u(t), uniform in [-1, 1]; target u(t - lag), counted from t = lag on (zero before)."""

    def __init__(self, settings: DelayData, dtype: DTypeLike, seed: int) -> None:
        super().__init__(settings, dtype, seed)
        self.name, self.inputs, self.outputs, self.steps = "delay", 1, 1, settings.steps
        self.input_names, self.target_names = ("u",), (f"u {settings.lag} steps ago",)
        self._lag = settings.lag

    def draw(self, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return one sequence of inputs and the same one, later."""
        inputs = random.uniform(-1.0, 1.0, (self.steps, 1))
        targets = np.zeros_like(inputs)
        targets[self._lag :] = inputs[: self.steps - self._lag]
        return inputs, targets

    def counted(self) -> NDArray[np.bool_]:
        """Return True for the steps at which the target has been seen."""
        return np.arange(self.steps) >= self._lag


class CopyingSequences(DrawnSequences):
    """Copying memory: symbols, a pause that ends with a marker, then blanks while the symbols are to be recalled.

    Inputs and targets are one-hot: the symbols, the blank, the marker. Targets are blank until the recall begins; only
    the steps of the recall count.
    """

    def __init__(self, settings: CopyingData, dtype: DTypeLike, seed: int) -> None:
        super().__init__(settings, dtype, seed)
        self._symbols, self._length, self._delay = settings.symbols, settings.length, settings.delay
        self.name, self.steps = "copying", 2 * settings.length + settings.delay
        self.input_names = (*(f"symbol {k}" for k in range(settings.symbols)), "blank", "marker")
        self.target_names = self.input_names
        self.inputs = self.outputs = len(self.input_names)
        self.target_scale, self.target_offset = (1.0,) * self.outputs, (0.0,) * self.outputs

    def draw(self, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return one list of symbols and its copy."""
        symbols = random.integers(self._symbols, size=self._length)
        shown = np.full(self.steps, self._symbols)
        shown[: self._length] = symbols
        shown[self._length + self._delay - 1] = self._symbols + 1
        wanted = np.full(self.steps, self._symbols)
        wanted[self._length + self._delay :] = symbols
        rows = np.eye(self.inputs)
        return rows[shown], rows[wanted]

    def counted(self) -> NDArray[np.bool_]:
        """Return True for the steps of the recall."""
        return np.arange(self.steps) >= self._length + self._delay


def load_delay(settings: DelayData, dtype: DTypeLike, seed: int, folders: tuple[Path, ...]) -> DelaySequences:
    """Return the task of recalling a white input some steps ago; `folders` is ignored."""
    return DelaySequences(settings, dtype, seed)


def load_copying(settings: CopyingData, dtype: DTypeLike, seed: int, folders: tuple[Path, ...]) -> CopyingSequences:
    """Return the task of recalling a list of symbols after a pause; `folders` is ignored."""
    return CopyingSequences(settings, dtype, seed)
