"""Plot `ladder`: the terms of the bias ladder, block by block, as large as they are beside the exact gradient."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
from matplotlib.axes import Axes

from neurosim.errors import SimulationError
from neurosim.plots.epochs import write_when
from neurosim.plots.gradient_alignment import block_name
from neurosim.plots.status_note import status_note, write_note
from neurosim.plots.style import GUIDE, LINES
from neurosim.results.reader import texts

LEAST = 1e-12  # what is smaller is rounding, and would squeeze everything else into a corner
MARKERS = {"settling": "^", "nudge": "s", "asymmetry": "D", "noise": "v", "device": "P", "total": "o"}


def draw(file: h5py.File, axes: Axes) -> Axes:
    """Draw the norm of every term over the norm of the exact gradient, on a log axis, one row per parameter block.

    Parameters
    ----------
    file : h5py.File
        An open result of analysis bias.
    axes : Axes
        Where to.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    SimulationError
        If the file holds no ladder.
    """
    draw_panel(file, axes)
    write_note(axes, status_note(file))
    return axes


def bias_group(file: h5py.File) -> Any:
    """Return /bias.

    Raises
    ------
    SimulationError
        If the file holds no ladder.
    """
    if "bias/relative_norm" not in file:
        raise SimulationError("there is no bias ladder; it comes from analysis bias.")
    return file["bias"]


def terms_at_work(bias: h5py.Group) -> list[str]:
    """Return the terms to draw: all but noise and devices of a circuit that has none."""
    terms, sizes = texts(bias["term"]), bias["relative_norm"][:]
    silent = {term for term, row in zip(terms, sizes, strict=True) if not (np.abs(row) > 0).any()}
    return [term for term in terms if term not in silent & {"noise", "device"}]


def draw_panel(file: h5py.File, axes: Axes) -> None:
    """Draw the ladder as a panel of a figure, which says the rest."""
    bias = bias_group(file)
    terms, blocks, norms = texts(bias["term"]), texts(bias["block"]), bias["relative_norm"][:]
    rows = np.arange(len(blocks))[::-1]
    for row in rows:
        axes.axhline(row, color=GUIDE, linewidth=0.4, alpha=0.4, zorder=1)
    for term, values in zip(terms, norms, strict=True):
        if term not in terms_at_work(bias):
            continue
        there = np.isfinite(values) & (values >= LEAST)
        axes.plot(
            values[there], rows[there], linestyle="none", marker=MARKERS.get(term, "v"), color=term_color(term),
            label=term, markersize=7 if term == "total" else 5, fillstyle="none" if term == "total" else "full",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yticks(rows, [block_name(block) for block in blocks])
    axes.set_ylim(-0.6, len(blocks) - 0.4)
    axes.margins(x=0.05)
    axes.set_xlabel("size of the term,\nrelative to the exact gradient")
    axes.set_ylabel("parameter block")
    angle = np.degrees(np.arccos(np.clip(bias["cosine"][blocks.index("all")], -1.0, 1.0)))
    axes.set_title(f"update {angle:.3g}° from the exact gradient", loc="left", pad=15)
    if (norms < LEAST).any():
        write_when(axes, "no mark: smaller than $10^{-12}$")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def term_color(term: str) -> str:
    """Return the colour of a term of the ladder, the same in all plots; the total is black."""
    *colors, black = LINES
    return black if term == "total" else colors[list(MARKERS).index(term) % len(colors)]
