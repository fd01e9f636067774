"""Plot `complex_plane`: how far the equilibrium moves along a contour of complex nudges, in the complex plane.

Every unit that is shown draws a closed curve around zero, its free state: a circle while the response is linear in the
nudge, bent by higher orders, torn where the contour leaves the radius of convergence. The lower half mirrors the upper.
"""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from neurosim.errors import SimulationError
from neurosim.plots.layout import Arrangement, Layout, layer_rows
from neurosim.plots.states import sample_name, state_symbol
from neurosim.plots.style import GUIDE, LINES
from neurosim.plots.timeline import has_complex_states, read_timeline, relax_group

Array = npt.NDArray[Any]

SHOWN = 5  # units of a layer


def draw_layer(file: h5py.File, axes: Axes, layer: str, *, sample: int = 0, named: bool = True) -> None:
    """Draw the units of one layer that move farthest as a panel of a figure, which says the rest.

    Raises
    ------
    SimulationError
        If the file holds no states at complex nudges.
    """
    check_complex(file)
    moved, closed = settled(file, layer, sample)
    far = np.sort(np.argsort(-np.abs(moved).max(axis=0), kind="stable")[:SHOWN])
    for color, unit in zip(LINES, far.tolist(), strict=False):
        upper = moved[:, unit]
        # The last point of the upper half is its own mirror image where it is real.
        lower = upper[-2:0:-1] if closed else upper[:0:-1]
        curve = np.concatenate([upper, lower.conj(), upper[:1]])
        axes.plot(curve.real, curve.imag, color=color, linewidth=1.0)
        axes.plot(upper.real, upper.imag, color=color, linestyle="none", marker="o", label=str(unit))
        axes.plot(upper[:1].real, upper[:1].imag, color=color, linestyle="none", marker="D", markersize=6)
    axes.plot([0.0], [0.0], color=GUIDE, marker="+", markersize=8, linestyle="none", zorder=1)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.08)
    y = state_symbol(file, layer)
    axes.set_xlabel(rf"Re $({y} - {y}^0)$")
    axes.set_ylabel(rf"Im ${y}$")
    units = relax_group(file)[f"state_{layer}"].shape[-1]
    shown = f"{len(far)} of {units} units" if len(far) < units else f"{units} units"
    axes.set_title(f"{layer.replace('_', ' ')}: {shown}", loc="left")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="unit", handlelength=1.0)


def settled(file: h5py.File, layer: str, sample: int = 0) -> tuple[Array, bool]:
    """Return the last saved states of the upper half of the contour less the free one, shape (points, units).

    Also whether the last of the points is real, and so its own mirror image.
    """
    spans = read_timeline(file).spans
    states = relax_group(file)[f"state_{layer}"]
    last = [states[span.phase, len(span.times) - 1, sample].astype(np.float64) for span in spans]
    z = np.array([planes[0] + 1j * planes[1] for planes in last])
    free = next(i for i, span in enumerate(spans) if span.nudge == 0)
    points = [i for i, span in enumerate(spans) if span.nudge != 0]
    last_nudge = spans[points[-1]].nudge
    return z[points] - z[free], abs(last_nudge.imag) <= 1e-12 * abs(last_nudge)


def check_complex(file: h5py.File) -> None:
    """Refuse a relaxation without a free phase and complex nudges.

    Raises
    ------
    SimulationError
        If there are none.
    """
    relax = relax_group(file)
    if not (has_complex_states(file) and "nudge_imaginary" in relax and (relax["nudge"][:] == 0).any()):
        raise SimulationError("the states of this circuit are real; complex ones come from contour nudging.")


def _arrange(file: h5py.File) -> Arrangement:
    check_complex(file)
    caption = f"{sample_name(file, 0)}; the units that move farthest, around their free state; diamond: real nudge β"
    return Arrangement(layer_rows(file, draw_layer, apart=True), caption)


LAYOUT = Layout(_arrange)
