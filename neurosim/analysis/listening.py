"""What a recurrent circuit does on the first test sequences, step by step: /sequence and /decorrelation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.analysis.signal_results import write_decorrelation, write_sequence
from neurosim.datasets.sequences import SequenceDataset
from neurosim.learning.sequences.copies import answering
from neurosim.physics.recurrent.network import RecurrentNetwork
from neurosim.results.sink import ResultSink

Array = npt.NDArray[Any]

SHOWN_STEPS = 500
"""Steps that are recorded at most."""
SHOWN_SEQUENCES = 3
"""Sequences in /sequence where each starts anew; of sequences that continue each other, all that were recorded."""


@dataclass(frozen=True)
class Recording:
    """One run of a circuit through test sequences, one after the other.

    Parameters
    ----------
    target, output : ndarray, shape (steps, outputs)
        As the circuit sees them: scaled where the data set is.
    state : ndarray, shape (steps, units)
        Hidden activity z.
    counted : ndarray of bool, shape (steps,)
        Steps whose loss counts.
    starts : ndarray of int64
        Steps before which the state was set to zero, increasing from 0.
    """

    target: Array
    output: Array
    state: Array
    counted: npt.NDArray[np.bool_]
    starts: npt.NDArray[np.int64]

    @property
    def finite(self) -> bool:
        """Whether all outputs and states are, and the sums of their squares."""
        with np.errstate(over="ignore", invalid="ignore"):
            return bool(np.isfinite([np.vdot(values, values) for values in (self.output, self.state)]).all())


def record(
    network: RecurrentNetwork, dataset: SequenceDataset, decorrelated: bool, shown: int = SHOWN_STEPS
) -> Recording:
    """Return the first test sequences as the network answers them, without noise.

    As many whole sequences as `shown` steps hold; of a sequence that is longer, its first `shown` steps. The state goes
    on from one to the next where the data set says so, and is zero at the start of every other.

    Parameters
    ----------
    network : RecurrentNetwork
        The circuit; not changed.
    dataset : SequenceDataset
        The signals.
    decorrelated : bool
        Whether its D acts.
    shown : int
        Steps at most.
    """
    length = min(dataset.steps, shown)
    sequences = min(dataset.count("test"), max(1, shown // dataset.steps))
    total = sequences * length
    target, output = (np.empty((total, network.outputs), network.dtype) for _ in range(2))
    state, counted = np.empty((total, network.units), network.dtype), np.empty(total, np.bool_)
    listener, starts = answering(network, 1, decorrelated), []
    for number in range(sequences):
        batch, first = dataset.batch("test", number, 1), number * length
        continues = batch.continues and number > 0
        if not continues:
            starts.append(first)
        listener.present(batch.inputs, batch.targets, batch.counted, continues, 0)
        for t in range(length):
            with np.errstate(over="ignore", invalid="ignore"):  # of the loss; `finite` tells
                listener.learn(t, t + 1)
            state[first + t], output[first + t] = listener.state[0], listener.copies.o[0]
        target[first : first + length] = batch.targets[:length, 0]
        counted[first : first + length] = batch.counted[:length]
    return Recording(target, output, state, counted, np.array(starts))


def write_recordings(
    writer: ResultSink, dataset: SequenceDataset, trained: Recording, untrained: Recording | None
) -> None:
    """Write /sequence in the units of the targets, and /decorrelation where there is an untrained network.

    Independent sequences of a signal without memory fill a picture after a few, but correlations are read more exactly
    from many: /sequence has the first three, /decorrelation all that were recorded.

    Parameters
    ----------
    writer : ResultSink
        Where to.
    dataset : SequenceDataset
        Where the sequences come from; it knows how its targets were scaled.
    trained : Recording
        After training.
    untrained : Recording, optional
        Of the same sequences, before training; given where D was trained.
    """
    scale, offset = np.array(dataset.target_scale), np.array(dataset.target_offset)
    more = len(trained.starts) > SHOWN_SEQUENCES
    steps = int(trained.starts[SHOWN_SEQUENCES]) if more else len(trained.state)
    write_sequence(
        writer,
        np.arange(steps),
        trained.target[:steps] * scale + offset,
        trained.output[:steps] * scale + offset,
        trained.state[:steps],
        trained.counted[:steps],
        dataset.target_names,
        dataset.target_unit,
    )
    if untrained is not None:
        write_decorrelation(writer, untrained.state, trained.state)
