"""Names of lines at their right ends, beside the axes: unlike a legend they cover nothing and need no looking up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

Array = npt.NDArray[Any]

LEADER = {"arrowstyle": "-", "linewidth": 0.7, "shrinkA": 1, "shrinkB": 2, "relpos": (0, 0.5)}
LINE_POINTS = 11.0  # height of a small line of text


def label_ends(axes: Axes, ends: Sequence[float], names: Sequence[str], colors: Sequence[str]) -> None:
    """Write the name of each line level with its end, or as near as the other names allow, with a short leader.

    Parameters
    ----------
    axes : Axes
        Where to; its limits must be final.
    ends : sequence of float
        Last value of each line; what is not finite gets no name.
    names, colors : sequences of str
        Name and colour of each line.
    """
    to_axes = axes.transData + axes.transAxes.inverted()
    edge = axes.get_xlim()[1]
    levels = np.array([to_axes.transform((edge, end))[1] for end in ends])
    order = [i for i in np.lexsort((-np.arange(len(levels)), levels)).tolist() if np.isfinite(levels[i])]
    levels = np.clip(levels, 0.0, 1.0)
    gap = LINE_POINTS / (72.0 * axes.bbox.height / axes.figure.dpi)
    for i, level in zip(order, spread(levels[order], gap).tolist(), strict=True):
        axes.annotate(
            names[i], (1.0, levels[i]), (11, level), xycoords="axes fraction",
            textcoords=("offset points", "axes fraction"), color=colors[i], fontsize="small", ha="left", va="center",
            annotation_clip=False, arrowprops={**LEADER, "color": colors[i]},
        )  # fmt: skip


def spread(wanted: Array, gap: float) -> Array:
    """Return the levels nearest to `wanted` (increasing, in [0, 1]) that are at least `gap` apart and within [0, 1].

    Where there is not room enough for all, they share it evenly.
    """
    count = len(wanted)
    if not count:
        return wanted
    gap = min(gap, 1.0 / max(1, count - 1))
    steps = gap * np.arange(count)
    # Without the steps the levels only have to increase: least squares under that condition merges offenders to means.
    groups: list[tuple[float, int]] = []
    for value in (wanted - steps).tolist():
        groups.append((value, 1))
        while len(groups) > 1 and groups[-2][0] >= groups[-1][0]:
            (x, m), (y, n) = groups[-2:]
            groups[-2:] = [((m * x + n * y) / (m + n), m + n)]
    levels = np.repeat([value for value, _ in groups], [size for _, size in groups])
    return np.asarray(np.clip(levels, 0.0, 1.0 - gap * (count - 1)) + steps)
