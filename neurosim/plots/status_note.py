"""What must be said beside a picture: relaxations that did not end as they were asked to."""

from __future__ import annotations

from textwrap import fill

import h5py
import numpy as np
from matplotlib.axes import Axes

from neurosim.plots.style import ALERT
from neurosim.results.reader import text, texts

GOOD = ("settled", "finished")
NOTE_WIDTH = 80  # characters
UNSETTLED = ("train/unsettled_fraction", "robustness/epoch_unsettled_fraction")


def status_note(file: h5py.File) -> str:
    """Return a short line about relaxations that ended badly, or an empty string if none did."""
    if "sweep_dimensions" in file.attrs:
        return "" if text(file.attrs["status"]) in GOOD else text(file.attrs["message"])
    return _relax_note(file) if "relax" in file else _run_note(file)


def write_note(axes: Axes, note: str) -> None:
    """Write a note below the label of the horizontal axis."""
    if note:
        axes.annotate(
            fill(note, NOTE_WIDTH), (0.0, 0.0), xycoords="axes fraction", xytext=(0, -36), textcoords="offset points",
            ha="left", va="top", color=ALERT, fontsize="small", annotation_clip=False,
        )  # fmt: skip


def _relax_note(file: h5py.File) -> str:
    """Count samples by status and phase: ``not settled: 3 of 8 samples (free), 8 of 8 (nudged)``."""
    relax = file["relax"]
    codes, phases = relax["status"][:], texts(relax["phase"])
    meanings = text(relax["status"].attrs["flag_meanings"]).split()
    told = []
    for code in np.unique(codes).tolist():
        if meanings[code] in GOOD:
            continue
        counts = [(name, int(np.count_nonzero(row == code))) for name, row in zip(phases, codes, strict=True)]
        parts = [
            f"{count} of {codes.shape[1]}{'' if i else ' samples'}" + (f" ({name})" if len(phases) > 1 else "")
            for i, (name, count) in enumerate((name, count) for name, count in counts if count)
        ]
        told.append(f"{meanings[code].replace('_', ' ')}: {', '.join(parts)}")
    return "; ".join(told)


def _run_note(file: h5py.File) -> str:
    """Return how the run ended badly, or else that some relaxations within it did."""
    status = text(file.attrs["status"])
    if status not in GOOD:
        reason = text(file.attrs.get("message", "")).partition(";")[0].partition(" (")[0]
        named = status.replace("_", " ")
        for name in (named, status):  # once is enough: "16 of 16 samples: not settled: the end time came ..."
            reason = reason.removeprefix(name).lstrip(" :").partition(f": {name}:")[0]
        return f"{named}: {reason}" if reason else named
    logged = [name for name in UNSETTLED if name in file]
    fractions = np.concatenate([np.ravel(file[name][()]) for name in logged]) if logged else np.zeros(0)
    worst = float(np.max(fractions, initial=0.0, where=np.isfinite(fractions)))
    return f"not settled: up to {100 * worst:.2g} % of the relaxations of an epoch" if worst > 0 else ""
