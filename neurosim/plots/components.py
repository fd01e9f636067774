"""Plot `components`: the hidden trajectory of a recurrent circuit in its first principal components."""

from __future__ import annotations

from functools import partial
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from neurosim.errors import SimulationError
from neurosim.plots.end_labels import label_ends
from neurosim.plots.layout import Arrangement, Layout
from neurosim.plots.sequence import sequence_group
from neurosim.plots.style import LINES
from neurosim.plots.sweeps.colors import LIGHTEST, MAP
from neurosim.results.reader import text

Array = npt.NDArray[Any]

SHOWN = 3  # components over time
EARLY, LATE = MAP(0.0), MAP(LIGHTEST)


def principal_components(state: Array) -> tuple[Array, Array]:
    """Return the trajectory in its principal components, and their shares of the variance.

    Each component has the sign that makes its entry of largest size positive, so that the same states give the same
    picture.

    Parameters
    ----------
    state : ndarray, shape (steps, units)
        Hidden activity.

    Returns
    -------
    scores : ndarray of float64, shape (steps, min(steps, units))
        Distances from the mean state along the components, in the units of the state.
    shares : ndarray of float64, shape (min(steps, units),)
        Fractions of the total variance; decreasing, with the sum one.

    Raises
    ------
    SimulationError
        If there are fewer than two units, or the state does not move, or is not finite.
    """
    if state.shape[1] < 2:
        raise SimulationError("one hidden unit has no plane to move in.")
    if not np.isfinite(state).all():
        raise SimulationError("the hidden state is NaN or infinite; the run diverged.")
    centred = state.astype(np.float64) - state.mean(axis=0, dtype=np.float64)
    left, sizes, right = np.linalg.svd(centred, full_matrices=False)
    if not sizes[0] > 1e-12 * max(float(np.abs(state).max()), np.finfo(np.float64).tiny):
        raise SimulationError("the hidden state does not move.")
    largest = np.abs(right).argmax(axis=1)
    signs = np.sign(right[np.arange(len(right)), largest])
    return left * sizes * signs, sizes**2 / np.sum(sizes**2)


def draw_plane(file: h5py.File, axes: Axes) -> None:
    """Draw the trajectory in the plane of the first two components, from dark to light.

    Raises
    ------
    SimulationError
        If the file holds no sequence, or its states do not move in a plane.
    """
    scores, shares = principal_components(sequence_group(file)["state"][:])
    points = scores[:, :2]
    pieces = np.stack([points[:-1], points[1:]], axis=1)
    shades = MAP(np.linspace(0.0, LIGHTEST, max(len(pieces), 1)))
    axes.add_collection(LineCollection(list(pieces), colors=shades, linewidths=1.1), autolim=True)
    for point, color in ((points[0], EARLY), (points[-1], LATE)):
        axes.plot(*point, "o", color=color, markersize=6, markeredgecolor="black", zorder=3)
    axes.margins(0.08)
    axes.autoscale_view()
    axes.set_xlabel(f"component 1 ({100 * shares[0]:.0f} % of the variance)")
    axes.set_ylabel(f"component 2 ({100 * shares[1]:.0f} %)")
    axes.set_title(f"two of {len(shares)} components, from dark to light", loc="left")


def draw_time(file: h5py.File, axes: Axes) -> None:
    """Draw the first components over time.

    Raises
    ------
    SimulationError
        If the file holds no sequence, or its states do not move in a plane.
    """
    group = sequence_group(file)
    scores, shares = principal_components(group["state"][:])
    time, count = group["time"][:], min(SHOWN, len(shares))
    for k in range(count):
        axes.plot(time, scores[:, k], color=LINES[k], linewidth=1.1)
    axes.set_xlim(time[0], time[-1])
    unit = text(group["time"].attrs["units"])
    axes.set_xlabel("step" if unit == "1" else f"time ({unit})")
    axes.set_ylabel("distance from the mean state")
    axes.set_title("the first components over time", loc="left")
    label_ends(axes, scores[-1, :count].tolist(), [str(k + 1) for k in range(count)], LINES[:count])


def _arrange(file: h5py.File) -> Arrangement:
    steps, units = sequence_group(file)["state"].shape
    caption = f"hidden states of {units} units over {steps} steps, in their principal components"
    return Arrangement([[partial(draw_plane, file), partial(draw_time, file)]], caption, panel_height=3.0)


LAYOUT = Layout(_arrange)
