"""`neurosim spice`: netlists for ngspice, and the comparison with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from neurosim.spice.verify import Comparison

FAILED = 3

app = typer.Typer(help="Write circuits for ngspice, and compare with it.", no_args_is_help=True)

Circuit = Annotated[str, typer.Argument(help="Path of a circuit file, or the name of a shipped one.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the circuit, many times.")
]
Inputs = Annotated[
    str | None, typer.Option("--inputs", metavar="V,V,...", help="Voltages of the inputs; default: 1 V, -1 V, 1 V, ...")
]
Targets = Annotated[
    str | None, typer.Option("--targets", metavar="V,V,...", help="Where a nudge pulls the outputs; default: 0 V.")
]
Beta = Annotated[float, typer.Option("--beta", help="Conductance of a nudge at every output, in siemens.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of conductances that the circuit leaves to be drawn.")]
Times = Annotated[
    str | None, typer.Option("--transient", metavar="STEP,END", help="Ramp of the inputs from 0 V; both in seconds.")
]


@app.command("export")
def export_netlist(
    circuit: Circuit,
    output: Annotated[Path, typer.Option("-o", "--output", help="Netlist to write.")],
    changes: Changes = None,
    inputs: Inputs = None,
    targets: Targets = None,
    beta: Beta = 0.0,
    seed: Seed = 0,
    transient: Times = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write CIRCUIT as a netlist that ngspice runs as it is: its operating point, or a transient."""
    from neurosim.errors import ScenarioError
    from neurosim.spice.bench import prepare
    from neurosim.spice.export import export

    model, bench = prepare(circuit, changes or (), inputs, targets, beta, seed, transient)
    text = export(model, bench)
    if output.exists() and not force:
        raise ScenarioError(f"'{output}' exists already. Use --force to replace it.")
    try:
        output.write_text(text, encoding="ascii")
    except OSError as error:
        raise ScenarioError(f"'{output}' cannot be written: {error.strerror}.") from error
    typer.echo(output)


@app.command("verify")
def verify(
    circuit: Circuit,
    changes: Changes = None,
    inputs: Inputs = None,
    targets: Targets = None,
    beta: Beta = 0.0,
    seed: Seed = 0,
    transient: Times = None,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Longest time of one ngspice, in s.")] = 300.0,
) -> None:
    """Run CIRCUIT in ngspice and here, and print how far apart the voltages are; exit status 3 if too far."""
    from neurosim.errors import SimulationError
    from neurosim.spice.bench import prepare
    from neurosim.spice.verify import verify_operating_point, verify_transient

    model, bench = prepare(circuit, changes or (), inputs, targets, beta, seed, transient)
    good = True
    for name, compare in (("operating point", verify_operating_point), ("transient", verify_transient)):
        try:
            found = compare(model, bench, timeout)
        except SimulationError as error:
            typer.echo(f"neurosim: {name}: {error}", err=True)
            raise typer.Exit(FAILED) from error
        typer.echo(f"{name}: {_told(found)}")
        good &= found.good
    if not good:
        raise typer.Exit(FAILED)


def _told(found: Comparison) -> str:
    extent = f"{found.nodes} nodes" if found.times == 1 else f"{found.nodes} nodes at {found.times} times"
    verdict = "within" if found.good else "ABOVE"
    return (
        f"{extent}, largest difference {found.difference:.2e} V at '{found.node}', {verdict} the bound of "
        f"{found.bound:.2e} V; ngspice took {found.answer.process_seconds:.2f} s"
    )
