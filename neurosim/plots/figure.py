"""From a result file to a figure: the plot that was asked for, or the overview of what the file holds."""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm
from textwrap import fill
from typing import Any

import h5py
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from neurosim.errors import ScenarioError, SimulationError
from neurosim.plots.layout import Arrangement, Layout, Panel
from neurosim.plots.status_note import status_note
from neurosim.plots.style import ALERT, styled
from neurosim.plots.sweeps.layout import SweepLayout, SweepOptions
from neurosim.registry import PLOTS
from neurosim.results.reader import text

OVERVIEWS = {
    "relax": "trajectories",
    "bias": "bias",
    "nudges": "nudge_error",
    "train": "training",
    "robustness": "robustness",
    "perturbation": "perturbation_cosine",
    "sweep": "sweep",
}

SINGLE_SIZE = (6.4, 3.8)  # inches
PANEL_WIDTH, PANEL_HEIGHT, LONE_HEIGHT, TOP_HEIGHT, LEAST_WIDTH, HEADING = 3.3, 2.0, 2.8, 2.9, 6.4, 0.7
CHARACTERS_PER_INCH = 12


def draw_figure(file: h5py.File, kind: str | None = None, options: SweepOptions | None = None) -> Figure:
    """Draw a result file.

    Parameters
    ----------
    file : h5py.File
        An open result.
    kind : str, optional
        Name of a plot; default: the overview that goes with the analysis of the file.
    options : SweepOptions, optional
        What goes where in the picture of a sweep.

    Returns
    -------
    Figure
        To be shown, or saved with `neurosim.plots.save.save_figure`.

    Raises
    ------
    UnknownNameError
        If there is no such plot, or `options` names a key, a value or an array that the sweep does not have.
    ScenarioError
        If `options` are not well formed, or the plot is not one of sweeps and has none.
    SimulationError
        If the file holds nothing that this plot shows; the message names the plots that it can give.
    """
    if kind is None:
        analysis = text(file.attrs["analysis"])
        if analysis not in OVERVIEWS:
            raise SimulationError(f"{file.filename}: there is no overview of analysis '{analysis}'. {_offer(file)}")
        kind = OVERVIEWS[analysis]
    target = PLOTS.load(kind)
    if options is not None and not isinstance(target, SweepLayout):
        raise ScenarioError(f"{file.filename}: plot '{kind}' has no keys and values to choose; plots of sweeps have.")
    try:
        return _draw(file, target, options)
    except SimulationError as error:
        raise SimulationError(f"{file.filename}: no plot '{kind}': {error} {_offer(file)}") from error


def available(file: h5py.File) -> tuple[str, ...]:
    """Return the names of all plots that a file has the data for."""
    return tuple(kind for kind in PLOTS if _can_draw(file, kind))


def _can_draw(file: h5py.File, kind: str) -> bool:
    """Whether a plot finds what it shows; the plot itself knows best, so it is asked to draw."""
    try:
        _draw(file, PLOTS.load(kind))
    except SimulationError:
        return False
    return True


def _offer(file: h5py.File) -> str:
    names = available(file)
    return f"This file can give: {', '.join(names)}." if names else "This file can give no plot."


def _draw(file: h5py.File, target: Any, options: SweepOptions | None = None) -> Figure:
    """Draw a plot function on a figure of its own, or the panels of a layout with what they have in common."""
    if "sweep_dimensions" in file.attrs and not isinstance(target, SweepLayout):
        raise SimulationError("it shows a single run, and this is a sweep.")
    with styled():
        if not isinstance(target, Layout | SweepLayout):
            figure = Figure(figsize=SINGLE_SIZE)
            target(file, figure.add_subplot())
            _head(file, figure)
            return figure
        if isinstance(target, SweepLayout):
            arrangement = target.arrange(file, options or SweepOptions())
        else:
            arrangement = target.arrange(file)
        figure = _draw_panels(arrangement)
        _head(file, figure, arrangement.caption)
        note = status_note(file)
        if note:
            figure.supxlabel(_fit(figure, note), x=0.01, ha="left", color=ALERT)
        return figure


def _draw_panels(arrangement: Arrangement) -> Figure:
    """Draw rows of panels, every row as wide as the figure."""
    rows, top = arrangement.rows, arrangement.top
    widest = max(len(row) for row in (*rows, top))
    height = (arrangement.panel_height or (PANEL_HEIGHT if len(rows) > 1 or top else LONE_HEIGHT)) * len(rows)
    figure = Figure(figsize=(max(LEAST_WIDTH, widest * PANEL_WIDTH), height + (TOP_HEIGHT if top else 0) + HEADING))
    target: Figure | SubFigure
    if top:
        above, below = figure.subfigures(2, 1, height_ratios=[TOP_HEIGHT, height], squeeze=False).flat
        _draw_rows(above, [top])
        target, panels = below, _draw_rows(below, rows)
    else:
        target, panels = figure, _draw_rows(figure, rows)
    if arrangement.legend is not None:
        arrangement.legend(target, panels)
    return figure


def _draw_rows(figure: Figure | SubFigure, rows: Sequence[Sequence[Panel]]) -> list[Axes]:
    """Draw rows of panels with common columns."""
    columns = lcm(*(len(row) for row in rows))
    grid, panels = figure.add_gridspec(len(rows), columns), []
    for i, row in enumerate(rows):
        span = columns // len(row)
        for j, panel in enumerate(row):
            panels.append(figure.add_subplot(grid[i, j * span : (j + 1) * span]))
            panel(panels[-1])
    return panels


def _head(file: h5py.File, figure: Figure, caption: str = "") -> None:
    """Write above a figure where it comes from and what its panels have in common."""
    name = f"{text(file.attrs['name'])} ({text(file.attrs['run_id'])})"
    figure.suptitle("\n".join(_fit(figure, line) for line in (name, caption) if line), x=0.01, ha="left")


def _fit(figure: Figure, line: str) -> str:
    """Break a line that is too long for a figure."""
    return fill(line, int(CHARACTERS_PER_INCH * figure.get_figwidth()))
