"""One step of learning for any rule: relax a batch, read every synapse, form the mean local products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.solver import Solver
from neurosim.dynamics.status import Status
from neurosim.learning.optimizers import Optimizer
from neurosim.learning.protocol import FREE, run_phases
from neurosim.learning.rule import Homeostasis, Reading, Rule, Start
from neurosim.physics.model import PhysicalModel, Piece
from neurosim.physics.parameters import Parameters
from neurosim.physics.signal import Signal
from neurosim.physics.system import System
from neurosim.seeds import Purpose, generator
from neurosim.workers import Workers, row_blocks

Array = npt.NDArray[Any]
Paths = npt.NDArray[np.int64] | None


@dataclass(frozen=True)
class BatchOutcome:
    """What came of one batch.

    Parameters
    ----------
    usable : bool
        Whether conductances may follow it: no sample diverged, and no square of an entry leaves the floating range.
    prediction : ndarray (samples, outputs)
        What the circuit said; overwritten by the next batch.
    losses : ndarray (samples,)
        Cost of each prediction.
    codes : ndarray of int8 (samples,)
        Status of each relaxation.
    steps : float
        Steps per relaxation, mean over the samples.
    rates : ndarray of float64 (samples,), optional
        Final RMS of tau d(state)/dt of each sample, in units of the state, where nothing was learnt.
    """

    usable: bool
    prediction: Array
    losses: Array
    codes: npt.NDArray[np.int8]
    steps: float
    rates: npt.NDArray[np.float64] | None = None

    @property
    def diverged(self) -> int:
        """How many samples diverged."""
        return diverged(self.codes)


@dataclass(frozen=True, kw_only=True)
class Lesson(BatchOutcome):
    """What one batch taught.

    Parameters
    ----------
    gradient : Parameters
        Estimate of dC/dtheta, mean over the samples; overwritten by the next batch.
    errors : Signal
        What the synapses read as dC/d(current) of every sample, over the number of samples; overwritten by the next
        batch.
    """

    gradient: Parameters
    errors: Signal


def diverged(codes: npt.NDArray[np.int8]) -> int:
    """Return how many of `codes` say diverged."""
    return int(np.count_nonzero(codes == Status.DIVERGED.code))


def _square(array: Array) -> float:
    """Return the sum of squares."""
    return float(np.vdot(array, array))


@dataclass(frozen=True)
class _Bench:
    """A batch size with its arrays: readings of all rows, one system per block of rows, the gradient."""

    reading: Reading
    blocks: list[slice]
    systems: list[System]
    gradient: Parameters


class Learner:
    """A circuit, a solver and a rule, and the arrays they need for batches of any size.

    Parameters
    ----------
    model : PhysicalModel
        The circuit.
    solver : Solver
        How it relaxes.
    rule : Rule
        What its synapses read.
    start : {"free", "rest"}
        Where nudged phases start.
    workers : Workers
        Threads.
    seed : int
        Seed of the noise of homeostasis.
    """

    def __init__(
        self, model: PhysicalModel, solver: Solver, rule: Rule, start: Start, workers: Workers, seed: int = 0
    ) -> None:
        self.model = model
        self.solver = solver
        self.rule = rule
        self.start = start
        self.workers = workers
        self.seed = seed
        self._benches: dict[int, _Bench] = {}

    def learn(self, inputs: Array, targets: Array, paths: Paths = None) -> Lesson:
        """Return what a batch teaches; the conductances stay as they are.

        Parameters
        ----------
        inputs : ndarray (samples, n_0)
            Inputs.
        targets : ndarray (samples, n_L)
            Targets.
        paths : ndarray of int64 (samples,), optional
            Path of the noise that every sample sees; by default its number in the batch.
        """
        outcome, pieces = self._read(inputs, targets, paths)
        self.workers.map(lambda piece: piece.form(), pieces)
        return outcome

    def adapt(self, inputs: Array, targets: Array, optimizer: Optimizer, epoch: int, paths: Paths = None) -> Lesson:
        """Let the conductances follow what a batch teaches; they stay as they are if it is not `usable`.

        The same numbers as `learn` and a step of the optimizer after it, but every piece of the gradient is used while
        it is still in the cache. Homeostasis is added here, and only here: it is no estimate of the gradient.
        """
        outcome, pieces = self._read(inputs, targets, paths)
        if not outcome.usable:
            return outcome
        if self.rule.homeostasis is None:
            follow, flat = optimizer.begin_step(epoch), outcome.gradient.flat

            def form_and_follow(piece: Piece) -> None:
                piece.form()
                follow(flat, piece.part)

            self.workers.map(form_and_follow, pieces)
        else:
            self._adapt_with_homeostasis(outcome.gradient, pieces, self.rule.homeostasis, optimizer, epoch)
        self.model.keep_in_bounds()
        self.model.parameters_changed()
        return outcome

    def _adapt_with_homeostasis(
        self, gradient: Parameters, pieces: list[Piece], chosen: Homeostasis, optimizer: Optimizer, epoch: int
    ) -> None:
        """Form the whole gradient, add the pull, and let the conductances follow both."""
        self.workers.map(lambda piece: piece.form(), pieces)
        draw = generator(self.seed, Purpose.HOMEOSTASIS, optimizer.steps)
        self.model.add_homeostasis(chosen.weight, chosen.draws, draw, gradient)
        optimizer.step(gradient.flat, epoch)

    def _read(self, inputs: Array, targets: Array, paths: Paths) -> tuple[Lesson, list[Piece]]:
        """Let a batch relax and its synapses read; return what is left to do to form the gradient."""
        bench, sizes = self._bench(len(inputs)), []

        def read(system: System, reading: Reading) -> int:
            steps = self.rule.read(system, self.solver, self.start, reading)
            sizes.append((_square(system.inputs), reading.source.square(), reading.error.square()))
            return steps

        steps = self._relax(bench, inputs, targets, paths, read)
        at_input, at_source, at_target = (sum(squares) for squares in zip(*sizes, strict=True))
        reading = bench.reading
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is not usable
            at_readout = self.model.readout_error(reading.source, targets)
            if at_readout is not None:
                at_target += _square(at_readout)
        # Cauchy and Schwarz: no sum of products over the samples is larger than the product of the norms.
        finite = max(at_input, at_source, 1.0) * at_target < float(np.finfo(self.model.parameters.flat.dtype).max)
        outcome = self._outcome(bench, targets, steps, finite and not diverged(reading.codes))
        lesson = Lesson(**vars(outcome), gradient=bench.gradient, errors=reading.error)
        pieces = self.model.local_products(inputs, reading.source, reading.error, bench.gradient, at_readout)
        return lesson, pieces

    def predict(self, inputs: Array, targets: Array, paths: Paths = None) -> BatchOutcome:
        """Return what the free circuit says to a batch; nothing can be learnt from it."""
        bench, rates = self._bench(len(inputs)), np.zeros(len(inputs))

        def answer(system: System, reading: Reading) -> int:
            relaxation = run_phases(system, self.solver, (FREE,), own_states=False)["free"]
            reading.prediction[:] = system.prediction(relaxation.reading)
            reading.codes[:] = relaxation.codes
            rates[reading.source.first : reading.source.first + reading.source.rows] = relaxation.rates
            return relaxation.steps

        outcome = self._outcome(bench, targets, self._relax(bench, inputs, targets, paths, answer))
        return replace(outcome, rates=rates)

    def _relax(
        self, bench: _Bench, inputs: Array, targets: Array, paths: Paths, one_block: Callable[[System, Reading], int]
    ) -> float:
        """Let every block of rows relax, shared among the threads; return the mean steps of a sample."""
        seen = np.arange(len(inputs)) if paths is None else paths
        self.model.begin_batch(int(seen[0]))

        def relax(i: int) -> int:
            part, system = bench.blocks[i], bench.systems[i]
            system.paths = seen[part]
            system.present(inputs[part], targets[part])
            return one_block(system, bench.reading.window(part)) * system.rows

        return sum(self.workers.map(relax, range(len(bench.blocks)))) / len(inputs)

    def _outcome(self, bench: _Bench, targets: Array, steps: float, usable: bool = False) -> BatchOutcome:
        reading = bench.reading
        with np.errstate(over="ignore", invalid="ignore"):  # what diverged says so in its status
            losses = self.model.cost(reading.prediction, targets)
        return BatchOutcome(usable, reading.prediction, losses, reading.codes, steps)

    def _bench(self, rows: int) -> _Bench:
        if rows not in self._benches:
            dtype = self.model.parameters.flat.dtype
            widths = self.model.signal_widths
            reading = Reading(
                source=Signal.zeros(widths, rows, dtype),
                error=Signal.zeros(widths, rows, dtype),
                prediction=np.zeros((rows, self.model.outputs), dtype),
                codes=np.zeros(rows, np.int8),
                scale=1.0 / rows,
            )
            blocks = row_blocks(rows)
            systems = [self.model.system(part.stop - part.start) for part in blocks]
            self._benches[rows] = _Bench(reading, blocks, systems, self.model.parameters.gradient())
        return self._benches[rows]
