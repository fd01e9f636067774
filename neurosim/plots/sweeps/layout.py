"""What users may choose of the picture of a sweep, and plots that take such choices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import h5py

from neurosim.plots.layout import Arrangement


@dataclass(frozen=True)
class SweepOptions:
    """What goes where in the picture of a sweep. Keys are dotted keys or the names of their coordinates.

    Parameters
    ----------
    x, y : str, optional
        Keys of the axes.
    color : str, optional
        Key that tells the lines of a family, or the dots of a scatter, apart.
    panel : str, optional
        Key with one panel per value.
    values : tuple of str
        Arrays to draw, such as ``"bias/relative_norm[total, all]"``; default: what says most.
    at : tuple of str
        ``"KEY=VALUE"`` of keys that stay at one value.
    """

    x: str | None = None
    y: str | None = None
    color: str | None = None
    panel: str | None = None
    values: tuple[str, ...] = ()
    at: tuple[str, ...] = ()


@dataclass(frozen=True)
class SweepLayout:
    """A plot of a sweep, registered by name.

    Parameters
    ----------
    arrange : callable
        Returns the panels for an open ``sweep.h5`` and the choices of the user.
    """

    arrange: Callable[[h5py.File, SweepOptions], Arrangement]
