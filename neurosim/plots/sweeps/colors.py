"""Colours of numbers: one perceptually uniform map, linear or logarithmic, the same for all panels of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Colormap, LogNorm, Normalize, to_hex
from matplotlib.figure import FigureBase

from neurosim.plots.epochs import LOG_FROM
from neurosim.plots.style import LINES
from neurosim.plots.sweeps.spacing import Spacing, number_decades

Array = npt.NDArray[Any]

MAP: Colormap = colormaps["viridis"]
LIGHTEST = 0.88  # of the map, for lines: beyond it they are lost on white
LABEL_CHARACTERS = 42


def color_norm(values: Array) -> Normalize:
    """Return the scale of colours: logarithmic for positive values over more than a decade.

    Zeros among such values take the colour of the smallest.
    """
    finite = values[np.isfinite(values)]
    positive = finite[finite > 0]
    if finite.size and positive.size and finite.min() >= 0 and positive.max() >= LOG_FROM * positive.min():
        return LogNorm(float(positive.min()), float(positive.max()), clip=True)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low == high:
        half = 0.5 * abs(low) or 0.5
        low, high = low - half, high + half
    return Normalize(low, high)


def draw_colorbar(figure: FigureBase, axes: Sequence[Axes], norm: Normalize, label: str) -> Colorbar:
    """Draw the key to the colours of some panels at their right."""
    bar = figure.colorbar(ScalarMappable(norm, MAP), ax=list(axes), pad=0.02, aspect=25)
    if isinstance(norm, LogNorm) and norm.vmin is not None and norm.vmax is not None:
        number_decades(bar.ax.yaxis, norm.vmin, norm.vmax)
    bar.set_label(fill(label, LABEL_CHARACTERS))
    bar.outline.set_visible(False)
    return bar


def family_colors(spacing: Spacing) -> list[str]:
    """Return one colour per value of a key, in its order: a sequence for numbers, distinct colours for text."""
    count = len(spacing.order)
    if not spacing.key.numeric:
        return [LINES[i % len(LINES)] for i in range(count)]
    return [to_hex(MAP(shade)) for shade in np.linspace(0.0, LIGHTEST, max(count, 2))[:count]]


def is_dark(colors: Array) -> Array:
    """Whether white shows better on colours, shape (..., 4), than black does: by their relative luminance (WCAG 2)."""
    channels = np.asarray(colors, float)[..., :3]
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ [0.2126, 0.7152, 0.0722] < 0.18)
