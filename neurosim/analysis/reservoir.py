"""The untrained network as a reservoir: how far a linear readout of its states gets without any recurrent learning."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from neurosim.datasets.sequences import Part, SequenceDataset
from neurosim.learning.exact.ridge import RidgeReadout, readout_error
from neurosim.learning.exact.through_time import states
from neurosim.physics.recurrent.network import RecurrentNetwork


def ridge_loss(network: RecurrentNetwork, dataset: SequenceDataset, rows: int) -> float:
    """Return the test loss of a readout fitted by ridge regression to the states on one epoch of training sequences.

    Parameters
    ----------
    network : RecurrentNetwork
        As it was drawn.
    dataset : SequenceDataset
        The signals.
    rows : int
        Sequences per batch.

    Raises
    ------
    SimulationError
        If the states are so nearly dependent that the penalty vanishes beside them.
    """
    ridge = RidgeReadout(network.units, network.outputs)
    for z, y in _pairs(network, dataset, "train", rows):
        ridge.add(z, y)
    weights = ridge.weights()
    return float(np.mean([readout_error(weights, z, y) for z, y in _pairs(network, dataset, "test", rows)]))


def _pairs(
    network: RecurrentNetwork, dataset: SequenceDataset, part: Part, rows: int
) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Yield states and targets of the steps that count, shapes (n, N) and (n, outputs), batch by batch."""
    rows = min(rows, dataset.count(part))
    state = np.zeros((rows, network.units))
    for number in range(dataset.count(part) // rows):
        batch = dataset.batch(part, number, rows)
        if not batch.continues or number == 0:
            state = np.zeros((rows, network.units))
        z = states(network, batch.inputs, state)
        state = z[-1]
        y = batch.targets[batch.counted].astype(np.float64)
        yield z[batch.counted].reshape(-1, network.units), y.reshape(-1, network.outputs)
