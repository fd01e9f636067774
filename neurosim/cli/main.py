"""The `neurosim` command: one file per subcommand, imported when it is called, so that `--help` answers at once."""

from __future__ import annotations

import sys

import typer

from neurosim import __version__
from neurosim.cli import inspect, listing, plot, report, run, schema, spice, sweep, validate, warmup
from neurosim.errors import DiskFullError, NeurosimError

BAD_USAGE, FAILED, INTERRUPTED = 2, 3, 130

app = typer.Typer(
    name="neurosim",
    help="Simulate, train and judge physical learning circuits in continuous time.",
    epilog="Exit status: 0 done; 2 bad usage or scenario; 3 simulation failed (a result is written); 130 interrupted.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("sweep")(sweep.sweep)
app.command("plot")(plot.plot)
app.command("report")(report.report)
app.command("inspect")(inspect.inspect)
app.command("validate")(validate.validate)
app.command("list")(listing.list_names)
app.command("schema")(schema.schema)
app.command("warmup")(warmup.warmup)
app.add_typer(spice.app, name="spice")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"neurosim {__version__}")
        raise typer.Exit


@app.callback()
def neurosim(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Simulate, train and judge physical learning circuits in continuous time."""


def main() -> None:
    """Run the command line; errors of the user become one clear message and exit status 2."""
    try:
        app()
    except DiskFullError as error:
        typer.echo(f"neurosim: {error}", err=True)
        sys.exit(FAILED)
    except NeurosimError as error:
        typer.echo(f"neurosim: {error}" if "\n" not in str(error) else str(error), err=True)
        sys.exit(BAD_USAGE)
    except KeyboardInterrupt:
        typer.echo("neurosim: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone; there is nobody left to tell.
        sys.stderr.close()
        sys.exit(0)
