"""The exact gradient of a recurrent network through time, in NumPy; the reference of all rules for sequences.

    lambda_t = (B^T g_t) tanh'(a_t) + (R^T lambda_{t+1}) tanh'(a_t),   g_t = dl_t/do_t = 2 (o_t - y_t) / outputs
    dL/dA = sum_t lambda_t u_t^T,   dL/dR = sum_t lambda_t z_{t-1}^T,   dL/dB = sum_t g_t z_t^T

with D = I; a fixed D enters as D^T before tanh'. Truncated to one step, the term with lambda_{t+1} is left out: what
back-propagation gives when the state is taken as constant at every step.

Source: P. Werbos, Backpropagation through time: what it does and how to do it, Proc. IEEE 78 (1990) 1550.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.learning.sequences.estimator import Estimator
from neurosim.physics.recurrent.network import RecurrentNetwork

Array = npt.NDArray[Any]


class ThroughTime(Estimator):
    """Forms the exact gradient of the steps it is given; what came before them is taken as constant.

    Parameters
    ----------
    network : RecurrentNetwork
        The circuit.
    rows : int
        Sequences in a batch.
    one_step : bool
        Whether no credit goes to earlier states.
    """

    def __init__(self, network: RecurrentNetwork, rows: int, one_step: bool) -> None:
        super().__init__(network, rows)
        self.one_step = one_step
        self._state = np.zeros((rows, network.units), network.dtype)

    @property
    def state(self) -> Array:
        """State of the network, shape (rows, N)."""
        return self._state

    def begin(self) -> None:
        """Do nothing: all is read from the batch."""

    def learn(self, first: int, last: int) -> None:
        """Run forward with all states kept, then backward; numbers that overflow are left to who follows them."""
        with np.errstate(over="ignore", invalid="ignore"):
            self._learn(first, last)

    def _learn(self, first: int, last: int) -> None:
        A, R, B, D = (self.network.parameters[name] for name in ("A", "R", "B", "D"))
        steps, units = last - first, self.network.units
        z = np.empty((steps + 1, self.rows, units), A.dtype)
        h = np.empty((steps, self.rows, units), A.dtype)
        z[0] = self._state
        drive = self.inputs[first:last] @ A.T
        for t in range(steps):
            h[t] = np.tanh(drive[t] + z[t] @ R.T)
            z[t + 1] = h[t] @ D.T
        self._state[:] = z[-1]
        error = z[1:] @ B.T - self.targets[first:last]
        counted = self.counted[first:last]
        self.losses += counted @ (error.astype(np.float64) ** 2).mean(axis=2)
        g = error * (2.0 / (self.rows * self.network.outputs) * counted.astype(A.dtype))[:, None, None]
        slope = 1.0 - h**2
        adjoint = (g @ B @ D) * slope
        if not self.one_step:
            back = R @ D
            for t in range(steps - 2, -1, -1):
                adjoint[t] += (adjoint[t + 1] @ back) * slope[t]
        for name, left, right in (("A", adjoint, self.inputs[first:last]), ("R", adjoint, z[:-1]), ("B", g, z[1:])):
            self.gradient[name][:] = left.reshape(-1, left.shape[2]).T @ right.reshape(-1, right.shape[2])
        self.masked()


def states(network: RecurrentNetwork, inputs: Array, before: Array) -> Array:
    """Return the states z of a network, shape (steps, rows, N), from the state `before` on, shape (rows, N)."""
    A, R, D = (network.parameters[name].astype(np.float64) for name in ("A", "R", "D"))
    z, found = before.astype(np.float64), []
    for u in inputs.astype(np.float64):
        z = np.tanh(u @ A.T + z @ R.T) @ D.T
        found.append(z)
    return np.array(found)
