"""`neurosim sweep`: run a scenario at many points and collect the figures."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

FAILED, INTERRUPTED = 3, 130


def sweep(
    scenario: Annotated[str, typer.Argument(help="Path of a scenario file, or the name of a shipped one.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder; default results/NAME-sweep-ID.")
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option("--grid", metavar="KEY=VALUES", help="Vary a key: a,b,c or lin:START:STOP:N or log:START:STOP:N."),
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of all points.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; default: all. Results do not depend on it.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Use the workers of a dask scheduler.")
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Delete the results of an earlier sweep in the folder first.")
    ] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed points again.")] = False,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the default figure beside sweep.h5.")] = False,
    data_dir: Annotated[
        list[Path] | None, typer.Option("--data-dir", help="Folder with data files; may be given many times.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the path of sweep.h5 and nothing else.")] = False,
) -> None:
    """Run SCENARIO at every point of its sweep; a second call goes on where the first one stopped.

    The last line on stdout is the path of sweep.h5. Exit status 3 if a point failed or did not settle.
    """
    from neurosim.scenario.load import load_scenario

    loaded = load_scenario(scenario, changes or (), grid or ())

    from neurosim.cli.sweep_progress import sweep_shown
    from neurosim.sweep.run import SweepOptions, execute_sweep

    with sweep_shown(quiet) as progress:
        outcome = execute_sweep(
            loaded,
            SweepOptions(
                progress=progress,
                folder=output,
                workers=workers,
                scheduler=scheduler,
                restart=restart,
                retry_failed=retry_failed,
                data_folders=tuple(data_dir or ()),
                command=shlex.join(["neurosim", *sys.argv[1:]]),
            ),
        )
    if not quiet or not outcome.good:
        typer.echo(outcome.message, err=True)
    if plot and not outcome.interrupted:
        _draw(outcome.path)
    typer.echo(outcome.path)
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not outcome.good:
        raise typer.Exit(FAILED)


def _draw(path: Path) -> None:
    """Draw the sweep; one in which no point has left a figure is told of, and its own exit status stands."""
    from neurosim.cli.plot import draw
    from neurosim.errors import SimulationError

    try:
        typer.echo(draw(path, path.with_suffix(".png"), None))
    except SimulationError as error:
        typer.echo(f"no picture: {error}", err=True)
