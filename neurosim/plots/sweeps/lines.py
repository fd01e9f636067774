"""Plot `lines`: a number per point of a sweep along one key, with a family of lines over another and bands over seeds.

Along a nudge with noise the error has a smallest value in between: a bias that grows with the nudge, a scatter that
shrinks with it. Such a minimum is marked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from textwrap import fill
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from neurosim.errors import SimulationError
from neurosim.plots.end_labels import label_ends
from neurosim.plots.epochs import MARKED_EPOCHS, scale_values
from neurosim.plots.layout import COLUMNS, Arrangement, Panel, blank
from neurosim.plots.style import LINES
from neurosim.plots.sweeps.colors import LABEL_CHARACTERS, family_colors
from neurosim.plots.sweeps.layout import SweepLayout, SweepOptions
from neurosim.plots.sweeps.marks import FAILED, MISSING, told_marks
from neurosim.plots.sweeps.quantity import Quantity, default_value, read_quantity
from neurosim.plots.sweeps.selection import Cell, Selection, check_panels, fixed_places, free_keys, mean, roles, select
from neurosim.plots.sweeps.spacing import Spacing, spacing
from neurosim.plots.sweeps.table import SweepTable, SweptKey, read_table

Array = npt.NDArray[Any]

DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)))
WITH_NOISE = ("bias/update_error", "bias/noise_spread", "bias/relative_norm")
MOST_LINES = 16  # of a panel


@dataclass(frozen=True)
class Line:
    """One line of a panel, from left to right.

    Parameters
    ----------
    values, low, high : ndarray, shape (places,)
        Mean over the runs of each place, and the smallest and the largest of them; NaN where there is none.
    cell : Cell
        What became of the runs.
    name : str
        What tells it from the others.
    color : str
        Its colour.
    dash : str or tuple
        Its line style.
    small_is_good : bool
        Whether a minimum is worth a mark.
    """

    values: Array
    low: Array
    high: Array
    cell: Cell
    name: str
    color: str
    dash: Any
    small_is_good: bool

    @property
    def minimum(self) -> int | None:
        """Place of the smallest value, where larger ones stand on both sides of it."""
        if not self.small_is_good or not np.isfinite(self.values).any():
            return None
        there = np.flatnonzero(np.isfinite(self.values))
        place = int(np.nanargmin(self.values))
        inside = (self.values[there[0]], self.values[there[-1]])
        return place if min(inside) > self.values[place] else None


def draw_lines(axes: Axes, where: Spacing, lines: list[Line]) -> None:
    """Draw the lines of one panel, with bands, marks, and a diamond at each minimum inside the range.

    Parameters
    ----------
    axes : Axes
        Where to.
    where : Spacing
        The places along the horizontal axis.
    lines : list of Line
        What.
    """
    # Between words, and between seeds, there is nothing.
    joined = not where.key.repeats and where.key.numeric
    marker = "o" if len(where.positions) <= MARKED_EPOCHS or not joined else None
    for line in lines:
        style = line.dash if joined else "none"
        axes.plot(where.positions, line.values, color=line.color, linestyle=style, marker=marker, label=line.name)
        if not np.array_equal(line.low, line.high, equal_nan=True):
            _draw_spread(axes, where, line, joined)
        loose = line.cell.unsettled
        axes.plot(
            where.positions[loose], line.values[loose], linestyle="none", marker="o", markerfacecolor="white",
            markeredgecolor=line.color, zorder=3,
        )  # fmt: skip
        if joined and line.minimum is not None:
            axes.plot(
                where.positions[[line.minimum]], line.values[[line.minimum]], linestyle="none", marker="D",
                markersize=7, markerfacecolor="none", markeredgecolor=line.color, markeredgewidth=1.3, zorder=4,
            )  # fmt: skip
        for lost, mark in ((line.cell.failed, FAILED), (line.cell.missing, MISSING)):
            axes.plot(
                where.positions[lost], np.full(np.count_nonzero(lost), 0.025), linestyle="none", marker=mark,
                color=line.color, fillstyle="none", transform=axes.get_xaxis_transform(), zorder=3,
            )  # fmt: skip


def _draw_spread(axes: Axes, where: Spacing, line: Line, joined: bool) -> None:
    """Draw the smallest and the largest of the runs: as a band, or as bars where there is nothing in between."""
    if joined:
        axes.fill_between(where.positions, line.low, line.high, color=line.color, alpha=0.18, linewidth=0.0, zorder=1)
    else:
        axes.vlines(where.positions, line.low, line.high, color=line.color, linewidth=1.0, zorder=1)


def _arrange(file: h5py.File, options: SweepOptions) -> Arrangement:
    table = read_table(file)
    if options.y is not None:
        raise SimulationError("lines have the value on the vertical axis; a second key makes a family, with --color.")
    x, color, panel = _choose(table, options)
    quantities = _quantities(table, options, x, color)
    keys = [key for key in (x, color, panel) if key is not None]
    selection = select(table, keys, options.at)
    where = spacing(x)
    titles, panels = _panels(selection, quantities, where, color, panel)
    everything = np.concatenate([np.ravel([line.low, line.high]) for lines in panels for line in lines])
    columns = min(COLUMNS, len(panels)) if len(panels) != 6 else 3
    rows: list[list[Panel]] = []
    for first in range(0, len(panels), columns):
        row: list[Panel] = [
            partial(
                _panel, where=where, lines=lines, limits=everything, title=titles[first + place],
                label=_label(quantities) if place == 0 else "", bottom=first + place + columns >= len(panels),
            )
            for place, lines in enumerate(panels[first : first + columns])
        ]  # fmt: skip
        rows.append(row + [blank] * (columns - len(row)))
    told = [f"{each.short}: {each.label}" for each in quantities] if len(quantities) > 1 else []
    return Arrangement(rows, "; ".join([*told, *_caption(selection, panels, color, x)]))


def _choose(table: SweepTable, options: SweepOptions) -> tuple[SweptKey, SweptKey | None, SweptKey | None]:
    """Return the keys of the horizontal axis, of the family and of the panels."""
    x, color, panel = roles(table, (options.x, options.color, options.panel), options.at)
    free = free_keys(table, options.at, (x, color, panel))
    if x is None:
        fixed = fixed_places(table, options.at)
        left = [key for key in table.grid_keys if key not in (color, panel) and key.name not in fixed]
        # The key with the most values makes the longest line; a seed only where nothing else is left.
        ranked = sorted(free, key=lambda key: (not key.numeric, -len(key.values)))
        x = next(iter([*ranked, *sorted(left, key=lambda key: -len(key.values))]), None)
    if x is None:
        varied = " and ".join(key.key for key in table.point_keys)
        raise SimulationError(
            f"{varied} vary together, point by point: draw a scatter." if varied else "no key is left for the axis."
        )
    rest = [key for key in free if key is not x]
    color = color or next(iter(rest), None)
    panel = panel or next((key for key in rest if key is not color), None)
    if color is not None and len(color.values) > MOST_LINES:
        raise SimulationError(
            f"{color.key} would need {len(color.values)} lines, and {MOST_LINES} are the most; draw a heat map, or "
            f"take one value with --at {color.key}=VALUE."
        )
    if panel is not None:
        check_panels(panel)
    return x, color, panel


def _quantities(table: SweepTable, options: SweepOptions, x: SweptKey, color: SweptKey | None) -> list[Quantity]:
    """Return what was asked for; by default, where a nudge meets noise, the error and the two parts of it."""
    names = options.values or (default_value(table),)
    if not options.values and x.key == "rule.beta" and all(name in table.file for name in WITH_NOISE):
        noise = read_quantity(table, WITH_NOISE[1]).values
        if np.isfinite(noise).any() and np.nanmax(noise) > 0:
            names = WITH_NOISE if color is None else WITH_NOISE[:1]
    found = [read_quantity(table, name) for name in names]
    units = dict.fromkeys(each.unit or "1" for each in found)
    if len(units) > 1:
        raise SimulationError(f"{' and '.join(each.name for each in found)} have units {' and '.join(units)}.")
    return found


def _panels(
    selection: Selection, quantities: list[Quantity], where: Spacing, color: SweptKey | None, panel: SweptKey | None
) -> tuple[list[str], list[list[Line]]]:
    """Return titles and lines of all panels."""
    family = spacing(color) if color is not None else None
    colors = family_colors(family) if family is not None else list(LINES)
    titles: list[str] = []
    panels: list[list[Line]] = []
    for p in spacing(panel).order.tolist() if panel is not None else [None]:
        titles.append(f"{panel.label} = {panel.told(p)}" if panel is not None and p is not None else "")
        panels.append([])
        for i, quantity in enumerate(quantities):
            taken, cell = selection.take(quantity.values), selection.cells(quantity.values)
            for j, c in enumerate(family.order.tolist() if family is not None else [None]):
                at = (where.order, *(place for place in (c, p) if place is not None))
                name = f"{color.name} {color.told(c)}" if color is not None and c is not None else quantity.short
                if color is not None and len(quantities) > 1:
                    name = f"{name}, {quantity.short}"
                runs = taken[at]
                panels[-1].append(
                    Line(
                        mean(runs),
                        np.fmin.reduce(runs, axis=-1),
                        np.fmax.reduce(runs, axis=-1),
                        Cell(cell.unsettled[at], cell.failed[at], cell.missing[at], cell.empty[at]),
                        name,
                        colors[j] if color is not None else colors[i % len(colors)],
                        DASHES[i % len(DASHES)],
                        quantity.small_is_good,
                    )
                )
    return titles, panels


def _label(quantities: list[Quantity]) -> str:
    """Return the label of the vertical axis, which several quantities share."""
    if len(quantities) == 1:
        return fill(quantities[0].axis_label, LABEL_CHARACTERS)
    unit = quantities[0].unit
    of_gradient = not unit and all(each.name.startswith("bias/") for each in quantities)
    return unit or ("relative to the exact gradient" if of_gradient else "dimensionless")


def _panel(axes: Axes, where: Spacing, lines: list[Line], limits: Array, title: str, label: str, bottom: bool) -> None:
    """Draw one panel; all have the same limits."""
    draw_lines(axes, where, lines)
    where.set_axis(axes, "x", cells=False)
    scale_values(axes, limits)
    axes.set_title(title, loc="left")
    axes.set_ylabel(label)
    if not bottom:
        axes.set_xlabel("")
        axes.tick_params(labelbottom=False)
    if not label:
        axes.tick_params(labelleft=False)
    if len(lines) > 1:
        ends = [line.values[np.isfinite(line.values)][-1:] for line in lines]
        label_ends(
            axes, [float(end[0]) if end.size else np.nan for end in ends], [line.name for line in lines],
            [line.color for line in lines],
        )  # fmt: skip


def _caption(selection: Selection, panels: list[list[Line]], color: SweptKey | None, x: SweptKey) -> list[str]:
    told = selection.told
    lines = [line for lines in panels for line in lines]
    if color is not None and len(color.key) > len(color.name):
        told.append(f"colour: {color.key}")
    if selection.together:
        seeds = " and ".join(key.label for key in selection.together)
        told.append(f"means over {selection.runs} values of {seeds}, bands from the smallest to the largest")
    if x.numeric and not x.repeats and any(line.minimum is not None for line in lines):
        told.append("diamond: smallest value inside the range")
    return told + told_marks([line.cell for line in lines], "open", selection.runs)


LAYOUT = SweepLayout(_arrange)
