"""Plot `conductances`: the trained parameters before and after learning, one histogram per block."""

from __future__ import annotations

from functools import partial
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from neurosim.errors import SimulationError
from neurosim.plots.gradient_alignment import block_name
from neurosim.plots.layout import COLUMNS, Arrangement, Layout, Panel
from neurosim.plots.style import GUIDE, LINES, REST
from neurosim.plots.units import scaled_unit
from neurosim.results.reader import text

Array = npt.NDArray[Any]

BINS = 30
AT_BOUND = 1e-6  # relative distance from a bound within which a value is counted as being there


def trained_blocks(file: h5py.File) -> list[str]:
    """Return the names of the blocks that learning has changed, in alphabetical order.

    Raises
    ------
    SimulationError
        If there are no parameters, or none of them has changed.
    """
    if "circuit/initial" not in file:
        raise SimulationError("there are no parameters of a circuit.")
    changed = _changed(file)
    if not changed:
        raise SimulationError("no parameter has changed; analysis train learns.")
    return changed


def few_bounded(file: h5py.File) -> bool:
    """Whether learning has moved few enough blocks for one row of panels, and kept any of them between bounds."""
    if "circuit/initial" not in file:
        return False
    after = file["circuit/parameters"]
    changed = _changed(file)
    return 0 < len(changed) <= COLUMNS and any("valid_range" in after[name].attrs for name in changed)


def _changed(file: h5py.File) -> list[str]:
    before, after = file["circuit/initial"], file["circuit/parameters"]
    return [name for name in after if not np.array_equal(before[name][()], after[name][()], equal_nan=True)]


def draw_block(file: h5py.File, axes: Axes, block: str, *, named: bool = True) -> None:
    """Draw how many parameters of a block have which value, before and after learning.

    Parameters
    ----------
    file : h5py.File
        A result with /circuit/initial and /circuit/parameters.
    axes : Axes
        Where to.
    block : str
        Parameter block, such as ``W_0`` or ``g_first``.
    named : bool
        Whether to say which line is before and which after learning.
    """
    data = file[f"circuit/parameters/{block}"]
    values = [np.ravel(file[f"circuit/{group}/{block}"][()]).astype(np.float64) for group in ("initial", "parameters")]
    finite = [each[np.isfinite(each)] for each in values]
    bounds = np.asarray(data.attrs.get("valid_range", ()), np.float64)
    shown = np.concatenate([*finite, bounds[np.isfinite(bounds)]])
    scale, unit = scaled_unit(float(np.abs(shown).max(initial=0.0)), text(data.attrs["units"]))
    edges = np.histogram_bin_edges(shown / scale, BINS)
    for each, color, label, filled in zip(finite, (REST, LINES[0]), ("before", "after"), (True, False), strict=True):
        counts = np.histogram(each / scale, edges)[0]
        axes.stairs(counts, edges, fill=filled, color=color, linewidth=1.5, label=f"{label} learning")
    for bound in bounds[np.isfinite(bounds)] / scale:
        axes.axvline(bound, color=GUIDE, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    margin = 0.03 * float(edges[-1] - edges[0])
    axes.set_xlim(edges[0] - margin, edges[-1] + margin)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.set_ylim(0.0, None)
    axes.set_xlabel(f"{block_name(block)} ({unit})")
    axes.set_ylabel("parameters")
    axes.set_title(_title(block, values[1], bounds), loc="left")
    if named:
        axes.legend(loc="best", fontsize="small")


def _title(block: str, after: Array, bounds: Array) -> str:
    """Return what a histogram cannot say: how many values are on their bounds, and how many are none."""
    told = f"{block_name(block)}: {after.size} value{'s' if after.size > 1 else ''}"
    if bounds.size:
        near = [np.isclose(after, bound, rtol=AT_BOUND, atol=0.0) & np.isfinite(after) for bound in bounds]
        told += f", {np.count_nonzero(near[0])} and {np.count_nonzero(near[1])} at the bounds"
    lost = np.count_nonzero(~np.isfinite(after))
    return told + (f", {lost} not finite" if lost else "")


def conductance_rows(file: h5py.File) -> list[list[Panel]]:
    """Return the panels of all blocks, in rows."""
    blocks = trained_blocks(file)
    bands = np.array_split(np.array(blocks), -(-len(blocks) // COLUMNS))
    return [[partial(_draw_panel, file, str(block), j == 0, i == j == 0) for j, block in enumerate(band)]
            for i, band in enumerate(bands)]  # fmt: skip


def _draw_panel(file: h5py.File, block: str, first: bool, named: bool, axes: Axes) -> None:
    draw_block(file, axes, block, named=named)
    if not first:
        axes.set_ylabel("")


def _arrange(file: h5py.File) -> Arrangement:
    bounded = any("valid_range" in file[f"circuit/parameters/{block}"].attrs for block in trained_blocks(file))
    caption = "Trained parameters before and after learning"
    return Arrangement(conductance_rows(file), caption + ("; dashed: the bounds of learning" if bounded else ""))


LAYOUT = Layout(_arrange)
