"""What every training has in common: epochs that are run, checkpoints, and where it was when it stopped."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy.typing as npt

from neurosim.analysis.run import Outcome, Session
from neurosim.analysis.train_log import Tally, TrainLog
from neurosim.dynamics.status import Status
from neurosim.errors import ResultFileError
from neurosim.results.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

Array = npt.NDArray[Any]


class DivergedError(Exception):
    """A batch from which nothing can be learned; the parameters are still those before it."""


class EpochTraining(ABC):
    """A training that goes from epoch to epoch, and can be stopped between any two batches.

    Parameters
    ----------
    experiment : Experiment or SequenceExperiment
        Circuit, rule, data.
    session : Session
        Threads, progress, where checkpoints go.
    log : TrainLog
        What is written down, still empty.

    Attributes
    ----------
    model
        The circuit whose `parameters` change.
    plasticity
        How they follow; has `memory` and `steps`. Subclasses set it.
    initial : dict of ndarray
        Parameters before the first batch.
    next_batch : int
        Of the running epoch.
    tally : Tally
        Batches of the running epoch so far.
    seconds : float
        Wall time of the running epoch so far.
    """

    plasticity: Any

    def __init__(self, experiment: Any, session: Session, log: TrainLog) -> None:
        self.experiment, self.session, self.settings = experiment, session, experiment.scenario.analysis
        self.model, self.log = experiment.model, log
        self.initial = {name: values.copy() for name, values in self.model.parameters.items()}
        self.next_batch = 0
        self.tally = Tally()
        self.seconds = 0.0

    @property
    @abstractmethod
    def batches(self) -> int:
        """Batches per epoch."""

    @abstractmethod
    def run_epoch(self) -> bool:
        """Learn from every batch that is left in this epoch; return whether it was finished.

        Raises
        ------
        DivergedError
            If a batch gave no usable update.
        """

    def resume(self) -> bool:
        """Take up a checkpoint of this run if there is one."""
        if self.session.checkpoint is None:
            return False
        checkpoint = load_checkpoint(self.session.checkpoint, self.experiment.loaded.run_id)
        if checkpoint is None:
            return False
        try:
            self.restore(checkpoint.numbers, checkpoint.arrays)
        except (KeyError, ValueError) as error:
            path = self.session.checkpoint
            raise ResultFileError(
                f"{path}: is not a whole checkpoint ({error}). Remove it, or give --force to start over."
            ) from error
        return True

    def restore(self, numbers: Mapping[str, float], arrays: Mapping[str, Array]) -> None:
        """Take up what `state` returned.

        Raises
        ------
        KeyError, ValueError
            If something is missing, or has another shape.
        """
        rest = dict(arrays)
        self.model.parameters.flat[:] = rest.pop("parameters")
        self.model.parameters_changed()
        self.model.writes = int(numbers["writes"])
        for name, values in self.plasticity.memory.items():
            values[:] = rest.pop(f"memory_{name}")
        self.plasticity.steps, self.next_batch = int(numbers["steps"]), int(numbers["next_batch"])
        self.seconds = numbers["seconds"]
        self.tally = Tally(**{name: type(value)(numbers[f"tally_{name}"]) for name, value in asdict(Tally()).items()})
        self.log.restore(rest)

    def state(self) -> tuple[dict[str, float], dict[str, Array]]:
        """Return the present place as numbers and arrays, for a checkpoint."""
        numbers = {"steps": self.plasticity.steps, "next_batch": self.next_batch, "seconds": self.seconds}
        numbers["writes"] = self.model.writes
        numbers |= {f"tally_{name}": value for name, value in asdict(self.tally).items()}
        memory = {f"memory_{name}": values for name, values in self.plasticity.memory.items()}
        return numbers, {"parameters": self.model.parameters.flat, **memory, **self.log.arrays()}

    def save(self) -> None:
        """Write a checkpoint of the present place, unless the run is too short for one."""
        if self.session.checkpoint is None:
            return
        numbers, arrays = self.state()
        save_checkpoint(self.session.checkpoint, Checkpoint(self.experiment.loaded.run_id, numbers, arrays))

    @property
    def done(self) -> int:
        """Batches learned so far, in all epochs."""
        return self.log.epochs * self.batches + self.next_batch

    def run_epochs(self, save: Callable[[], None]) -> Outcome | None:
        """Run all epochs that are left, with checkpoints by `save`; return why it ended early, None if it did not."""
        epochs, every, progress = self.settings.epochs, self.settings.checkpoint_every, self.session.progress
        while self.log.epochs < epochs:
            try:
                finished = self.run_epoch()
            except DivergedError as event:
                told = f"{event}; the conductances are those before that batch"
                return Outcome(Status.DIVERGED, told, obsolete=self.session.checkpoint)
            if finished:
                progress.note(self.log.summary())
            if not finished or self.session.interruption.wanted:
                save()
                place = f"after {self.log.epochs} epochs and {self.next_batch} batches"
                return Outcome(Status.INTERRUPTED, f"interrupted {place}; run the same command again to resume")
            if self.log.epochs % every == 0 and self.log.epochs < epochs:
                save()
        return None
