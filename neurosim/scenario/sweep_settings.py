"""Keys of the `sweep` section: which keys of the scenario vary, and over what. Only `neurosim sweep` reads it."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from neurosim.scenario.wording import found
from neurosim.settings import Settings

MOST_POINTS = 1_000_000
_DIGITS = 12  # significant digits of computed values: 0.3 instead of 0.30000000000000004

Value: TypeAlias = Any


def read_values(value: Any) -> tuple[Value, ...]:
    """Return the values of a swept key: a list as it is, a range written out.

    Parameters
    ----------
    value : list or str
        Values of one kind, or ``lin:START:STOP:N`` or ``log:START:STOP:N``, both ends included.

    Raises
    ------
    ValueError
        If it is neither, is empty, or mixes numbers, texts and truth values.
    """
    if isinstance(value, str):
        return _range(value)
    if not isinstance(value, list | tuple):
        raise ValueError(f"found {found(value)}, expected a list of values, lin:START:STOP:N or log:START:STOP:N")
    if not value:
        raise ValueError("found an empty list; give at least one value")
    kinds = {_kind(item): item for item in reversed(value) if item is not None}
    # A mapping stands for a whole section, which may also be written as one word or be absent.
    if len(kinds) > 1 and "mapping" not in kinds:
        told = " and ".join(f"{kind} ({item!r})" for kind, item in reversed(kinds.items()))
        raise ValueError(f"mixes {told}; the values of one key must be of one kind")
    return tuple(value)


def _kind(value: Value) -> str:
    if isinstance(value, bool):
        return "truth value"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "mapping" if isinstance(value, dict) else "list"


def _range(text: str) -> tuple[Value, ...]:
    advice = "write lin:START:STOP:N or log:START:STOP:N, for instance log:1e-3:1:4"
    name, *parts = text.split(":")
    if name not in ("lin", "log") or len(parts) != 3:
        raise ValueError(f"found {text!r}, expected a list of values or a range; {advice}")
    try:
        start, stop, count = float(parts[0]), float(parts[1]), int(parts[2])
    except ValueError:
        raise ValueError(f"found {text!r}, which is no range of numbers; {advice}") from None
    if not (math.isfinite(start) and math.isfinite(stop)) or start == stop or not 2 <= count <= MOST_POINTS:
        raise ValueError(f"found {text!r}; a range needs two different finite ends and 2 to {MOST_POINTS} values")
    if name == "log":
        if start <= 0 or stop <= 0:
            raise ValueError(f"found {text!r}, but the ends of a logarithmic range must be positive")
        values = [start * (stop / start) ** (i / (count - 1)) for i in range(count)]
    else:
        values = [start + (stop - start) * i / (count - 1) for i in range(count)]
    rounded = [start, *(float(f"{value:.{_DIGITS}g}") for value in values[1:-1]), stop]
    if name == "lin" and all(value.is_integer() and abs(value) < 2**53 for value in rounded):
        return tuple(int(value) for value in rounded)  # keys that take integers take nothing else
    return tuple(rounded)


Values = Annotated[
    tuple[Any, ...],
    BeforeValidator(read_values),
    WithJsonSchema(
        {"anyOf": [{"type": "array", "minItems": 1}, {"type": "string", "pattern": "^(lin|log):[^:]+:[^:]+:[0-9]+$"}]}
    ),
]


class Span(Settings):
    """The range from which a key is drawn."""

    low: float = Field(description="Lower end.")
    high: float = Field(description="Upper end, above `low`.")
    scale: Literal["linear", "log"] = Field("linear", description="Uniform in the value, or in its logarithm.")
    integer: bool = Field(False, description="Round down to integers; `high` is included then.")

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low must be below high, found {self.low:g} and {self.high:g}")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"a logarithmic scale needs a positive low, found {self.low:g}")
        if self.integer and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError(f"with integer: true both ends must be integers, found {self.low:g} and {self.high:g}")
        return self


class Sampling(Settings):
    """Points drawn in a box, from the seed of the scenario."""

    points: int = Field(ge=1, le=MOST_POINTS, description="How many.")
    keys: dict[str, Span] = Field(min_length=1, description="Dotted keys and the ranges from which they are drawn.")


class SobolSampling(Sampling):
    """Points of a scrambled Sobol sequence."""

    @model_validator(mode="after")
    def _balanced(self) -> Self:
        if self.points & (self.points - 1):
            below = 1 << (self.points.bit_length() - 1)
            raise ValueError(
                f"found {self.points} points, but a Sobol sequence is balanced only for a power of two: "
                f"take {below} or {2 * below}"
            )
        return self


class SweepSettings(Settings):
    """Which keys of the scenario vary: the product of all lists in `grid`, times at most one of the other ways.

    Every point is a run of its own with the seed of the scenario, so that points share circuit and data, unless `seed`
    itself is swept.
    """

    grid: dict[str, Values] = Field(
        default_factory=dict, description="Dotted keys and their values: every combination is a point."
    )
    zip: dict[str, Values] | None = Field(
        None, min_length=1, description="Dotted keys and lists of equal length: the first values together, and so on."
    )
    rows: tuple[dict[str, Any], ...] | None = Field(
        None, alias="list", min_length=1, description="Points one by one: dotted keys and one value each."
    )
    random: Sampling | None = Field(None, description="Independent uniform draws.")
    sobol: SobolSampling | None = Field(None, description="A scrambled Sobol sequence; `points` is a power of two.")
    lhs: Sampling | None = Field(None, description="A Latin hypercube.")

    @model_validator(mode="after")
    def _is_a_plan(self) -> Self:
        ways = [way for way in ("zip", "list", "random", "sobol", "lhs") if self.way(way) is not None]
        if len(ways) > 1:
            raise ValueError(f"found {' and '.join(ways)}; grid may be combined with one of them only")
        keys = [*self.grid, *self.point_keys]
        if not keys:
            raise ValueError("names no key to vary; give grid, zip, list, random, sobol or lhs")
        for key in keys:
            if not all(key.split(".")):
                raise ValueError(f"the key '{key}' has an empty part; write for instance rule.beta")
            if keys.count(key) > 1:
                raise ValueError(f"the key '{key}' stands in grid and in {ways[0]}")
        lengths = {key: len(values) for key, values in (self.zip or {}).items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{key} has {length}" for key, length in lengths.items())
            raise ValueError(f"the lists in zip must be of equal length: {told} values")
        for i, row in enumerate(self.rows or ()):
            if row.keys() != (self.rows or ())[0].keys() or not row:
                raise ValueError(
                    f"all points in list must have the same keys: point 0 has {', '.join((self.rows or ())[0])}, "
                    f"point {i} has {', '.join(row) or 'none'}"
                )
        return self

    def way(self, name: str) -> Any:
        """Return the settings of one way to choose points by the key that users write; None where it is not used."""
        return self.rows if name == "list" else getattr(self, name)

    @property
    def sampling(self) -> tuple[str, Sampling] | None:
        """The kind of random points, random, sobol or lhs, and their settings; None if there are none."""
        return next(((kind, chosen) for kind in ("random", "sobol", "lhs") if (chosen := self.way(kind))), None)

    @property
    def point_keys(self) -> tuple[str, ...]:
        """The keys that vary together, besides those of the grid."""
        if self.zip is not None:
            return tuple(self.zip)
        if self.rows is not None:
            return tuple(self.rows[0])
        return () if self.sampling is None else tuple(self.sampling[1].keys)
