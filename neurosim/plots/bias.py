"""Plot `bias`: the overview of a bias run, with sizes of all terms, angles of error vectors, and waterfalls."""

from __future__ import annotations

from functools import partial

import h5py

from neurosim.plots import error_alignment, ladder, u_curve, waterfall
from neurosim.plots.layout import Arrangement, Layout, Panel
from neurosim.results.reader import texts


def _arrange(file: h5py.File) -> Arrangement:
    blocks = texts(ladder.bias_group(file)["block"])
    top: list[Panel] = [partial(ladder.draw_panel, file), partial(error_alignment.draw_panel, file)]
    if "beta_error" in file["bias"]:
        top.insert(0, partial(u_curve.draw_panel, file))
    # Biases follow the weights beside them; `waterfall` shows them all.
    rows = waterfall.waterfall_rows(file, ["all", *(block for block in blocks if block.startswith(("W", "B")))])
    return Arrangement(rows, f"Waterfalls: {waterfall.CAPTION}", top)


LAYOUT = Layout(_arrange)
