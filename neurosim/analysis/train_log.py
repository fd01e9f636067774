"""What a training run writes down, epoch by epoch, and how it goes into result file and checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.status import Status, statuses
from neurosim.learning.learner import BatchOutcome
from neurosim.results.sink import ResultSink

Array = npt.NDArray[Any]

# name: (long name, units)
COLUMNS = {
    "loss": ("mean training cost during the epoch", "1"),
    "train_error": ("fraction of training samples misclassified during the epoch", "1"),
    "test_loss": ("mean test cost after the epoch", "1"),
    "test_error": ("fraction of test samples misclassified after the epoch", "1"),
    "seconds": ("wall time of the epoch, test included", "s"),
    "test_residual": ("mean over the test samples of the RMS rate that is left after a fixed number of sweeps", ""),
    "validation_loss": ("mean validation cost after the epoch", "1"),
    "mean_square_state": ("mean square of the states of the units on the test part", "1"),
    "mean_steps": ("mean steps per relaxation", "1"),
    "unsettled_fraction": ("fraction of relaxations that did not settle", "1"),
    "homeostasis_loss": ("loss of homeostasis after the epoch, 2 |A|^2 with A the antisymmetric part of G", "1"),
    "asymmetry": ("|A|/|S| of G - 1 after the epoch, G all conductances in loops", "1"),
}
READ_IN_TRAINING = ("loss", "train_error")
GOOD = np.array([status.good for status in Status])


@dataclass
class Tally:
    """Sums over relaxations of one kind.

    Attributes
    ----------
    samples, loss, wrong, steps, residual, unsettled : float
        Number of samples, and sums over them.
    worst : int
        Code of the worst status.
    """

    samples: float = 0
    loss: float = 0.0
    wrong: float = 0
    steps: float = 0.0
    residual: float = 0.0
    unsettled: float = 0
    worst: int = 0

    @property
    def fraction_wrong(self) -> float:
        """Fraction of samples misclassified."""
        return self.wrong / self.samples

    @property
    def mean_loss(self) -> float:
        """Mean cost."""
        return self.loss / self.samples

    def add(self, outcome: BatchOutcome, labels: npt.NDArray[np.int64] | None) -> None:
        """Add a batch; without labels nothing can be wrong."""
        self.add_codes(outcome.codes)
        self.loss += float(outcome.losses.sum())
        self.steps += outcome.steps * len(outcome.losses)
        self.residual += 0.0 if outcome.rates is None else float(outcome.rates.sum())
        if labels is not None:
            self.wrong += int(np.count_nonzero(outcome.prediction.argmax(axis=1) != labels))

    def add_codes(self, codes: npt.NDArray[np.int8]) -> None:
        """Add samples of which nothing is known but how their relaxations ended."""
        self.samples += len(codes)
        self.unsettled += int(np.count_nonzero(~GOOD[codes]))
        self.worst = max(self.worst, int(codes.max()))

    def merge(self, other: Tally) -> None:
        """Add how the relaxations of another tally ended."""
        self.samples += other.samples
        self.unsettled += other.unsettled
        self.worst = max(self.worst, other.worst)


@dataclass
class TrainLog:
    """Figures of all finished epochs.

    Parameters
    ----------
    labelled : bool
        Whether there are classes, and so errors to count.
    blocks : tuple of str
        Parameter blocks whose gradient alignment is logged; empty if it is not.
    plasticity : {"per_batch", "fused", "continuous"}
        Whether training figures are read before the conductances follow a batch, or after they have.
    residual_unit : str
        Unit of the states, where relaxations end after a fixed number of sweeps and the rate that is left is logged;
        empty where they go on until they settle.
    """

    labelled: bool
    blocks: tuple[str, ...] = ()
    plasticity: str = "per_batch"
    residual_unit: str = ""
    columns: dict[str, list[float]] = field(default_factory=dict)
    cosines: list[list[float]] = field(default_factory=list)
    relaxations: float = 0
    unsettled: float = 0
    worst: int = 0

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.columns.get("loss", ()))

    def add(
        self, train: Tally, test: Tally, seconds: float, cosines: dict[str, float], loops: dict[str, float]
    ) -> None:
        """Add a finished epoch; `loops` are figures of the conductances in loops, where there are directed ones."""
        figures = {
            "loss": train.mean_loss,
            "test_loss": test.mean_loss,
            "seconds": seconds,
            "mean_steps": train.steps / train.samples,
            "unsettled_fraction": (train.unsettled + test.unsettled) / (train.samples + test.samples),
        }
        if self.residual_unit:
            figures["test_residual"] = test.residual / test.samples
        if self.labelled:
            figures |= {"train_error": train.fraction_wrong, "test_error": test.fraction_wrong}
        for name, value in (figures | loops).items():
            self.columns.setdefault(name, []).append(value)
        self.cosines.append([cosines[block] for block in self.blocks])
        for tally in (train, test):
            self.count(tally)

    def count(self, tally: Tally) -> None:
        """Count the relaxations of a tally among those that the run is judged by."""
        self.relaxations += tally.samples
        self.unsettled += tally.unsettled
        self.worst = max(self.worst, tally.worst)

    def summary(self) -> str:
        """Return the last epoch as a line for people."""
        last = {name: values[-1] for name, values in self.columns.items()}
        line = f"epoch {self.epochs}: loss {last['loss']:.4g}, test loss {last['test_loss']:.4g}"
        if self.labelled:
            line += f", train error {100 * last['train_error']:.2f} %, test error {100 * last['test_error']:.2f} %"
        if last["unsettled_fraction"] > 0:
            line += f", unsettled {100 * last['unsettled_fraction']:.3g} %"
        return line

    def write(self, writer: ResultSink) -> None:
        """Write /train."""
        writer.dimension("train", "epoch", np.arange(1, self.epochs + 1), "epoch")
        writer.set_attributes("train", {"plasticity": self.plasticity})
        for name, (long_name, unit) in COLUMNS.items():
            units = unit or self.residual_unit
            if self.plasticity == "continuous" and name in READ_IN_TRAINING:
                long_name += ", at the end of every hold"
            if name in self.columns:
                writer.variable("train", name, ("epoch",), np.array(self.columns[name]), long_name, units)
        if self.blocks:
            writer.dimension("train", "block", list(self.blocks), "parameter block")
            values = np.array(self.cosines).reshape(self.epochs, len(self.blocks))
            what = "cosine between update and exact gradient after the epoch"
            writer.variable("train", "gradient_cosine", ("epoch", "block"), values, what, "1")

    def arrays(self) -> dict[str, Array]:
        """Return everything as arrays, for a checkpoint."""
        columns = {f"log_{name}": np.array(values) for name, values in self.columns.items()}
        return {
            **columns,
            "cosines": np.array(self.cosines).reshape(self.epochs, len(self.blocks)),
            "totals": np.array([self.relaxations, self.unsettled, self.worst]),
        }

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take up what `arrays` returned."""
        self.columns = {
            name.removeprefix("log_"): values.tolist() for name, values in arrays.items() if name.startswith("log_")
        }
        self.cosines = arrays["cosines"].tolist()
        self.relaxations, self.unsettled, worst = arrays["totals"].tolist()
        self.worst = int(worst)

    def worst_status(self) -> Status:
        """Return the worst status of any relaxation."""
        return statuses([self.worst])[0]
