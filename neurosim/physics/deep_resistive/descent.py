"""Gradient descent of a deep resistive network on many batches in one call: relax, read, follow, in one kernel.

    free phase     sweeps from 0 V;     nudged phases   as many sweeps each from the free state, with +beta and -beta
    e_j = -(v_j(+beta) - v_j(-beta)) / (2 beta B),   m_j = (v_j(+beta) + v_j(-beta)) / 2,   q_j = sum over B of m_j e_j
    G_0[i, j] <- clip(G_0[i, j] - rate (sum over B of x_i e_j - q_j)),    x and -x at the two sources of an input
    G_k[i, j] <- clip(G_k[i, j] - rate (sum over B of m_i e_j + e_i m_j - q_i - q_j)),    b_j <- b_j - rate sum e_j

The same numbers as symmetric equilibrium propagation batch by batch, to rounding. A batch of B samples costs one pass
over G_0: update, clip, the sums of the conductances that the next relaxation divides by, and its drive. Sources that
are at 0 V in the whole batch have no product, only q_j.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.deep_resistive import descent_kernels as at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurosim.physics.deep_resistive.network import DeepResistiveNetwork

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Descended:
    """What came of many batches.

    Parameters
    ----------
    batches : int
        Batches that the conductances have followed; what came behind them was not shown, but for the one that could
        not be followed.
    prediction : ndarray, shape (rows, outputs)
        Free voltages of the outputs before the update of their batch, in V.
    left : ndarray of float64, shape (rows,)
        Largest RMS change of the last sweep of a phase, in V.
    """

    batches: int
    prediction: Array
    left: npt.NDArray[np.float64]


class Descent:
    """Plain gradient descent by symmetric equilibrium propagation, many batches at once.

    Parameters
    ----------
    model : DeepResistiveNetwork
        The circuit.
    beta : float
        Nudging strength, in S.
    sweeps : int
        Sweeps of every phase, from the first layer to the last.
    batch : int
        Samples per batch.
    limit : float
        RMS change of the last sweep of a phase beyond which a sample has diverged, in V.
    """

    def __init__(self, model: DeepResistiveNetwork, beta: float, sweeps: int, batch: int, limit: float) -> None:
        self.model, self.beta, self.limit = model, beta, limit
        dtype = model.p.dtype
        self.table, size = _table(model, sweeps, batch)
        self.work = np.zeros(size, dtype)
        self.upward = np.zeros(sum(G.size for G in model.conductance_arrays[1:]), dtype)

    def learn(self, inputs: Array, targets: Array, rates: Mapping[str, float]) -> Descended:
        """Let the conductances follow one batch after the other, until one cannot be followed.

        Parameters
        ----------
        inputs, targets : ndarray, shapes (rows, inputs) and (rows, outputs)
            Samples, batch behind batch; the last batch may be smaller.
        rates : mapping of str to float
            Learning rate of every parameter block.
        """
        model, dtype, rows = self.model, self.model.p.dtype, len(inputs)
        low, high = model.settings.bounds
        names = [block.name for block in model.parameters.blocks]
        head = (model.settings.input_gain, self.beta, low, np.inf if high is None else high, self.limit)
        numbers = np.array([*head, *(rates[name] for name in names)], dtype)
        prediction, left = np.zeros((rows, model.outputs), dtype), np.full(rows, np.inf)
        self.table[at.ROWS] = rows
        blocks = list(zip(model.conductance_arrays[1:], self._upward_blocks(), strict=True))
        for G, transposed in blocks:
            transposed[:] = G.T
        flat = (np.ascontiguousarray(values, dtype).ravel() for values in (inputs, targets))
        followed = at.descend[dtype](
            *flat, model.parameters.flat, self.upward, self.work, self.table, numbers, prediction.ravel(), left
        )
        for G, transposed in blocks:
            G[:] = transposed.T
        model.parameters_changed()
        model.writes += followed - 1
        return Descended(followed, prediction, left)

    def _upward_blocks(self) -> list[Array]:
        """Return G_1^T, G_2^T, ... in the memory that the kernel works on."""
        shapes = [G.T.shape for G in self.model.conductance_arrays[1:]]
        ends = np.cumsum([0, *(a * b for a, b in shapes)])
        return [self.upward[i:j].reshape(s) for i, j, s in zip(ends[:-1], ends[1:], shapes, strict=True)]


def _table(model: DeepResistiveNetwork, sweeps: int, batch: int) -> tuple[npt.NDArray[np.int64], int]:
    """Return `table` of the kernels, and the size of `work`."""
    layers, units = model.layers, sum(model.layers[1:])
    n, last = layers[1], len(layers) - 1
    rooms = {
        at.SUMS: units, at.DRIVE: batch * n, at.STATES: at.PHASES * batch * units,
        at.SCALED: batch * n, at.PULL: n, at.TERMS: units, at.CURRENT: max(layers[1:]), at.SPREAD: n,
    }  # fmt: skip
    head = np.zeros(at.HEAD, np.int64)
    head[[at.BATCH, at.SWEEPS, at.LAYERS, at.INPUTS]] = batch, sweeps, last, layers[0]
    size = 0
    for entry, room in rooms.items():
        head[entry], size = size, size + room
    entries, place, up = [], 0, 0
    for k in range(1, last + 1):
        entries += [layers[k], place, model.parameters.offsets[f"b_{k}"], up]
        place += layers[k]
        up += layers[k] * layers[k + 1] if k < last else 0
    return np.array([*head, *entries], np.int64), size
