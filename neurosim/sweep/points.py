"""From the keys that a point changes to its scenario and run id, many thousand times a second.

The sections of a scenario are validated one by one, and those that were seen before are not validated again: in a grid
of circuits and rules every circuit is read once. The run id is that of the same scenario written out in a file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from neurosim.errors import NeurosimError, ScenarioError
from neurosim.scenario.checks import misfits
from neurosim.scenario.identity import canonical, digest
from neurosim.scenario.load import LoadedScenario, complaints, resolve
from neurosim.scenario.overrides import Override, apply
from neurosim.scenario.schema import Scenario
from neurosim.scenario.section import SECTIONS
from neurosim.scenario.tree import Location, Node, Plain, planted
from neurosim.scenario.use import without_use

SCALARS = ("seed", "dtype")
SWEPT = (*SCALARS, *SECTIONS)
REMEMBERED = 4096  # sections of each name

_STRICT = ConfigDict(strict=True)


@dataclass(frozen=True)
class Change:
    """One key of a point and its value.

    Parameters
    ----------
    key : str
        Dotted key.
    text : str
        The value as JSON.
    where : Location
        Where the sweep says so, for messages.
    """

    key: str
    text: str
    where: Location = field(compare=False)

    @property
    def value(self) -> Any:
        """The value as plain data."""
        return json.loads(self.text)

    @property
    def override(self) -> Override:
        """The change as loading applies it."""
        return Override(f"{self.where}: {self.key}={self.text}", self.key, planted(self.value, self.where))

    def __str__(self) -> str:
        return f"{self.key}={self.text}"


Changes = tuple[Change, ...]


def change(key: str, value: Plain, where: Location) -> Change:
    """Return the change of a key to a value."""
    return Change(key, json.dumps(value, sort_keys=True), where)


def ordered(changes: Changes) -> Changes:
    """Return changes in the order in which they are applied: those of whole sections before those inside of them."""
    return tuple(sorted(changes, key=lambda each: each.key.count(".")))


@dataclass(frozen=True)
class _Part:
    """One key of a scenario at a point: its canonical text, and its value unless that is invalid."""

    text: str
    value: Any = None
    valid: bool = True


class Points:
    """Scenarios that differ from a base in some keys.

    Parameters
    ----------
    base : LoadedScenario
        The scenario with `use:` and --set resolved; its sweep plays no part.
    """

    def __init__(self, base: LoadedScenario) -> None:
        assert isinstance(base.source.value, dict)
        self.root = Node({key: child for key, child in base.source.value.items() if key != "sweep"}, base.source.where)
        self.path = base.path
        self._file = Path(base.path)
        self._fixed = {key: canonical(key, value) for key, value in base.resolved.items() if key not in SWEPT}
        self._plain: Any = self.root.plain()
        self._part = lru_cache(REMEMBERED * len(SWEPT))(self._make_part)
        fields = Scenario.model_fields
        declared: dict[str, Any] = {name: Annotated[fields[name].annotation, fields[name]] for name in SCALARS}
        self._scalars = {name: TypeAdapter[Any](kind, config=_STRICT) for name, kind in declared.items()}
        self._defaults = {name: fields[name].default for name in SCALARS}

    def run_id(self, changes: Changes) -> tuple[str, bool]:
        """Return the run id of a point, and whether its scenario is valid."""
        parts = self._parts(changes)
        texts = self._fixed | {name: part.text for name, part in parts.items()}
        valid = all(part.valid for part in parts.values())
        if valid:
            sections = _Sections(**{name: part.value for name, part in parts.items() if name not in SCALARS})
            valid = next(iter(misfits(sections)), None) is None
        return digest(texts), valid

    def scenario(self, changes: Changes) -> LoadedScenario:
        """Return the scenario of a point.

        Raises
        ------
        ScenarioError
            With all that is wrong with it.
        """
        parts = self._parts(changes)
        if not all(part.valid for part in parts.values()):
            raise ScenarioError(*self.complaints(changes))
        given = {**self._plain, **{name: part.value for name, part in parts.items()}}
        try:
            scenario = Scenario.model_validate(given)
        except ValidationError as error:
            raise ScenarioError(*self.complaints(changes)) from error
        return LoadedScenario(self.changed(changes), resolve(scenario), self.path, scenario)

    def complaints(self, changes: Changes) -> tuple[str, ...]:
        """Return all that is wrong with the scenario of a point, one line each."""
        try:
            return complaints(self.changed(changes))
        except NeurosimError as error:
            return (str(error),)

    def changed(self, changes: Changes) -> Node:
        """Return the scenario of a point as it would have been written.

        Raises
        ------
        ScenarioError, UnknownNameError
            If a key leads nowhere, or a circuit file cannot be used.
        """
        root = self.root
        for each in ordered(changes):
            root = apply(root, each.override)
            if each.key == "circuit":
                root = self._with_circuit(root)
        return root

    def _with_circuit(self, root: Node) -> Node:
        circuit = root.child("circuit")
        assert circuit is not None
        assert isinstance(root.value, dict)
        resolved, problems = without_use(circuit, self._file, "circuit.use")
        if problems:
            raise ScenarioError(*map(str, problems))
        return Node({**root.value, "circuit": resolved}, root.where)

    def _parts(self, changes: Changes) -> dict[str, _Part]:
        by_name: dict[str, list[Change]] = {}
        for each in changes:
            by_name.setdefault(each.key.partition(".")[0], []).append(each)
        return {name: self._part(name, tuple(by_name.get(name, ()))) for name in SWEPT}

    def _make_part(self, name: str, changes: Changes) -> _Part:
        try:
            node = self.changed(changes).child(name)
        except NeurosimError:
            return _invalid(changes)
        plain = self._defaults.get(name) if node is None else node.plain()
        try:
            if name in SCALARS:
                value = self._scalars[name].validate_python(plain)
                return _Part(canonical(name, value), value)
            if plain is None and name in ("rule", "dynamics"):  # a misfit where they are needed
                return _Part("null")
            settings = SECTIONS[name].validate(plain)
        except ValidationError:
            return _invalid(changes)
        return _Part(canonical(name, settings.model_dump(mode="json", by_alias=True)), settings)


@dataclass(frozen=True)
class _Sections:
    """The sections of a point, each valid by itself."""

    circuit: Any
    data: Any
    rule: Any
    dynamics: Any
    analysis: Any


def _invalid(changes: Changes) -> _Part:
    """Return what stands for a part that cannot be read: still the same for the same changes, and only for them."""
    return _Part(json.dumps({"invalid": [[each.key, each.text] for each in changes]}), valid=False)


def told(changes: Changes) -> str:
    """Return the changes of a point as people write them."""
    return ", ".join(map(str, changes))


def overrides(changes: Changes) -> Mapping[str, Any]:
    """Return the changes of a point as plain data."""
    return {each.key: each.value for each in changes}
