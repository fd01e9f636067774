"""Plot `lines`: a number per point of a sweep along one key, with a family of lines over another and bands over seeds.

Along a nudge with noise the error has a smallest value in between: a bias that grows with the nudge, a scatter that
shrinks with it. Such a minimum is marked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from neurosim.errors import SimulationError
from neurosim.plots.end_labels import label_ends
from neurosim.plots.epochs import MARKED_EPOCHS, scale_values
from neurosim.plots.layout import COLUMNS, Arrangement
from neurosim.plots.style import LINES
from neurosim.plots.sweeps.colors import LABEL_CHARACTERS, family_colors
from neurosim.plots.sweeps.layout import SweepLayout, SweepOptions
from neurosim.plots.sweeps.marks import FAILED, LOST, MISSING, told_marks
from neurosim.plots.sweeps.panels import panel_rows
from neurosim.plots.sweeps.quantity import Quantity, default_value, read_quantity
from neurosim.plots.sweeps.selection import Cell, Selection, check_panels, fixed_places, free_keys, mean, roles, select
from neurosim.plots.sweeps.spacing import Spacing, spacing
from neurosim.plots.sweeps.table import SweepTable, SweptKey, read_table

Array = npt.NDArray[Any]

DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)))
WITH_NOISE = ("bias/update_error", "bias/noise_spread", "bias/relative_norm")
SHORT_LABEL = 26  # characters of a line of a label beside one row of panels
MOST_LINES = 16  # of a panel
MOST_LABELS = 12  # beside their ends
LEAST_DIP = 0.01  # of a minimum below both ends of its line, relative to them, from which it is marked
FOOT = 0.03  # height of marks without a value, of the height of the panel
LONE_HEIGHT, PANEL_HEIGHT = 3.4, 2.3  # inches


@dataclass(frozen=True)
class LinePanel:
    """One panel.

    Parameters
    ----------
    title : str
        What it shows that others do not.
    lines : list of Line
        Its lines.
    """

    title: str
    lines: list[Line]


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
        """Place of the smallest value, where values that are clearly larger stand on both sides of it."""
        if not self.small_is_good or not np.isfinite(self.values).any():
            return None
        there = np.flatnonzero(np.isfinite(self.values))
        place = int(np.nanargmin(self.values))
        lower_end = float(self.values[there[[0, -1]]].min())
        return place if lower_end - self.values[place] > LEAST_DIP * abs(lower_end) else None


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
    for number, line in enumerate(lines):
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
        foot = FOOT * (1 + number % 8)  # lines one above the other
        for lost, mark in ((line.cell.lost, LOST), (line.cell.failed, FAILED), (line.cell.missing, MISSING)):
            axes.plot(
                where.positions[lost], np.full(np.count_nonzero(lost), foot), linestyle="none", marker=mark,
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
    panels = _panels(selection, quantities, where, color, panel)
    everything = np.concatenate([np.ravel([line.low, line.high]) for each in panels for line in each.lines])
    lone = len(panels) == 1

    def draw(axes: Axes, content: LinePanel) -> None:
        draw_lines(axes, where, content.lines)
        where.set_axis(axes, "x", cells=False)
        scale_values(axes, everything)
        axes.set_title(content.title, loc="left")
        if lone:
            axes.set_ylabel(fill(_label(quantities), LABEL_CHARACTERS))
            _label_lines(axes, content.lines)

    def legend(figure: Figure | SubFigure, axes: Sequence[Axes]) -> None:
        width = LABEL_CHARACTERS if len(panels) > COLUMNS else SHORT_LABEL
        figure.supylabel(fill(_label(quantities), width), size="medium")
        if len(panels[0].lines) > 1:
            figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center")

    return Arrangement(
        panel_rows(panels, draw),
        "; ".join(_caption(selection, quantities, panels, color, x)),
        panel_height=LONE_HEIGHT if lone else PANEL_HEIGHT,
        legend=None if lone else legend,
    )


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
) -> list[LinePanel]:
    """Return the lines of all panels."""
    family = spacing(color) if color is not None else None
    colors = family_colors(family) if family is not None else list(LINES)
    panels: list[LinePanel] = []
    for p in spacing(panel).order.tolist() if panel is not None else [None]:
        lines: list[Line] = []
        for i, quantity in enumerate(quantities):
            taken, cell = selection.take(quantity.values), selection.cells(quantity.values)
            for j, c in enumerate(family.order.tolist() if family is not None else [None]):
                at = (where.order, *(place for place in (c, p) if place is not None))
                names = [f"{color.name} {color.told(c)}"] if color is not None and c is not None else []
                if color is None or len(quantities) > 1:
                    names.append(quantity.short)
                runs = taken[at]
                lines.append(
                    Line(
                        values=mean(runs),
                        low=np.fmin.reduce(runs, axis=-1),
                        high=np.fmax.reduce(runs, axis=-1),
                        cell=cell.at(at),
                        name=", ".join(names),
                        color=colors[(j if color is not None else i) % len(colors)],
                        dash=DASHES[i % len(DASHES)],
                        small_is_good=quantity.small_is_good,
                    )
                )
        title = f"{panel.label} = {panel.told(p)}" if panel is not None and p is not None else ""
        panels.append(LinePanel(title, lines))
    return panels


def _label(quantities: list[Quantity]) -> str:
    """Return the label of the vertical axis, which several quantities share."""
    if len(quantities) == 1:
        return quantities[0].axis_label
    unit = quantities[0].unit
    of_gradient = not unit and all(each.name.startswith("bias/") for each in quantities)
    return unit or ("relative to the exact gradient" if of_gradient else "dimensionless")


def _label_lines(axes: Axes, lines: list[Line]) -> None:
    """Write names beside the last values of lines, or in a legend where they are too many for that."""
    if len(lines) > MOST_LABELS:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    elif len(lines) > 1:
        last = [line.values[np.isfinite(line.values)][-1:].tolist() for line in lines]
        ends = [end[0] if end else np.nan for end in last]
        label_ends(axes, ends, [line.name for line in lines], [line.color for line in lines])


def _caption(
    selection: Selection, quantities: list[Quantity], panels: list[LinePanel], color: SweptKey | None, x: SweptKey
) -> list[str]:
    lines = [line for panel in panels for line in panel.lines]
    told = []
    if len(quantities) > 1:
        for what in dict.fromkeys(each.what for each in quantities):
            told.append(f"{', '.join(each.short for each in quantities if each.what == what)}: {what}")
    told += selection.told
    if color is not None and len(color.key) > len(color.name):
        told.append(f"colour: {color.key}")
    if selection.together:
        told += [selection.told_mean(quantities[0].values), "bands from the smallest to the largest"]
    if x.numeric and not x.repeats and any(line.minimum is not None for line in lines):
        told.append("diamond: smallest value inside the range")
    return told + told_marks([line.cell for line in lines], "open", selection.runs)


LAYOUT = SweepLayout(_arrange)
