"""Plot `trajectories`: overview of a relaxation, with states and errors of every layer and the decay of the rate."""

from __future__ import annotations

from functools import partial

import h5py
from matplotlib.axes import Axes

from neurosim.plots import activity, complex_plane, error, lock_in, rate
from neurosim.plots.layout import Arrangement, Layout, Panel, layer_rows
from neurosim.plots.states import leading_units, sample_caption
from neurosim.plots.timeline import has_complex_states, read_timeline, relax_group


def _arrange(file: h5py.File) -> Arrangement:
    if has_complex_states(file) and "nudge_imaginary" in relax_group(file):
        planes = layer_rows(file, complex_plane.draw_layer, apart=True)
        rows: list[list[Panel]] = [*layer_rows(file, activity.draw_layer), *planes, [partial(rate.draw_panel, file)]]
        circle = f"; nudges of size {abs(read_timeline(file).spans[-1].nudge):g} at the angles above"
        return Arrangement(rows, sample_caption(file, "real parts of states") + circle)
    if "period" in relax_group(file).attrs:
        rows = layer_rows(file, lock_in.draw_states, lock_in.draw_layer)
        return Arrangement(rows, sample_caption(file, "error signals"))
    dyads = error.has_dyads(file)
    rows = layer_rows(file, _draw_activity, _draw_error) if dyads else layer_rows(file, activity.draw_layer)
    return Arrangement(
        [*rows, [partial(rate.draw_panel, file)]], sample_caption(file, "states and errors" if dyads else "states")
    )


def _draw_activity(file: h5py.File, axes: Axes, layer: str, *, named: bool) -> None:
    activity.draw_layer(file, axes, layer, units=_units(file, layer), named=named)


def _draw_error(file: h5py.File, axes: Axes, layer: str, *, named: bool) -> None:
    error.draw_layer(file, axes, layer, units=_units(file, layer), named=named)


def _units(file: h5py.File, layer: str) -> list[int]:
    """Return the units in colour, the same ones for both rows: one unit, one colour."""
    timeline = read_timeline(file)
    return leading_units(activity.read(file, timeline, layer)[1], error.read(file, timeline, layer)[1])


LAYOUT = Layout(_arrange)
