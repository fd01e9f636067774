"""Plot `u_curve`: error of an update against the size of the nudge: noise falls, bias grows, the best lies between.

error(beta)^2 = bias(beta)^2 + spread(beta)^2, everything relative to the norm of the exact gradient
"""

from __future__ import annotations

import h5py
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator

from neurosim.errors import SimulationError
from neurosim.plots.end_labels import label_ends
from neurosim.plots.status_note import status_note, write_note
from neurosim.plots.style import GUIDE, LINES
from neurosim.results.reader import text

LEAST = 1e-12


def draw(file: h5py.File, axes: Axes) -> Axes:
    """Draw error, bias and spread against beta on log-log axes, with the strength that was chosen.

    Parameters
    ----------
    file : h5py.File
        An open result of analysis bias with ``rule.beta: auto``.
    axes : Axes
        Where to.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    SimulationError
        If no strength was searched for.
    """
    draw_panel(file, axes)
    write_note(axes, status_note(file))
    return axes


def draw_panel(file: h5py.File, axes: Axes) -> None:
    """Draw the curves as a panel of a figure, which says the rest."""
    if "bias/beta_error" not in file:
        raise SimulationError("no nudge was searched for; it is by analysis bias with rule.beta: auto.")
    bias = file["bias"]
    betas, best = bias["beta"][:], float(bias["best_beta"][()])
    # A bias below two standard errors of the mean update is lost in the noise.
    doubt = np.fmax(2 * bias["beta_spread"][:] / np.sqrt(float(bias["noise_repeats"][()])), LEAST)
    ends, names, colors = [], [], []
    for name, label, color, style in (
        ("beta_error", "error of an update", LINES[-1], "-"),
        ("beta_bias", "bias", LINES[1], "--"),
        ("beta_spread", "noise", LINES[0], ":"),
    ):
        values = bias[name][:]
        known = np.isfinite(values) & (values > (doubt if name == "beta_bias" else LEAST))
        if known.any():
            axes.plot(betas[known], values[known], style, color=color, marker="o", markersize=2.5)
            ends.append(values[known][-1])
            names.append(label)
            colors.append(color)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(LogLocator(numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(_decade))
    axes.margins(x=0.03)
    axes.axvline(best, color=GUIDE, linestyle="-.", linewidth=0.9, zorder=1)
    axes.set_xlabel(beta_label(bias["beta"]))
    axes.set_ylabel("distance from the exact gradient,\nrelative to it")
    label_ends(axes, ends, names, colors)
    error = float(np.nanmin(bias["beta_error"][:]))
    strength = f"{best:.3g} {beta_unit(bias['beta'])}".strip()
    axes.set_title(rf"best: $\beta$ = {strength}, {error:.3g} of the gradient", loc="left")


def beta_label(beta: h5py.Dataset) -> str:
    """Return the axis label of nudging strengths, with their unit where they have one."""
    unit = beta_unit(beta)
    return r"nudging strength $\beta$" + (f" ({unit})" if unit else "")


def beta_unit(beta: h5py.Dataset) -> str:
    """Return the unit of nudging strengths, empty where they have none."""
    unit = text(beta.attrs.get("units", "1"))
    return "" if unit == "1" else unit


def _decade(value: float, _: int) -> str:
    """Return a power of ten: written out where that is short."""
    return f"{value:g}" if value > 2e-3 else f"$10^{{{np.log10(value):.0f}}}$"
