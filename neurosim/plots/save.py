"""Figures as files: PNG, SVG or PDF, the same bytes every time."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from neurosim.errors import ResultFileError, ScenarioError, nearest
from neurosim.plots.style import styled

# What would change from day to day is left out.
METADATA: dict[str, dict[str, Any]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def check_picture_path(path: Path) -> None:
    """Make sure that a picture can be saved under this name, before anything is drawn.

    Raises
    ------
    ScenarioError
        If the ending is not that of a known format.
    ResultFileError
        If the folder does not exist.
    """
    suffix = path.suffix.lower()
    if suffix not in METADATA:
        found = f"unknown picture format '{suffix}'.{nearest(suffix, METADATA)}" if suffix else "no picture format."
        raise ScenarioError(f"{path}: {found} The name has to end in {', '.join(METADATA)}.")
    if not os.path.isdir(path.parent):
        raise ResultFileError(f"{path}: cannot be written: there is no folder '{path.parent}'.")


def save_figure(figure: Figure, path: Path) -> None:
    """Save a figure in the format that the ending of its name says; an existing file is replaced.

    Parameters
    ----------
    figure : Figure
        The figure.
    path : Path
        Where to, ending in ``.png``, ``.svg`` or ``.pdf``.

    Raises
    ------
    ScenarioError
        If the ending is not that of a known format.
    ResultFileError
        If the file cannot be written.
    """
    check_picture_path(path)
    suffix = path.suffix.lower()
    # In memory first: a picture that cannot be drawn to its end leaves no half a file.
    picture = BytesIO()
    with styled():
        figure.savefig(picture, format=suffix[1:], metadata=METADATA[suffix])
    try:
        path.write_bytes(picture.getvalue())
    except OSError as error:
        raise ResultFileError(f"{path}: cannot be written: {error.strerror or error}.") from error
