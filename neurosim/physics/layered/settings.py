"""Keys of a circuit of ``kind: layered``: the compartment network."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from neurosim.physics.names import ActivationName, CostName
from neurosim.settings import Settings

Units = Annotated[int, Field(ge=1)]


class Init(Settings):
    """How the forward conductances are drawn; biases start at zero.

    ``gaussian``: standard deviation gain / sqrt(fan_in); ``xavier``: gain sqrt(2 / (fan_in + fan_out));
    ``kaiming``: gain sqrt(2 / fan_in).
    """

    type: Literal["gaussian", "xavier", "kaiming"] = Field("gaussian", description="Scaling of the standard deviation.")
    gain: float = Field(1.0, ge=0.0, description="Factor on the standard deviation.")


class Asymmetry(Settings):
    """How far the feedback conductances start from the transpose of the forward ones.

    Either ``angle_deg`` A: B = cos(A) W^T + sin(A) G with G random and as large as W; or ``relative_sd`` S:
    B = W^T (1 + S xi), one draw xi ~ N(0, 1) per device.
    """

    angle_deg: float | None = Field(None, ge=0.0, le=180.0, description="Mixing angle in degrees; 0 is reciprocal.")
    relative_sd: float | None = Field(None, ge=0.0, description="Relative scatter of each feedback device.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.angle_deg is None) == (self.relative_sd is None):
            raise ValueError("give exactly one of angle_deg and relative_sd")
        return self


class Imperfections(Settings):
    """What is not ideal about the circuit; everything is off unless given."""

    asymmetry: Asymmetry | None = Field(None, description="Feedback conductances that are not the transpose of W.")


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
