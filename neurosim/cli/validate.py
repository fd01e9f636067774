"""`neurosim validate`: every error of a scenario at once, without running anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from neurosim.scenario.load import LoadedScenario

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
            points = _points(loaded)
        except NeurosimError as error:
            bad = True
            typer.echo(str(error), err=True)
        else:
            typer.echo(f"{loaded.path}: valid, run id {loaded.run_id}{points}")
    if bad:
        raise typer.Exit(BAD_USAGE)


def _points(loaded: LoadedScenario) -> str:
    """Expand the sweep of a scenario, which finds what is wrong with it, and say how many points it has."""
    if loaded.scenario.sweep is None:
        return ""
    from neurosim.sweep.plan import Plan

    plan = Plan(loaded)
    invalid = f", {len(plan.invalid)} of them invalid" if plan.invalid else ""
    return f", sweep of {len(plan)} points{invalid}"
