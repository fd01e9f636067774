"""Plot `activity`: the mean state of each unit, sum_c p_c s_c, which is what a neuron sends forward, over time."""

from __future__ import annotations

from typing import Any

import h5py
import numpy.typing as npt
from matplotlib.axes import Axes

from neurosim.plots.layout import Arrangement, Layout, layer_rows
from neurosim.plots.states import (
    check_choice,
    draw_units,
    leading_units,
    read_states,
    sample_caption,
    state_label,
    state_symbol,
    state_word,
    title_layer,
    unit_names,
)
from neurosim.plots.status_note import status_note, write_note
from neurosim.plots.timeline import Timeline, has_complex_states, read_timeline, relax_group

Array = npt.NDArray[Any]


def draw(file: h5py.File, axes: Axes, *, layer: str | None = None, sample: int = 0) -> Axes:
    """Draw the mean states of one layer.

    Parameters
    ----------
    file : h5py.File
        An open result of analysis relax.
    axes : Axes
        Where to.
    layer : str, optional
        Block of the state, such as ``layer_1``; default: the outputs.
    sample : int
        Which of the saved samples.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    SimulationError
        If the file holds no trajectories, or not this layer or sample.
    """
    layer = check_choice(file, layer, sample)
    draw_layer(file, axes, layer, sample=sample)
    title_layer(file, axes, read_timeline(file), layer, sample)
    write_note(axes, status_note(file))
    return axes


def draw_layer(
    file: h5py.File, axes: Axes, layer: str, *, sample: int = 0, units: list[int] | None = None, named: bool = True
) -> None:
    """Draw the mean states of one layer as a panel of a figure, which says the rest; `units` are those in colour."""
    timeline = read_timeline(file)
    times, values = read(file, timeline, layer, sample)
    draw_units(axes, timeline, times, values, units or leading_units(values), named, unit_names(file, layer))
    point, y = len(relax_group(file)["compartment"]) == 1, state_symbol(file, layer)
    if has_complex_states(file):
        point, y = True, rf"\mathrm{{Re}}\,{y}"
    word = state_word(file, layer)
    axes.set_ylabel(state_label(file, layer, f"{word} ${y}$" if point else rf"mean {word} $\Sigma_c\,p_c {y}_c$"))
    title_layer(file, axes, timeline, layer)


def read(file: h5py.File, timeline: Timeline, layer: str, sample: int = 0) -> tuple[Array, Array]:
    """Return times and mean states of one layer, as `read_states` does."""
    return read_states(file, timeline, layer, sample, relax_group(file)["forward_weight"][:])


def _arrange(file: h5py.File) -> Arrangement:
    return Arrangement(layer_rows(file, draw_layer), sample_caption(file, "states"))


LAYOUT = Layout(_arrange)
