"""Plot `heat_map`: a number per point of a sweep as colour over two keys, with one panel per value of a third."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.patheffects import withStroke
from numpy.lib.stride_tricks import sliding_window_view

from neurosim.errors import SimulationError
from neurosim.plots.layout import Arrangement
from neurosim.plots.sweeps.colors import MAP, color_norm, draw_colorbar, is_dark
from neurosim.plots.sweeps.layout import SweepLayout, SweepOptions
from neurosim.plots.sweeps.marks import BACKGROUND, hatch, mark_cells, told_marks
from neurosim.plots.sweeps.panels import panel_rows
from neurosim.plots.sweeps.quantity import Quantity, default_value, read_cosine, read_quantity
from neurosim.plots.sweeps.selection import Cell, Selection, check_panels, fixed_places, free_keys, mean, roles, select
from neurosim.plots.sweeps.spacing import Spacing, between, spacing
from neurosim.plots.sweeps.table import SweepTable, SweptKey, read_table

Array = npt.NDArray[Any]

COSINES = (0.5, 0.9, 0.99)
FINE = 48  # places along an axis at which contours are interpolated, about, where the cells are fewer
LONE_HEIGHT, PANEL_HEIGHT = 3.8, 2.5  # inches


@dataclass(frozen=True)
class Mesh:
    """One panel, with its cells from left to right and from bottom to top.

    Parameters
    ----------
    x, y : Spacing
        Where the cells stand.
    values, cosines : ndarray, shape (cells in y, cells in x)
        What is drawn, and the cosine of the update with the exact gradient; NaN where there is none.
    cell : Cell
        What became of the runs.
    title : str
        What the panel shows that others do not.
    """

    x: Spacing
    y: Spacing
    values: Array
    cosines: Array
    cell: Cell
    title: str


def draw_mesh(axes: Axes, mesh: Mesh, norm: Normalize) -> None:
    """Draw the cells of one panel, with contours of the cosine, hatching and marks.

    Parameters
    ----------
    axes : Axes
        Where to.
    mesh : Mesh
        What.
    norm : Normalize
        The scale of the colours.
    """
    axes.set_facecolor(BACKGROUND)
    mesh.x.set_axis(axes, "x", cells=True)
    mesh.y.set_axis(axes, "y", cells=True)
    shown = np.ma.masked_invalid(mesh.values)
    axes.pcolormesh(mesh.x.edges, mesh.y.edges, shown, norm=norm, cmap=MAP, rasterized=mesh.values.size > 2500)
    dark = is_dark(MAP(norm(shown))) & ~mesh.cell.lost
    for color, where in (("white", dark), ("black", ~dark)):
        hatch(axes, mesh.x.edges, mesh.y.edges, (mesh.cell.unsettled | mesh.cell.lost) & where, color)
    mark_cells(axes, mesh.x.positions, mesh.y.positions, mesh.cell)
    _draw_contours(axes, mesh)
    axes.set_title(mesh.title, loc="left")


def _draw_contours(axes: Axes, mesh: Mesh) -> None:
    """Draw lines of equal cosine, interpolated as angle, which is more nearly linear, along the scales of both axes."""
    levels = {float(np.arccos(level)): f"{level:g}" for level in reversed(contour_levels(mesh))}
    if not levels:
        return
    angles = np.arccos(np.clip(mesh.cosines, -1.0, 1.0))
    steps = [max(1, FINE // length) for length in angles.shape]
    for axis in (0, 1):
        angles = np.apply_along_axis(between, axis, angles, steps[axis])
    outline = [withStroke(linewidth=2.2, foreground="black")]
    lines = axes.contour(
        mesh.x.finer(steps[1]), mesh.y.finer(steps[0]), np.ma.masked_invalid(angles), list(levels), colors="white",
        linewidths=1.1, zorder=3, corner_mask=False,
    )  # fmt: skip
    lines.set(path_effects=outline)
    for label in axes.clabel(lines, fmt=levels, fontsize="small"):
        label.set(path_effects=outline, zorder=4)


def contour_levels(mesh: Mesh) -> list[float]:
    """Return the levels of the cosine that lie between neighbours that all have one.

    There are none where text, or numbers that are even on no scale, stand side by side.
    """
    if min(mesh.values.shape) < 2 or "ranks" in (mesh.x.scale, mesh.y.scale):
        return []
    corners = sliding_window_view(mesh.cosines, (2, 2))
    low, high = corners.min(axis=(2, 3)), corners.max(axis=(2, 3))  # NaN where one of the four is
    return [level for level in COSINES if ((low < level) & (level < high)).any()]


def _arrange(file: h5py.File, options: SweepOptions) -> Arrangement:
    table = read_table(file)
    if options.color is not None:
        raise SimulationError("the colour of a heat map is the value; a third key makes panels, with --panel.")
    if len(options.values) > 1:
        raise SimulationError("a heat map shows one value; several make lines.")
    x, y, panel = _choose(table, options)
    quantity = read_quantity(table, options.values[0] if options.values else default_value(table))
    selection = select(table, [key for key in (y, x, panel) if key is not None], options.at)
    cosines = None if quantity.unit == "degrees" else read_cosine(table)
    meshes = _meshes(selection, quantity, cosines, spacing(x), spacing(y), panel)
    norm = color_norm(np.array([mesh.values for mesh in meshes]))
    there = any(np.isfinite(mesh.values).any() for mesh in meshes)
    return Arrangement(
        panel_rows(meshes, partial(draw_mesh, norm=norm)),
        "; ".join(_caption(selection, quantity, meshes)),
        panel_height=LONE_HEIGHT if len(meshes) == 1 else PANEL_HEIGHT,
        legend=partial(draw_colorbar, norm=norm, label=quantity.axis_label) if there else None,
    )


def _choose(table: SweepTable, options: SweepOptions) -> tuple[SweptKey, SweptKey, SweptKey | None]:
    """Return the keys of both axes and of the panels: those asked for, then what is free, numbers first."""
    x, y, panel = roles(table, (options.x, options.y, options.panel), options.at)
    free = free_keys(table, options.at, (x, y, panel))
    # A seed, or a key of one value, can have an axis where nothing else is left.
    fixed = fixed_places(table, options.at)
    others = [key for key in table.grid_keys if key not in (x, y, panel, *free) and key.name not in fixed]
    x = x or next(iter([*free, *others]), None)
    rest = [key for key in [*free, *others] if key is not x]
    y = y or next(iter(rest), None)
    if x is None or y is None:
        raise SimulationError(f"a heat map needs two keys, and {_told(table)}.")
    panel = panel or next((key for key in free if key not in (x, y)), None)
    if panel is not None:
        check_panels(panel)
    return x, y, panel


def _told(table: SweepTable) -> str:
    if table.point_keys:
        return f"{' and '.join(key.key for key in table.point_keys)} vary together, point by point: draw a scatter"
    return "only " + (" and ".join(key.key for key in table.grid_keys) or "none") + " can be on an axis"


def _meshes(
    selection: Selection, quantity: Quantity, cosines: Array | None, x: Spacing, y: Spacing, panel: SweptKey | None
) -> list[Mesh]:
    """Return the panels; their number is that of the values of `panel`."""
    cell = selection.cells(quantity.values)
    values = mean(selection.take(quantity.values))
    projected = mean(selection.take(cosines)) if cosines is not None else np.full(values.shape, np.nan)
    grid = np.ix_(y.order, x.order)
    meshes = []
    for place in spacing(panel).order.tolist() if panel is not None else [None]:
        here = ... if place is None else (..., place)
        title = f"{panel.label} = {panel.told(place)}" if panel is not None and place is not None else ""
        meshes.append(Mesh(x, y, values[here][grid], projected[here][grid], cell.at(here).at(grid), title))
    return meshes


def _caption(selection: Selection, quantity: Quantity, meshes: list[Mesh]) -> list[str]:
    told = selection.told
    if selection.together:
        told.append(selection.told_mean(quantity.values))
    if any(contour_levels(mesh) for mesh in meshes):
        told.append("white lines: cosine of the update with the exact gradient")
    return told + told_marks([mesh.cell for mesh in meshes], "hatched", selection.runs)


LAYOUT = SweepLayout(_arrange)
