"""Plot `sequence`: target and output of a circuit that is driven by signals, over time.

A few targets are lines, one panel each; many, such as one-hot symbols, are two pictures with a row per target.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

from neurosim.errors import SimulationError
from neurosim.plots.end_labels import label_ends
from neurosim.plots.layout import Arrangement, Layout, Panel
from neurosim.plots.style import GUIDE, LINES
from neurosim.results.reader import text, texts

Array = npt.NDArray[Any]

MOST_LINES = 4  # targets that have a panel of their own
MOST_NAMES = 20  # targets whose names fit beside a picture
TARGET, OUTPUT = "#000000", LINES[0]


def draw_channel(file: h5py.File, axes: Axes, channel: int, *, bottom: bool = True) -> None:
    """Draw one target and the output that should follow it; steps that do not count are shaded.

    Parameters
    ----------
    file : h5py.File
        An open result with /sequence.
    axes : Axes
        Where to.
    channel : int
        Which target.
    bottom : bool
        Whether the panel names the horizontal axis.

    Raises
    ------
    SimulationError
        If the file holds no sequence.
    """
    group = sequence_group(file)
    time, target, output = group["time"][:], group["target"][:, channel], group["output"][:, channel]
    _shade(axes, time, group["counted"][:].astype(bool))
    axes.plot(time, target, color=TARGET, linewidth=1.1, label="target")
    axes.plot(time, output, color=OUTPUT, linewidth=1.5, label="output")
    axes.set_xlim(time[0], time[-1])
    unit = text(group["target"].attrs["units"])
    axes.set_ylabel("value" if unit == "1" else f"value ({unit})")
    error, variance = channel_error(file, channel)
    name = texts(group["channel"])[channel]
    axes.set_title(f"{name}: {_figures(error, variance, unit)}", loc="left")
    _name_time(group, axes, bottom)
    label_ends(axes, [target[-1], output[-1]], ["target", "output"], [TARGET, OUTPUT])


def draw_picture(file: h5py.File, axes: Axes, what: str, *, bottom: bool = True) -> None:
    """Draw all targets, or all outputs, as a picture: a row per target, dark where the value is high.

    Raises
    ------
    SimulationError
        If the file holds no sequence.
    """
    group = sequence_group(file)
    time, values, names = group["time"][:], group[what][:], texts(group["channel"])
    low, high = float(group["target"][:].min()), float(group["target"][:].max())
    half = (time[-1] - time[0]) / max(2 * (len(time) - 1), 1)
    axes.imshow(
        values.T, cmap="Greys", vmin=low, vmax=high, aspect="auto", interpolation="nearest",
        extent=(time[0] - half, time[-1] + half, len(names) - 0.5, -0.5),
    )  # fmt: skip
    if len(names) <= MOST_NAMES:
        axes.set_yticks(range(len(names)), names, fontsize="x-small")
        axes.yaxis.set_minor_locator(FixedLocator([]))
    else:
        axes.set_ylabel("target")
    title = f"{what} (white {low:.3g}, black {high:.3g})"
    if what == "output":
        pairs = np.array([channel_error(file, k) for k in range(len(names))])
        error, variance = pairs.mean(axis=0)
        title = f"output: {_figures(error, variance, '1')}"
    axes.set_title(title, loc="left")
    _name_time(group, axes, bottom)
    counted = group["counted"][:].astype(bool)
    for edge in np.flatnonzero(np.diff(counted.astype(int))):
        axes.axvline((time[edge] + time[edge + 1]) / 2, color=LINES[1], linewidth=1.0)


def channel_error(file: h5py.File, channel: int) -> tuple[float, float]:
    """Return (mean squared error, variance of the target) of one channel over the steps that count; NaN without any."""
    group = sequence_group(file)
    counted = group["counted"][:].astype(bool)
    if not counted.any():
        return float("nan"), float("nan")
    target, output = group["target"][counted, channel], group["output"][counted, channel]
    return float(np.mean((output - target) ** 2)), float(target.var())


def sequence_group(file: h5py.File) -> Any:
    """Return /sequence.

    Raises
    ------
    SimulationError
        If the file holds no sequence.
    """
    if "sequence" not in file:
        raise SimulationError("there is no sequence; it comes from recurrent circuits that are driven by signals.")
    return file["sequence"]


def _figures(error: float, variance: float, unit: str) -> str:
    if np.isnan(variance):
        return "none of these steps counts"
    of = "" if unit == "1" else f" {unit}$^2$"
    return f"mean squared error {error:.3g}{of}, variance {variance:.3g}{of}"


def _shade(axes: Axes, time: Array, counted: Array) -> None:
    """Shade the steps that do not count, half a step beyond them."""
    if counted.all():
        return
    edges = np.concatenate([[time[0]], (time[1:] + time[:-1]) / 2, [time[-1]]])
    for step in np.flatnonzero(~counted):
        axes.axvspan(edges[step], edges[step + 1], color=GUIDE, alpha=0.15, linewidth=0, zorder=0)


def _name_time(group: Any, axes: Axes, bottom: bool) -> None:
    if bottom:
        unit = text(group["time"].attrs["units"])
        axes.set_xlabel("step" if unit == "1" else f"time ({unit})")
    else:
        axes.tick_params(labelbottom=False)


def _arrange(file: h5py.File) -> Arrangement:
    group = sequence_group(file)
    count = len(group["channel"])
    whole = bool(group["counted"][:].all())
    if count <= MOST_LINES:
        rows: list[list[Panel]] = [
            [partial(draw_channel, file, channel=k, bottom=k == count - 1)] for k in range(count)
        ]
        caption = "target (black) and output (blue)" + ("" if whole else "; shaded steps do not count in the error")
    else:
        rows = [[partial(draw_picture, file, what=what, bottom=what == "output")] for what in ("target", "output")]
        caption = f"{count} targets and outputs, a row each"
        if not whole and group["counted"][:].any():
            several = "lines: where the error begins to count, and ceases to"
            caption += f"; {'the error counts from the line on' if _from_a_line_on(group) else several}"
    return Arrangement(rows, caption)


def _from_a_line_on(group: Any) -> bool:
    """Whether the steps that count are the last ones, without a break."""
    return bool((np.diff(group["counted"][:].astype(int)) >= 0).all())


LAYOUT = Layout(_arrange)
