"""Analysis `train`: batches, updates, a test after every epoch, checkpoints; stops cleanly and resumes exactly."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.analysis.parameters import write_parameters
from neurosim.analysis.run import Outcome, Session
from neurosim.analysis.setup import Experiment, build_solver
from neurosim.analysis.train_log import Tally, TrainLog
from neurosim.datasets.dataset import Samples
from neurosim.dynamics.status import Status
from neurosim.errors import ResultFileError
from neurosim.learning.alignment import gradient_cosines
from neurosim.learning.exact.reference import reference_gradient
from neurosim.learning.learner import Learner
from neurosim.learning.optimizers import Optimizer
from neurosim.learning.plasticity import Continuous, PerBatch, Plasticity
from neurosim.results.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from neurosim.seeds import Purpose, generator

Array = npt.NDArray[Any]

PROBE_SAMPLES = 500  # training samples on which gradient alignment is measured
TEST_BATCH = 500


class DivergedError(Exception):
    """A batch from which nothing can be learned; the parameters are still those before it."""


class Training:
    """A training run: everything that changes from batch to batch.

    Parameters
    ----------
    experiment : Experiment
        Circuit, solver, rule, data.
    session : Session
        Threads, progress, where checkpoints go.
    """

    def __init__(self, experiment: Experiment, session: Session) -> None:
        scenario, model, rule = experiment.scenario, experiment.model, experiment.rule
        assert rule is not None  # validation refuses to train without a rule
        self.experiment, self.session, self.settings = experiment, session, scenario.analysis
        self.seed: int = scenario.seed
        self.batch: int = scenario.data.batch
        self.train = experiment.dataset.train.head(self.settings.train_limit)
        self.test = experiment.dataset.test.head(self.settings.test_limit)
        self.model = model
        self.learner = Learner(model, experiment.solver, rule, scenario.dynamics.start, session.workers, scenario.seed)
        self.plasticity = self._plasticity()
        blocks = tuple(block.name for block in model.parameters.trained_blocks)
        logged = (*blocks, "all") if self.settings.log_gradient_alignment else ()
        self.log = TrainLog(self.train.labels is not None, logged, self.settings.plasticity)
        self.initial = {name: values.copy() for name, values in model.parameters.items()}
        self.next_batch = 0  # in the running epoch
        self.tally = Tally()
        self.seconds = 0.0

    def _plasticity(self) -> Plasticity:
        """Return how the conductances follow the batches."""
        experiment, settings, model = self.experiment, self.settings, self.model
        if settings.plasticity == "per_batch":
            return PerBatch(self.learner, Optimizer(settings.optimizer, model.parameters.trained, self.session.workers))
        assert experiment.rule is not None
        assert experiment.rule.always_on is not None  # validation refuses rules that need phases
        solver = build_solver(experiment.scenario.dynamics.model_copy(update={"t_end": self.hold}))
        rows = min(self.batch, len(self.train))
        return Continuous(model, solver, experiment.rule.always_on, settings.optimizer, rows)

    @property
    def hold(self) -> float:
        """How long every batch is shown with continuous plasticity, in seconds."""
        return float(self.settings.hold or self.experiment.scenario.dynamics.t_end)

    @property
    def batches(self) -> int:
        """Batches per epoch; the last one may be smaller."""
        return -(-len(self.train) // self.batch)

    def warning(self) -> str | None:
        """Return what the user should know about a choice that is allowed, but hardly meant."""
        if self.settings.plasticity == "per_batch":
            return None
        slowest = 1.0 / float(self.model.system(1).leak_rates.min())
        # A time constant may miss its own value by rounding.
        if self.hold >= slowest * (1 - 1e-6):
            return None
        return (
            f"warning: every batch is shown for {self.hold:g} s, shorter than the slowest time constant of the "
            f"circuit, {slowest:g} s; most of what synapses read comes from the batch before"
        )

    def resume(self) -> bool:
        """Take up a checkpoint of this run if there is one."""
        checkpoint = load_checkpoint(self.session.checkpoint, self.experiment.loaded.run_id)
        if checkpoint is None:
            return False
        try:
            self._restore(dict(checkpoint.arrays), checkpoint.numbers)
        except (KeyError, ValueError) as error:
            path = self.session.checkpoint
            raise ResultFileError(
                f"{path}: is not a whole checkpoint ({error}). Remove it, or give --force to start over."
            ) from error
        return True

    def _restore(self, arrays: dict[str, Array], numbers: Mapping[str, float]) -> None:
        """Take up what `save` wrote."""
        self.model.parameters.flat[:] = arrays.pop("parameters")
        self.model.parameters_changed()
        for name, values in self.plasticity.memory.items():
            values[:] = arrays.pop(f"memory_{name}")
        self.plasticity.steps, self.next_batch = int(numbers["steps"]), int(numbers["next_batch"])
        self.seconds = numbers["seconds"]
        self.tally = Tally(**{name: type(value)(numbers[f"tally_{name}"]) for name, value in asdict(Tally()).items()})
        self.log.restore(arrays)

    def save(self) -> None:
        """Write a checkpoint of the present place."""
        numbers = {"steps": self.plasticity.steps, "next_batch": self.next_batch, "seconds": self.seconds}
        numbers |= {f"tally_{name}": value for name, value in asdict(self.tally).items()}
        memory = {f"memory_{name}": values for name, values in self.plasticity.memory.items()}
        arrays = {"parameters": self.model.parameters.flat, **memory, **self.log.arrays()}
        save_checkpoint(self.session.checkpoint, Checkpoint(self.experiment.loaded.run_id, numbers, arrays))

    def run_epoch(self) -> bool:
        """Learn from every batch that is left in this epoch; return whether it was finished.

        Raises
        ------
        DivergedError
            If a batch gave no usable update.
        """
        epoch, began, before = self.log.epochs, time.perf_counter(), self.seconds
        order = generator(self.seed, Purpose.SHUFFLE, epoch).permutation(len(self.train))
        while self.next_batch < self.batches:
            self.learn(order[self.next_batch * self.batch : (self.next_batch + 1) * self.batch], epoch)
            self.next_batch += 1
            self.session.progress.advance()
            self.seconds = before + time.perf_counter() - began
            if self.session.interruption.wanted:
                return False
        test = self.evaluate(self.test)
        seconds = before + time.perf_counter() - began
        self.log.add(self.tally, test, seconds, self.alignment() if self.log.blocks else {})
        self.next_batch, self.tally, self.seconds = 0, Tally(), 0.0
        return True

    def learn(self, rows: npt.NDArray[np.int64], epoch: int) -> None:
        """Show one batch and let the conductances follow."""
        outcome = self.plasticity.adapt(self.train.inputs[rows], self.train.targets[rows], epoch)
        where = f"epoch {epoch + 1}, batch {self.next_batch + 1} of {self.batches}"
        if outcome.diverged:
            raise DivergedError(f"{where}: {outcome.diverged} of {len(rows)} samples diverged")
        if not outcome.usable:
            raise DivergedError(f"{where}: the update is not finite, or too large to square")
        self.tally.add(outcome, None if self.train.labels is None else self.train.labels[rows])

    def evaluate(self, samples: Samples) -> Tally:
        """Let the free circuit answer all samples."""
        tally = Tally()
        for first in range(0, len(samples), TEST_BATCH):
            part = slice(first, first + TEST_BATCH)
            outcome = self.learner.predict(samples.inputs[part], samples.targets[part])
            tally.add(outcome, None if samples.labels is None else samples.labels[part])
        return tally

    def alignment(self) -> dict[str, float]:
        """Return the cosine of the update with the exact gradient, on the first training samples.

        NaN where there is no gradient: of conductances that the prediction does not depend on, and of all of them where
        a sample diverges.
        """
        probe, cosines = self.train.head(PROBE_SAMPLES), dict.fromkeys(self.log.blocks, float("nan"))
        outcome = self.learner.learn(probe.inputs, probe.targets)
        if outcome.usable:
            exact = reference_gradient(self.model, self.learner.solver, probe.inputs, probe.targets)
            cosines |= gradient_cosines(outcome.gradient, exact)
        return cosines


def run(experiment: Experiment, session: Session) -> Outcome:
    """Train, and write /train and /circuit (see the contract)."""
    training, progress = Training(experiment, session), session.progress
    epochs, outcome = training.settings.epochs, None
    if warning := training.warning():
        progress.note(warning)
    if training.resume():
        progress.note(f"resuming after {training.log.epochs} epochs and {training.next_batch} batches")
    done = training.log.epochs * training.batches + training.next_batch
    progress.begin(epochs * training.batches, "batches", done)
    while training.log.epochs < epochs and outcome is None:
        try:
            finished = training.run_epoch()
        except DivergedError as event:
            told = f"{event}; the conductances are those before that batch"
            outcome = Outcome(Status.DIVERGED, told, obsolete=session.checkpoint)
            break
        if not finished or session.interruption.wanted:
            training.save()
            place = f"after {training.log.epochs} epochs and {training.next_batch} batches"
            outcome = Outcome(Status.INTERRUPTED, f"interrupted {place}; run the same command again to resume")
        if finished:
            progress.note(training.log.summary())
            if training.log.epochs % training.settings.checkpoint_every == 0 and training.log.epochs < epochs:
                training.save()
    training.log.write(session.writer)
    write_parameters(session.writer, experiment.model, training.initial)
    if outcome is None:
        status, message = _judge(training.log, experiment.scenario.dynamics)
        outcome = Outcome(status, message, obsolete=session.checkpoint)
    return outcome


def _judge(log: TrainLog, dynamics: Any) -> tuple[Status, str]:
    """Return settled or finished, unless more relaxations than allowed did not settle."""
    status = log.worst_status()
    if status.good:
        return status, log.summary()
    fraction = log.unsettled / log.relaxations
    told = f"{100 * fraction:.3g} % of {int(log.relaxations)} relaxations did not settle"
    if fraction <= dynamics.unsettled_limit and status is not Status.DIVERGED:
        return Status.SETTLED, f"{told}, within dynamics.unsettled_limit; {log.summary()}"
    return (
        status,
        f"{told} (allowed: {100 * dynamics.unsettled_limit:.3g} %, dynamics.unsettled_limit); "
        f"give more steps or time, a larger tolerance, or tolerance: null for a fixed time; {log.summary()}",
    )
