"""A relaxation that is brought to rounding: the solver of a scenario first, Newton's method from where it ended.

The first part chooses the equilibrium, as the circuit itself would; the second takes away what is left of the way.
Where the scenario's own relaxations have just been run, their ends can be noted, and the first part need not be run
again.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.newton import NewtonSolver
from neurosim.dynamics.settings import NewtonSettings
from neurosim.dynamics.solver import Recorder, Relaxation, Solver
from neurosim.dynamics.status import Status
from neurosim.physics.dynamical_system import DynamicalSystem

Array = npt.NDArray[Any]

# The tolerance is far below every other in use, and above what rounding leaves in double precision.
EQUILIBRIUM = NewtonSolver(NewtonSettings(solver="newton", tolerance=1e-12))
_IN_SINGLE_PRECISION = NewtonSolver(NewtonSettings(solver="newton", tolerance=1e-5))


@dataclass(frozen=True)
class Ends:
    """Where relaxations ended: those of each block of rows in their order; the first path of a block names it.

    Blocks may relax in several threads, each of them in one.
    """

    _of_block: dict[int, list[tuple[Array, npt.NDArray[np.int8], int]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def note(self, system: DynamicalSystem, relaxation: Relaxation) -> None:
        """Add the end of a relaxation."""
        ended = (relaxation.state.astype(np.float64), relaxation.codes.copy(), relaxation.steps)
        self._of_block[int(system.paths[0])].append(ended)

    def take(self, system: DynamicalSystem, state: Array) -> tuple[npt.NDArray[np.int8], int] | None:
        """Move `state` in place to the next end of its block; return the codes of its rows and the steps it took.

        None where nothing is left: a rule may ask for other relaxations where a solver has no time.
        """
        ends = self._of_block[int(system.paths[0])]
        if not ends or ends[0][0].size != state.size:
            return None
        end, codes, steps = ends.pop(0)
        state[:] = end
        return codes, steps


@dataclass(frozen=True)
class NotingSolver(Solver):
    """Another solver, and a note of where each of its relaxations ended.

    Parameters
    ----------
    first : Solver
        What relaxes.
    ends : Ends
        Where the notes go.
    """

    first: Solver
    ends: Ends

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the other solver."""
        return self.first.name

    @property
    def has_time(self) -> bool:  # type: ignore[override]
        """Whether the other solver moves through time."""
        return self.first.has_time

    @property
    def calculus(self) -> Literal["Ito", "Stratonovich"] | None:  # type: ignore[override]
        """How the other solver reads noise."""
        return self.first.calculus

    def relax(self, system: DynamicalSystem, state: Array, recorder: Recorder | None = None) -> Relaxation:
        """Relax `state` in place as the other solver does."""
        relaxation = self.first.relax(system, state, recorder)
        self.ends.note(system, relaxation)
        return relaxation

    def lasting(self, seconds: float) -> Solver:
        """Return the other solver for runs of a fixed length; no equilibrium is polished after them."""
        return self.first.lasting(seconds)


@dataclass(frozen=True)
class PolishedSolver(Solver):
    """Another solver, and Newton's method after it.

    Parameters
    ----------
    first : Solver
        The solver that chooses the equilibrium.
    ends : Ends, optional
        Where that solver ended in the same relaxations of the same circuit; it is not run again.
    """

    first: Solver
    ends: Ends | None = None
    name = "polished"
    has_time = False

    def relax(self, system: DynamicalSystem, state: Array, recorder: Recorder | None = None) -> Relaxation:
        """Relax `state` in place to an equilibrium; a row that had diverged before stays diverged."""
        noted = None if self.ends is None else self.ends.take(system, state)
        if noted is None:
            before = self.first.relax(system, state)
            noted = before.codes, before.steps
        newton = EQUILIBRIUM if system.dtype == np.float64 else _IN_SINGLE_PRECISION
        after = newton.relax(system, state, recorder)
        codes = after.codes.copy()
        codes[noted[0] == Status.DIVERGED.code] = Status.DIVERGED.code
        return Relaxation(state, codes, after.rates, noted[1] + after.steps, after.time)


def settling(solver: Solver) -> Solver:
    """Return a solver that ends at equilibria of silent systems: `solver` itself, or polished where it does not."""
    return solver if solver.calculus is None else PolishedSolver(solver)
