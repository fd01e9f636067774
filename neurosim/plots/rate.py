"""Plot `rate`: how the RMS rate of change decays, phase by phase, towards the tolerance."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from neurosim.plots.status_note import status_note, write_note
from neurosim.plots.style import GUIDE, LINES
from neurosim.plots.timeline import draw_timeline, dynamics, read_timeline, relax_group
from neurosim.results.reader import text

Array = npt.NDArray[Any]

EMPTY_LIMITS = (1e-8, 1.0)  # where no rate is positive


def draw(file: h5py.File, axes: Axes) -> Axes:
    """Draw the RMS over all samples of tau d(state)/dt, one line per phase.

    Parameters
    ----------
    file : h5py.File
        An open result of analysis relax.
    axes : Axes
        Where to.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    SimulationError
        If the file holds no relaxation.
    """
    draw_panel(file, axes)
    write_note(axes, status_note(file))
    return axes


def draw_panel(file: h5py.File, axes: Axes) -> None:
    """Draw the rates as a panel of a figure, which says the rest."""
    timeline = read_timeline(file)
    rates = relax_group(file)["rms_rate"]
    axes.set_yscale("log")
    tolerance = dynamics(file).get("tolerance")
    guides = [] if tolerance is None else [float(tolerance)]
    zeros, shown = [], [*guides]
    for span, color in zip(timeline.spans, cycle(LINES), strict=False):
        own = rates[span.phase, : len(span.times)]
        positive = np.where(np.isfinite(own) & (own > 0), own, np.nan)
        axes.plot(span.times, positive, color=color, marker=timeline.marker, label=span.name)
        zeros.append((span.times[own == 0], color))
        shown += positive[np.isfinite(positive)].tolist()
    draw_timeline(axes, timeline)
    low, high = (min(shown), max(shown)) if len(shown) > len(guides) else EMPTY_LIMITS
    pad = max(2.0, (high / low) ** 0.1)
    axes.set_ylim(low / (pad**2 if any(len(times) for times, _ in zeros) else pad), high * pad)
    for level in guides:
        _draw_tolerance(axes, level)
    for times, color in zeros:
        _mark_zeros(axes, times, color)
    unit = text(rates.attrs["units"])
    axes.set_ylabel(f"RMS of $\\tau\\,$d(state)/d$t$\n({'dimensionless' if unit == '1' else unit})")
    samples = len(relax_group(file)["sample"])
    title = f"rate over all {samples} samples" if samples > 1 else "rate of the sample"
    if "without the noise" in text(rates.attrs["long_name"]):
        title += ", without the noise"
    axes.set_title(title, loc="left", pad=timeline.title_pad)


def _draw_tolerance(axes: Axes, level: float) -> None:
    axes.axhline(level, color=GUIDE, linewidth=0.8, linestyle=":", zorder=1)
    axes.annotate(
        "tolerance", (1.0, level), xycoords=axes.get_yaxis_transform(), xytext=(3, 0),
        textcoords="offset points", color=GUIDE, fontsize="small", va="center", ha="left", annotation_clip=False,
    )  # fmt: skip


def _mark_zeros(axes: Axes, times: Array, color: str) -> None:
    """Mark rates of exactly zero, which a logarithmic axis has no place for, at its lower end."""
    if len(times):
        axes.plot(times, np.zeros(len(times)), "v", color=color, transform=axes.get_xaxis_transform(), clip_on=False)
        axes.annotate(
            "0", (times[0], 0.0), xycoords=axes.get_xaxis_transform(), xytext=(5, 2), textcoords="offset points",
            color=color, fontsize="small", va="bottom",
        )  # fmt: skip
