"""`neurosim plot`: draw a result, or a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from neurosim.plots.sweeps.layout import SweepOptions

SWEEP = "Sweeps"  # the panel of the options in --help


def plot(
    result: Annotated[Path, typer.Argument(help="A result file, or the folder of a sweep.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Picture: .png, .svg or .pdf; default beside the result.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="Which plot; see 'neurosim list plots'. Default: what suits the result."),
    ] = None,
    x: Annotated[
        str | None, typer.Option("--x", metavar="KEY", help="Key on the horizontal axis.", rich_help_panel=SWEEP)
    ] = None,
    y: Annotated[
        str | None, typer.Option("--y", metavar="KEY", help="Key on the vertical axis.", rich_help_panel=SWEEP)
    ] = None,
    color: Annotated[
        str | None,
        typer.Option(
            "--color", metavar="KEY", help="Key with one line, or one colour, per value.", rich_help_panel=SWEEP
        ),
    ] = None,
    panel: Annotated[
        str | None, typer.Option("--panel", metavar="KEY", help="Key with one panel per value.", rich_help_panel=SWEEP)
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(
            "--value",
            metavar="NAME",
            help="Array to draw, such as relative_norm[total,all]; several make lines.",
            rich_help_panel=SWEEP,
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option("--at", metavar="KEY=VALUE", help="Keep a key at one value.", rich_help_panel=SWEEP),
    ] = None,
) -> None:
    """Draw RESULT. The last line on stdout is the path of the picture."""
    if result.is_dir():
        from neurosim.errors import ResultFileError

        if not (result / "sweep.h5").exists():
            raise ResultFileError(
                f"{result}: is a folder without a sweep.h5; give a result file or the folder of a sweep."
            )
        result = result / "sweep.h5"
    options = None
    if any((x, y, color, panel, value, at)):
        from neurosim.plots.sweeps.layout import SweepOptions

        options = SweepOptions(x, y, color, panel, tuple(value or ()), tuple(at or ()))
    default = result.with_suffix(f".{kind}.png" if kind else ".png")
    typer.echo(draw(result, output or default, kind, options))


def draw(result: Path, picture: Path, kind: str | None, options: SweepOptions | None = None) -> Path:
    """Draw a result file into a picture and return its path."""
    from neurosim.plots.figure import draw_figure
    from neurosim.plots.save import check_picture_path, save_figure
    from neurosim.results.reader import open_result

    check_picture_path(picture)
    with open_result(result) as file:
        save_figure(draw_figure(file, kind, options), picture)
    return picture
