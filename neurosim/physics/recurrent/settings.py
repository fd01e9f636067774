"""Keys of a circuit of ``kind: recurrent``: a discrete Elman network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from neurosim.settings import Sections, Settings


class RecurrentCircuit(Settings):
    """A discrete recurrent network that is driven by signals, without leak and without biases.

    a_t = A u_t + R z_{t-1},  h_t = tanh(a_t),  z_t = D h_t,  o_t = B z_t,  z_0 = 0, with D = I unless a rule
    decorrelates. The loss of a step is the mean over the outputs of (o_t - y_t)^2.
    """

    sequential: ClassVar[bool] = True
    cost: ClassVar[str] = "squared_error"

    kind: Literal["recurrent"]
    name: str = Field("", description="Name of the circuit, for people.")
    description: str = Field("", description="What the circuit is, for people.")
    time: Literal["discrete"] = Field("discrete", description="Every unit is updated once per step of the signal.")
    units: int = Field(ge=1, description="Recurrent units N.")
    inputs: int | None = Field(None, ge=1, description="Input signals; null: as many as the data set has.")
    outputs: int | None = Field(None, ge=1, description="Output signals; null: as many as the data set has.")
    gain: float = Field(
        1.0,
        ge=0.0,
        description="Spectral radius of R, about: its standard deviation is gain / sqrt(N (1 - sparsity)).",
    )
    sparsity: float = Field(
        0.0, ge=0.0, lt=1.0, description="Fraction of recurrent connections that do not exist and never learn."
    )

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield what a discrete circuit has no use for, and signals that do not fit the data."""
        shape = getattr(scenario.data, "shape", lambda: (None, None))()
        for key, number, expected in (("inputs", self.inputs, shape[0]), ("outputs", self.outputs, shape[1])):
            if number is not None and expected is not None and number != expected:
                yield f"circuit.{key}", f"found {number}, but data set '{scenario.data.set}' has {expected} {key}."
        if scenario.dynamics is not None:
            yield "dynamics", "a discrete recurrent circuit goes with its signal, and nothing relaxes. Leave it out."
