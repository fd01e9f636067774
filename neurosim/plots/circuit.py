"""Plot `circuit`: a netlist as a graph, with conductances as widths and currents as colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from neurosim.errors import SimulationError
from neurosim.plots.graph_layers import layers_of, with_few_crossings
from neurosim.plots.layout import Arrangement, Layout
from neurosim.plots.states import sample_name
from neurosim.plots.style import GUIDE
from neurosim.plots.sweeps.colors import MAP
from neurosim.plots.units import scaled_unit, with_unit
from neurosim.results.reader import text, texts

Array = npt.NDArray[Any]

GROUND = "0"
COLORS: Colormap = LinearSegmentedColormap.from_list("current", MAP(np.linspace(0.92, 0.0, 64)))  # large is dark
DECADES = 4  # of the currents below the largest that have a colour of their own
THIN, THICK = 0.6, 3.6  # points, width of the smallest and the largest conductance
OTHER = 1.0  # points, width of what is no resistor
MOST_NAMES = 45  # nodes in a column that leave room for their names
NODE_HEIGHT, LEAST_HEIGHT, MOST_HEIGHT = 0.52, 2.8, 11.0  # inches, of the picture
LINE_POINTS = 24  # of a bent line; even, so that a piece lies in the middle
STUB = 0.36  # length of the way to ground, in distances of nodes
SYMBOLS = {"diode": ">", "amplifier": ">", "voltage_source": "o", "current_source": "D", "capacitor": "s"}
NAMES = {"diode": "diode", "amplifier": "amplifier", "voltage_source": "voltage source",
         "current_source": "current source", "capacitor": "capacitor"}  # fmt: skip
FILLED = ("diode", "current_source")


@dataclass(frozen=True)
class Graph:
    """A netlist, read from a result.

    Parameters
    ----------
    kinds, first, second : list of str
        Type and nodes of every element.
    inputs, outputs : list of str
        Nodes.
    currents, conductances : ndarray (elements,)
        Sizes in A and S, in one sample.
    """

    kinds: list[str]
    first: list[str]
    second: list[str]
    inputs: list[str]
    outputs: list[str]
    currents: Array
    conductances: Array

    def columns(self) -> list[list[str]]:
        """Return the nodes from inputs and sources to outputs, ground left out."""
        ends = list(zip(self.first, self.second, strict=True))
        nodes = [n for n in dict.fromkeys([*self.inputs, *(n for pair in ends for n in pair)]) if n != GROUND]
        edges = [pair for pair in ends if GROUND not in pair]
        sources = [
            node
            for kind, pair in zip(self.kinds, ends, strict=True)
            if kind == "voltage_source" and GROUND in pair
            for node in pair
            if node != GROUND
        ]
        return with_few_crossings(layers_of(nodes, edges, [*self.inputs, *sources], self.outputs), edges)


def read_graph(file: h5py.File, sample: int = 0) -> Graph:
    """Return the netlist of a result.

    Raises
    ------
    SimulationError
        If the result has none, or not this sample.
    """
    if "circuit/element_current" not in file:
        raise SimulationError(
            "there is no wiring; it comes from analysis relax of a netlist (circuit.kind: resistive)."
        )
    circuit = file["circuit"]
    samples = len(circuit["element_current"])
    if not 0 <= sample < samples:
        raise SimulationError(f"there is no sample {sample}; this file holds samples 0 to {samples - 1}.")
    return Graph(
        texts(circuit["element_type"]),
        texts(circuit["element_first"]),
        texts(circuit["element_second"]),
        texts(circuit["input_node"]),
        texts(circuit["output_node"]),
        np.abs(circuit["element_current"][sample]),
        np.abs(circuit["element_conductance"][sample]),
    )


def draw(file: h5py.File, axes: Axes, sample: int = 0) -> Axes:
    """Draw the netlist of a result.

    Parameters
    ----------
    file : h5py.File
        A result of analysis relax.
    axes : Axes
        Where to.
    sample : int
        Which of the saved samples the currents are of.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    SimulationError
        If the file holds no wiring, or not this sample.
    """
    graph = read_graph(file, sample)
    columns = graph.columns()
    tallest = max(len(column) for column in columns)
    place = {
        node: np.array([i, (tallest - len(column)) / 2 + k]) for i, column in enumerate(columns)
        for k, node in enumerate(column)
    }  # fmt: skip
    axes.set_xlim(-0.35, len(columns) - 0.65)
    axes.set_ylim(tallest - 0.25, -0.55)
    axes.set_axis_off()
    paths = _paths(graph, place)
    norm, widths = current_norm(graph.currents), line_widths(graph)
    colors = [COLORS(norm(value)) if np.isfinite(value) else GUIDE for value in graph.currents]
    axes.add_collection(LineCollection(paths, colors=colors, linewidths=widths, zorder=1.5, capstyle="butt"))
    for kind, path, color in zip(graph.kinds, paths, colors, strict=True):
        if kind != "resistor":
            _draw_symbol(axes, kind, path, color)
    for path, pair in zip(paths, zip(graph.first, graph.second, strict=True), strict=True):
        if GROUND in pair:
            _draw_ground(axes, path[-1] if pair[1] == GROUND else path[0])
    _draw_nodes(axes, graph, place, tallest)
    _draw_key(axes, graph)
    return axes


def current_norm(currents: Array) -> LogNorm:
    """Return the scale of colours: some decades up to the largest current, which smaller ones share the end of."""
    sizes = currents[np.isfinite(currents) & (currents > 0)]
    top = float(sizes.max(initial=0.0)) or 1.0
    low = max(top * 10.0**-DECADES, float(sizes.min(initial=top)))
    return LogNorm(low if low < top else top / 10.0, top, clip=True)


def line_widths(graph: Graph) -> list[float]:
    """Return the widths of the elements, in points: for resistors by their conductance, the same for all others."""
    low, high = _range(graph)
    share = (graph.conductances - low) / (high - low) if high > low else np.ones(len(graph.kinds))
    return [
        THIN + (THICK - THIN) * float(s) if kind == "resistor" else OTHER
        for kind, s in zip(graph.kinds, share, strict=True)
    ]


def _range(graph: Graph) -> tuple[float, float]:
    """Return the smallest and the largest conductance of the resistors."""
    own = graph.conductances[[kind == "resistor" for kind in graph.kinds]]
    return (float(own.min()), float(own.max())) if own.size else (0.0, 0.0)


def _paths(graph: Graph, place: dict[str, Array]) -> list[Array]:
    """Return a line (points, 2) for every element, from its first to its second node."""
    stubs = Counter(n for a, b in zip(graph.first, graph.second, strict=True) if GROUND in (a, b) for n in (a, b))
    seen: Counter[Any] = Counter()
    paths = []
    for a, b in zip(graph.first, graph.second, strict=True):
        if GROUND in (a, b):
            node = b if a == GROUND else a
            here = place[node]
            shift = 0.16 * (seen[node] - (stubs[node] - 1) / 2)
            seen[node] += 1
            path = np.array([here, here + np.array([shift, 0.15]), here + np.array([shift, 0.15 + STUB])])
            paths.append(path[::-1] if a == GROUND else path)
            continue
        start, end, pair = place[a], place[b], frozenset((a, b))
        bent = 0.12 * seen[pair] * (1 if a < b else -1)
        seen[pair] += 1
        if start[0] == end[0]:
            bent += 0.25 * np.sign(end[1] - start[1])  # beside the nodes between them
        t = np.linspace(0.0, 1.0, LINE_POINTS)[:, None]
        across = np.array([abs(end - start)[1], -(end - start)[0] * np.sign((end - start)[1] or 1.0)])
        paths.append(start + t * (end - start) + 4 * t * (1 - t) * bent * across / max(1.0, np.hypot(*across)))
    return paths


def _draw_symbol(axes: Axes, kind: str, path: Array, color: Any) -> None:
    """Draw the symbol of an element at its middle; triangles point from its first node to its second."""
    # The middle of a line; on the way to ground, of the part that lies lower in the picture.
    k = int(np.argmax(path[:-1, 1] + path[1:, 1])) if len(path) == 3 else len(path) // 2 - 1
    at = (path[k] + path[k + 1]) / 2
    a, b = axes.transData.transform(path[k : k + 2])
    marker: Any = SYMBOLS[kind]
    if marker == ">":
        marker = (3, 0, float(np.degrees(np.arctan2(b[1] - a[1], b[0] - a[0]))) - 90.0)
    size = 8 if kind == "amplifier" else 6
    face = color if kind in FILLED else "white"
    axes.plot(*at, marker=marker, markersize=size, color=color, markerfacecolor=face, markeredgewidth=1.0, zorder=2.5)


def _draw_ground(axes: Axes, end: Array) -> None:
    """Draw the symbol of ground: three lines, each shorter than the last."""
    for k, half in enumerate((0.06, 0.038, 0.016)):
        axes.plot([end[0] - half, end[0] + half], [end[1] + 0.05 * k] * 2, color=GUIDE, linewidth=0.9, zorder=1.5)


def _draw_nodes(axes: Axes, graph: Graph, place: dict[str, Array], tallest: int) -> None:
    """Write the names of the nodes on them; inputs and outputs have a frame."""
    for node, (x, y) in place.items():
        if tallest > MOST_NAMES:
            axes.plot(x, y, "o", color=GUIDE, markersize=2, zorder=3)
            continue
        terminal = node in graph.inputs or node in graph.outputs
        axes.text(
            x, y, node, ha="center", va="center", fontsize="small", zorder=3,
            bbox={"boxstyle": "round,pad=0.22", "facecolor": "white", "edgecolor": "black" if terminal else "#C8C8C8",
                  "linewidth": 1.0 if terminal else 0.6},
        )  # fmt: skip


def _draw_key(axes: Axes, graph: Graph) -> None:
    """Explain widths and symbols below the picture."""
    low, high = _range(graph)
    shown = [(low, THIN), (high, THICK)] if high > low else [(high, THICK)] if high else []
    lines = [Line2D([], [], color="black", linewidth=width, label=with_unit(value, "S")) for value, width in shown]
    for kind in [kind for kind in NAMES if kind in graph.kinds]:
        marker = SYMBOLS[kind]
        face = GUIDE if kind in FILLED else "white"
        size = 8 if kind == "amplifier" else 6
        lines.append(
            Line2D([], [], color=GUIDE, linewidth=OTHER, marker=marker, markersize=size, markerfacecolor=face,
                   label=NAMES[kind])
        )  # fmt: skip
    axes.legend(handles=lines, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=4, fontsize="small")


def _draw_colors(currents: Array, figure: Figure | SubFigure, panels: Sequence[Axes]) -> None:
    """Draw the key to the colours at the right."""
    norm = current_norm(currents)
    scale, unit = scaled_unit(float(norm.vmax or 1.0), "A")
    below = bool(np.any(currents < (norm.vmin or 0.0)))
    scaled = LogNorm((norm.vmin or scale) / scale, (norm.vmax or scale) / scale)
    bar = figure.colorbar(
        ScalarMappable(scaled, COLORS), ax=list(panels), pad=0.02, aspect=30, extend="min" if below else "neither"
    )
    bar.set_label(f"size of the current ({unit})")
    bar.outline.set_visible(False)


def _arrange(file: h5py.File) -> Arrangement:
    graph = read_graph(file)
    tallest = max(len(column) for column in graph.columns())
    phase = text(file["circuit"].attrs["current_phase"])
    unknown = "; grey: elements without a law for their current" if np.isnan(graph.currents).any() else ""
    names = f"; more than {MOST_NAMES} nodes in a column: their names are left out" if tallest > MOST_NAMES else ""
    return Arrangement(
        [[partial(draw, file)]],
        f"{sample_name(file, 0)}, end of phase {phase}; width: conductance of resistors{unknown}{names}",
        panel_height=float(np.clip(NODE_HEIGHT * (tallest + 1), LEAST_HEIGHT, MOST_HEIGHT)),
        legend=partial(_draw_colors, graph.currents),
    )


LAYOUT = Layout(_arrange)
