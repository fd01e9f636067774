"""Where the values of a key stand on an axis: evenly in the value, evenly in its logarithm, or side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, LogFormatterSciNotation, LogLocator, MaxNLocator, NullLocator

from neurosim.plots.sweeps.table import SweptKey

Array = npt.NDArray[Any]
Scale = Literal["linear", "log", "ranks"]

SAME = 1e-9  # difference of two values, relative to the largest, up to which no cell fits between them
UNEVEN = 8.0  # ratio of the widest to the narrowest step from which values count as unevenly spaced
LOG_FROM = 10.0  # ratio of the ends from which a logarithm is worth while
PLAIN_FROM, PLAIN_TO = 1e-3, 1e4  # logarithmic axes between these are numbered without powers of ten
MOST_TICKS, MOST_NAMED = 8, 16
LONG = 9  # characters of a name from which it is written at an angle


@dataclass(frozen=True)
class Spacing:
    """The values of one key on an axis, from small to large.

    Parameters
    ----------
    key : SweptKey
        The key.
    scale : {"linear", "log", "ranks"}
        Of the axis; ``ranks`` for text, and for numbers that are even on neither of the others: 0, 1, 2, ... instead.
    order : ndarray of int, shape (values,)
        Places of the values in the file, from small to large; text keeps its order.
    positions : ndarray, shape (values,)
        Where they stand, in the coordinates of the axis.
    """

    key: SweptKey
    scale: Scale
    order: Array
    positions: Array

    @property
    def edges(self) -> Array:
        """Borders of the cells around the positions, shape (values + 1,): halfway, as the scale measures it."""
        where = np.log(self.positions) if self.scale == "log" else self.positions
        if len(where) == 1:
            half = _half(where[0]) if self.scale == "linear" else 0.5
            edges = np.array([where[0] - half, where[0] + half])
        else:
            middles = (where[1:] + where[:-1]) / 2
            edges = np.concatenate([[2 * where[0] - middles[0]], middles, [2 * where[-1] - middles[-1]]])
        return np.exp(edges) if self.scale == "log" else edges

    def finer(self, steps: int) -> Array:
        """Return positions in `steps` steps from each to the next, equal ones on the scale of the axis."""
        return np.exp(between(np.log(self.positions), steps)) if self.scale == "log" else between(self.positions, steps)

    def set_axis(self, axes: Axes, side: Literal["x", "y"], cells: bool) -> None:
        """Set scale, limits, ticks and label of one axis; `cells`: the limits are the edges."""
        axis = axes.xaxis if side == "x" else axes.yaxis
        if self.scale == "log":
            (axes.set_xscale if side == "x" else axes.set_yscale)("log")
        (axes.set_xlim if side == "x" else axes.set_ylim)(*(self.edges[[0, -1]] if cells else self._limits()))
        axis.set_label_text(self.key.label)
        axis.set_minor_locator(NullLocator())
        if self.scale == "ranks":
            self._name_ticks(axis, turn=side == "x")
        elif self.scale == "log":
            number_decades(axis, float(self.positions[0]), float(self.positions[-1]))
        elif self.key.own_dimension and len(self.positions) <= MOST_TICKS:
            axis.set_major_locator(FixedLocator(self.positions.tolist()))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "\N{MINUS SIGN}")))
        else:
            axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 3, 5, 10]))

    def _limits(self) -> Array:
        """Return the limits around lines: a little beyond their ends."""
        low, high = self.positions[[0, -1]]
        if low == high:
            return np.array([low - _half(low), low + _half(low)])
        if self.scale == "ranks":
            return np.asarray(self.edges[[0, -1]])
        if self.scale == "log":
            margin = (high / low) ** 0.03
            return np.array([low / margin, high * margin])
        margin = 0.03 * (high - low)
        return np.array([low - margin, high + margin])

    def _name_ticks(self, axis: Axis, turn: bool) -> None:
        step = -(-len(self.order) // MOST_NAMED)
        names = [self.key.told(i) for i in self.order[::step].tolist()]
        axis.set_major_locator(FixedLocator(self.positions[::step].tolist()))
        axis.set_ticklabels(names)
        if turn and max(map(len, names)) > LONG:
            axis.set_tick_params(rotation=30)
            for label in axis.get_ticklabels():
                label.set_horizontalalignment("right")


def between(values: Array, steps: int) -> Array:
    """Interpolate an array of one dimension linearly, in `steps` steps from each value to the next."""
    places = np.arange(len(values))
    return np.interp(np.linspace(0.0, places[-1], steps * int(places[-1]) + 1), places, values)


def number_decades(axis: Axis, low: float, high: float) -> None:
    """Choose ticks and their numbers on a logarithmic axis that shows `low` to `high`."""
    axis.set_major_locator(LogLocator(subs=(1.0,) if high >= 100.0 * low else (1.0, 2.0, 5.0)))
    axis.set_minor_locator(NullLocator())
    if low >= PLAIN_FROM and high < PLAIN_TO:
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(np.inf, np.inf)))


def spacing(key: SweptKey) -> Spacing:
    """Return where the values of a key stand; the scale follows from the values."""
    count = len(key.values)
    if not key.numeric:
        return Spacing(key, "ranks", np.arange(count), np.arange(float(count)))
    order = np.argsort(key.values, kind="stable")
    values = key.values[order]
    scale = _scale(values)
    return Spacing(key, scale, order, np.arange(float(count)) if scale == "ranks" else values)


def scattered(key: SweptKey) -> tuple[Spacing, Array]:
    """Return the axis of a key for dots, and where each of its values stands, in the order of the file.

    Values of points that were drawn at random are as uneven as chance makes them, and may be there more than once; the
    scale on which they are more nearly symmetric around the middle is taken.
    """
    if not key.numeric:
        names = list(dict.fromkeys(key.values.tolist()))
        named = SweptKey(key.key, key.name, np.array(names, object), key.dimension)
        return spacing(named), np.array([float(names.index(value)) for value in key.values.tolist()])
    if key.own_dimension:
        regular = spacing(key)
        positions = np.empty(len(key.values))
        positions[regular.order] = regular.positions
        return regular, positions
    order = np.argsort(key.values, kind="stable")
    values = key.values[order]
    wide = values[0] > 0 and values[-1] >= LOG_FROM * values[0]
    scale: Scale = "log" if wide and _skew(np.log(values)) < _skew(values) else "linear"
    return Spacing(key, scale, order, values), key.values


def _half(value: float) -> float:
    """Return half the width of the cell of a value that stands alone."""
    return 0.5 * abs(value) or 0.5


def _skew(values: Array) -> float:
    """Return how far the median is from the middle of the range, of the range."""
    low, high = values[[0, -1]]
    return float(abs(np.median(values) - (low + high) / 2) / (high - low))


def _scale(values: Array) -> Scale:
    if len(values) == 1:
        return "linear"
    positive = values[0] > 0
    linear, logs = _unevenness(values), _unevenness(np.log(values)) if positive else np.inf
    if positive and values[-1] >= LOG_FROM * values[0] and logs < linear:
        return "log" if logs <= UNEVEN else "ranks"
    if len(values) == 2 and linear < np.inf:
        return "log" if positive and values[-1] >= LOG_FROM * values[0] else "linear"
    return "linear" if linear <= UNEVEN else "ranks"


def _unevenness(values: Array) -> float:
    """Return the ratio of the widest to the narrowest step between sorted values; infinite if two are the same.

    Values that differ by rounding are the same.
    """
    steps = np.diff(values)
    return float(steps.max() / steps.min()) if steps.min() > SAME * np.abs(values).max() else np.inf
