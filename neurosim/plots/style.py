"""The look of all pictures: the style file, and the few colours that plots name themselves."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import resources

import matplotlib
import matplotlib.style
from matplotlib.colors import to_hex

STYLE = "neurosim.plots.neurosim"  # neurosim.mplstyle in this package

_OWN = matplotlib.rc_params_from_file(
    str(resources.files("neurosim.plots").joinpath("neurosim.mplstyle")), use_default_template=False
)

LINES: tuple[str, ...] = tuple(to_hex(color) for color in _OWN["axes.prop_cycle"].by_key()["color"])
"""Colours of lines, distinct for all common kinds of colour vision; black comes last."""

REST = "#B8B8B8"
"""Lines that only show where the others are."""

GUIDE = "#666666"
"""Guide lines and what is written on them."""

ALERT = "#B03A00"
"""What a reader must not overlook."""


def styled() -> AbstractContextManager[None]:
    """Return a context in which Matplotlib draws in the style of neurosim, whatever the user's settings are."""
    return matplotlib.style.context(STYLE, after_reset=True)
