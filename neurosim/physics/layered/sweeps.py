"""Closed-form layer sweeps: each layer jumps to the equilibrium that the newest states of its neighbours imply.

    a_k = W_{k-1} sum_c p_c s_{k-1,c} + b_k,       F_k = B_k sum_c q_c s_{k+1,c}
    s_{k,c} <- f(a_k + gain_c F_k),                s_{L,c} <- f(a_L - gain_c beta dC/ds)
    proximal nudge, squared error:                 s_{L,c} <- (a_L + gain_c beta y) / (1 + gain_c beta)
    point neurons, where that does not apply:      s_L     <- f(a_L - beta dC/ds_L) with s_L of the sweep before

A current is computed anew only if the layer it comes from has changed since, so a forward pass and one backward sweep
need exactly the matrix products of back-propagation. Orders: see `layer_order`, after Hoier and Zach (2024).

A whole pass is one call of a kernel, so that threads which sweep different rows never wait for each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.physics.layered import layout as at
from neurosim.physics.layered.sweep_kernels import CHUNK, adopt_state, pass_forward, visit_layers

if TYPE_CHECKING:
    from neurosim.physics.layered.system import LayeredSystem

Array = npt.NDArray[Any]


def layer_order(order: str, first: bool, last: int) -> list[int]:
    """Return the layers in the order in which a sweep visits them.

    Parameters
    ----------
    order : {"forward", "backward", "both"}
        First to last; last to first; or last to first once, then up from layer 2 and down again.
    first : bool
        Whether this is the first sweep.
    last : int
        Index of the output layer, L.
    """
    up, down = list(range(1, last + 1)), list(range(last, 0, -1))
    if order == "forward":
        return up
    if order == "backward" or first or last == 1:
        return down
    return up[1:] + down[1:]


class LayerSweeps:
    """Closed-form updates of one system, with the currents that are still valid.

    Parameters
    ----------
    system : LayeredSystem
        The network with its batch.
    """

    def __init__(self, system: LayeredSystem) -> None:
        planes = system.model.compartments.count
        chunk = planes * max(CHUNK, *(block.units for block in system.blocks))
        self.system = system
        self.memory = np.zeros(4 * (system.size // planes) + chunk, system.dtype)
        self.fresh = np.zeros(2 * len(system.blocks), np.int64)
        self._of: Array | None = None  # the state that the memory belongs to

    def forget(self) -> None:
        """Drop every current: the inputs or the conductances have changed."""
        self._of = None

    def forward_pass(self, state: Array) -> None:
        """Write the free state, layer by layer from the inputs."""
        system = self.system
        if system.model.compartments.damped:
            system.model.synchronise()
        pass_forward[system.dtype](state, system.arrays, self.memory, self.fresh)
        self._of = state

    def sweep(self, state: Array, order: str, first: bool) -> Array:
        """Visit every layer once; return the RMS change of each row, shape (rows,).

        Raises
        ------
        SimulationError
            If the output nudge is implicit and has no closed form.
        """
        system, settings = self.system, self.system.model.settings
        # Each compartment of a dyad would need a nudge current of its own.
        implicit = system.gradient_at == at.AT_COMPARTMENT and system.model.compartments.count > 1
        if implicit and (settings.cost != "squared_error" or settings.output_activation != "identity"):
            raise SimulationError(
                "an implicit nudge has a closed form for squared_error and identity outputs only; "
                "use rule.output: linearised, or an ODE solver"
            )
        if system.model.compartments.damped:
            system.model.synchronise()
        if self._of is not state:
            adopt_state[system.dtype](state, system.arrays, self.memory, self.fresh)
            self._of = state
        visits = np.array(layer_order(order, first, len(system.blocks))) - 1
        changes = np.zeros(system.rows)
        visit_layers[system.dtype](visits, state, system.arrays, self.memory, self.fresh, changes)
        return np.sqrt(changes * (system.rows / system.size))
