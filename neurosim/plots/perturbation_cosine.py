"""Plot `perturbation_cosine`: how well updates from K noisy copies point along the gradient, rule by rule.

It reads cosine[reference, rule, network, samples] of /perturbation, where references are ``bptt`` (the gradient through
time) and ``one_step``, and, if it is there, reference_cosine[network] of these two with each other: what a rule without
credit through time can reach.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from neurosim.errors import SimulationError
from neurosim.plots.end_labels import label_ends
from neurosim.plots.layout import Arrangement, Layout, Panel
from neurosim.plots.style import GUIDE, LINES
from neurosim.results.reader import texts

Array = npt.NDArray[Any]

TITLES = {"bptt": "with the gradient through time", "one_step": "with the one-step gradient"}
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)))
CEILING = "one-step gradient"
KINDS = ("np", "anp", "wp")


def draw_reference(file: h5py.File, axes: Axes, reference: str) -> None:
    """Draw the mean cosine over networks against K with the range of networks as a band, one line per rule.

    Parameters
    ----------
    file : h5py.File
        An open result with /perturbation.
    axes : Axes
        Where to.
    reference : str
        Gradient that the updates are compared with.

    Raises
    ------
    SimulationError
        If the file holds no updates of perturbation, or none that were compared with this gradient.
    """
    group = perturbation_group(file)
    place = texts(group["reference"]).index(reference)
    samples, cosine, rules = group["samples"][:], group["cosine"][place], texts(group["rule"])
    ends, names, colors = [], [], []
    for i, (rule, values) in enumerate(zip(rules, cosine, strict=True)):
        known = np.isfinite(values).any(axis=0)
        if not known.any():
            continue
        color, values = LINES[i % len(LINES)], values[:, known]
        dash = DASHES[i // len(LINES) % len(DASHES)]
        mean = np.nanmean(values, axis=0)
        axes.plot(samples[known], mean, color=color, linestyle=dash, marker="o", markersize=3, label=rule_label(rule))
        if len(values) > 1:
            low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
            axes.fill_between(samples[known], low, high, color=color, alpha=0.13, linewidth=0, zorder=1)
        ends.append(float(mean[-1]))
        names.append(rule_label(rule))
        colors.append(color)
    if not names:
        raise SimulationError(f"no update was compared with the gradient '{reference}'.")
    if reference == "bptt" and "reference_cosine" in group and np.isfinite(group["reference_cosine"][:]).any():
        ceiling = float(np.nanmean(group["reference_cosine"][:]))
        axes.axhline(ceiling, color=GUIDE, linestyle="--", linewidth=1.0, zorder=1)
        ends.append(ceiling)
        names.append(CEILING)
        colors.append(GUIDE)
    _scale(axes, samples, cosine)
    axes.set_xlabel("noisy copies K per update")
    axes.set_ylabel("cosine of the update")
    axes.set_title(TITLES.get(reference, f"with the gradient '{reference}'"), loc="left")
    label_ends(axes, ends, names, colors)


def perturbation_group(file: h5py.File) -> Any:
    """Return /perturbation.

    Raises
    ------
    SimulationError
        If the file holds no updates of perturbation, or the run ended before the first of them.
    """
    if "perturbation" not in file:
        raise SimulationError("there are no cosines against the number of noisy copies; they come from perturbation.")
    if not np.isfinite(file["perturbation/cosine"][:]).any():
        raise SimulationError("the run ended before the first update was compared with a gradient.")
    return file["perturbation"]


def rule_label(name: str) -> str:
    """Return the usual abbreviation of a rule: ``np_step`` is NP-step; other names stay as they are."""
    kind, separator, credit = name.partition("_")
    return f"{kind.upper()}-{credit}" if separator and kind in KINDS else name


def _scale(axes: Axes, samples: Array, cosine: Array) -> None:
    axes.set_xscale("log")
    low, high = float(samples[0]), float(samples[-1])
    axes.set_xlim(low / 1.08, high * 1.08 if high > low else 1.3 * high)
    axes.xaxis.set_major_locator(LogLocator(numticks=9))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    least = float(np.nanmin(cosine))
    axes.set_ylim(min(0.0, 1.05 * least), 1.02)
    if least < 0:
        axes.axhline(0.0, color=GUIDE, linewidth=0.6, zorder=1)


def _arrange(file: h5py.File) -> Arrangement:
    group = perturbation_group(file)
    known = np.isfinite(group["cosine"][:]).any(axis=(1, 2, 3))
    names = [name for name, there in zip(texts(group["reference"]), known, strict=True) if there]
    row: list[Panel] = [partial(draw_reference, file, reference=name) for name in names]
    count = len(group["network"])
    what = f"mean of {count} networks, bands: their range" if count > 1 else "one network"
    return Arrangement([row], f"updates by perturbation; {what}", panel_height=3.0)


LAYOUT = Layout(_arrange)
