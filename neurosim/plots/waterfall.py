"""Plot `waterfall`: from the exact gradient to the update of the rule, term by term, for every parameter block.

What is drawn are projections on the exact gradient g, <., g> / |g|^2: they have signs and add up, where sizes do not.
The exact gradient stands at 1, an update that is no use at 0; what a term turns without stretching has no length here.
"""

from __future__ import annotations

from functools import partial

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from neurosim.plots.gradient_alignment import block_name
from neurosim.plots.ladder import bias_group, term_color, terms_at_work
from neurosim.plots.layout import COLUMNS, Arrangement, Layout, Panel, blank
from neurosim.plots.style import GUIDE, LINES
from neurosim.results.reader import texts

ROUNDING = 1e-13  # a projection that is smaller says nothing
UPWARDS = ("asymmetry", "nudge", "device", "settling", "noise")  # from the exact gradient to the update
LEAST_SPAN = 0.02  # of the axis, around what is drawn
BAR, MARK = 0.56, 5
CAPTION = (
    "projections on the exact gradient g, over |g|²: every bar starts where the one above it ends, and what is left is "
    "the update of the rule"
)


def draw_block(file: h5py.File, axes: Axes, block: str, *, named: bool = True, labelled: bool = True) -> None:
    """Draw the waterfall of one parameter block as a panel of a figure.

    Parameters
    ----------
    file : h5py.File
        An open result of analysis bias.
    axes : Axes
        Where to.
    block : str
        A parameter block, or ``all``.
    named : bool
        Whether the rows say what they are.
    labelled : bool
        Whether the horizontal axis says what it is.

    Raises
    ------
    SimulationError
        If the file holds no ladder.
    """
    bias = bias_group(file)
    steps, values = _steps(file)
    column = values[:, texts(bias["block"]).index(block)]
    rows = ["exact", *steps, "update"]
    levels = 1.0 + np.concatenate([[0.0], np.cumsum(column)])
    for i, (step, change) in enumerate(zip(steps, column.tolist(), strict=True), start=1):
        if abs(change) >= ROUNDING:
            color = term_color(step)
            axes.barh(i, change, BAR, left=levels[i - 1], color=color, edgecolor=color, linewidth=0.8, zorder=3)
    ends = [(0, levels[0]), (len(rows) - 1, levels[-1])]
    axes.plot([x for _, x in ends], [y for y, _ in ends], "o", color=LINES[-1], markersize=MARK, zorder=4)
    for i, level in enumerate(levels.tolist()):
        axes.plot([level, level], [i, i + 1], color=GUIDE, linewidth=0.8, zorder=2)
    axes.axvline(1.0, color=GUIDE, linewidth=0.4, alpha=0.6, zorder=1)
    told = ["1", *(_signed(change) for change in column.tolist()), _level(float(levels[-1]))]
    for i, number in enumerate(told):
        axes.annotate(
            number, (1.0, i), (4, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
            ha="left", fontsize="small", annotation_clip=False,
        )  # fmt: skip
    axes.set_yticks(range(len(rows)) if named else [], rows if named else [])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(_limits(values))
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    if labelled:
        axes.set_xlabel("projection on the exact gradient")
    axes.set_title(_title(bias, block), loc="left")


def _steps(file: h5py.File) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Return the terms from the exact gradient upwards and their projections, shape (terms, blocks)."""
    bias = bias_group(file)
    known, shown = texts(bias["term"]), terms_at_work(bias)
    terms = [term for term in UPWARDS if term in shown]
    return terms, bias["alignment"][:][[known.index(term) for term in terms]].astype(np.float64)


def _limits(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the limits of the horizontal axis, the same for all blocks."""
    levels = 1.0 + np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    finite = levels[np.isfinite(levels)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (1.0, 1.0)
    margin = 0.08 * (high - low) + max(0.0, LEAST_SPAN - (high - low)) / 2
    return low - margin, high + margin


def _title(bias: h5py.Group, block: str) -> str:
    name = "all parameters" if block == "all" else block_name(block)
    cosine = float(bias["cosine"][texts(bias["block"]).index(block)])
    if not np.isfinite(cosine):
        return f"{name}: no gradient"
    return f"{name}: {np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))):.3g}° off"


def _signed(value: float) -> str:
    if not np.isfinite(value):
        return "-"
    return "0" if abs(value) < ROUNDING else ("+" if value > 0 else "\N{MINUS SIGN}") + _number(abs(value))


def _level(value: float) -> str:
    """Write a projection; one that is nearly 1 as its distance from there."""
    distance = value - 1.0
    return f"1 {_signed(distance)}" if ROUNDING <= abs(distance) < 1e-2 else _number(value)


def _number(value: float) -> str:
    """Write three digits, with a power of ten where there would be many zeros."""
    if not np.isfinite(value):
        return "-"
    if value == 0 or abs(value) >= 1e-3:
        return f"{value:#.3g}".replace("-", "\N{MINUS SIGN}")
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return rf"${mantissa}\times10^{{{int(exponent)}}}$"


def waterfall_rows(file: h5py.File, blocks: list[str]) -> list[list[Panel]]:
    """Return panels of some blocks, in as many rows as they need."""
    columns = min(COLUMNS, len(blocks))
    rows: list[list[Panel]] = []
    for first in range(0, len(blocks), columns):
        row = blocks[first : first + columns]
        panels: list[Panel] = [
            partial(draw_block, file, block=block, named=block is row[0], labelled=block is row[0]) for block in row
        ]
        rows.append(panels + [blank] * (columns - len(row)))
    return rows


def _arrange(file: h5py.File) -> Arrangement:
    blocks = texts(bias_group(file)["block"])
    rows = waterfall_rows(file, [*(block for block in blocks if block == "all"), *(b for b in blocks if b != "all")])
    return Arrangement(rows, CAPTION)


LAYOUT = Layout(_arrange)
