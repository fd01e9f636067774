"""Plot `gradient_alignment`: the angle between the update of the rule and the exact gradient, per parameter block.

An angle reads better than a cosine: 1 degree and 5 degrees are cosines of 0.99985 and 0.996, and scenarios too give the
asymmetry of conductances in degrees.
"""

from __future__ import annotations

import h5py
import numpy as np
from matplotlib.axes import Axes

from neurosim.errors import SimulationError
from neurosim.plots.epochs import draw_epochs, epoch_marker, scale_values, train_group, write_when
from neurosim.plots.status_note import status_note, write_note
from neurosim.plots.style import LINES
from neurosim.results.reader import texts

SMALLEST_DEG = 1e-6  # a cosine in double precision knows no smaller angle
LEGEND_ROWS = 14
READOUT = ("R", "c")
DASHES = {"c": (0, (3, 1.5)), "W": "-", "b": (0, (3, 1.5)), "B": (0, (1, 1))}


def draw(file: h5py.File, axes: Axes) -> Axes:
    """Draw the angle in degrees over epochs, one line per parameter block and one for all together.

    Parameters
    ----------
    file : h5py.File
        An open result of analysis train with ``log_gradient_alignment``.
    axes : Axes
        Where to.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    SimulationError
        If the file holds no finished epoch, or alignment was not logged.
    """
    draw_panel(file, axes)
    write_note(axes, status_note(file))
    return axes


def has_alignment(file: h5py.File) -> bool:
    """Whether gradient alignment was logged."""
    return "train/gradient_cosine" in file


def draw_panel(file: h5py.File, axes: Axes) -> None:
    """Draw the angles as a panel of a figure, which says the rest."""
    train = train_group(file)
    if not has_alignment(file):
        raise SimulationError("gradient alignment was not logged; set analysis.log_gradient_alignment: true.")
    epochs, names = train["epoch"][:], texts(train["block"])
    angles = np.degrees(np.arccos(np.clip(train["gradient_cosine"][:], -1.0, 1.0)))
    angles = np.maximum(angles, SMALLEST_DEG)
    for name, values in sorted(zip(names, angles.T, strict=True), key=lambda item: item[0] == "all"):
        if np.isfinite(values).any():
            axes.plot(
                epochs, values, color=_color(name, names), linestyle=DASHES.get(name[0], "-"), label=block_name(name),
                marker=epoch_marker(epochs), linewidth=2.2 if name == "all" else None,
            )  # fmt: skip
    draw_epochs(axes, epochs)
    scale_values(axes, angles)
    axes.set_ylabel("angle (degrees)")
    write_when(axes, "after each epoch, on the first training samples")
    axes.set_title("angle of the update to the exact gradient", loc="left", pad=15)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=1 + len(names) // LEGEND_ROWS)


def _color(name: str, names: list[str]) -> str:
    """Return one colour for W_k, b_k+1 and B_k, which belong to the same pair of layers; all together is black.

    R and c of a readout share a colour too, the last one. Blocks of a netlist have one each, in their order.
    """
    kind, _, number = name.partition("_")
    *colors, black = LINES
    if name in READOUT:
        return colors[-1]
    if name == "all":
        return black
    place = int(number) - (kind == "b") if number.isdigit() else names.index(name)
    return colors[place % len(colors)]


def block_name(name: str) -> str:
    """Return the name of a parameter block as it is written: W_1 with its index below."""
    kind, _, number = name.partition("_")
    return f"${kind}_{{{number}}}$" if number.isdigit() else f"${name}$" if name in READOUT else name
