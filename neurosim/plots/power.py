"""Plot `power`: what a circuit dissipates while it relaxes, phase by phase, and the energy of an inference."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from neurosim.errors import SimulationError
from neurosim.plots.status_note import status_note, write_note
from neurosim.plots.style import LINES, REST
from neurosim.plots.timeline import draw_timeline, read_timeline, relax_group
from neurosim.plots.units import scaled_unit, with_unit

Array = npt.NDArray[Any]

LOG_FROM = 30.0  # ratio of largest to smallest power from which a logarithmic axis reads better


def draw(file: h5py.File, axes: Axes) -> Axes:
    """Draw the dissipated power of all samples over time, and its mean.

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
        If the file holds no power over time.
    """
    relax = relax_group(file)
    if "dissipated_power" not in relax:
        raise SimulationError("there is no power over time; it comes from netlists and solvers that follow time.")
    timeline, powers = read_timeline(file), relax["dissipated_power"]
    samples = powers.shape[2]
    own = [powers[span.phase, : len(span.times)] for span in timeline.spans]
    values = np.concatenate(own)
    values = values[np.isfinite(values)]
    scale, unit = scaled_unit(float(np.abs(values).max(initial=0.0)), "W")
    for span, power in zip(timeline.spans, own, strict=True):
        power = np.where(np.isfinite(power), power, np.nan) / scale
        if samples > 1:
            axes.plot(span.times, power, color=REST, linewidth=0.7)
        axes.plot(span.times, power.mean(axis=1), color=LINES[0], marker=timeline.marker)
    if values.size and values.min() > 0 and values.max() > LOG_FROM * values.min():
        axes.set_yscale("log")
    elif values.size and values.min() >= 0:
        axes.set_ylim(0.0, None)
    draw_timeline(axes, timeline)
    axes.set_ylabel(f"dissipated power ({unit})")
    axes.set_title(_title(relax, timeline.spans[0].phase, timeline.spans[0].name), loc="left", pad=timeline.title_pad)
    write_note(axes, status_note(file))
    return axes


def _title(relax: Any, phase: int, name: str) -> str:
    """Return power at the end and energy of the first phase."""
    samples = len(relax["sample"])
    told = []
    if "power" in relax:
        told.append(f"{with_unit(float(relax['power'][phase].mean()), 'W')} at its end")
    if "energy" in relax:
        told.append(f"{with_unit(float(relax['energy'][phase].mean()), 'J')} in all")
    who = f"mean of {samples} samples (grey: each)" if samples > 1 else "one sample"
    return f"{who}; phase {name}: {', '.join(told)}" if told else who
