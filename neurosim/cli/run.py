"""`neurosim run`: run a scenario and write its result."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

FAILED, INTERRUPTED = 3, 130


def run(
    scenario: Annotated[str, typer.Argument(help="Path of a scenario file, or the name of a shipped one.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Result file; default results/NAME-RUNID.h5.")
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key; may be given many times.")
    ] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the default figure beside the result.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print the path of the result and nothing else.")
    ] = False,
    data_dir: Annotated[
        list[Path] | None, typer.Option("--data-dir", help="Folder with data files; may be given many times.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Threads; default: all. Results do not depend on it.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an existing result and start over instead of resuming.")
    ] = False,
) -> None:
    """Run SCENARIO and write a result file. The last line on stdout is its path."""
    from neurosim.scenario.load import load_scenario

    loaded = load_scenario(scenario, changes or ())

    from neurosim.analysis.progress import Silence
    from neurosim.analysis.run import Options, execute
    from neurosim.cli.progress import shown
    from neurosim.dynamics.status import Status

    with shown() if not quiet else Silence.watch() as progress:
        path, outcome = execute(
            loaded,
            Options(
                output=output,
                force=force,
                data_folders=tuple(data_dir or ()),
                threads=threads,
                command=shlex.join(["neurosim", *sys.argv[1:]]),
                progress=progress,
            ),
        )
    if not quiet or not outcome.status.good:
        typer.echo(f"{loaded.scenario.name}: {outcome.message}", err=True)
    if plot and outcome.status is not Status.INTERRUPTED:
        from neurosim.cli.plot import draw

        typer.echo(draw(path, path.with_suffix(".png"), None))
    typer.echo(path)
    if outcome.status is Status.INTERRUPTED:
        raise typer.Exit(INTERRUPTED)
    if not outcome.status.good:
        raise typer.Exit(FAILED)
