"""Prefixes of units: numbers on an axis that need no power of ten."""

from __future__ import annotations

import math

PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M"}


def scaled_unit(size: float, unit: str) -> tuple[float, str]:
    """Return a scale, and the unit that numbers of about `size` have when they are divided by it: (1e-6, "µS").

    Numbers without a unit, and sizes that are zero or not finite, are left as they are.
    """
    if unit == "1":
        return 1.0, "dimensionless"
    if not 0 < size < math.inf:
        return 1.0, unit
    exponent = min(max(3 * math.floor(math.log10(size) / 3 + 1e-9), min(PREFIXES)), max(PREFIXES))
    return 10.0**exponent, PREFIXES[exponent] + unit


def with_unit(value: float, unit: str) -> str:
    """Return a value with its unit, such as 0.8 mW or 20 µS, to three digits."""
    scale, name = scaled_unit(abs(value), unit)
    return f"{value / scale:.3g}" + ("" if unit == "1" else f" {name}")
