"""`neurosim validate`: every error of a scenario at once, without running anything."""

from __future__ import annotations

from typing import Annotated

import typer

BAD_USAGE = 2


def validate(
    scenarios: Annotated[list[str], typer.Argument(help="Paths of scenario files, or names of shipped ones.")],
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key; may be given many times.")
    ] = None,
) -> None:
    """Check scenarios. Prints every error with file, line and key; exit status 2 if there are any."""
    from neurosim.errors import NeurosimError
    from neurosim.scenario.load import load_scenario

    bad = False
    for name in scenarios:
        try:
            loaded = load_scenario(name, changes or ())
        except NeurosimError as error:
            bad = True
            typer.echo(str(error), err=True)
        else:
            typer.echo(f"{loaded.path}: valid, run id {loaded.run_id}")
    if bad:
        raise typer.Exit(BAD_USAGE)
