"""Plot `lock_in`: a run under an oscillating nudge, and the error signals that the synapses demodulate from it.

The running average over the last period, (I(t) - I(t - T)) of the integral I that every synapse keeps, is what the
rule reads at the end.
"""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from neurosim.errors import SimulationError
from neurosim.plots import activity
from neurosim.plots.layout import Arrangement, Layout, layer_rows
from neurosim.plots.states import draw_units, leading_units, sample_caption, title_layer
from neurosim.plots.timeline import read_timeline, relax_group

Array = npt.NDArray[Any]


def draw_layer(file: h5py.File, axes: Axes, layer: str, *, sample: int = 0, named: bool = True) -> None:
    """Draw the demodulated error signals of one layer as a panel of a figure, which says the rest.

    Raises
    ------
    SimulationError
        If the file holds no run under an oscillating nudge.
    """
    check_oscillation(file)
    timeline = read_timeline(file)
    times, values = demodulated(file, layer, sample)
    draw_units(axes, timeline, times, values, leading_units(values), named)
    axes.set_ylabel("error signal,\naverage over a period")
    title_layer(file, axes, timeline, layer)


def draw_states(file: h5py.File, axes: Axes, layer: str, *, sample: int = 0, named: bool = True) -> None:
    """Draw the states of the units whose error signals are in colour below, in the same colours."""
    units = leading_units(demodulated(file, layer, sample)[1])
    activity.draw_layer(file, axes, layer, sample=sample, units=units, named=named)


def demodulated(file: h5py.File, layer: str, sample: int = 0) -> tuple[Array, Array]:
    """Return times in the unit of the axis, and I(t) - I(t - T) of every unit, shape (saves, units).

    NaN before the first period is over; between saves the integral is interpolated.
    """
    relax, (span,) = relax_group(file), read_timeline(file).spans
    seconds = relax["time"][: len(span.times)]
    integral = relax[f"error_integral_{layer}"][span.phase, : len(seconds), sample].astype(np.float64)
    before = seconds - float(relax.attrs["period"])
    earlier = np.stack([np.interp(before, seconds, unit) for unit in integral.T], axis=1)
    gained = integral - earlier
    gained[before < -1e-9 * seconds[-1]] = np.nan
    return span.times, gained


def check_oscillation(file: h5py.File) -> None:
    """Refuse a relaxation without an oscillating nudge.

    Raises
    ------
    SimulationError
        If there is none.
    """
    relax = relax_group(file)
    if "period" not in relax.attrs:
        raise SimulationError("nothing oscillates here; runs under an oscillating nudge come from rule oscillating.")
    span = read_timeline(file).spans[0]
    if relax["time"][len(span.times) - 1] < float(relax.attrs["period"]) * (1 - 1e-9):
        raise SimulationError("the run ended before the first period of the nudge was over.")


def _arrange(file: h5py.File) -> Arrangement:
    check_oscillation(file)
    return Arrangement(layer_rows(file, draw_states, draw_layer), sample_caption(file, "error signals"))


LAYOUT = Layout(_arrange)
