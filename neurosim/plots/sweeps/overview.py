"""Plot `sweep`: the picture that says most of a sweep without being told anything, or what the options ask for."""

from __future__ import annotations

import h5py

from neurosim.plots.layout import Arrangement
from neurosim.plots.sweeps import heat_map, lines, scatter
from neurosim.plots.sweeps.layout import SweepLayout, SweepOptions
from neurosim.plots.sweeps.selection import free_keys, roles
from neurosim.plots.sweeps.table import SweepTable, read_table


def suited(table: SweepTable, options: SweepOptions) -> SweepLayout:
    """Return the plot that suits the keys of a sweep.

    Points that have no grid make a scatter, two keys of numbers a heat map, everything else lines. A second axis asks
    for a heat map, a colour or several values for lines.
    """
    if table.point_keys:
        return scatter.LAYOUT
    if options.y is not None:
        return heat_map.LAYOUT
    if options.color is not None or len(options.values) > 1:
        return lines.LAYOUT
    x, panel = roles(table, (options.x, options.panel), options.at)
    keys = [*([] if x is None else [x]), *free_keys(table, options.at, (x, panel))]
    numbers = [key for key in keys if key.numeric and not key.repeats]
    return heat_map.LAYOUT if len(numbers) >= 2 else lines.LAYOUT


def _arrange(file: h5py.File, options: SweepOptions) -> Arrangement:
    table = read_table(file)
    return suited(table, options).arrange(file, options)


LAYOUT = SweepLayout(_arrange)
