"""Fused plasticity: relax, read and follow many small batches in one call, where the circuit offers that.

The same numbers as `neurosim.learning.plasticity.PerBatch` with symmetric equilibrium propagation, a fixed number of
sweeps and plain gradient descent, to rounding. With a few samples per batch, nearly all of the time there goes into
calls, and here into arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.solver import DIVERGED_RATE
from neurosim.dynamics.status import Status, judge
from neurosim.learning.learner import BatchOutcome, Paths
from neurosim.learning.settings import Sgd
from neurosim.physics.model import PhysicalModel

Array = npt.NDArray[Any]

PHASES = 3


class Fused:
    """Conductances change after every batch, many batches in one call of the circuit.

    Parameters
    ----------
    model : PhysicalModel
        A circuit that offers `descent`.
    beta : float
        Nudging strength.
    sweeps : int
        Sweeps of every phase.
    chosen : Sgd
        Rates and their decay per epoch.
    batch : int
        Samples per batch.

    Raises
    ------
    SimulationError
        If the circuit learns batch by batch only.
    """

    at_once = 64  # a fraction of a second, so that a run can be stopped soon, and a call costs next to nothing

    def __init__(self, model: PhysicalModel, beta: float, sweeps: int, chosen: Sgd, batch: int) -> None:
        self.model, self.sweeps, self.chosen, self.batch = model, sweeps, chosen, batch
        self.descent = model.descent(beta, sweeps, batch, DIVERGED_RATE)
        self.steps = 0
        self.memory: Mapping[str, Array] = {}

    def adapt(self, inputs: Array, targets: Array, epoch: int, paths: Paths = None) -> BatchOutcome:
        """Follow one batch after the other; the outcome is that of all, or of the first that is not usable."""
        decay = self.chosen.decay**epoch
        rates = {block.name: self.chosen.rate_of(block.name) * decay for block in self.model.parameters.trained_blocks}
        done = self.descent.learn(inputs, targets, rates)
        self.steps += done.batches
        usable = done.batches * self.batch >= len(inputs)
        rows = slice(None) if usable else slice(done.batches * self.batch, (done.batches + 1) * self.batch)
        prediction = done.prediction[rows]
        with np.errstate(over="ignore", invalid="ignore"):  # what diverged says so in its status
            losses = self.model.cost(prediction, targets[rows])
        codes = judge(done.left[rows], None, DIVERGED_RATE, Status.FINISHED)
        return BatchOutcome(usable, prediction, losses, codes, float(PHASES * self.sweeps))
