"""A relaxation that is brought to rounding: the solver of a scenario first, Newton's method from where it ended.

The first part chooses the equilibrium, as the circuit itself would; the second takes away what is left of the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.newton import NewtonSolver
from neurosim.dynamics.settings import NewtonSettings
from neurosim.dynamics.solver import Recorder, Relaxation, Solver
from neurosim.dynamics.status import Status
from neurosim.physics.system import DynamicalSystem

Array = npt.NDArray[Any]

# The tolerance is far below every other in use, and above what rounding leaves in double precision.
EQUILIBRIUM = NewtonSolver(NewtonSettings(solver="newton", tolerance=1e-12))
_IN_SINGLE_PRECISION = NewtonSolver(NewtonSettings(solver="newton", tolerance=1e-5))


@dataclass(frozen=True)
class PolishedSolver(Solver):
    """Another solver, and Newton's method after it.

    Parameters
    ----------
    first : Solver
        The solver that chooses the equilibrium.
    """

    first: Solver
    name = "polished"
    has_time = False

    def relax(self, system: DynamicalSystem, state: Array, recorder: Recorder | None = None) -> Relaxation:
        """Relax `state` in place to an equilibrium; a row that had diverged before stays diverged."""
        before = self.first.relax(system, state)
        newton = EQUILIBRIUM if system.dtype == np.float64 else _IN_SINGLE_PRECISION
        after = newton.relax(system, state, recorder)
        codes = after.codes.copy()
        lost = before.codes == Status.DIVERGED.code
        codes[lost] = Status.DIVERGED.code
        return Relaxation(state, codes, after.rates, before.steps + after.steps, after.time)


def settling(solver: Solver) -> Solver:
    """Return a solver that ends at equilibria of silent systems: `solver` itself, or polished where it does not."""
    return solver if solver.calculus is None else PolishedSolver(solver)
