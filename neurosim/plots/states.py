"""States of one sample as curves over the time axis, and the few units of a layer that stand for all of them."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from neurosim.errors import SimulationError
from neurosim.plots.end_labels import label_ends
from neurosim.plots.style import LINES, REST
from neurosim.plots.timeline import Timeline, draw_timeline, layer_names, relax_group
from neurosim.results.reader import text, texts

Array = npt.NDArray[Any]

SHOWN = len(LINES)  # units in colour, per layer
BACKGROUND = 60  # units in grey, per layer


def read_states(file: h5py.File, timeline: Timeline, layer: str, sample: int, weights: Array) -> tuple[Array, Array]:
    """Return a weighted sum of the compartments of every unit over time.

    Parameters
    ----------
    file : h5py.File
        A result with /relax.
    timeline : Timeline
        Its time axis.
    layer : str
        Block of the state, such as ``layer_1``.
    sample : int
        Which of the saved samples.
    weights : ndarray, shape (compartments,)
        Weight of each compartment.

    Returns
    -------
    times : ndarray, shape (saves,)
        In the unit of the axis.
    values : ndarray, shape (saves, units)
        The sums; between two phases a row of NaN, so that a phase that did not start where the last one ended
        shows as a jump.
    """
    states = relax_group(file)[f"state_{layer}"]
    times: list[Array] = []
    values: list[Array] = []
    for span in timeline.spans:
        own = states[span.phase, : len(span.times), sample].astype(np.float64)
        gap = [np.full((1, own.shape[2]), np.nan)] if values else []
        times += [span.times[:1]] * len(gap) + [span.times]
        # Overflow in a diverged state is not drawn.
        with np.errstate(over="ignore", invalid="ignore"):
            values += [*gap, np.einsum("tcu,c->tu", own, weights)]
    together = np.concatenate(values)
    together[~np.isfinite(together)] = np.nan
    return np.concatenate(times), together


def check_choice(file: h5py.File, layer: str | None, sample: int) -> str:
    """Return the layer to draw, by default the outputs.

    Raises
    ------
    SimulationError
        If the file does not hold this layer or this sample.
    """
    layers, samples = layer_names(file), len(relax_group(file)["sample"])
    if layer is not None and layer not in layers:
        raise SimulationError(f"there is no layer '{layer}'; this file holds {', '.join(layers)}.")
    if not 0 <= sample < samples:
        raise SimulationError(f"there is no sample {sample}; this file holds samples 0 to {samples - 1}.")
    return layers[-1] if layer is None else layer


def leading_units(*curves: Array) -> list[int]:
    """Return the units that come first by their final magnitude in any of `curves`, in the order of their numbers.

    Parameters
    ----------
    *curves : ndarray, shape (saves, units)
        One or several quantities of the same units; each of them gives its largest, then each its second, and so on.
    """
    places = np.min([_places(np.abs(final_values(values))) for values in curves], axis=0)
    return sorted(np.argsort(places, kind="stable")[:SHOWN].tolist())


def _places(sizes: Array) -> Array:
    """Return the place of each unit in the order of size, the largest first; units that are zero share the last one."""
    places = np.argsort(np.argsort(-sizes, kind="stable"))
    return np.where(sizes > 0, places, len(sizes))


def final_values(values: Array) -> Array:
    """Return the last finite value of each unit, zero where there is none; `values` has shape (saves, units)."""
    finite = np.isfinite(values)
    last = len(values) - 1 - finite[::-1].argmax(axis=0)
    return np.where(finite.any(axis=0), values[last, np.arange(values.shape[1])], 0.0)


def draw_units(
    axes: Axes, timeline: Timeline, times: Array, values: Array, units: list[int], named: bool,
    names: list[str] | None = None,
) -> None:  # fmt: skip
    """Draw some units in colour with their numbers at the end of the lines, and the others in grey behind them.

    Parameters
    ----------
    axes : Axes
        Where to.
    timeline : Timeline
        The time axis.
    times, values : ndarray
        As from `read_states`.
    units : list of int
        Units in colour, at most `SHOWN`.
    named : bool
        Whether to write above the axes where the nudge changes.
    names : list of str, optional
        What to write at the ends, for every unit: by default its number.
    """
    others = np.setdiff1d(np.arange(values.shape[1]), units)
    others = others[np.argsort(final_values(values)[others], kind="stable")]
    if len(others) > BACKGROUND:
        # Evenly by final value, so that the grey lines are spread as all units of the layer are.
        others = others[np.linspace(0, len(others) - 1, BACKGROUND).astype(int)]
    segments = [np.column_stack([times, values[:, unit]]) for unit in others]
    axes.add_collection(LineCollection(segments, colors=REST, linewidths=0.5, zorder=1.5))
    for color, unit in zip(LINES, units, strict=False):
        axes.plot(times, values[:, unit], color=color, marker=timeline.marker, label=str(unit))
    draw_timeline(axes, timeline, named)
    axes.autoscale_view()
    axes.set_ylim(axes.get_ylim())
    axes.yaxis.get_offset_text().set_horizontalalignment("right")  # a power of ten, away from what is above the axes
    label_ends(
        axes, final_values(values)[units].tolist(), [names[unit] if names else str(unit) for unit in units], LINES
    )


def unit_names(file: h5py.File, layer: str) -> list[str] | None:
    """Return the names of the units of a layer, such as the nodes of a netlist; None where they have none."""
    group = relax_group(file)
    return texts(group[f"name_{layer}"]) if f"name_{layer}" in group else None


def state_symbol(file: h5py.File, layer: str) -> str:
    """Return the letter for the state of a layer: s for an activity, u for a membrane state."""
    return text(relax_group(file)[f"state_{layer}"].attrs.get("symbol", "s"))


def state_word(file: h5py.File, layer: str) -> str:
    """Return what the state of a layer is called: a voltage where it has that unit."""
    return "voltage" if text(relax_group(file)[f"state_{layer}"].attrs["units"]) == "V" else "state"


def state_label(file: h5py.File, layer: str, what: str) -> str:
    """Return an axis label with the unit of the state."""
    unit = text(relax_group(file)[f"state_{layer}"].attrs["units"])
    return f"{what}\n({'dimensionless' if unit == '1' else unit})"


def title_layer(file: h5py.File, axes: Axes, timeline: Timeline, layer: str, sample: int | None = None) -> None:
    """Write above a panel which layer it shows, and which sample if nothing else says so."""
    units = relax_group(file)[f"state_{layer}"].shape[-1]
    drawn = min(units, SHOWN + BACKGROUND)
    shown = f"{f'{drawn} of ' if drawn < units else ''}{units} unit{'s' if units > 1 else ''}"
    shown += f", {SHOWN} in colour" if units > SHOWN else ""
    which = "" if sample is None else f", {sample_name(file, sample)}"
    axes.set_title(f"{layer.replace('_', ' ')}: {shown}{which}", loc="left", pad=timeline.title_pad)


def sample_name(file: h5py.File, sample: int) -> str:
    """Return which sample is shown, with its class if it has one."""
    target = relax_group(file)["targets"][sample]
    one_hot = np.count_nonzero(target) == 1 and target.max() == 1 and len(target) > 1
    return f"test sample {sample}" + (f" (class {target.argmax()})" if one_hot else "")


def sample_caption(file: h5py.File, what: str, sample: int = 0) -> str:
    """Return the line that says which sample a figure shows, and by the size of what its units are chosen."""
    return f"{sample_name(file, sample)}; in colour: largest final {what}"
