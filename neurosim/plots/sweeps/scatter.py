"""Plot `scatter`: every point of a sweep as a dot, over two keys in the colour of a value, or over one key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from textwrap import fill
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from neurosim.errors import SimulationError
from neurosim.plots.epochs import scale_values
from neurosim.plots.layout import Arrangement
from neurosim.plots.style import GUIDE, LINES
from neurosim.plots.sweeps.colors import LABEL_CHARACTERS, MAP, color_norm, draw_colorbar
from neurosim.plots.sweeps.layout import SweepLayout, SweepOptions
from neurosim.plots.sweeps.marks import FAILED, LOST, MISSING, told_marks
from neurosim.plots.sweeps.quantity import Quantity, default_value, read_quantity
from neurosim.plots.sweeps.selection import Cell, fixed_places, judge, roles
from neurosim.plots.sweeps.spacing import scattered
from neurosim.plots.sweeps.table import SweepTable, SweptKey, read_table

Array = npt.NDArray[Any]

PANEL_HEIGHT = 3.6  # inches
SIZE = 26  # area of a dot, in square points
FOOT = 0.025  # height of marks without a value, of the height of the panel


@dataclass(frozen=True)
class Dots:
    """All dots of a picture.

    Parameters
    ----------
    x, y : ndarray, shape (points,)
        Where they stand; `y` is NaN where it is a value that is not there.
    colors : ndarray, shape (points, 4)
        Their colours.
    cell : Cell
        What became of the points, one by one.
    """

    x: Array
    y: Array
    colors: Array
    cell: Cell


def draw_dots(axes: Axes, dots: Dots) -> None:
    """Draw all dots: round ones, triangles for points that did not settle, other marks for those without a value.

    Parameters
    ----------
    axes : Axes
        Where to.
    dots : Dots
        What.
    """
    cell = dots.cell
    there = ~(cell.lost | cell.failed | cell.missing | cell.empty)
    for where, marker, size in ((there & ~cell.unsettled, "o", 1.0), (there & cell.unsettled, "^", 1.4)):
        axes.scatter(
            dots.x[where], dots.y[where], s=size * SIZE, c=dots.colors[where], marker=marker, edgecolors=GUIDE,
            linewidths=0.5, zorder=3,
        )  # fmt: skip
    for where, marker in ((cell.lost, LOST), (cell.failed, FAILED), (cell.missing, MISSING)):
        style: dict[str, Any] = {"linestyle": "none", "marker": marker, "color": GUIDE, "fillstyle": "none"}
        foot = where & ~np.isfinite(dots.y)  # without a height of their own
        axes.plot(dots.x[where & ~foot], dots.y[where & ~foot], **style)
        level = np.full(np.count_nonzero(foot), FOOT)
        axes.plot(dots.x[foot], level, transform=axes.get_xaxis_transform(), **style)


def _arrange(file: h5py.File, options: SweepOptions) -> Arrangement:
    table = read_table(file)
    if options.panel is not None:
        raise SimulationError("a scatter has one panel; take one value of a key with --at KEY=VALUE.")
    if len(options.values) > 1:
        raise SimulationError("a scatter shows one value; several make lines.")
    x, y, color = _choose(table, options)
    quantity = read_quantity(table, options.values[0] if options.values else default_value(table))
    fixed = fixed_places(table, options.at)
    chosen = np.ones(table.shape, bool)
    for key, place in fixed.values():
        chosen &= _spread(table, key, key.values == key.values[place])
    there = np.isfinite(quantity.values)
    cell = judge(there[chosen], table.unsettled[chosen], table.failed[chosen], table.missing[chosen])
    across, positions = scattered(x)
    up, levels = scattered(y) if y is not None else (None, None)
    colors, legend = _colors(table, quantity, chosen, y, color)
    dots = Dots(
        x=_spread(table, x, positions)[chosen],
        y=quantity.values[chosen] if y is None or levels is None else _spread(table, y, levels)[chosen],
        colors=colors,
        cell=cell,
    )

    def panel(axes: Axes) -> None:
        draw_dots(axes, dots)
        across.set_axis(axes, "x", cells=False)
        if up is not None:
            up.set_axis(axes, "y", cells=False)
        else:
            scale_values(axes, dots.y)
            axes.set_ylabel(fill(quantity.axis_label, LABEL_CHARACTERS))

    told = [", ".join(f"{key.label} = {key.told(place)}" for key, place in fixed.values())] if fixed else []
    return Arrangement(
        [[panel]], "; ".join([*told, *told_marks([cell], "triangle")]), panel_height=PANEL_HEIGHT, legend=legend
    )


def _choose(table: SweepTable, options: SweepOptions) -> tuple[SweptKey, SweptKey | None, SweptKey | None]:
    """Return the keys of both axes, the second None if the value stands there, and of the colour."""
    x, y, color = roles(table, (options.x, options.y, options.color), options.at)
    fixed = fixed_places(table, options.at)
    # Keys of points first: they are why a scatter is drawn.
    keys = [key for key in (*table.point_keys, *table.grid_keys) if key not in (x, y, color) and key.name not in fixed]
    left = sorted((key for key in keys if not key.repeats), key=lambda key: not key.numeric)
    if x is None:
        x = next(iter(left or keys), None)
        if y is None and color is None:  # nothing was asked for: two keys, if there are two of numbers
            y = next((key for key in left if key is not x and key.numeric), None)
    if x is None:
        raise SimulationError("no key is left for the axis.")
    if y is not None and color is not None:
        raise SimulationError(
            "with two keys on the axes the colour of a scatter is the value; leave out --y or --color."
        )
    return x, y, color


def _spread(table: SweepTable, key: SweptKey, values: Array) -> Array:
    """Return something known for every value of a key as an array over the whole sweep."""
    shape = [1] * len(table.shape)
    shape[table.dimensions.index(key.dimension)] = -1
    return np.asarray(np.broadcast_to(values.reshape(shape), table.shape))


def _colors(
    table: SweepTable, quantity: Quantity, chosen: Array, y: SweptKey | None, color: SweptKey | None
) -> tuple[Array, Any]:
    """Return the colours of all dots and what draws the key to them, or None."""
    if y is None and color is None:
        return np.array([to_rgba(LINES[0])] * int(np.count_nonzero(chosen))), None
    if color is not None and not color.numeric:
        names = list(dict.fromkeys(color.values.tolist()))
        places = np.array([names.index(value) for value in color.values.tolist()])
        wheel = np.array([to_rgba(LINES[i % len(LINES)]) for i in range(len(names))])

        def legend(_: Any, panels: Sequence[Axes]) -> None:
            handles = [
                Line2D([], [], linestyle="none", marker="o", color=wheel[i], label=name) for i, name in enumerate(names)
            ]
            panels[0].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), title=color.label)

        return wheel[_spread(table, color, places)[chosen]], legend
    numbers = (quantity.values if color is None else _spread(table, color, color.values))[chosen]
    label, norm = quantity.axis_label if color is None else color.label, color_norm(numbers)
    mapped = MAP(norm(np.ma.masked_invalid(numbers)))
    there = np.isfinite(numbers).any()
    return np.asarray(mapped), partial(draw_colorbar, norm=norm, label=label) if there else None


LAYOUT = SweepLayout(_arrange)
