"""From the errors of pydantic to lines that a circuit designer understands: what was found, what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from neurosim.errors import nearest
from neurosim.scenario.section import REFUSED, UNKNOWN
from neurosim.scenario.trace import Group, Place, Spot, literals, trace
from neurosim.scenario.wording import count, found, plain_number

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
# What was expected, by the type of a pydantic error.
_EXPECTED = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "none_required": "null",
}

# The limit that was passed, by the type of a pydantic error: its name there, and how to say it.
_BOUNDS = {
    "greater_than": ("gt", "must be greater than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
    "multiple_of": ("multiple_of", "must be a multiple of"),
}

_LENGTHS = {
    "too_short": ("min_length", "item", "needs at least"),
    "too_long": ("max_length", "item", "takes at most"),
    "string_too_short": ("min_length", "character", "needs at least"),
    "string_too_long": ("max_length", "character", "takes at most"),
}


def explain(errors: Iterable[ErrorDetails], declared: Any, data: object) -> list[tuple[str, str]]:
    """Translate all errors of a validation.

    Parameters
    ----------
    errors : iterable of ErrorDetails
        What pydantic found.
    declared : type or annotation
        What `data` was validated as.
    data : object
        The plain data.

    Returns
    -------
    list of (str, str)
        Dotted key and message, in the order of the declarations; one entry per value, however many complaints it got.
    """
    lines: dict[tuple[Place, Place | None], list[tuple[Spot, ErrorDetails]]] = {}
    for detail in errors:
        if _is_echo(detail):
            continue
        spot = trace(declared, data, detail["loc"])
        same_value = (spot.union, spot.union) if spot.union is not None else ((*spot.path, detail["type"]), None)
        lines.setdefault(same_value, []).append((spot, detail))
    return [_line(complaints) for complaints in lines.values()]


def _is_echo(detail: ErrorDetails) -> bool:
    """Whether pydantic calls a list too short only because it left out the items that are wrong themselves."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _line(complaints: list[tuple[Spot, ErrorDetails]]) -> tuple[str, str]:
    """Say in one line what is wrong with one value; an error deep inside says more than 'expected a list'."""
    deepest = max(len(spot.path) for spot, _ in complaints)
    complaints = [(spot, detail) for spot, detail in complaints if len(spot.path) == deepest]
    spot, detail = complaints[0]
    expected = [_EXPECTED[other["type"]] for _, other in complaints if other["type"] in _EXPECTED]
    if len(complaints) > 1 and len(expected) == len(complaints):
        return spot.key, f"found {found(detail['input'])}, expected {' or '.join(dict.fromkeys(expected))}."
    return _key(spot, detail), _message(spot, detail)


def _key(spot: Spot, detail: ErrorDetails) -> str:
    if detail["type"].startswith("union_tag"):
        return f"{spot.key}.{spot.tag_key}"
    return spot.key


def _message(spot: Spot, detail: ErrorDetails) -> str:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind in _SPECIAL:
        return _SPECIAL[kind](spot, value, context)
    if kind in _EXPECTED:
        return f"found {found(value)}, expected {_EXPECTED[kind]}{_advice(kind, spot, value)}."
    if kind in _BOUNDS:
        limit, words = _BOUNDS[kind]
        return f"found {found(value)}, {words} {plain_number(context[limit])}."
    if kind in _LENGTHS:
        limit, unit, words = _LENGTHS[kind]
        bound = context[limit]
        return f"found {count(len(value), unit)}, {words} {bound}."
    return f"found {found(value)}; {detail['msg'].replace('Input should be', 'it must be')}."


def _unknown_key(spot: Spot, value: Any, context: Mapping[str, Any]) -> str:
    group = spot.owner
    if group is None:
        return "unknown key."
    keys = group.known()
    return f"unknown key.{nearest(str(spot.path[-1]).lower(), keys)} {_known_keys(group)}"


def _known_keys(group: Group) -> str:
    keys = [key for key in group.known() if key != group.chosen_by]
    return f"Known keys of {group.name}: {', '.join(keys)}."


def _missing(spot: Spot, value: Any, context: Mapping[str, Any]) -> str:
    if spot.section is not None:
        section = spot.section
        return f"missing; this section needs at least '{section.key}': {section.allowed()}."
    meaning = spot.field.description if spot.field is not None else None
    return "missing, and it has no default." + (f" Meaning: {meaning}" if meaning else "")


def _not_allowed(spot: Spot, value: Any, context: Mapping[str, Any]) -> str:
    allowed = literals(spot.declared)
    if len(allowed) == 1:
        return f"found {found(value)}, must be {allowed[0]}."
    return _not_among(value, tuple(str(name) for name in allowed))


def _unknown_tag(spot: Spot, value: Any, context: Mapping[str, Any]) -> str:
    return _not_among(value.get(spot.tag_key), tuple(sorted(spot.names())))


def _missing_tag(spot: Spot, value: Any, context: Mapping[str, Any]) -> str:
    return f"missing. Allowed: {', '.join(sorted(spot.names()))}."


def _not_among(value: Any, allowed: tuple[str, ...]) -> str:
    hint = nearest(value.lower(), allowed) if isinstance(value, str) else ""
    shown = f"'{value}'" if isinstance(value, str) else found(value)
    # "Did you mean" continues the sentence here.
    question = f", d{hint[2:]}" if hint else "."
    return f"found {shown}{question} Allowed: {', '.join(allowed)}."


def _wrong_pattern(spot: Spot, value: Any, context: Mapping[str, Any]) -> str:
    meaning = spot.field.description if spot.field is not None else None
    return f"found {found(value)}. Allowed: {meaning or context['pattern']}"


def _own_words(spot: Spot, value: Any, context: Mapping[str, Any]) -> str:
    """Pass on what a validator of the settings class says."""
    text = str(context["error"])
    return text if text.endswith((".", "?")) else f"{text}."


def _own_message(spot: Spot, value: Any, context: Mapping[str, Any]) -> str:
    return str(context["message"])


def _infinite(spot: Spot, value: Any, context: Mapping[str, Any]) -> str:
    return f"found {found(value)}, expected a finite number."


_SPECIAL: dict[str, Callable[[Spot, Any, Mapping[str, Any]], str]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "literal_error": _not_allowed,
    "union_tag_invalid": _unknown_tag,
    "union_tag_not_found": _missing_tag,
    "string_pattern_mismatch": _wrong_pattern,
    "finite_number": _infinite,
    "value_error": _own_words,
    UNKNOWN: _own_message,
    REFUSED: _own_message,
}


def _advice(kind: str, spot: Spot, value: Any) -> str:
    """Say how to write what was probably meant."""
    if isinstance(value, str) and kind in ("int_type", "float_type") and _NUMBER.fullmatch(value):
        return "; write it without quotes"
    if isinstance(value, str) and kind == "bool_type" and value.lower() in ("yes", "no", "on", "off"):
        return f"; write {'true' if value.lower() in ('yes', 'on') else 'false'}"
    if isinstance(value, float) and kind == "int_type" and value.is_integer():
        return f"; write {int(value)}"
    if kind in ("model_type", "model_attributes_type") and spot.group is not None:
        return f": {', '.join(spot.group.known())}"
    return ""
