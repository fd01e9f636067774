"""Marks of points that say less than the others: runs that did not settle, failed, or have not been done."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from neurosim.plots.style import GUIDE
from neurosim.plots.sweeps.selection import Cell

Array = npt.NDArray[Any]

BACKGROUND = "#ECECEC"  # where there is no value
HATCH = "////"
FAILED, MISSING, LOST = "x", "o", "v"  # marks


def hatch(axes: Axes, edges_x: Array, edges_y: Array, where: Array, color: str) -> None:
    """Hatch cells of a mesh.

    Parameters
    ----------
    axes : Axes
        Where to.
    edges_x, edges_y : ndarray
        Edges of the cells.
    where : ndarray of bool, shape (cells in y, cells in x)
        Which.
    color : str
        Colour of the hatching.
    """
    cells = [
        Path(
            [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)],
            [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY],
        )
        for i, j in np.argwhere(where).tolist()
        for x0, x1 in [edges_x[j : j + 2].tolist()]
        for y0, y1 in [edges_y[i : i + 2].tolist()]
    ]
    if cells:
        # One path, so that the lines run on from cell to cell.
        path = Path.make_compound_path(*cells)
        patch = PathPatch(path, facecolor="none", edgecolor=color, linewidth=0.0, hatch=HATCH, zorder=2.5)
        axes.add_patch(patch)


def mark_cells(axes: Axes, x: Array, y: Array, cell: Cell) -> None:
    """Mark cells without a value at their middles; arrays of `cell` have shape (cells in y, cells in x)."""
    for where, marker in ((cell.failed, FAILED), (cell.missing, MISSING)):
        rows, columns = np.nonzero(where)
        if rows.size:
            axes.plot(
                x[columns], y[rows], linestyle="none", marker=marker, color=GUIDE, fillstyle="none", markersize=4.5,
                zorder=3,
            )  # fmt: skip


def told_marks(cells: list[Cell], shape: str, runs: int = 1) -> list[str]:
    """Return what a caption has to say of the marks in all panels.

    Parameters
    ----------
    cells : list of Cell
        One per panel.
    shape : str
        How places with unsettled runs look: "hatched", "open", "triangle".
    runs : int
        How many runs stand behind one place.
    """
    some, grey = "some run did not settle" if runs > 1 else "did not settle", shape == "hatched"
    total = sum(cell.unsettled.size for cell in cells)
    words = {
        "unsettled": (shape, some),
        "lost": ("hatched grey" if grey else "\N{WHITE DOWN-POINTING TRIANGLE}", f"{some}, no value"),
        "failed": ("\N{MULTIPLICATION SIGN}", "failed"),
        "missing": ("\N{WHITE CIRCLE}", "not run yet"),
        "empty": ("plain grey" if grey else "gap", "no value"),
    }
    counts = {name: sum(int(np.count_nonzero(getattr(cell, name))) for cell in cells) for name in words}
    # Spaces at which no line is broken keep a mark beside its meaning.
    return [
        f"{mark}:\N{NO-BREAK SPACE}{what} ({number}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}{total})"
        for name, (mark, what) in words.items()
        if (number := counts[name])
    ]
