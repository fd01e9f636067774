"""How circuits that are driven by signals go into the result file: trajectories, and correlations of activity.

Each function writes one group, which one or two plots read:

    /sequence       time; channel; unit; target[time, channel], output[time, channel], counted[time], state[time, unit]
    /decorrelation  stage (before, after); unit, other_unit; correlation[stage, unit, other_unit], variance[stage, unit]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.results.sink import ResultSink

Array = npt.NDArray[Any]

STAGES = ("before", "after")


def write_sequence(
    writer: ResultSink,
    time: Array,
    target: Array,
    output: Array,
    state: Array,
    counted: Array,
    channels: Sequence[str],
    units: str = "1",
    time_units: str = "1",
) -> None:
    """Write /sequence: one run of the circuit through a stretch of signals.

    Parameters
    ----------
    writer : ResultSink
        Where to.
    time : ndarray, shape (steps,)
        Steps since the start (`time_units` ``"1"``) or seconds (``"s"``); increasing.
    target, output : ndarray, shape (steps, channels)
        What the outputs should be and what they are, in `units`: scaled back where the data set was scaled.
    state : ndarray, shape (steps, units)
        Hidden activity, dimensionless.
    counted : ndarray of bool, shape (steps,)
        Steps whose loss counts.
    channels : sequence of str
        Names of the targets.
    units, time_units : str
        Of targets and of time.
    """
    group = "sequence"
    what = "step" if time_units == "1" else "time"
    writer.dimension(group, "time", time, f"{what} since the start of the sequence", time_units)
    writer.dimension(group, "channel", list(channels), "target")
    writer.dimension(group, "unit", np.arange(state.shape[1]), "hidden unit")
    writer.variable(group, "target", ("time", "channel"), target, "what the outputs should be", units)
    writer.variable(group, "output", ("time", "channel"), output, "outputs", units)
    writer.variable(group, "counted", ("time",), counted.astype(np.int8), "1 where the loss counts", "1")
    writer.variable(group, "state", ("time", "unit"), state, "hidden activity", "1")


def write_decorrelation(writer: ResultSink, before: Array, after: Array) -> None:
    """Write /decorrelation: correlation of activity before and after, from the activity itself.

    Parameters
    ----------
    writer : ResultSink
        Where to.
    before, after : ndarray, shape (steps, units)
        Activity of the same units on the same inputs, before decorrelation was learnt and after; at least two steps. A
        unit that does not move has no correlation: NaN.
    """
    group, count = "decorrelation", before.shape[1]
    activity = np.stack([before, after]).astype(np.float64)
    centred = activity - activity.mean(axis=1, keepdims=True)
    covariance = np.einsum("sti,stj->sij", centred, centred) / activity.shape[1]
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    deviation = np.sqrt(np.where(variance > 0, variance, np.nan))
    correlation = covariance / (deviation[:, :, None] * deviation[:, None, :])
    writer.dimension(group, "stage", list(STAGES), "before or after decorrelation was learnt")
    for name in ("unit", "other_unit"):
        writer.dimension(group, name, np.arange(count), "hidden unit")
    writer.variable(
        group, "correlation", ("stage", "unit", "other_unit"), correlation, "correlation of activities over steps", "1"
    )
    writer.variable(group, "variance", ("stage", "unit"), variance, "variance of activity over steps", "1")
