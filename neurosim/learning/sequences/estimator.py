"""What forms the update of a rule from a batch of sequences, for any range of their steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.recurrent.network import RecurrentNetwork

Array = npt.NDArray[Any]


class Estimator(ABC):
    """Takes a network through sequences and estimates the gradient of its loss.

    Parameters
    ----------
    network : RecurrentNetwork
        The circuit; read anew at every call, never changed but for its decorrelation D.
    rows : int
        Sequences in a batch.

    Attributes
    ----------
    gradient : Parameters
        Of the last `learn`.
    """

    def __init__(self, network: RecurrentNetwork, rows: int) -> None:
        self.network, self.rows = network, rows
        self.gradient = network.parameters.gradient()
        self.losses = np.zeros(rows)
        self.path = 0

    def present(
        self, inputs: Array, targets: Array, counted: npt.NDArray[np.bool_], continues: bool, path: int
    ) -> None:
        """Take up a batch; the state goes on if it `continues`, and is zero otherwise.

        Parameters
        ----------
        inputs, targets : ndarray, shapes (steps, rows, inputs) and (steps, rows, outputs)
            The sequences.
        counted : ndarray of bool, shape (steps,)
            Steps whose loss counts.
        continues : bool
            Whether the batch goes on where the one before ended.
        path : int
            Path of the noise of the first row; the others follow.
        """
        dtype = self.network.dtype
        self.inputs, self.targets = (np.ascontiguousarray(values, dtype) for values in (inputs, targets))
        self.counted = counted.astype(np.float64)
        self.path = path
        self.losses = np.zeros(self.rows)
        if not continues:
            self.state[:] = 0.0
        self.begin()

    @property
    @abstractmethod
    def state(self) -> Array:
        """What is carried over from batch to batch."""

    @abstractmethod
    def begin(self) -> None:
        """Get ready for a new batch."""

    @abstractmethod
    def learn(self, first: int, last: int) -> None:
        """Go through steps `first` to `last`; `gradient` is the sum over them, mean over the rows; `losses` grow."""

    @property
    def mean_losses(self) -> npt.NDArray[np.float64]:
        """Mean squared error of every row over the steps that count, shape (rows,)."""
        return np.asarray(self.losses / self.counted.sum())

    def masked(self) -> None:
        """Take connections that do not exist out of the gradient."""
        if self.network.mask is not None:
            self.gradient["R"][~self.network.mask] = 0.0
