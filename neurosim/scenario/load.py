"""From the name of a scenario to a validated object, or to everything that is wrong with it at once.

    file -> `use:` -> --set -> sections -> what does not fit together

Each step goes on with what the one before could make sense of, so that one run of `neurosim validate` shows all errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from neurosim.scenario import identity
from neurosim.scenario.checks import ValidSections, misfits
from neurosim.scenario.messages import explain
from neurosim.scenario.overrides import put_grid, read_grid, read_override
from neurosim.scenario.problems import Problems
from neurosim.scenario.schema import Scenario
from neurosim.scenario.section import REFUSED, SECTIONS
from neurosim.scenario.shipped import CIRCUITS, SCENARIOS, Library, show
from neurosim.scenario.tree import Node, Problem
from neurosim.scenario.use import own_keys
from neurosim.settings import Settings

# These replace what `use:` stands in, so they cannot wait until it is resolved.
_BEFORE_USE = ("circuit", "circuit.use")


@dataclass(frozen=True)
class Loaded:
    """What both scenarios and circuits are when they come from a file.

    Parameters
    ----------
    source : Node
        The values as they were written, with their places; `use:` and --set are resolved.
    resolved : dict
        The same as plain data with every default filled in, ready for JSON.
    path : str
        The file as messages name it.
    """

    source: Node
    resolved: dict[str, Any]
    path: str

    def problem(self, key: str, message: str) -> str:
        """Format a later complaint like those of validation: ``"file:line: key: message"``.

        Parameters
        ----------
        key : str
            Dotted key. Where it was not written, the nearest key above it gives the line.
        message : str
            What was found and what is allowed.
        """
        return str(Problem(self.source.locate(key), key, message))

    def to_yaml(self) -> str:
        """Return the resolved content as YAML text; loading it again gives the same."""
        return identity.to_yaml(self.resolved)


@dataclass(frozen=True)
class LoadedScenario(Loaded):
    """A valid scenario and where each of its values was written.

    Parameters
    ----------
    scenario : Scenario
        The validated, frozen scenario.
    """

    scenario: Scenario

    @property
    def run_id(self) -> str:
        """Twelve hexadecimal digits that are the same for the same experiment."""
        return identity.run_id(self.resolved)


@dataclass(frozen=True)
class LoadedCircuit(Loaded):
    """A valid circuit and where each of its values was written.

    Parameters
    ----------
    circuit : Settings
        The validated, frozen circuit.
    """

    circuit: Settings


def load_scenario(name: str, overrides: Sequence[str] = (), grid: Sequence[str] = ()) -> LoadedScenario:
    """Read, resolve and validate a scenario.

    Parameters
    ----------
    name : str
        Name of a shipped scenario, or a path.
    overrides : sequence of str
        ``KEY=VALUE`` as after --set, applied in this order to the scenario with `use:` resolved. Only those for
        `circuit` and `circuit.use` themselves come before that.
    grid : sequence of str
        ``KEY=VALUES`` as after --grid: keys of the grid of its sweep.

    Raises
    ------
    ScenarioError
        With every problem as one line, and a last line that counts them.
    """
    wrong = Problems()
    changes = [change for text in overrides if (change := wrong.attempt(read_override, text)) is not None]
    axes = [axis for text in grid if (axis := wrong.attempt(read_grid, text)) is not None]
    file = wrong.attempt(_find, SCENARIOS, name)
    root = None if file is None else wrong.read(file)
    if file is None or root is None:
        raise wrong.error()
    root = wrong.change(root, [change for change in changes if change.key in _BEFORE_USE])
    root, circuit_is_whole = _resolve_use(root, file, wrong)
    if not circuit_is_whole:
        # Items that such a change leads to may stand in the circuit file that could not be read.
        changes = [change for change in changes if not change.key.startswith("circuit.")]
    root = wrong.change(root, [change for change in changes if change.key not in _BEFORE_USE])
    for axis in axes:
        root = put_grid(root, axis)
    scenario = _validate(root, circuit_is_whole, wrong)
    if scenario is None or wrong.lines:
        raise wrong.error()
    return LoadedScenario(root, resolve(scenario), show(file), scenario)


def resolve(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as plain data with every default filled in; its sweep, which no run looks at, is left out."""
    return scenario.model_dump(mode="json", by_alias=True, exclude={"sweep"})


def complaints(root: Node) -> tuple[str, ...]:
    """Return everything that is wrong with a scenario whose `use:` is resolved, one line each."""
    wrong = Problems()
    _validate(root, True, wrong)
    return tuple(dict.fromkeys(wrong.lines))


def load_circuit(name: str, overrides: Sequence[str] = ()) -> LoadedCircuit:
    """Read, resolve and validate a circuit file.

    Parameters
    ----------
    name : str
        Name of a shipped circuit, or a path.
    overrides : sequence of str
        ``KEY=VALUE`` as after --set, with the keys of the circuit file.

    Raises
    ------
    ScenarioError
        With every problem as one line, and a last line that counts them.
    """
    wrong = Problems()
    changes = [change for text in overrides if (change := wrong.attempt(read_override, text)) is not None]
    file = wrong.attempt(_find, CIRCUITS, name)
    written = None if file is None else wrong.read(file)
    root = None if file is None or written is None else wrong.resolve(written, file, "use")
    if file is None or root is None:
        raise wrong.error()
    root = wrong.change(root, changes)
    section, data = SECTIONS["circuit"], root.plain()
    try:
        circuit = section.validate(data)
    except ValidationError as error:
        wrong.complain(root, explain(error.errors(include_url=False), Annotated[Any, section], data))
        raise wrong.error() from error
    if wrong.lines:
        raise wrong.error()
    return LoadedCircuit(root, circuit.model_dump(mode="json", by_alias=True), show(file), circuit)


def _find(library: Library, name: str) -> Path:
    return library.find(name)


def _resolve_use(root: Node, file: Path, wrong: Problems) -> tuple[Node, bool]:
    """Return the scenario without `circuit.use`, and whether the circuit is whole."""
    circuit = root.child("circuit")
    if circuit is None or not isinstance(root.value, dict):
        return root, True
    resolved = wrong.resolve(circuit, file, "circuit.use")
    if resolved is not None:
        return Node({**root.value, "circuit": resolved}, root.where), True
    return Node({**root.value, "circuit": own_keys(circuit)}, root.where), False


def _validate(root: Node, circuit_is_whole: bool, wrong: Problems) -> Scenario | None:
    """Return the scenario if it is valid; otherwise tell `wrong` all that can be said of the sections that it has."""
    data: Any = root.plain()
    scenario: Scenario | None = None
    details: list[ErrorDetails] = []
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)
    if circuit_is_whole and all(detail["type"] == REFUSED for detail in details):
        wrong.complain(root, explain(details, Scenario, data))
        return scenario
    if not circuit_is_whole:
        # What is missing may stand in the file that could not be read, and what does not fit may be set there.
        details = [detail for detail in details if detail["type"] != REFUSED and not _is_missing_in_circuit(detail)]
    bad = {detail["loc"][0] for detail in details} | (set() if circuit_is_whole else {"circuit"})
    valid = {
        name: section.validate(data[name]) if data.get(name) is not None else None
        for name, section in SECTIONS.items()
        if name not in bad
    }
    wrong.complain(root, [*explain(details, Scenario, data), *misfits(ValidSections(valid))])
    return None


def _is_missing_in_circuit(detail: ErrorDetails) -> bool:
    return detail["type"] == "missing" and detail["loc"][0] == "circuit"
