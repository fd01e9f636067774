"""Equilibria close to one that is known: Newton's method with the Jacobian of that one, found once.

    y <- y - J(y_0)^{-1} f(y)

With parameters that differ by eps each step takes a factor of eps off the error, for the price of one rate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.dense import from_rows, jacobian_matrices, to_rows
from neurosim.dynamics.linear import DENSE_UNTIL
from neurosim.dynamics.polished import EQUILIBRIUM
from neurosim.dynamics.rates import rms_rates
from neurosim.physics.model import System

Array = npt.NDArray[Any]

STEPS = 8


class NearbyEquilibria:
    """Finds the equilibrium of a system again after a small change of its parameters.

    Parameters
    ----------
    system : System
        The circuit with its batch.
    state : ndarray, shape (size,)
        Its equilibrium before the change.
    """

    def __init__(self, system: System, state: Array) -> None:
        self.system = system
        self.state = state
        dense = state.size // system.rows <= DENSE_UNTIL
        self._inverses = _inverses(system, state) if dense else None

    def find(self) -> Array:
        """Return the equilibrium for the parameters as they are now, shape (size,).

        Where the known Jacobian does not lead there in a few steps, Newton's method with its own does.
        """
        state, tolerance, inverses = self.state.copy(), EQUILIBRIUM.settings.tolerance, self._inverses
        assert tolerance is not None
        if inverses is not None:
            for _ in range(STEPS):
                f = self.system.rate(state)
                if rms_rates(self.system, f).max() <= tolerance:
                    return state
                state -= from_rows(self.system, np.einsum("rij,rj->ri", inverses, to_rows(self.system, f)))
        EQUILIBRIUM.relax(self.system, state)
        return state


def _inverses(system: System, state: Array) -> Array | None:
    """Return J^{-1} of every row, or None if one of them does not exist."""
    try:
        return np.asarray(np.linalg.inv(jacobian_matrices(system, state)))
    except np.linalg.LinAlgError:
        return None
