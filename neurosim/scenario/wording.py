"""How messages speak of values: in the words of a YAML file, never in those of Python."""

from __future__ import annotations

from collections.abc import Mapping

_LONGEST = 40


def found(value: object) -> str:
    """Say what a value is.

    Parameters
    ----------
    value : object
        A plain value.
    """
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        shown = value if len(value) <= _LONGEST else value[:_LONGEST] + "..."
        return f"{shown!r} (text)"
    if isinstance(value, list | tuple):
        return f"a list of {count(len(value), 'item')}" if value else "an empty list"
    if isinstance(value, Mapping):
        return f"keys ({', '.join(str(key) for key in value)})" if value else "an empty mapping"
    return str(value)


def count(number: int, unit: str) -> str:
    """Say how many: "1 item", "2 items"."""
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def plain_number(number: float) -> str:
    """Write a limit as a person would: 0 for 0.0."""
    return str(int(number)) if abs(number) < 1e15 and float(number).is_integer() else str(number)
