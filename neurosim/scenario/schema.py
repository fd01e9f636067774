"""The scenario itself: one experiment on one circuit, everything that a run depends on."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from neurosim.scenario import checks
from neurosim.scenario.section import SECTIONS, refusal
from neurosim.scenario.sweep_settings import SweepSettings
from neurosim.settings import Settings


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"found {str(value).lower()}, expected a number")  # True == 1 would pass as the literal 1
    return value


class Scenario(Settings):
    """One experiment: a circuit, data, a learning rule, how the circuit relaxes, and what is asked of it.

    Every section is an instance of the class that the registry names for its `kind`, `set`, `type` or `solver`. An
    instance that exists is consistent: what does not fit together is refused when it is made.
    """

    schema_version: Annotated[Literal[1], BeforeValidator(_no_truth_value)] = Field(
        alias="schema", description="Version of the scenario format; this neurosim reads 1."
    )
    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=100,
        description="Letters, digits, '-', '_' and '.', from a letter or digit on; result files start with it.",
    )
    description: str = Field("", description="What the experiment shows, for people.")
    seed: int = Field(0, ge=0, le=2**63 - 1, description="Everything random follows from it.")
    dtype: Literal["float32", "float64"] = Field("float32", description="Precision of the simulation.")
    circuit: Annotated[Any, SECTIONS["circuit"]] = Field(description="What relaxes.")
    data: Annotated[Any, SECTIONS["data"]] = Field(description="What the circuit is shown.")
    rule: Annotated[Any, SECTIONS["rule"]] | None = Field(
        None, description="What a synapse does; analysis relax can do without."
    )
    dynamics: Annotated[Any, SECTIONS["dynamics"]] | None = Field(
        None, description="How the circuit relaxes; recurrent circuits go with their signals and have none."
    )
    analysis: Annotated[Any, SECTIONS["analysis"]] = Field(description="What is asked.")
    sweep: SweepSettings | None = Field(
        None, description="Which keys `neurosim sweep` varies; `neurosim run` does not look at it."
    )

    @model_validator(mode="after")
    def _sections_fit_together(self) -> Self:
        found = [(loc(key), message) for key, message in checks.misfits(self)]
        if found:
            raise refusal(*found)
        return self


def loc(key: str) -> tuple[str | int, ...]:
    """Split a dotted key as pydantic does: list indices are integers."""
    return tuple(int(part) if part.isdecimal() else part for part in key.split("."))
