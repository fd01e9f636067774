"""Plot `learning_curve`: training and test error per epoch, or the cost where there are no classes."""

from __future__ import annotations

import h5py
import numpy as np
from matplotlib.axes import Axes

from neurosim.plots.end_labels import label_ends
from neurosim.plots.epochs import draw_epochs, epoch_marker, scale_values, train_group, write_when
from neurosim.plots.status_note import status_note, write_note
from neurosim.plots.style import LINES

LABELS = ("training", "test")
WHEN = {
    "per_batch": "training: during the epoch, test: after it",
    "fused": "training: during the epoch, test: after it",
    "continuous": "training: at the end of a hold, test: of the epoch",
}


def draw(file: h5py.File, axes: Axes) -> Axes:
    """Draw errors in percent, or costs.

    Parameters
    ----------
    file : h5py.File
        An open result of analysis train.
    axes : Axes
        Where to.

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    SimulationError
        If the file holds no finished epoch.
    """
    draw_panel(file, axes)
    write_note(axes, status_note(file))
    return axes


def draw_panel(file: h5py.File, axes: Axes) -> None:
    """Draw errors or costs as a panel of a figure, which says the rest."""
    train = train_group(file)
    epochs, classes = train["epoch"][:], "test_error" in train
    names, factor = (("train_error", "test_error"), 100.0) if classes else (("loss", "test_loss"), 1.0)
    curves = [factor * train[name][:] for name in names]
    colors = (LINES[1], LINES[0])
    for values, label, color in zip(curves, LABELS, colors, strict=True):
        axes.plot(epochs, values, color=color, marker=epoch_marker(epochs), label=label)
    draw_epochs(axes, epochs)
    scale_values(axes, np.concatenate(curves))
    label_ends(axes, [values[-1] for values in curves], LABELS, colors)
    write_when(axes, WHEN[str(train.attrs.get("plasticity", "per_batch"))])
    axes.set_ylabel("misclassified (%)" if classes else "mean cost (dimensionless)")
    last = f"{curves[1][-1]:.2f} % test error" if classes else f"test cost {curves[1][-1]:.4g}"
    axes.set_title(f"{last} after {len(epochs)} epoch{'s' if len(epochs) > 1 else ''}", loc="left", pad=15)
