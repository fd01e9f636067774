"""Plot `error`: the difference s- minus s+ of the two compartments of each dyad over time: beta times its error."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from neurosim.errors import SimulationError
from neurosim.plots.layout import Arrangement, Layout, layer_rows
from neurosim.plots.states import (
    check_choice,
    draw_units,
    leading_units,
    read_states,
    sample_caption,
    state_label,
    state_symbol,
    title_layer,
    unit_names,
)
from neurosim.plots.status_note import status_note, write_note
from neurosim.plots.timeline import Timeline, has_complex_states, read_timeline, relax_group

Array = npt.NDArray[Any]

DIFFERENCE = np.array([-1.0, 1.0])  # the first compartment is s+


def draw(file: h5py.File, axes: Axes, *, layer: str | None = None, sample: int = 0) -> Axes:
    """Draw the differences of compartments of one layer.

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
        If the file holds no trajectories, or not this layer or sample, or its neurons are not dyads.
    """
    layer = check_choice(file, layer, sample)
    draw_layer(file, axes, layer, sample=sample)
    title_layer(file, axes, read_timeline(file), layer, sample)
    write_note(axes, status_note(file))
    return axes


def draw_layer(
    file: h5py.File, axes: Axes, layer: str, *, sample: int = 0, units: list[int] | None = None, named: bool = True
) -> None:
    """Draw the differences of one layer as a panel of a figure, which says the rest; `units` are those in colour."""
    check_dyads(file)
    timeline = read_timeline(file)
    times, values = read(file, timeline, layer, sample)
    draw_units(axes, timeline, times, values, units or leading_units(values), named, unit_names(file, layer))
    y = state_symbol(file, layer)
    axes.set_ylabel(state_label(file, layer, f"error ${y}^- - {y}^+$"))
    title_layer(file, axes, timeline, layer)


def read(file: h5py.File, timeline: Timeline, layer: str, sample: int = 0) -> tuple[Array, Array]:
    """Return times and differences s- minus s+ of one layer, as `read_states` does."""
    return read_states(file, timeline, layer, sample, DIFFERENCE)


def has_dyads(file: h5py.File) -> bool:
    """Whether the neurons of a relaxation have two compartments, and not one complex state."""
    return len(relax_group(file)["compartment"]) == 2 and not has_complex_states(file)


def check_dyads(file: h5py.File) -> None:
    """Refuse a relaxation whose neurons have no difference of compartments.

    Raises
    ------
    SimulationError
        If the neurons are not dyads.
    """
    if not has_dyads(file):
        raise SimulationError(
            "the error of a neuron is the difference of its two compartments; the neurons of this circuit have one."
        )


def _arrange(file: h5py.File) -> Arrangement:
    check_dyads(file)
    return Arrangement(layer_rows(file, draw_layer), sample_caption(file, "errors"))


LAYOUT = Layout(_arrange)
