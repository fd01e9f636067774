"""Plot `nudge_error`: error against the size of the nudge on log-log axes, with orders, floor and radius."""

from __future__ import annotations

import h5py
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from neurosim.errors import SimulationError
from neurosim.plots.end_labels import label_ends
from neurosim.plots.status_note import status_note, write_note
from neurosim.plots.style import GUIDE, LINES
from neurosim.plots.u_curve import beta_label
from neurosim.results.reader import texts

MARKERS = "os^Dvph*"


def draw(file: h5py.File, axes: Axes) -> Axes:
    """Draw |update - exact| / |exact| against beta for every protocol, on log-log axes.

    Where asymmetry leaves a floor, thin lines show the part above it, which vanishes with the nudge.

    Parameters
    ----------
    file : h5py.File
        An open result of analysis nudges.
    axes : Axes
        Where to.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    SimulationError
        If the file holds no such errors.
    """
    if "nudges/error" not in file:
        raise SimulationError("there are no errors against nudges; they come from analysis nudges.")
    nudges = file["nudges"]
    betas, names, orders = nudges["beta"][:], texts(nudges["nudging"]), nudges["order"][:]
    errors, parts, floor = nudges["error"][:], nudges["nudge_error"][:], float(nudges["asymmetry"][()])
    colors = [LINES[i % len(LINES)] for i in range(len(names))]
    for i, (error, part) in enumerate(zip(errors, parts, strict=True)):
        axes.plot(betas, error, color=colors[i], marker=MARKERS[i % len(MARKERS)])
        if floor > 1e-10:
            axes.plot(betas, part, color=colors[i], linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.03)
    axes.set_xlabel(beta_label(nudges["beta"]))
    axes.set_ylabel("distance from the exact gradient,\nrelative to it")
    if floor > 1e-10:
        axes.axhline(floor, color=GUIDE, linestyle="--", linewidth=0.9, zorder=1)
        axes.annotate(
            f"asymmetry {floor:.3g}", (0.0, floor), (4, 3), xycoords=("axes fraction", "data"),
            textcoords="offset points", color=GUIDE, fontsize="small",
        )  # fmt: skip
    if "radius" in nudges:
        nearest = float(np.min(nudges["radius"][:]))
        low, high = axes.get_xlim()
        if low < nearest < 3 * high:
            axes.axvline(nearest, color=GUIDE, linestyle="-.", linewidth=0.9, zorder=1)
            axes.set_xlim(low, max(high, 1.05 * nearest))
            axes.annotate(
                f"radius {nearest:.2g}", (nearest, 1.0), (-3, -2), xycoords=("data", "axes fraction"),
                textcoords="offset points", color=GUIDE, fontsize="small", ha="right", va="top", rotation=90,
            )  # fmt: skip
    ends = [part[-1] if floor > 1e-10 else error[-1] for part, error in zip(parts, errors, strict=True)]
    labels = [f"{_named(name)}, order {order:.2f}" for name, order in zip(names, orders, strict=True)]
    label_ends(axes, ends, labels, colors)
    axes.set_title("dotted: the part that vanishes with the nudge" if floor > 1e-10 else "", loc="left")
    write_note(axes, status_note(file))
    return axes


def _named(protocol: str) -> str:
    return f"N = {protocol}" if protocol.isdigit() else protocol.replace("_", "-")
