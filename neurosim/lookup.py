"""Tables from names that users write to the objects they stand for, which are imported when first used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from neurosim.errors import UnknownNameError, nearest


@dataclass(frozen=True)
class Entry:
    """One registered name.

    Parameters
    ----------
    target : str
        ``"module:NAME"`` of the object, imported when first used.
    settings : str
        ``"module:NAME"`` of the `neurosim.settings.Settings` class with the keys that go with it; empty if there are
        none.
    summary : str
        One line for ``neurosim list``.
    """

    target: str
    settings: str = ""
    summary: str = ""


def resolve(reference: str) -> Any:
    """Import ``"module:NAME"`` and return the object.

    Raises
    ------
    ImportError, AttributeError
        If the reference does not exist: a mistake in this file, not of a user.
    """
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


class Registry(Mapping[str, Entry]):
    """A read-only table from names to entries.

    Parameters
    ----------
    kind : str
        What the names are, in the singular, for messages: "rule", "solver".
    entries : mapping of str to Entry
        The table.
    """

    def __init__(self, kind: str, entries: Mapping[str, Entry]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> Entry:
        """Return the entry of `name`; `UnknownNameError` with the nearest match where there is none."""
        if name not in self._entries:
            known = ", ".join(sorted(self._entries))
            raise UnknownNameError(f"unknown {self.kind} '{name}'.{nearest(name, self._entries)} Known: {known}.")
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def load(self, name: str) -> Any:
        """Import and return the object registered as `name`."""
        return resolve(self[name].target)

    def settings(self, name: str) -> type[Any]:
        """Import and return the settings class registered as `name`."""
        return resolve(self[name].settings)  # type: ignore[no-any-return]
