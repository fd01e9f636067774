"""`neurosim schema`: the JSON schema of a scenario, for editors."""

from __future__ import annotations

import typer


def schema() -> None:
    """Print the JSON schema of a scenario."""
    from neurosim.scenario.json_schema import scenario_schema_text

    typer.echo(scenario_schema_text(), nl=False)
