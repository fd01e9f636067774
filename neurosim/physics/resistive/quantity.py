"""Numbers with the suffixes of SPICE: 4.7k, 10u, 1MEG; letters behind a suffix are units and are ignored."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

SUFFIXES = {
    "t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15,
}  # fmt: skip
_UNITS = ("ohms", "ohm", "siemens", "volts", "volt", "amps", "amp", "farads", "farad", "hz", "v", "a", "s")
_QUANTITY = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([a-zA-Z\u00b5\u03bc\u03a9]*)")


def parse_quantity(value: Any) -> Any:
    """Return the number that a text such as ``4.7k`` or ``10uF`` stands for; anything but text is returned as it is.

    As in SPICE, case does not matter (``m`` and ``M`` are milli, ``meg`` is mega), and letters behind the suffix are
    ignored. A unit that begins like a suffix is read as the suffix: ``1F`` is a femtofarad.

    Raises
    ------
    ValueError
        If the text is no number, or its letters begin with no suffix and no unit.
    """
    if isinstance(value, bool) or not isinstance(value, str):
        return value
    match = _QUANTITY.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"found '{value}', expected a number, with a suffix if you like: 4.7k, 10u, 1meg")
    number, letters = float(match[1]), match[2].lower().replace("\u00b5", "u").replace("\u03bc", "u")
    if letters.startswith("meg"):
        return number * SUFFIXES["meg"]
    if letters[:1] in SUFFIXES:
        return number * SUFFIXES[letters[0]]
    if letters in ("", "\u03c9", *_UNITS):
        return number
    raise ValueError(f"found '{value}', with an unknown suffix. Allowed: {', '.join(SUFFIXES)}, and units behind them")


Quantity = Annotated[
    float,
    BeforeValidator(parse_quantity),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]}),
]
"""A number, or text with a suffix."""


def _node(value: Any) -> Any:
    """Return the name of a node; numbers are names too, and ``gnd`` is ground."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return value
    name = str(value)
    return GROUND if name.lower() == "gnd" else name


GROUND = "0"
GroupName = Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_]*$")]
NodeName = Annotated[str, BeforeValidator(_node), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]})]
"""The name of a node; ``0`` and ``gnd`` are ground."""
