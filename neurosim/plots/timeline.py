"""The time axis of a relaxation: phases one after the other, each as long as it really was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from ruamel.yaml import YAML

from neurosim.errors import SimulationError
from neurosim.plots.style import GUIDE
from neurosim.results.reader import text, texts

Array = npt.NDArray[Any]

PREFIXES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"), (1e-12, "ps"))
CUT_SHORT = {"max_steps", "step_too_small", "diverged", "interrupted"}
MARKED_SAVES = 25  # up to here every save gets a marker


@dataclass(frozen=True)
class Span:
    """One phase on the time axis.

    Parameters
    ----------
    phase : int
        Its place in the result file.
    name : str
        Its name.
    nudge : complex
        Nudging strength beta.
    start : float
        When it began.
    times : ndarray, shape (saves,)
        When states were saved, in the unit of the axis; what the file holds beyond them is empty.
    clamp : float
        How far outputs are held on the way to their targets; 0: they are free.
    unit : str
        Unit of the nudging strength.
    """

    phase: int
    name: str
    nudge: complex
    start: float
    times: Array
    clamp: float = 0.0
    unit: str = "1"


@dataclass(frozen=True)
class Timeline:
    """All phases of a relaxation on one axis.

    Parameters
    ----------
    spans : tuple of Span
        Phases in which anything was saved, in order.
    end : float
        Time of the last save.
    label : str
        What the axis shows, with its unit.
    iterations : bool
        Whether it counts iterations, without physical duration.
    """

    spans: tuple[Span, ...]
    end: float
    label: str
    iterations: bool

    @property
    def marker(self) -> str | None:
        """Marker of lines over this axis: a few saves are points, many are a curve."""
        return "o" if sum(len(span.times) for span in self.spans) <= MARKED_SAVES else None

    @property
    def events(self) -> tuple[tuple[float, str], ...]:
        """Where the nudge changes, and how, for people."""
        befores, several = (None, *self.spans), len(self.spans) > 2
        if self.on_circle:
            return tuple((span.start, f"{np.degrees(np.angle(span.nudge)):.0f}°") for span in self.spans if span.nudge)
        told = ((span.start, _event(before, span, several)) for before, span in zip(befores, self.spans, strict=False))
        return tuple((start, event) for start, event in told if event)

    @property
    def on_circle(self) -> bool:
        """Whether nudges are complex: points on a circle, told apart by their angles."""
        return any(span.nudge.imag for span in self.spans)

    @property
    def title_pad(self) -> float:
        """Points between axes and title: room for the events."""
        return 15.0 if self.events else 9.0


def relax_group(file: h5py.File) -> Any:
    """Return /relax.

    Raises
    ------
    SimulationError
        If the file holds no relaxation.
    """
    if "relax" not in file:
        raise SimulationError("there are no trajectories; they come from analysis relax.")
    return file["relax"]


def has_complex_states(file: h5py.File) -> bool:
    """Whether the two planes of a state are its real and its imaginary part."""
    relax = relax_group(file)
    return "compartment_name" in relax and "imaginary" in texts(relax["compartment_name"])


def layer_names(file: h5py.File) -> list[str]:
    """Return the names of the blocks of the state, from the inputs to the outputs."""
    names = [name.removeprefix("state_") for name in relax_group(file) if name.startswith("state_")]
    return sorted(names, key=lambda name: (len(name), name))  # layer_2 before layer_10


def dynamics(file: h5py.File) -> dict[str, Any]:
    """Return the `dynamics` section of the scenario that a file was made from; empty if it tells nothing."""
    scenario = YAML(typ="safe", pure=True).load(text(file.attrs.get("scenario", "")))
    return dict(scenario["dynamics"]) if scenario and "dynamics" in scenario else {}


def read_timeline(file: h5py.File) -> Timeline:
    """Return the time axis of the relaxation in a file.

    Raises
    ------
    SimulationError
        If the file holds no relaxation, or nothing was saved of it.
    """
    relax = relax_group(file)
    iterations = text(relax["time"].attrs["units"]) != "s"
    times, names, nudges = relax["time"][:], texts(relax["phase"]), relax["nudge"][:].astype(complex)
    if "nudge_imaginary" in relax:
        nudges += 1j * relax["nudge_imaginary"][:]
    clamps = relax["clamp"][:] if "clamp" in relax else np.zeros(len(names))
    nudge_unit = text(relax["nudge"].attrs.get("units", "1"))
    t_end = None if iterations else relax.attrs.get("duration", dynamics(file).get("t_end"))
    saved = [times[:count] for count in _saves(file)]
    lengths = [_length(relax, phase, own, t_end) for phase, own in enumerate(saved)]
    starts = np.concatenate([[0.0], np.cumsum(lengths)])
    if not any(own.size for own in saved):
        raise SimulationError("the relaxation was stopped before any state was saved.")
    scale, unit = (1.0, "") if iterations else _prefix(float(starts[-1]))
    spans = tuple(
        Span(
            phase,
            names[phase],
            complex(nudges[phase]),
            float(starts[phase]) / scale,
            (starts[phase] + own) / scale,
            float(clamps[phase]),
            nudge_unit,
        )
        for phase, own in enumerate(saved)
        if own.size
    )
    return Timeline(spans, float(spans[-1].times[-1]), "iteration" if iterations else f"time ({unit})", iterations)


def draw_timeline(axes: Axes, timeline: Timeline, named: bool = True) -> None:
    """Set limits and label of the time axis, and draw a thin line where a phase begins.

    Parameters
    ----------
    axes : Axes
        Where to.
    timeline : Timeline
        The phases.
    named : bool
        Whether to write above the axes what then happens to the nudge.
    """
    margin = (0.025 if timeline.marker else 0.01) * timeline.end or 0.5
    axes.set_xlim(-margin, timeline.end + margin)
    axes.set_xlabel(timeline.label)
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=timeline.iterations, min_n_ticks=1))
    for span in timeline.spans[1:]:
        axes.axvline(span.start, color=GUIDE, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
    for start, event in timeline.events if named else ():
        axes.annotate(
            event, (start, 1.0), xycoords=axes.get_xaxis_transform(), xytext=(0, 3), textcoords="offset points",
            ha="left" if start <= 0.7 * timeline.end or timeline.on_circle else "right", va="bottom",
            color=GUIDE, fontsize="small",
        )  # fmt: skip


def _event(before: Span | None, span: Span, several: bool) -> str:
    """Return what happens to the nudge when `span` begins, or an empty string; in few words where there are several."""
    if (before is not None and before.nudge.imag and span.nudge) or span.nudge.imag:
        return f"{np.degrees(np.angle(span.nudge)):.0f}°"  # around a circle, whose radius stands at its first point
    if span.clamp:
        return "outputs at their targets" if span.clamp == 1 else f"outputs held, η = {span.clamp:g}"
    unit = "" if span.unit == "1" else f" {span.unit}"
    value = f"β = {span.nudge.real:g}{unit}".replace("-", "\N{MINUS SIGN}")
    if before is None:
        return f"nudged from the start, {value}" if span.nudge else ""
    if span.nudge == before.nudge:
        return ""
    if not span.nudge:
        return "nudge off"
    return value if before.nudge or several else f"nudge on, {value}"


def _saves(file: h5py.File) -> list[int]:
    """Return how many saves of each phase hold anything: the arrays are as long as the longest phase."""
    relax = relax_group(file)
    # Sweeps know no rate at their start, and a diverged sample has no state at its end: either is a sign of a save.
    there = ~np.isnan(relax["rms_rate"][:])
    there |= ~np.isnan(relax[f"state_{layer_names(file)[-1]}"][:, :, :, 0, 0]).all(axis=2)
    return [int(np.flatnonzero(row)[-1]) + 1 if row.any() else 0 for row in there]


def _length(relax: Any, phase: int, saved: Array, t_end: Any) -> float:
    """Return how long a phase took: to the end time, which need not be saved, or as far as it came."""
    last = float(saved[-1]) if saved.size else 0.0
    meanings = text(relax["status"].attrs["flag_meanings"]).split()
    ended = {meanings[code] for code in relax["status"][phase].tolist()}
    return last if t_end is None or ended & CUT_SHORT else max(last, float(t_end))


def _prefix(end: float) -> tuple[float, str]:
    """Return the unit that keeps the numbers on the axis above one."""
    return next(((scale, unit) for scale, unit in PREFIXES if end >= scale), PREFIXES[-1] if end else PREFIXES[0])
