"""`neurosim list`: what there is, by the names that scenarios use."""

from __future__ import annotations

from typing import Annotated

import typer

KINDS = ("circuits", "scenarios", "rules", "solvers", "analyses", "datasets", "imperfections", "plots")


def list_names(
    kind: Annotated[
        str | None, typer.Argument(help=f"One of: {', '.join(KINDS)}. Default: all.", show_default=False)
    ] = None,
) -> None:
    """List circuits, scenarios, rules, solvers, analyses, data sets, imperfections and plots."""
    from neurosim.errors import UnknownNameError, nearest

    if kind is not None and kind not in KINDS:
        raise UnknownNameError(f"list: unknown kind '{kind}'.{nearest(kind, KINDS)} Known: {', '.join(KINDS)}.")
    for name in KINDS if kind is None else (kind,):
        rows = _rows(name)
        width = max((len(key) for key in rows), default=0)
        if kind is None:
            typer.echo(f"{name}:")
        for key, summary in rows.items():
            typer.echo(f"{'  ' if kind is None else ''}{key:<{width}}  {summary}".rstrip())


def _rows(kind: str) -> dict[str, str]:
    """Return one line per name."""
    if kind in ("circuits", "scenarios"):
        from neurosim.scenario.shipped import CIRCUITS, SCENARIOS

        return (CIRCUITS if kind == "circuits" else SCENARIOS).summaries()
    from neurosim import registry
    from neurosim.lookup import resolve

    if kind == "imperfections":
        fields = resolve(registry.IMPERFECTIONS).model_fields
        return {name: field.description or "" for name, field in fields.items()}

    tables = {
        "rules": registry.RULES,
        "solvers": registry.SOLVERS,
        "analyses": registry.ANALYSES,
        "datasets": registry.DATASETS,
        "plots": registry.PLOTS,
    }
    return {name: entry.summary for name, entry in tables[kind].items()}
