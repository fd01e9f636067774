"""Keys of a circuit of ``kind: deep_resistive``: layers of nodes with ideal diodes, joined by resistors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from neurosim.physics.resistive.quantity import Quantity
from neurosim.settings import Sections, Settings

Units = Annotated[int, Field(ge=1)]
SOLVERS = ("sweeps", "newton")


class DeepResistiveCircuit(Settings):
    """A deep resistive network: a resistor between any two nodes of neighbouring layers, in V, A and S.

    Every input x holds two sources at +gain x and -gain x, since conductances cannot be negative. Ideal diodes keep the
    first half of every hidden layer at v >= 0 and the second half at v <= 0; outputs are unbounded. A bias current
    flows into every free node. Voltages are where the power is least; only the ratios of conductances, bias currents
    and nudge matter.
    """

    kind: Literal["deep_resistive"]
    name: str = Field("", description="Name of the circuit, for people.")
    description: str = Field("", description="What the circuit is, for people.")
    layers: tuple[Units, ...] = Field(
        min_length=2, description="Inputs before they are doubled, nodes of every hidden layer, outputs."
    )
    input_gain: float = Field(1.0, gt=0.0, description="Voltage of a source at an input of one, in volt.")
    scale: Annotated[Quantity, Field(gt=0.0)] = Field(
        1.0,
        description="Conductances start uniform in +-scale / sqrt(fan-in), in siemens, and what is below the bounds at "
        "the lower one; the fan-in counts doubled inputs.",
    )
    bounds: tuple[Annotated[Quantity, Field(ge=0.0)], Annotated[Quantity, Field(gt=0.0)] | None] = Field(
        (0.0, None), description="Smallest and largest conductance that learning may reach, in siemens; null: no limit."
    )
    cost: Literal["squared_error"] = Field(
        "squared_error", description="Half the squared distance to the targets, V^2."
    )

    @model_validator(mode="after")
    def _bounds_leave_room(self) -> Self:
        low, high = self.bounds
        if high is not None and low >= high:
            raise ValueError(f"bounds {low:g} to {high:g} S leave no room. Give the smaller first")
        return self

    def terminals(self) -> tuple[tuple[str, str, int], tuple[str, str, int]]:
        """Return where inputs and outputs are declared, how to say it, and how many there are."""
        return (
            ("circuit.layers", "the first layer has {} units", self.layers[0]),
            ("circuit.layers", "the last layer has {} units", self.layers[-1]),
        )

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield solvers that would step over the diodes."""
        if scenario.dynamics.solver not in SOLVERS:
            yield (
                "dynamics.solver",
                f"ideal diodes hold a voltage from one moment to the next, and {scenario.dynamics.solver} would step "
                f"over it. Use {' or '.join(SOLVERS)} for the operating point, or circuit.kind: resistive with "
                "Shockley diodes for transients.",
            )
