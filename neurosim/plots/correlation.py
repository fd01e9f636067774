"""Plot `correlation`: correlation of hidden activity before decorrelation was learnt, and after."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from neurosim.errors import SimulationError
from neurosim.plots.epochs import write_when
from neurosim.plots.layout import Arrangement, Layout
from neurosim.results.reader import texts

Array = npt.NDArray[Any]

MAP = "RdBu_r"
NORM = Normalize(-1.0, 1.0)
SHRUNK = 5.0  # a variance that falls by more is no longer the activity that was to be decorrelated


def draw_stage(file: h5py.File, axes: Axes, stage: str) -> None:
    """Draw the matrix of correlations of one stage, with its RMS off the diagonal and the mean variance.

    Parameters
    ----------
    file : h5py.File
        An open result with /decorrelation.
    axes : Axes
        Where to.
    stage : {"before", "after"}
        Which.

    Raises
    ------
    SimulationError
        If the file holds no correlations.
    """
    group = decorrelation_group(file)
    place = texts(group["stage"]).index(stage)
    matrix, variance = group["correlation"][place], group["variance"][place]
    axes.imshow(matrix, cmap=MAP, norm=NORM, interpolation="nearest")
    axes.set_facecolor("#D8D8D8")  # units that do not move
    axes.set_xlabel("unit")
    axes.set_ylabel("unit")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_title(f"{stage}: RMS {rms_off_diagonal(matrix):.3f} off the diagonal", loc="left", pad=15)
    still = int(np.count_nonzero(variance == 0))
    remark = f"mean variance {variance.mean():.3g}"
    write_when(axes, remark + (f"; grey: {still} do not move" if still else ""))


def rms_off_diagonal(matrix: Array) -> float:
    """Return the root mean square of the correlations of different units that have one.

    Raises
    ------
    SimulationError
        If there is no such pair.
    """
    others = matrix[~np.eye(len(matrix), dtype=bool)]
    known = others[np.isfinite(others)]
    if not known.size:
        raise SimulationError("there are no two hidden units that move.")
    return float(np.sqrt(np.mean(known**2)))


def decorrelation_group(file: h5py.File) -> Any:
    """Return /decorrelation.

    Raises
    ------
    SimulationError
        If the file holds no correlations.
    """
    if "decorrelation" not in file:
        raise SimulationError("there are no correlations; they come from rules that decorrelate.")
    return file["decorrelation"]


def _draw_colors(figure: Figure | SubFigure, panels: Sequence[Axes]) -> None:
    bar = figure.colorbar(ScalarMappable(NORM, MAP), ax=list(panels), pad=0.02, aspect=25)
    bar.set_label("correlation over steps")
    bar.outline.set_visible(False)


def _arrange(file: h5py.File) -> Arrangement:
    group = decorrelation_group(file)
    stages = texts(group["stage"])
    first, last = group["variance"][0].mean(), group["variance"][-1].mean()
    caption = f"{len(group['unit'])} units; the mean variance "
    if last * SHRUNK < first:
        factor = f"by a factor of {first / last:.3g}" if last > 0 else "to zero"
        caption += f"fell {factor}: the states were shrunk"
    else:
        caption += f"is {last / first:.3g} of what it was" if first > 0 else "was zero"
    row = [partial(draw_stage, file, stage=stage) for stage in stages]
    return Arrangement([row], caption, panel_height=3.0, legend=_draw_colors)


LAYOUT = Layout(_arrange)
