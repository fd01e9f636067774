"""`neurosim plot`: draw a result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plot(
    result: Annotated[Path, typer.Argument(help="A result file.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Picture: .png, .svg or .pdf; default beside the result.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="Which plot; see 'neurosim list plots'. Default: what suits the result."),
    ] = None,
) -> None:
    """Draw RESULT. The last line on stdout is the path of the picture."""
    default = result.with_suffix(f".{kind}.png" if kind else ".png")
    typer.echo(draw(result, output or default, kind))


def draw(result: Path, picture: Path, kind: str | None) -> Path:
    """Draw a result file into a picture and return its path."""
    from neurosim.plots.figure import draw_figure
    from neurosim.plots.save import check_picture_path, save_figure
    from neurosim.results.reader import open_result

    check_picture_path(picture)
    with open_result(result) as file:
        save_figure(draw_figure(file, kind), picture)
    return picture
