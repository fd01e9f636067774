"""Pictures of several panels: which panels, in which rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import h5py
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from neurosim.plots.timeline import layer_names

COLUMNS = 4  # panels side by side, at most

Panel = Callable[[Axes], object]


class LayerPanel(Protocol):
    """Draws one layer on an Axes; `named` says whether the panel tells where the nudge changes."""

    def __call__(self, file: h5py.File, axes: Axes, layer: str, *, named: bool) -> object:
        """Draw `layer` of `file`."""


@dataclass(frozen=True)
class Arrangement:
    """A picture of one file, ready to be drawn.

    Parameters
    ----------
    rows : sequence of sequences of Panel
        From top to bottom; the panels of a row share its width.
    caption : str
        What the reader has to know beside the labels, in a line.
    top : sequence of Panel
        Panels above all rows, higher than they are, with columns of their own.
    panel_height : float, optional
        Height of a row in inches, where it should not be the usual one.
    legend : callable, optional
        Draws what explains all panels of the rows, such as a colour bar, once they are drawn.
    """

    rows: Sequence[Sequence[Panel]]
    caption: str = ""
    top: Sequence[Panel] = ()
    panel_height: float | None = None
    legend: Callable[[Figure | SubFigure, Sequence[Axes]], object] | None = None


@dataclass(frozen=True)
class Layout:
    """A plot of several panels, registered by name like a plot function.

    Parameters
    ----------
    arrange : callable
        Returns the panels for an open result file.
    """

    arrange: Callable[[h5py.File], Arrangement]


def blank(axes: Axes) -> None:
    """Leave a panel empty, so that the others of its row keep their width."""
    axes.set_axis_off()


def layer_rows(file: h5py.File, *draws: LayerPanel, apart: bool = False) -> list[list[Panel]]:
    """Return one column per layer and one row per way to draw it; many layers are broken into several bands of rows.

    Panels of a row share the label of their vertical axis, unless they stand `apart`.
    """
    layers = layer_names(file)
    bands = np.array_split(np.arange(len(layers)), -(-len(layers) // COLUMNS))
    return [
        [
            _panel(file, draw, layers[i], apart or place == 0, draw is draws[0], draw is draws[-1])
            for place, i in enumerate(band)
        ]
        for band in bands
        for draw in draws
    ]


def _panel(file: h5py.File, draw: LayerPanel, layer: str, first: bool, top: bool, bottom: bool) -> Panel:
    """Return a panel that says only what its neighbours do not."""

    def panel(axes: Axes) -> None:
        draw(file, axes, layer, named=top)
        if not first:
            axes.set_ylabel("")
        if not top:
            axes.set_title("", loc="left")
        if not bottom:
            axes.set_xlabel("")
            axes.tick_params(labelbottom=False)

    return panel
