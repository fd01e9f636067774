"""Equilibria close to one that is known: Newton's method with the Jacobian of that one, found once.

    y <- y - J(y_0)^{-1} f(y)

With parameters that differ by eps each step takes a factor of eps off the error, for the price of one rate.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from neurosim.dynamics.linear import InverseJacobian
from neurosim.dynamics.polished import EQUILIBRIUM
from neurosim.dynamics.rates import rms_rates
from neurosim.physics.system import System

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
    inverse : InverseJacobian
        Of the Jacobian at that equilibrium, found before the change.
    """

    def __init__(self, system: System, state: Array, inverse: InverseJacobian) -> None:
        self.system = system
        self.state = state
        self.inverse = inverse

    def find(self) -> Array:
        """Return the equilibrium for the parameters as they are now, shape (size,).

        Where the known Jacobian does not lead there in a few steps, or was not factorised, Newton's method with its
        own does.
        """
        state, tolerance = self.state.copy(), EQUILIBRIUM.settings.tolerance
        assert tolerance is not None
        if self.inverse.dense:
            for _ in range(STEPS):
                f = self.system.rate(state)
                if rms_rates(self.system, f).max() <= tolerance:
                    return state
                state -= self.inverse.times(f)
        EQUILIBRIUM.relax(self.system, state)
        return state
