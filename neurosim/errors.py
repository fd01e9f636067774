"""Everything neurosim raises on purpose, as one small tree.

A message says where (file and line, dotted key), what was found, what is allowed, and the nearest match.
A relaxation that diverges or does not settle is data (`neurosim.dynamics.status.Status`), not an exception.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class NeurosimError(Exception):
    """Base of all errors that neurosim raises on purpose."""


class ScenarioError(NeurosimError, ValueError):
    """A scenario, a circuit file or a command-line value cannot be used as it stands.

    Parameters
    ----------
    problems : iterable of str
        One complete line per problem, all of them at once.
    """

    def __init__(self, *problems: str) -> None:
        self.problems: tuple[str, ...] = problems
        super().__init__("\n".join(problems))


class UnknownNameError(NeurosimError, KeyError):
    """A name that no registry, file or dataset knows."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would print the message in quotes


class DataError(NeurosimError):
    """A data file is missing, damaged, or holds values that cannot be used."""


class SimulationError(NeurosimError):
    """A circuit, solver or rule was asked for something it cannot do."""


class NgspiceMissingError(NeurosimError):
    """ngspice is asked for and is not installed."""


class NgspiceError(SimulationError):
    """ngspice failed, took too long, or wrote something that cannot be read."""


class ResultFileError(NeurosimError):
    """A result or checkpoint file is missing, truncated, exists already, or is not ours."""


class DiskFullError(ResultFileError):
    """A file could not be written because the disk is full; what was written before is whole."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the closest known name, or an empty string.

    Parameters
    ----------
    name : str
        What was found.
    known : iterable of str
        What is allowed.
    """
    match = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{match[0]}'?" if match else ""
