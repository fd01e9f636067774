"""The adjoint of a network of point neurons at an equilibrium: a linear circuit that relaxes to its error signals.

With D = f' at the equilibrium and g the slope of the cost at the outputs, zero elsewhere:

    tau dv_k/dt = -v_k + D_k (W_k v_{k+1} + B_{k-1} v_{k-1} + g_k)                          membrane coordinates
    tau dv_k/dt = -v_k + W_k D_{k+1} v_{k+1} + B_{k-1} D_{k-1} v_{k-1} + g_k                activity coordinates

that is tau dv/dt = tau J^T v + dC/d(state): every conductance works against its direction. Once settled, dC/d(current)
is v in membrane coordinates and D v in activity coordinates. Sources: L. Almeida, ICNN 1987; F. Pineda, Phys. Rev.
Lett. 59 (1987) 2229.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.jit import block, drift_signature, kernel, model_entries
from neurosim.physics.dynamical_system import block_table
from neurosim.physics.layered.response import copy
from neurosim.physics.layered.sweeps import layer_order
from neurosim.physics.linearisation import TransposedJacobian
from neurosim.physics.signal import Signal
from neurosim.physics.system import AdjointSystem

if TYPE_CHECKING:
    from neurosim.physics.layered.system import LayeredSystem

Array = npt.NDArray[Any]

MEMBRANE, CONDUCTANCES = 0, 1  # entries of `layout` after the block table; then offsets of W_k and B_k, k = 1..L-1


@kernel(drift_signature)
def adjoint_drift(t: float, y: Any, model: Any, out: Any) -> None:
    """Write dv/dt of every unit, in 1/s, for all rows (see the module for the equation)."""
    p, layout, u, work = model
    rows, count = layout[0], layout[1]
    at = model_entries(layout)
    membrane = layout[at + MEMBRANE] == 1
    slopes, source = u[: y.size], u[y.size :]
    sent, scratch = work[: y.size], work[y.size :]
    if not membrane:
        for i in range(y.size):
            sent[i] = slopes[i] * y[i]
    s = y if membrane else sent

    for k in range(count):
        lo, _, n = block(layout, k)
        size, top = rows * n, k == count - 1
        rate, lam = out[lo : lo + size], p[k]
        if top:
            copy(source, rate)
        else:
            above, _, m = block(layout, k + 1)
            W_at = layout[at + CONDUCTANCES + 2 * k]
            W = p[W_at : W_at + n * m].reshape(n, m)
            np.dot(s[above : above + rows * m].reshape(rows, m), W.T, rate.reshape(rows, n))
        if k > 0:
            below, _, m = block(layout, k - 1)
            B_at = layout[at + CONDUCTANCES + 2 * k - 1]
            B = p[B_at : B_at + n * m].reshape(n, m)
            np.dot(s[below : below + rows * m].reshape(rows, m), B.T, scratch[:size].reshape(rows, n))
            for i in range(size):
                rate[i] += scratch[i]
        if membrane:
            for i in range(size):
                rate[i] = lam * (slopes[lo + i] * rate[i] - y[lo + i])
        else:
            for i in range(size):
                rate[i] = lam * (rate[i] - y[lo + i])


class AdjointNetwork(AdjointSystem):
    """The adjoint of a network of point neurons, with the rows of the network.

    Parameters
    ----------
    network : LayeredSystem
        The network with its batch; its conductances and samples stay as they are while the adjoint is in use.
    state : ndarray, shape (size,)
        Its settled free state.

    Raises
    ------
    SimulationError
        If its neurons have compartments, or damping.
    """

    drift = adjoint_drift

    def __init__(self, network: LayeredSystem, state: Array) -> None:
        model = network.model
        if model.compartments.count > 1 or model.compartments.damped:
            raise SimulationError(
                "the adjoint circuit is for point neurons; dyads have back-propagation in closed form"
            )
        self.network, self.equilibrium = network, state
        self.model, self.blocks, self.rows, self.p = model, model.blocks, network.rows, network.p
        last, offsets = len(self.blocks), model.parameters.offsets
        conductances = [model.header.size + offsets[f"{kind}_{k}"] for k in range(1, last) for kind in "WB"]
        table = [*block_table(self.blocks, self.rows), int(network.membrane), *conductances]
        self.layout = np.array(table, np.int64)
        linear = network.linearise(state)
        # In membrane coordinates the slopes multiply all that a unit feels, and so stand outside dC/ds too.
        gradient = model.output_cost.gradient(linear.activity[-1][0], network.targets)
        self.u = np.concatenate([*(D.ravel() for D in linear.slopes), gradient.ravel()])
        self.work = np.zeros(state.size + self.rows * max(block.units for block in self.blocks), self.dtype)

    @property
    def free(self) -> bool:
        """The cost drives it, and nothing nudges it."""
        return True

    def take(self, rows: Sequence[int]) -> AdjointNetwork:
        """Return the adjoint of the network with the given rows."""
        return AdjointNetwork(self.network.take(rows), self.network.take_state(self.equilibrium, rows))

    def linearise(self, state: Array) -> TransposedJacobian:
        """Return J^T, J that of the network at its equilibrium: the same everywhere, and so is tau in all layers."""
        return TransposedJacobian(self, self.network.linearise(self.equilibrium))

    def sweep(self, state: Array, order: str, first: bool) -> Array:
        """Let every layer jump to its equilibrium, in the order that has the spectrum of the network's sweep."""
        layers, slopes = [view[0] for view in self.views(state)], [view[0] for view in self.views(self.u[: state.size])]
        parameters, last = self.model.conductances, len(layers)
        changes = np.zeros(self.rows)
        for k in reversed(layer_order(order, first, last)):
            new = np.zeros_like(layers[k - 1]) if k < last else self.u[state.size :].reshape(self.rows, -1).copy()
            for other, matrix in ((k + 1, f"W_{k}"), (k - 1, f"B_{k - 1}")):
                if 1 <= other <= last:
                    v = layers[other - 1]
                    new += (v if self.network.membrane else slopes[other - 1] * v) @ parameters[matrix].T
            if self.network.membrane:
                new *= slopes[k - 1]
            changes += np.sum((new - layers[k - 1]) ** 2, axis=1)
            layers[k - 1][:] = new
        return np.asarray(np.sqrt(changes * (self.rows / state.size)))

    def read_errors(self, state: Array, out: Signal) -> None:
        """Write dC/d(current) of every unit into `out`: v, or D v in activity coordinates."""
        slopes = self.views(self.u[: state.size])
        for k, (v, D) in enumerate(zip(self.views(state), slopes, strict=True)):
            out.block(k)[:] = v[0] if self.network.membrane else D[0] * v[0]
