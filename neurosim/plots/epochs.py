"""What is drawn over epochs: the axis, and the choice between a linear and a logarithmic scale."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from neurosim.errors import SimulationError
from neurosim.plots.style import GUIDE

Array = npt.NDArray[Any]

MARKED_EPOCHS = 25  # up to here every epoch gets a marker
LOG_FROM = 10.0  # ratio of largest to smallest value from which a logarithmic axis reads better
MANY_DECADES = 1e3  # ratio from which only powers of ten are numbered
SMALL, LARGE = 1e-3, 1e5  # numbers between them are written without a power of ten


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
    axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")


def scale_values(axes: Axes, values: Array) -> None:
    """Choose the vertical scale: linear from zero, or logarithmic for values over more than a decade or near zero.

    Zeros among logarithmic values get a place of their own below the smallest of them.
    """
    finite = values[np.isfinite(values)]
    positive = finite[finite > 0]
    if not positive.size or finite.min() < 0 or SMALL <= positive.max() < LOG_FROM * positive.min():
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        axes.set_ylim(min(0.0, 1.08 * low), max(0.0, 1.08 * high) or 1.0)
        return
    low, high = float(positive.min()), float(positive.max())
    if finite.min() == 0:
        axes.set_yscale("symlog", linthresh=low, linscale=0.4)
        axes.set_ylim(-0.15 * low, high * 1.3)
    else:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.3, high * 1.3)
    if high < LOG_FROM * low:
        steps: tuple[int, ...] = tuple(range(1, 10))
    else:
        steps = (1, 2, 5) if high < MANY_DECADES * low else (1,)
    ticks = [step * 10.0**k for k in range(floor(log10(low)), ceil(log10(high)) + 1) for step in steps]
    axes.yaxis.set_major_locator(
        FixedLocator([tick for tick in (0.0, *ticks) if tick >= low / 1.3 or tick == finite.min()])
    )
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _number(value)))


def _number(value: float) -> str:
    """Write 0.02 as it is and 0.00002 as a power of ten."""
    if value == 0 or SMALL <= value < LARGE:
        return f"{value:g}"
    exponent = floor(log10(value) + 1e-9)
    mantissa = round(value / 10.0**exponent)
    return rf"$10^{{{exponent}}}$" if mantissa == 1 else rf"${mantissa}\times10^{{{exponent}}}$"


def write_when(axes: Axes, when: str) -> None:
    """Write a small remark above the axes, such as when in an epoch the values were taken."""
    axes.annotate(
        when, (0.0, 1.0), xycoords="axes fraction", xytext=(0, 3), textcoords="offset points", ha="left", va="bottom",
        color=GUIDE, fontsize="small",
    )  # fmt: skip
