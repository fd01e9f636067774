"""The base of every class that stands for a section of a scenario file.

Such classes declare each key once: name, type, bounds, default and meaning. Validation, the JSON schema for editors and
`neurosim list` all come from that declaration. Modules that define settings import nothing heavier than pydantic, so
that `neurosim validate` answers at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, model_validator


class Sections(Protocol):
    """The sections of a scenario as `Settings.check` sees them; each is the settings class that its name stands for."""

    @property
    def circuit(self) -> Any:
        """The circuit section."""

    @property
    def data(self) -> Any:
        """The data section."""

    @property
    def rule(self) -> Any:
        """The rule section; None where there is no rule."""

    @property
    def dynamics(self) -> Any:
        """The dynamics section."""

    @property
    def analysis(self) -> Any:
        """The analysis section."""


class Settings(BaseModel):
    """A section of a scenario: unknown keys are errors, values are finite, instances are frozen.

    Nothing is converted silently: ``"1"`` and ``true`` are not numbers, 1.0 is not an integer. An integer is a float,
    and a list is welcome where a tuple is declared.
    """

    # Deferred: building the validators of every class in a module would cost most of the time of `neurosim validate`.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {key: _frozen(value) for key, value in values.items()}

    def check(self, scenario: Sections) -> Iterable[tuple[str, str]]:
        """Yield what is wrong with these settings beside the other sections; override where there is anything to say.

        Parameters
        ----------
        scenario : Sections
            All sections, valid each by itself. Where another section is not, asking for it ends the check quietly, so
            yield what needs fewer sections first.

        Yields
        ------
        key : str
            Dotted key that the user should look at, for instance ``"rule.beta"``.
        message : str
            What was found and what is allowed, as a sentence with its full stop.
        """
        return ()


def _frozen(value: Any) -> Any:
    """Turn lists into tuples: YAML knows only lists, and strict validation would refuse them for a tuple."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
