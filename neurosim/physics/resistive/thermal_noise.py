"""Thermal noise of the resistors of a netlist: dy = f dt + L dW, L the lower triangular factor of a covariance.

    charge of a branch   dq = sqrt(2 k T g) dW, into one end and out of the other
    free nodes           dv = M dW,   M = C^-1 B_P diag(sqrt(2 k T g)),   L L^T = M M^T

B_P has the weights of the two ends of a branch (see `neurosim.physics.resistive.kirchhoff`). As many independent
Brownian motions drive the netlist as it has free nodes. Without amplifiers the stationary covariance is k T C^-1
whatever the conductances; sources only shift the mean. Diodes are silent.
Sources: J. B. Johnson, Physical Review 32 (1928) 97; H. Nyquist, Physical Review 32 (1928) 110.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.jit import drift_signature, kernel
from neurosim.physics.resistive.laws.table import RESISTOR
from neurosim.physics.resistive.netlist import BOLTZMANN
from neurosim.physics.state_noise import Noise
from neurosim.seeds import Purpose, noise_key

if TYPE_CHECKING:
    from neurosim.physics.resistive.system import ResistiveSystem

Array = npt.NDArray[Any]


@kernel(drift_signature)
def unit_diffusion(t: float, y: Any, model: Any, out: Any) -> None:
    """Write 1 for every state value: its increments carry their own size."""
    for i in range(y.size):
        out[i] = y.dtype.type(1.0)


def branch_matrix(system: ResistiveSystem) -> Array:
    """Return M, shape (free, resistors), in V per root second, at the conductances that act now."""
    system.model.synchronise()
    equations = system.equations
    resistors = np.flatnonzero(equations.codes == RESISTOR)
    g = system.law_numbers[equations.places[resistors]].astype(np.float64)
    charges = np.sqrt(2.0 * BOLTZMANN * system.model.settings.temperature * g)
    into_free = equations.B_P.T.tocsc()[:, resistors].toarray()
    rates = system.p[system.model.places[2] :].astype(np.float64)
    return np.asarray(rates[:, None] * into_free * charges)


def lower_factor(M: Array) -> Array:
    """Return the lower triangular L, shape (free, free), with L L^T = M M^T, its diagonal not negative.

    It is R^T of M^T = Q R, so that M M^T may be singular.
    """
    R = np.asarray(np.linalg.qr(M.T, mode="r"))
    L = np.zeros((len(M), len(M)))
    L[:, : len(R)] = (R * np.where(np.diagonal(R) < 0, -1.0, 1.0)[:, None]).T
    return L


def thermal_noise(system: ResistiveSystem) -> Noise | None:
    """Return the noise of the resistors of a netlist; None where the circuit does not ask for it."""
    if not system.model.settings.imperfections.thermal_noise:
        return None

    def mixing() -> Array:
        return lower_factor(branch_matrix(system))

    key = noise_key(system.model.seed, Purpose.STATE_NOISE)
    return Noise(unit_diffusion, system.arrays, True, 0.0, key, same_in_phases=False, mixing=mixing)
