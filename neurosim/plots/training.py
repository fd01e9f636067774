"""Plot `training`: the overview of a training run, learning curve and, where it was logged, gradient alignment.

A row below has the conductances of a circuit that keeps them between bounds.
"""

from __future__ import annotations

from functools import partial

import h5py

from neurosim.plots import conductances, gradient_alignment, learning_curve
from neurosim.plots.epochs import train_group
from neurosim.plots.layout import Arrangement, Layout, Panel


def _arrange(file: h5py.File) -> Arrangement:
    train_group(file)
    row: list[Panel] = [partial(learning_curve.draw_panel, file)]
    if gradient_alignment.has_alignment(file):
        row.append(partial(gradient_alignment.draw_panel, file))
    if conductances.few_bounded(file):
        return Arrangement([row, *conductances.conductance_rows(file)], "Dashed: the bounds of learning")
    return Arrangement([row])


LAYOUT = Layout(_arrange)
