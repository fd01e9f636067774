"""Plot `error_alignment`: how far the error vectors point from the exact ones, layer by layer, on every rung.

Errors are made at the outputs and sent down, and the angle grows on the way; the rungs say why. As in
`gradient_alignment` an angle is drawn, here that of the mean cosine.
"""

from __future__ import annotations

import h5py
import numpy as np
from matplotlib.axes import Axes

from neurosim.errors import SimulationError
from neurosim.plots.gradient_alignment import SMALLEST_DEG
from neurosim.plots.ladder import terms_at_work
from neurosim.plots.status_note import status_note, write_note
from neurosim.plots.style import LINES
from neurosim.results.reader import texts

MEANING = {
    "measured": "as it relaxes", "quiet": "without noise", "settled": "settled", "ideal": "ideal synapses",
    "limit": "nudge to 0",
}  # fmt: skip
WITHOUT = {"quiet": "noise", "ideal": "device"}  # rungs that are those above them where this term is not at work
GROUP = 0.78  # of the distance between layers that their bars take
MOST_NUMBERS = 24  # bars; with more there is no room for numbers beside them


def draw(file: h5py.File, axes: Axes) -> Axes:
    """Draw the angle of the error vectors to the exact ones in degrees, one bar per layer and rung.

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
        If the file holds no error vectors.
    """
    draw_panel(file, axes)
    write_note(axes, status_note(file))
    return axes


def draw_panel(file: h5py.File, axes: Axes) -> None:
    """Draw the angles as a panel of a figure, which says the rest."""
    if "bias/error_cosine" not in file:
        raise SimulationError("there are no error vectors; they come from analysis bias.")
    bias = file["bias"]
    rungs, layers, terms = texts(bias["rung"]), texts(bias["layer"]), terms_at_work(bias)
    shown = [i for i, rung in enumerate(rungs) if WITHOUT.get(rung, "nudge") in terms]
    rungs = [rungs[i] for i in shown]
    angles = np.degrees(np.arccos(np.clip(bias["error_cosine"][:][shown], -1.0, 1.0)))
    angles[angles < SMALLEST_DEG] = 0.0
    places, thickness = np.arange(len(layers)), GROUP / len(rungs)
    for i, (rung, values) in enumerate(zip(rungs, angles, strict=True)):
        rows = places + thickness * (i - (len(rungs) - 1) / 2)
        axes.barh(
            rows, values, 0.85 * thickness, color=LINES[(3 + i) % (len(LINES) - 1)], label=MEANING.get(rung, rung)
        )
        for row, value in zip(rows.tolist(), values.tolist(), strict=True):
            if angles.size <= MOST_NUMBERS and np.isfinite(value):
                axes.annotate(
                    f"{value:.3g}°", (value, row), (3, 0), textcoords="offset points", va="center", ha="left",
                    fontsize="small",
                )  # fmt: skip
    names = [layer.replace("_", " ") for layer in layers]
    names[-1] = "outputs" if layers[-1].startswith("layer_") else names[-1]
    axes.set_yticks(places, names)
    axes.set_ylim(len(layers) - 0.5, -0.5)
    axes.set_xlim(0.0, 1.3 * float(np.max(angles[np.isfinite(angles)], initial=0.0)) or 1.0)
    axes.set_xlabel("angle (degrees)")
    axes.set_title("error vectors: angle to the exact ones", loc="left")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
