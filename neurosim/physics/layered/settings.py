"""Keys of a circuit of ``kind: layered``: the compartment network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from neurosim.physics.imperfection_settings import Imperfections
from neurosim.physics.names import ActivationName, CostName
from neurosim.settings import Sections, Settings

Units = Annotated[int, Field(ge=1)]


class Init(Settings):
    """How the forward conductances are drawn; biases start at zero.

    ``gaussian``: standard deviation gain / sqrt(fan_in); ``xavier``: gain sqrt(2 / (fan_in + fan_out));
    ``kaiming``: gain sqrt(2 / fan_in).
    """

    type: Literal["gaussian", "xavier", "kaiming"] = Field("gaussian", description="Scaling of the standard deviation.")
    gain: float = Field(1.0, ge=0.0, description="Factor on the standard deviation.")


class LinearReadout(Settings):
    """A static linear map from the last layer to the prediction, outside the dynamics: prediction = s R + c.

    R is drawn as the forward conductances are, c starts at zero. Both learn by the slope of the cost at the prediction.
    """

    type: Literal["linear"] = Field("linear", description="Weights R and biases c.")
    outputs: Units = Field(description="Values of the prediction: targets per sample.")


def _readout_by_name(value: Any) -> Any:
    if value == "none":
        return None
    if value == "linear":
        raise ValueError("linear needs its number of outputs. Use {type: linear, outputs: N}, N targets per sample")
    if isinstance(value, str):
        raise ValueError(f"found '{value}'. Allowed: none, or {{type: linear, outputs: N}}")
    return value


def _readout_names(schema: dict[str, Any]) -> None:
    schema["anyOf"].append({"const": "none", "type": "string"})


class LayeredCircuit(Settings):
    """A compartment network: layers of point neurons or dyads.

    tau ds_{k,c}/dt = -s_{k,c} + f(W_{k-1} sum_c p_c s_{k-1,c} + b_k + gain_c B_k sum_c q_c s_{k+1,c})
    """

    kind: Literal["layered"] = "layered"
    name: str = Field("", description="Name of the circuit, for people.")
    description: str = Field("", description="What the circuit is, for people.")
    neuron: Literal["point", "dyad"] = Field("dyad", description="One compartment per neuron, or two.")
    layers: tuple[Units, ...] = Field(min_length=2, description="Units per layer, from the inputs to the outputs.")
    readout: Annotated[LinearReadout | None, BeforeValidator(_readout_by_name)] = Field(
        None,
        description="Static readout of the last layer; null or none: its activities are the prediction.",
        json_schema_extra=_readout_names,
    )
    coordinates: Literal["activity", "membrane"] = Field(
        "activity", description="Whether the state is the activity s or the membrane state u with s = f(u)."
    )
    tau: float = Field(1.0, gt=0.0, description="Time constant of every unit, in seconds.")
    activation: ActivationName = Field("relu", description="Activation of the hidden layers.")
    output_activation: ActivationName = Field("identity", description="Activation of the output layer.")
    cost: CostName = Field("squared_error", description="Half the squared distance, or cross-entropy of the softmax.")
    init: Init = Field(default_factory=Init, description="How conductances are drawn.")
    feedback: Literal["reciprocal", "independent"] = Field(
        "reciprocal", description="B is W^T always, or has conductances of its own."
    )
    imperfections: Imperfections = Field(default_factory=Imperfections, description="What is not ideal.")

    @model_validator(mode="after")
    def _readout_is_for_points(self) -> Self:
        if self.readout is not None and self.neuron != "point":
            raise ValueError(
                "readout: linear is for neuron: point; dyads have none. Use neuron: point, or leave readout out"
            )
        return self

    @model_validator(mode="after")
    def _asymmetry_needs_its_own_conductances(self) -> Self:
        if self.imperfections.asymmetry is not None and self.feedback == "reciprocal":
            raise ValueError(
                "imperfections.asymmetry needs feedback: independent; a reciprocal circuit has B = W^T by definition"
            )
        return self

    @model_validator(mode="after")
    def _compartments_differ_in_dyads_only(self) -> Self:
        mismatch = self.imperfections.mismatch
        if mismatch is not None and mismatch.compartment_offset_sd and self.neuron != "dyad":
            raise ValueError("imperfections.mismatch.compartment_offset_sd needs neuron: dyad; a point neuron has one")
        return self

    def terminals(self) -> tuple[tuple[str, str, int], tuple[str, str, int]]:
        """Return where inputs and outputs are declared, how to say it, and how many there are."""
        last = ("circuit.layers", "the last layer has {} units", self.layers[-1])
        if self.readout is not None:
            last = ("circuit.readout.outputs", "the readout has {} outputs", self.readout.outputs)
        return ("circuit.layers", "the first layer has {} units", self.layers[0]), last

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield imperfections of blocks that this circuit does not have."""
        last = len(self.layers) - 1
        forward = [f"W_{k}" for k in range(last)]
        feedback = [f"B_{k}" for k in range(1, last)]
        layers = [f"layer_{k}" for k in range(1, last + 1)]
        devices = forward if self.feedback == "reciprocal" else forward + feedback
        known = {
            "asymmetry": feedback,
            "mismatch": layers,
            "state_noise": layers,
            "read_noise": layers,
            "devices": devices,
        }
        for key, sentence in self.imperfections.unknown_blocks(known):
            yield f"circuit.imperfections.{key}", sentence
