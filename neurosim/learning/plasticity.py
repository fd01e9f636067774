"""How conductances follow what a batch teaches: after it (`PerBatch`), or while it is shown (`Continuous`).

per batch    relax, read every synapse once, and let an optimizer change the conductances; then the next batch
fused        the same for many small batches in one call (`neurosim.learning.fused`)
continuous   d theta/dt = -rate (product + weight_decay theta) beside d s/dt, without phases and without a rest
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.solver import Solver
from neurosim.learning.learner import BatchOutcome, Learner, Paths, diverged
from neurosim.learning.optimizers import Optimizer
from neurosim.learning.rule import AlwaysOn
from neurosim.learning.settings import Sgd
from neurosim.physics.model import PhysicalModel
from neurosim.physics.plastic import PlasticSystem

Array = npt.NDArray[Any]


class Plasticity(Protocol):
    """Lets the conductances of a circuit follow one batch after the other.

    Attributes
    ----------
    steps : int
        Batches followed.
    at_once : int
        How many batches, one behind the other, `adapt` may be given in one call.
    """

    steps: int
    at_once: int

    @property
    def memory(self) -> Mapping[str, Array]:
        """What it carries from batch to batch beside the conductances, by name; goes into checkpoints."""

    def adapt(self, inputs: Array, targets: Array, epoch: int, paths: Paths = None) -> BatchOutcome:
        """Let the conductances follow what a batch teaches; they stay as they are if it is not `usable`.

        `paths` are those of the noise that the samples see. Where there are several batches, the outcome is that of all
        of them, or that of the first that is not usable, behind which nothing was shown.
        """


class PerBatch:
    """Conductances change after every batch, by an optimizer.

    Parameters
    ----------
    learner : Learner
        Relaxes batches and forms the products.
    optimizer : Optimizer
        Follows them.
    """

    at_once = 1

    def __init__(self, learner: Learner, optimizer: Optimizer) -> None:
        self.learner = learner
        self.optimizer = optimizer

    @property
    def steps(self) -> int:
        """Steps of the optimizer."""
        return self.optimizer.steps

    @steps.setter
    def steps(self, steps: int) -> None:
        """Take up the count of a checkpoint."""
        self.optimizer.steps = steps

    @property
    def memory(self) -> Mapping[str, Array]:
        """Memory of the optimizer."""
        return self.optimizer.memory

    def adapt(self, inputs: Array, targets: Array, epoch: int, paths: Paths = None) -> BatchOutcome:
        """Relax the batch and take a step of the optimizer."""
        return self.learner.adapt(inputs, targets, self.optimizer, epoch, paths)


class Continuous:
    """Conductances change all the time, as a part of the differential equation of the circuit.

    A batch is shown to as many circuits as it has rows; they share their conductances, and each of them goes on from
    the state in which the batch before has left it. If a batch is smaller, the last circuits wait. At the very start
    all compartments are zero.

    A change of less than half a unit in the last place of a conductance is lost; where rate times step is so small
    that this matters, float32 is too short.

    Parameters
    ----------
    model : PhysicalModel
        The circuit.
    solver : Solver
        An ODE solver that ends when the batch is taken away.
    standing : AlwaysOn
        The nudge, and what synapses read.
    chosen : Sgd
        Rate per second, its decay per epoch, weight decay.
    rows : int
        Rows of the largest batch.
    """

    at_once = 1

    def __init__(self, model: PhysicalModel, solver: Solver, standing: AlwaysOn, chosen: Sgd, rows: int) -> None:
        self.model = model
        self.solver = solver
        self.standing = standing
        self.chosen = chosen
        self.steps = 0
        self._systems: dict[int, PlasticSystem] = {}
        everybody = model.system(rows)
        compartments = everybody.rest()
        self._kept = everybody.views(compartments)
        self.memory: Mapping[str, Array] = {"compartments": compartments}

    def adapt(self, inputs: Array, targets: Array, epoch: int, paths: Paths = None) -> BatchOutcome:
        """Show a batch until the solver ends; afterwards the circuit has the conductances of that moment.

        The outcome is that of the last moment: its prediction has already learnt from the batch.
        """
        rows = len(inputs)
        system = self._system(rows)
        system.paths = np.arange(rows) if paths is None else paths
        system.present(inputs, targets)
        system.nudge(self.standing.nudge)
        system.learn_at(self.chosen.rate * self.chosen.decay**epoch, self.chosen.weight_decay)
        state = system.rest()
        compartments = system.views(state)
        for mine, kept in zip(compartments, self._kept, strict=True):
            mine[:] = kept[:, :rows]
        relaxation = self.solver.relax(system, state)
        theta = system.conductances(state)
        usable = not diverged(relaxation.codes) and bool(np.isfinite(theta).all())
        prediction = system.prediction(state)
        with np.errstate(over="ignore", invalid="ignore"):  # what diverged says so in its status
            losses = self.model.cost(prediction, targets)
        if usable:
            for mine, kept in zip(compartments, self._kept, strict=True):
                kept[:, :rows] = mine
            self.model.parameters.trained[:] = theta
            self.model.parameters_changed()
            self.steps += 1
        return BatchOutcome(usable, prediction, losses, relaxation.codes, float(relaxation.steps))

    def _system(self, rows: int) -> PlasticSystem:
        if rows not in self._systems:
            self._systems[rows] = self.model.plastic_system(rows, self.standing.source, self.standing.error)
        return self._systems[rows]
