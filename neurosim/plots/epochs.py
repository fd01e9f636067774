"""What is drawn over epochs: the axis, and the choice between a linear and a logarithmic scale."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from neurosim.errors import SimulationError

Array = npt.NDArray[Any]

MARKED_EPOCHS = 40  # up to here every epoch gets a marker
LOG_FROM = 10.0  # ratio of largest to smallest value from which a logarithmic axis reads better


def train_group(file: h5py.File) -> Any:
    """Return /train.

    Raises
    ------
    SimulationError
        If the file holds no training, or none of an epoch was finished.
    """
    if "train" not in file:
        raise SimulationError("there is no learning curve; it comes from analysis train.")
    if not len(file["train/epoch"]):
        raise SimulationError("the training ended before its first epoch was finished.")
    return file["train"]


def epoch_marker(epochs: Array) -> str | None:
    """Return the marker of lines over epochs."""
    return "o" if len(epochs) <= MARKED_EPOCHS else None


def draw_epochs(axes: Axes, epochs: Array) -> None:
    """Set limits, ticks and label of the axis of epochs."""
    margin = max(0.5, 0.02 * len(epochs))
    axes.set_xlim(epochs[0] - margin, epochs[-1] + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")


def scale_values(axes: Axes, values: Array) -> None:
    """Choose the scale of the vertical axis: logarithmic where values span more than a decade, else linear from zero."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low <= 0 or high < LOG_FROM * low:
        axes.set_ylim(min(0.0, 1.08 * low), 1.08 * high or 1.0)
        return
    axes.set_yscale("log")
    axes.set_ylim(low / 1.3, high * 1.3)
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    few = high / low < 1e3
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
    if low >= 1e-3 and high <= 1e4:
        axes.yaxis.set_major_formatter(plain)
    axes.yaxis.set_minor_formatter(NullFormatter())
