"""Small multiples: one panel per value of a key, in rows that are nearly equally long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from matplotlib.axes import Axes

from neurosim.plots.layout import COLUMNS, Panel, blank

Content = TypeVar("Content")


def panel_rows(contents: Sequence[Content], draw: Callable[[Axes, Content], object]) -> list[list[Panel]]:
    """Return rows of panels that share both axes: only the outer ones say what is on them.

    Parameters
    ----------
    contents : sequence
        What the panels show, one by one.
    draw : callable
        Draws the content of one panel, with labels on both axes.
    """
    count = len(contents)
    bands = -(-count // COLUMNS)
    columns = -(-count // bands)
    rows: list[list[Panel]] = []
    for first in range(0, count, columns):
        row = [
            _panel(contents[i], draw, left=i == first, bottom=i + columns >= count)
            for i in range(first, min(first + columns, count))
        ]
        rows.append(row + [blank] * (columns - len(row)))
    return rows


def _panel(content: Content, draw: Callable[[Axes, Content], object], left: bool, bottom: bool) -> Panel:
    def panel(axes: Axes) -> None:
        draw(axes, content)
        if not left:
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)
        if not bottom:
            axes.set_xlabel("")
            axes.tick_params(labelbottom=False)

    return panel
