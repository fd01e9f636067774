"""Analysis `train` of recurrent circuits: batches of sequences, mean squared errors per epoch, and baselines."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.analysis.epochs import DivergedError, EpochTraining
from neurosim.analysis.listening import Recording, record, write_recordings
from neurosim.analysis.parameters import write_parameters
from neurosim.analysis.reservoir import ridge_loss
from neurosim.analysis.run import Outcome, Session
from neurosim.analysis.setup import SequenceExperiment
from neurosim.analysis.train_log import Tally, TrainLog
from neurosim.datasets.sequences import Part
from neurosim.dynamics.status import Status
from neurosim.learning.optimizers import Optimizer
from neurosim.learning.sequences.copies import answering
from neurosim.noise.paths import Shown, first_path

Array = npt.NDArray[Any]


class SequenceTraining(EpochTraining):
    """A training run on sequences.

    Parameters
    ----------
    experiment : SequenceExperiment
        Circuit, rule, data.
    session : Session
        Threads, progress, where checkpoints go.
    """

    def __init__(self, experiment: SequenceExperiment, session: Session) -> None:
        super().__init__(experiment, session, TrainLog(labelled=False))
        scenario, network = experiment.scenario, experiment.model
        self.dataset = experiment.dataset
        self.rows: int = scenario.data.batch
        self.estimator = experiment.rule.estimator(network, self.rows, scenario.seed)
        self.decorrelated = getattr(experiment.rule, "decorrelation", None) is not None
        self.plasticity = Optimizer(self.settings.optimizer, network.parameters.trained, session.workers)

    @property
    def batches(self) -> int:
        """Batches per epoch; a rest that does not fill one is left out."""
        limit: int = self.settings.train_limit or self.dataset.count("train")
        return max(1, min(limit, self.dataset.count("train")) // self.rows)

    def state(self) -> tuple[dict[str, float], dict[str, Array]]:
        """Return the present place, with the states of the circuit that are carried on."""
        numbers, arrays = super().state()
        return numbers, {**arrays, "carried": self.estimator.state}

    def restore(self, numbers: Mapping[str, float], arrays: Mapping[str, Array]) -> None:
        """Take up what `state` returned."""
        rest = dict(arrays)
        self.estimator.state[:] = rest.pop("carried")
        super().restore(numbers, rest)

    def run_epoch(self) -> bool:
        """Learn from every batch that is left in this epoch; return whether it was finished.

        Raises
        ------
        DivergedError
            If a batch gave no usable update.
        """
        epoch, began, before = self.log.epochs, time.perf_counter(), self.seconds
        while self.next_batch < self.batches:
            self.learn_batch(epoch)
            self.next_batch += 1
            self.session.progress.advance()
            self.seconds = before + time.perf_counter() - began
            if self.session.interruption.wanted:
                return False
        test, square = self.answers("test")
        validation, _ = self.answers("validation")
        self.log.add(
            self.tally,
            test,
            before + time.perf_counter() - began,
            {},
            {"validation_loss": validation.mean_loss, "mean_square_state": square},
        )
        self.next_batch, self.tally, self.seconds = 0, Tally(), 0.0
        if not np.isfinite(test.mean_loss):
            raise DivergedError(f"epoch {epoch + 1}: the test loss is not finite")
        return True

    def learn_batch(self, epoch: int) -> None:
        """Show the next batch; the conductances follow after it, or after every step."""
        number = epoch * self.batches + self.next_batch
        batch = self.dataset.batch("train", self._numbered(epoch), self.rows)
        estimator = self.estimator
        continues = batch.continues and self.next_batch > 0
        path = first_path(Shown.LEARNING, number * self.rows)
        estimator.present(batch.inputs, batch.targets, batch.counted, continues, path)
        steps, where = len(batch.inputs), f"epoch {epoch + 1}, batch {self.next_batch + 1} of {self.batches}"
        if self.experiment.rule.updates == "sequence":
            estimator.learn(0, steps)
            estimator.gradient.flat[:] *= estimator.gradient.flat.dtype.type(1.0 / batch.counted.sum())
            self._follow(epoch, where)
        else:
            for t in range(steps):
                estimator.learn(t, t + 1)
                self._follow(epoch, f"{where}, step {t + 1}")
        self.tally.add_codes(np.full(self.rows, Status.FINISHED.code, np.int8))
        self.tally.loss += float(estimator.mean_losses.sum())
        self.tally.steps += steps * self.rows

    def _numbered(self, epoch: int) -> int:
        """Return the number of the next batch as the data set counts, which goes on through all epochs."""
        return epoch * (self.dataset.count("train") // self.rows) + self.next_batch

    def _follow(self, epoch: int, where: str) -> None:
        gradient = self.estimator.gradient.flat
        with np.errstate(over="ignore"):
            usable = np.isfinite(np.vdot(gradient, gradient)) and np.isfinite(self.estimator.losses.sum())
        if not usable:
            raise DivergedError(f"{where}: the loss or the update is not finite, or too large to square")
        self.plasticity.step(gradient, epoch)

    def answers(self, part: Part) -> tuple[Tally, float]:
        """Let the network answer a part of the data; return its losses, and the mean square of its last states."""
        count: int = self.dataset.count(part)
        if part == "test" and self.settings.test_limit is not None:
            count = min(count, self.settings.test_limit)
        rows, tally, squares = min(self.rows, count), Tally(), []
        listener = answering(self.model, rows, self.decorrelated)
        for number in range(count // rows):
            batch = self.dataset.batch(part, number, rows)
            listener.present(batch.inputs, batch.targets, batch.counted, batch.continues and number > 0, 0)
            listener.learn(0, len(batch.inputs))
            tally.add_codes(np.full(rows, Status.FINISHED.code, np.int8))
            tally.loss += float(listener.mean_losses.sum())
            squares.append(float(np.mean(np.square(listener.state, dtype=np.float64))))
        return tally, float(np.mean(squares))

    def recording(self) -> Recording:
        """Return what the network, as it is now, does on the first test sequences."""
        return record(self.model, self.dataset, self.decorrelated)

    def baselines(self) -> dict[str, float]:
        """Return what the trained network has to beat: baselines of the data, and a readout of the untrained one."""
        return {**self.dataset.baselines(), "ridge": ridge_loss(self.model, self.dataset, self.rows)}


def run_sequences(experiment: SequenceExperiment, session: Session) -> Outcome:
    """Train a recurrent circuit, and write /train, /circuit, /sequence and, where D was trained, /decorrelation."""
    training = SequenceTraining(experiment, session)
    untrained = training.recording() if training.decorrelated else None
    baselines = training.baselines()
    session.progress.note("baselines, test loss: " + ", ".join(f"{name} {x:.4g}" for name, x in baselines.items()))
    if training.resume():
        session.progress.note(f"resuming after {training.log.epochs} epochs and {training.next_batch} batches")
    session.progress.begin(training.settings.epochs * training.batches, "batches", training.done)
    outcome = training.run_epochs(training.save)
    training.log.write(session.writer)
    session.writer.dimension("train", "baseline", list(baselines), "what a circuit has to beat")
    what = "test loss of the baseline; ridge: linear readout fitted to the states of the untrained network"
    session.writer.variable("train", "baseline_loss", ("baseline",), list(baselines.values()), what, "1")
    write_parameters(session.writer, training.model, training.initial)
    trained = training.recording()
    if trained.finite:
        write_recordings(session.writer, training.dataset, trained, untrained)
    else:
        session.progress.note("the answers to the test sequences are not finite, or too large to square; no /sequence")
    if outcome is None:
        outcome = Outcome(Status.FINISHED, training.log.summary() + shrinking(training), obsolete=session.checkpoint)
    return outcome


def shrinking(training: SequenceTraining) -> str:
    """Return a warning if decorrelation has made the states smaller instead of independent; empty otherwise."""
    squares = training.log.columns["mean_square_state"]
    if not training.decorrelated or squares[-1] >= 0.5 * squares[0]:
        return ""
    return (
        f"; warning: decorrelation has shrunk the mean square of the states from {squares[0]:.2g} to "
        f"{squares[-1]:.2g}: their rank is low; use a smaller rule.decorrelation.rate"
    )
