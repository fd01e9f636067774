"""One step of learning for any rule: relax a batch, read every synapse, form the mean local products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.solver import Solver
from neurosim.dynamics.status import Status
from neurosim.learning.protocol import FREE, run_phases
from neurosim.learning.rule import Rule, Signals, Start
from neurosim.learning.workers import Workers, halves, row_blocks
from neurosim.physics.model import PhysicalModel, System
from neurosim.physics.parameters import Parameters

Array = npt.NDArray[Any]

SHARED_PRODUCT = 1 << 16  # conductances; a larger matrix of products is formed in two halves


@dataclass(frozen=True)
class BatchOutcome:
    """What one batch taught.

    Parameters
    ----------
    gradient : Parameters
        Estimate of dC/dtheta, mean over the samples; overwritten by the next batch.
    prediction : ndarray (samples, outputs)
        What the circuit said; overwritten by the next batch.
    losses : ndarray (samples,)
        Cost of each prediction.
    codes : ndarray of int8 (samples,)
        Status of each relaxation.
    steps : float
        Steps per relaxation, mean over the samples.
    """

    gradient: Parameters
    prediction: Array
    losses: Array
    codes: npt.NDArray[np.int8]
    steps: float

    @property
    def diverged(self) -> int:
        """How many samples diverged."""
        return int(np.count_nonzero(self.codes == Status.DIVERGED.code))


@dataclass
class _Bench:
    """A batch size with its arrays: signals of all rows, one system per block of rows, the gradient."""

    signals: Signals
    blocks: list[slice]
    systems: list[System]
    losses: Array
    gradient: Parameters = field(repr=False)


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
    """

    def __init__(self, model: PhysicalModel, solver: Solver, rule: Rule, start: Start, workers: Workers) -> None:
        self.model = model
        self.solver = solver
        self.rule = rule
        self.start = start
        self.workers = workers
        self._benches: dict[int, _Bench] = {}

    def learn(self, inputs: Array, targets: Array) -> BatchOutcome:
        """Return what a batch teaches; the conductances stay as they are.

        Parameters
        ----------
        inputs : ndarray (samples, n_0)
            Inputs.
        targets : ndarray (samples, n_L)
            Targets.
        """
        bench = self._bench(len(inputs))

        def read(system: System, signals: Signals) -> int:
            return self.rule.read(system, self.solver, self.start, signals)

        steps = self._relax(bench, inputs, targets, read)
        self._form_products(bench)
        return self._outcome(bench, steps)

    def predict(self, inputs: Array, targets: Array) -> BatchOutcome:
        """Return what the free circuit says to a batch; the gradient in the outcome means nothing."""
        bench = self._bench(len(inputs))

        def answer(system: System, signals: Signals) -> int:
            relaxation = run_phases(system, self.solver, (FREE,), own_states=False)["free"]
            signals.prediction[:] = system.prediction(relaxation.state)
            signals.codes[:] = relaxation.codes
            return relaxation.steps

        return self._outcome(bench, self._relax(bench, inputs, targets, answer))

    def _relax(
        self, bench: _Bench, inputs: Array, targets: Array, one_block: Callable[[System, Signals], int]
    ) -> float:
        """Let every block of rows relax, shared among the threads; return the mean steps of a sample."""

        def relax(i: int) -> int:
            part, system = bench.blocks[i], bench.systems[i]
            system.present(inputs[part], targets[part])
            signals = bench.signals.rows(part)
            steps = one_block(system, signals)
            bench.losses[part] = system.cost(signals.prediction)
            return steps * system.rows

        return sum(self.workers.map(relax, range(len(bench.blocks)))) / len(inputs)

    def _outcome(self, bench: _Bench, steps: float) -> BatchOutcome:
        return BatchOutcome(bench.gradient, bench.signals.prediction, bench.losses, bench.signals.codes, steps)

    def _form_products(self, bench: _Bench) -> None:
        """Write the mean outer products of what source and target of every synapse read."""
        signals = bench.signals

        def weights(task: tuple[int, slice]) -> None:
            k, rows = task
            np.matmul(signals.pre[k].T[rows], signals.post[k], out=bench.gradient[f"W_{k}"][rows])
            if rows.start == 0:
                np.sum(signals.post[k], axis=0, out=bench.gradient[f"b_{k + 1}"])

        tasks = []
        for k, pre in enumerate(signals.pre):
            W = bench.gradient[f"W_{k}"]
            tasks += [(k, part) for part in halves(pre.shape[1], 2 if W.size > SHARED_PRODUCT else 1)]
        self.workers.map(weights, tasks)

    def _bench(self, rows: int) -> _Bench:
        if rows not in self._benches:
            dtype = self.model.parameters.flat.dtype
            widths = [self.model.parameters["W_0"].shape[0], *(block.units for block in self.model.blocks)]
            signals = Signals(
                pre=[np.zeros((rows, width), dtype) for width in widths[:-1]],
                post=[np.zeros((rows, width), dtype) for width in widths[1:]],
                prediction=np.zeros((rows, widths[-1]), dtype),
                codes=np.zeros(rows, np.int8),
                scale=1.0 / rows,
            )
            blocks = row_blocks(rows)
            systems = [self.model.system(part.stop - part.start) for part in blocks]
            gradient = self.model.parameters.gradient()
            self._benches[rows] = _Bench(signals, blocks, systems, np.zeros(rows), gradient)
        return self._benches[rows]
