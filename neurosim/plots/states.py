"""States of one sample as curves over the time axis, and the few units of a layer that stand for all of them."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from neurosim.errors import SimulationError
from neurosim.plots.style import LINES, REST
from neurosim.plots.timeline import TITLE_PAD, Timeline, draw_timeline, layer_names, relax_group
from neurosim.results.reader import text

Array = npt.NDArray[Any]

SHOWN = len(LINES)  # units in colour, per layer
BACKGROUND = 60  # units in grey, per layer
LABEL_GAP = 0.1  # between the numbers of units, in heights of the axes


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
        The sums; a row of NaN between two phases, so that lines show it if a phase did not start where the last one ended.
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
    orders = [np.argsort(-np.abs(final_values(values)), kind="stable") for values in curves]
    places = np.min([np.argsort(order) for order in orders], axis=0)
    return sorted(np.argsort(places, kind="stable")[:SHOWN].tolist())


def final_values(values: Array) -> Array:
    """Return the last finite value of each unit, zero where there is none; `values` has shape (saves, units)."""
    finite = np.isfinite(values)
    last = len(values) - 1 - finite[::-1].argmax(axis=0)
    return np.where(finite.any(axis=0), np.nan_to_num(values[last, np.arange(values.shape[1])]), 0.0)


def draw_units(axes: Axes, timeline: Timeline, times: Array, values: Array, units: list[int], named: bool) -> None:
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
    """
    others = np.setdiff1d(np.arange(values.shape[1]), units)
    # Evenly by final value, so that the grey lines are spread over the layer as all of its units are.
    order = others[np.argsort(final_values(values)[others], kind="stable")]
    kept = (
        order[np.unique(np.linspace(0, len(order) - 1, min(len(order), BACKGROUND)).astype(int))] if len(order) else []
    )
    segments = [np.column_stack([times, values[:, unit]]) for unit in kept]
    axes.add_collection(LineCollection(segments, colors=REST, linewidths=0.5, zorder=1.5))
    for color, unit in zip(LINES, units, strict=False):
        axes.plot(times, values[:, unit], color=color, marker=timeline.marker, label=str(unit))
    draw_timeline(axes, timeline, named)
    axes.autoscale_view()
    axes.set_ylim(axes.get_ylim())
    _number(axes, final_values(values), units)


def state_label(file: h5py.File, layer: str, what: str) -> str:
    """Return an axis label with the unit of the state."""
    unit = text(relax_group(file)[f"state_{layer}"].attrs["units"])
    return f"{what}\n({'dimensionless' if unit == '1' else unit})"


def title_layer(file: h5py.File, axes: Axes, layer: str, sample: int | None = None) -> None:
    """Write above a panel which layer it shows, and which sample if nothing else says so."""
    units = relax_group(file)[f"state_{layer}"].shape[-1]
    shown = f"{SHOWN} of {units} units in colour" if units > SHOWN else f"{units} unit{'s'[: units - 1]}"
    which = "" if sample is None else f", test sample {sample}"
    axes.set_title(f"{layer.replace('_', ' ')}: {shown}{which}", loc="left", pad=TITLE_PAD)


def sample_caption(file: h5py.File, sample: int = 0) -> str:
    """Return the line that says which sample a figure shows, and which of its units are in colour."""
    samples = len(relax_group(file)["sample"])
    return f"test sample {sample} of {samples}; in colour, with their numbers: the units with the largest final values"


def _number(axes: Axes, finals: Array, units: list[int]) -> None:
    """Write the numbers of units right of the axes, level with the ends of their lines but not on one another."""
    low, high = axes.get_ylim()
    order = sorted(range(len(units)), key=lambda i: (finals[units[i]], -i))
    ends = np.array([(finals[units[i]] - low) / (high - low) for i in order])
    for i, end, level in zip(order, ends, spread(ends, LABEL_GAP), strict=True):
        axes.plot(
            [1.005, 1.035], [end, level], transform=axes.transAxes, color=LINES[i], linewidth=0.7, clip_on=False,
        )  # fmt: skip
        axes.text(1.045, level, str(units[i]), transform=axes.transAxes, color=LINES[i], fontsize="small", va="center")


def spread(wanted: Array, gap: float) -> Array:
    """Return the levels nearest to `wanted` (increasing, in [0, 1]) that are at least `gap` apart and within [0, 1]."""
    count = len(wanted)
    gap = min(gap, 1.0 / max(1, count - 1))
    steps = gap * np.arange(count)
    # Without the steps the levels only have to increase: least squares under that condition merges offenders to means.
    groups: list[tuple[float, int]] = []
    for value in wanted - steps:
        groups.append((float(value), 1))
        while len(groups) > 1 and groups[-2][0] >= groups[-1][0]:
            (x, m), (y, n) = groups[-2:]
            groups[-2:] = [((m * x + n * y) / (m + n), m + n)]
    levels = np.repeat([value for value, _ in groups], [size for _, size in groups])
    return np.asarray(np.clip(levels, 0.0, 1.0 - gap * (count - 1)) + steps)
