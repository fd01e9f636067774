"""A field of a scenario whose class is whatever a registry says, so that a new rule or solver needs no line here.

A plain union would import and build the settings of every registered name; looking one name up imports only that one,
and lets the message for an unknown name come from the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from neurosim.errors import UnknownNameError
from neurosim.lookup import Registry
from neurosim.registry import ANALYSES, CIRCUIT_KINDS, DATASETS, RULES, SOLVERS
from neurosim.scenario.wording import found
from neurosim.settings import Settings

UNKNOWN = "neurosim_unknown"
"""Error type of a section whose class cannot be told."""
PLACEHOLDER = "neurosim_section"
"""Key of the JSON schema of a section until its alternatives are known."""
REFUSED = "neurosim_refused"
"""Error type of sections that are valid each by itself, but not together."""


@dataclass(frozen=True, eq=False)
class Section:
    """Marks a field in ``Annotated[Any, Section(...)]`` and validates it.

    Parameters
    ----------
    registry : Registry
        The names that are allowed and their settings classes.
    key : str
        The key of the section that holds the name: "type", "solver", "set", "kind".
    default : str
        The name where the key is absent; empty if it must be given.
    also : tuple of str
        Keys that may stand in a file beside those of the class because they are resolved before validation.
    """

    registry: Registry
    key: str
    default: str = ""
    also: tuple[str, ...] = ()

    def name_in(self, value: object) -> str | None:
        """Return the registered name that a section asks for, or None if there is none."""
        name = value.get(self.key, self.default) if isinstance(value, Mapping) else None
        return name if isinstance(name, str) and name in self.registry else None

    def validate(self, value: object) -> Settings:
        """Turn a section into the settings class that its name stands for.

        Parameters
        ----------
        value : object
            A mapping from a file, or settings that exist already.

        Raises
        ------
        pydantic.ValidationError
            If the section has no name, an unknown one, or wrong keys.
        """
        if isinstance(value, Settings) and self._is_registered(value):
            return value
        if not isinstance(value, Mapping):
            raise refusal(((), self._not_a_section(value)), kind=UNKNOWN)
        name = self.name_in(value)
        if name is None:
            raise refusal(((self.key,), self._no_name(value)), kind=UNKNOWN)
        settings: Settings = self.registry.settings(name).model_validate(value)
        return settings

    def allowed(self) -> str:
        """Return the allowed names as a list for messages."""
        return ", ".join(sorted(self.registry))

    def _is_registered(self, settings: Settings) -> bool:
        name = getattr(settings, self.key, "")
        return name in self.registry and isinstance(settings, self.registry.settings(name))

    def _not_a_section(self, value: object) -> str:
        if isinstance(value, str) and value in self.registry:
            return f"found the name by itself; write {{{self.key}: {value}}}."
        kind = self.registry.kind
        return f"found {found(value)}, expected keys, at least '{self.key}' with the {kind}: {self.allowed()}."

    def _no_name(self, value: Mapping[str, object]) -> str:
        name = value.get(self.key)
        if name is None:
            return f"missing; it names the {self.registry.kind}. Known: {self.allowed()}."
        if not isinstance(name, str):
            return f"found {found(name)}, expected the name of a {self.registry.kind}. Known: {self.allowed()}."
        try:
            self.registry[name]
        except UnknownNameError as error:
            return str(error)
        raise AssertionError("a registered name was taken for an unknown one")

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate through `validate`; pydantic adds the place of the section to the errors of the class inside."""
        return core_schema.no_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Leave a placeholder: `neurosim.scenario.json_schema` writes the alternatives of a section in its place."""
        return {PLACEHOLDER: self.registry.kind}


SECTIONS: dict[str, Section] = {
    "circuit": Section(CIRCUIT_KINDS, "kind", default="layered", also=("use",)),
    "data": Section(DATASETS, "set"),
    "rule": Section(RULES, "type"),
    "dynamics": Section(SOLVERS, "solver"),
    "analysis": Section(ANALYSES, "type"),
}
"""The sections of a scenario, in the order of its keys."""


def refusal(*problems: tuple[tuple[str | int, ...], str], kind: str = REFUSED) -> ValidationError:
    """Return an error in the form of pydantic, with our own messages.

    Parameters
    ----------
    *problems : (tuple of str or int, str)
        Keys from the outside to the inside, and the message.
    kind : str
        `UNKNOWN` or `REFUSED`.
    """
    # The message is passed as a value: pydantic would take braces in a template for placeholders.
    details = [
        InitErrorDetails(type=PydanticCustomError(kind, "{message}", {"message": message}), loc=loc, input=None)
        for loc, message in problems
    ]
    return ValidationError.from_exception_data("scenario", details)
