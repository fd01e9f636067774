"""Analysis `train`: batches, updates, a test after every epoch, checkpoints; stops cleanly and resumes exactly."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.analysis.epochs import DivergedError, EpochTraining
from neurosim.analysis.parameters import write_parameters
from neurosim.analysis.run import Outcome, Session
from neurosim.analysis.setup import Experiment, SequenceExperiment, build_solver
from neurosim.analysis.train_log import Tally, TrainLog
from neurosim.datasets.dataset import Samples
from neurosim.dynamics.status import Status
from neurosim.learning.alignment import gradient_cosines
from neurosim.learning.exact.reference import reference_gradient
from neurosim.learning.fused import Fused
from neurosim.learning.learner import Learner
from neurosim.learning.optimizers import Optimizer
from neurosim.learning.plasticity import Continuous, PerBatch, Plasticity
from neurosim.learning.rule import NudgedRule
from neurosim.noise.paths import Shown, paths
from neurosim.physics.model import PhysicalModel
from neurosim.seeds import Purpose, generator

Array = npt.NDArray[Any]

PROBE_SAMPLES = 500  # training samples on which gradient alignment is measured
TEST_BATCH = 500


class Training(EpochTraining):
    """A training run: everything that changes from batch to batch.

    Parameters
    ----------
    experiment : Experiment
        Circuit, solver, rule, data.
    session : Session
        Threads, progress, where checkpoints go.
    log_alignment : bool
        Whether to measure gradient alignment after every epoch.
    """

    def __init__(self, experiment: Experiment, session: Session, log_alignment: bool = False) -> None:
        scenario, model, rule = experiment.scenario, experiment.model, experiment.rule
        assert rule is not None  # validation refuses to train without a rule
        blocks = tuple(block.name for block in model.parameters.trained_blocks)
        logged = (*blocks, "all") if log_alignment else ()
        unit = "" if experiment.solver.has_time or scenario.dynamics.tolerance is not None else model.blocks[0].unit
        labelled = experiment.dataset.train.labels is not None
        super().__init__(experiment, session, TrainLog(labelled, logged, scenario.analysis.plasticity, unit))
        self.seed: int = scenario.seed
        self.batch: int = scenario.data.batch
        self.train = experiment.dataset.train.head(self.settings.train_limit)
        self.test = experiment.dataset.test.head(self.settings.test_limit)
        self.model: PhysicalModel = model
        self.learner = Learner(model, experiment.solver, rule, scenario.dynamics.start, session.workers, scenario.seed)
        self.plasticity: Plasticity = self._plasticity()

    def _plasticity(self) -> Plasticity:
        """Return how the conductances follow the batches."""
        experiment, settings, model = self.experiment, self.settings, self.model
        if settings.plasticity == "per_batch":
            rates = model.parameters.spans(settings.optimizer.rates or {})
            follower = Optimizer(settings.optimizer, model.parameters.trained, self.session.workers, rates)
            return PerBatch(self.learner, follower)
        assert experiment.rule is not None
        if settings.plasticity == "fused":
            assert isinstance(experiment.rule, NudgedRule)  # validation refuses others
            sweeps = experiment.scenario.dynamics.max_steps
            return Fused(model, experiment.rule.strength, sweeps, settings.optimizer, self.batch)
        assert experiment.rule.always_on is not None  # validation refuses rules that need phases
        dynamics = experiment.scenario.dynamics
        solver = build_solver(dynamics.model_copy(update={"t_end": settings.showing(dynamics)}))
        rows = min(self.batch, len(self.train))
        return Continuous(model, solver, experiment.rule.always_on, settings.optimizer, rows)

    @property
    def batches(self) -> int:
        """Batches per epoch; the last one may be smaller."""
        return -(-len(self.train) // self.batch)

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
            batches = min(self.plasticity.at_once, self.batches - self.next_batch)
            self.learn(order[self.next_batch * self.batch : (self.next_batch + batches) * self.batch], epoch)
            self.next_batch += batches
            self.session.progress.advance(batches)
            self.seconds = before + time.perf_counter() - began
            if self.session.interruption.wanted:
                return False
        test = self.evaluate(self.test)
        seconds = before + time.perf_counter() - began
        cosines = self.alignment() if self.log.blocks else {}
        self.log.add(self.tally, test, seconds, cosines, self.model.loop_figures())
        self.next_batch, self.tally, self.seconds = 0, Tally(), 0.0
        return True

    def learn(self, rows: npt.NDArray[np.int64], epoch: int) -> None:
        """Show one batch, or some behind each other, and let the conductances follow."""
        targets, followed = self.train.targets[rows], self.plasticity.steps
        before = epoch * len(self.train) + self.next_batch * self.batch
        seen = paths(Shown.LEARNING, before, len(rows))
        outcome = self.plasticity.adapt(self.presented(self.train.inputs[rows], targets), targets, epoch, seen)
        place = self.next_batch + self.plasticity.steps - followed + 1
        where = f"epoch {epoch + 1}, batch {place} of {self.batches}"
        if outcome.diverged:
            raise DivergedError(f"{where}: {outcome.diverged} of {len(outcome.codes)} samples diverged")
        if not outcome.usable:
            raise DivergedError(f"{where}: the update is not finite, or too large to square")
        self.tally.add(outcome, None if self.train.labels is None else self.train.labels[rows])

    def presented(self, inputs: Array, targets: Array) -> Array:
        """Return what is put on the input terminals while a batch is learned: the inputs themselves."""
        return inputs

    def evaluate(self, samples: Samples) -> Tally:
        """Let the free circuit answer all samples; where it is noisy, with other noise than in the epoch before."""
        tally, before = Tally(), self.log.epochs * len(samples)
        for first in range(0, len(samples), TEST_BATCH):
            part = slice(first, first + TEST_BATCH)
            inputs, targets = samples.inputs[part], samples.targets[part]
            outcome = self.learner.predict(inputs, targets, paths(Shown.TEST, before + first, len(inputs)))
            tally.add(outcome, None if samples.labels is None else samples.labels[part])
        return tally

    def alignment(self) -> dict[str, float]:
        """Return the cosine of the update with the exact gradient, on the first training samples.

        NaN where there is no gradient: of conductances that the prediction does not depend on, and of all of them where
        a sample diverges.
        """
        probe, cosines = self.train.head(PROBE_SAMPLES), dict.fromkeys(self.log.blocks, float("nan"))
        seen = paths(Shown.ALIGNMENT, self.log.epochs * len(probe), len(probe))
        outcome = self.learner.learn(probe.inputs, probe.targets, seen)
        if outcome.usable:
            model = self.model if self.model.ideal else self.model.twin(self.model.parameters.flat.dtype, ideal=True)
            exact = reference_gradient(model, self.learner.solver, probe.inputs, probe.targets)
            cosines |= gradient_cosines(outcome.gradient, self.model.wanted_gradient(exact))
        return cosines


def run(experiment: Experiment | SequenceExperiment, session: Session) -> Outcome:
    """Train, and write /train and /circuit (see the contract)."""
    if isinstance(experiment, SequenceExperiment):
        from neurosim.analysis.train_sequences import run_sequences  # which builds on this module

        return run_sequences(experiment, session)
    training = Training(experiment, session, experiment.scenario.analysis.log_gradient_alignment)
    if training.resume():
        session.progress.note(f"resuming after {training.log.epochs} epochs and {training.next_batch} batches")
    session.progress.begin(training.settings.epochs * training.batches, "batches", training.done)
    outcome = training.run_epochs(training.save)
    training.log.write(session.writer)
    write_parameters(session.writer, experiment.model, training.initial)
    if outcome is None:
        status, message = judge(training.log, experiment.scenario.dynamics)
        outcome = Outcome(status, message, obsolete=session.checkpoint)
    return outcome


def judge(log: TrainLog, dynamics: Any) -> tuple[Status, str]:
    """Return settled or finished, unless more relaxations than allowed did not settle, and what to say of it."""
    status = log.worst_status()
    if status.good:
        return status, log.summary()
    fraction = log.unsettled / log.relaxations
    told = f"{100 * fraction:.3g} % of {int(log.relaxations)} relaxations did not settle"
    if fraction <= dynamics.unsettled_limit and status is not Status.DIVERGED:
        return Status.SETTLED, f"{told}, within dynamics.unsettled_limit; {log.summary()}"
    return (
        status,
        f"{told} (allowed: {100 * dynamics.unsettled_limit:.3g} %, dynamics.unsettled_limit), "
        f"at worst {status.key}; {status.advice}; {log.summary()}",
    )
