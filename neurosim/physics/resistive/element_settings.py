"""Keys of the elements of a netlist. The current of an element flows through it from its first node to its second.

A new kind of element is a class here, in `Element`, and its law in `neurosim.physics.resistive.laws`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from neurosim.physics.resistive.quantity import GroupName, NodeName, Quantity
from neurosim.settings import Settings

Positive = Annotated[Quantity, Field(gt=0.0)]


class TwoTerminal(Settings):
    """An element between two nodes."""

    nodes: tuple[NodeName, NodeName] = Field(description="First and second node; 0 or gnd is ground.")

    @model_validator(mode="after")
    def _joins_two_nodes(self) -> Self:
        if self.nodes[0] == self.nodes[1]:
            raise ValueError(f"both ends are on node '{self.nodes[0]}'; an element joins two nodes")
        return self


class Resistor(TwoTerminal):
    """A resistor: i = g w. A trainable one without a value starts at a conductance drawn uniformly from its bounds."""

    type: Literal["resistor"]
    ohms: Positive | None = Field(None, description="Resistance in ohm; give this or siemens.")
    siemens: Positive | None = Field(None, description="Conductance in siemens; give this or ohms.")
    trainable: bool = Field(False, description="Whether learning changes the conductance.")
    bounds: tuple[Annotated[Quantity, Field(ge=0.0)], Positive] | None = Field(
        None, description="Smallest and largest conductance that learning may reach, in siemens."
    )
    group: GroupName | None = Field(
        None, description="Parameter block g_<group> that a trained conductance belongs to; null: block g."
    )

    @model_validator(mode="after")
    def _has_one_value(self) -> Self:
        if self.ohms is not None and self.siemens is not None:
            raise ValueError("found both ohms and siemens. Give one of them")
        if self.bounds is not None and not self.trainable:
            raise ValueError("bounds are for trainable resistors. Use trainable: true, or leave them out")
        if self.group is not None and not self.trainable:
            raise ValueError("group is for trainable resistors. Use trainable: true, or leave it out")
        if self.bounds is not None and self.bounds[0] >= self.bounds[1]:
            raise ValueError(f"bounds {self.bounds[0]:g} to {self.bounds[1]:g} S leave no room. Give the smaller first")
        if self.conductance is None and self.bounds is None:
            raise ValueError("no value. Give ohms or siemens, or trainable: true and bounds to draw it from")
        if self.conductance is not None and self.bounds is not None:
            low, high = self.bounds
            if not low * (1 - 1e-12) <= self.conductance <= high * (1 + 1e-12):
                raise ValueError(f"a conductance of {self.conductance:g} S is outside its bounds {low:g} to {high:g} S")
        return self

    @property
    def conductance(self) -> float | None:
        """Conductance in S; None where it is drawn."""
        return self.siemens if self.ohms is None else 1.0 / self.ohms


class Diode(TwoTerminal):
    """A diode from its anode to its cathode.

    ``shockley``: i = is (exp(w / (n Vt)) - 1); ``piecewise_linear``: i = max((w - vth) / roff, (w - vth) / ron).
    """

    type: Literal["diode"]
    model: Literal["shockley", "piecewise_linear"] = Field("shockley", description="Its law.")
    saturation: Positive = Field(1e-14, alias="is", description="Saturation current of shockley, in ampere.")
    n: Positive = Field(1.0, description="Emission coefficient of shockley: nVt is the voltage of one e-fold.")
    ron: Positive = Field(1.0, description="Resistance of piecewise_linear above vth, in ohm.")
    roff: Positive = Field(1e7, description="Resistance of piecewise_linear below vth, in ohm.")
    vth: Quantity = Field(0.0, description="Threshold of piecewise_linear, in volt.")

    @model_validator(mode="after")
    def _keys_belong_to_the_model(self) -> Self:
        # A default is no complaint: resolved scenarios write all of them.
        others = ("saturation", "n") if self.model != "shockley" else ("ron", "roff", "vth")
        fields = type(self).model_fields
        strange = [fields[name].alias or name for name in others if getattr(self, name) != fields[name].default]
        if strange:
            raise ValueError(f"{', '.join(strange)} does not belong to model {self.model}. Leave it out")
        if self.model == "piecewise_linear" and self.ron > self.roff:
            raise ValueError(
                f"ron {self.ron:g} is larger than roff {self.roff:g}; a diode conducts above its threshold"
            )
        return self


class VoltageSource(TwoTerminal):
    """An ideal voltage source: v(first) - v(second) = volts."""

    type: Literal["voltage_source"]
    volts: Quantity = Field(description="In volt.")


class CurrentSource(TwoTerminal):
    """An ideal current source: its current flows through it from the first node to the second, as in SPICE."""

    type: Literal["current_source"]
    amps: Quantity = Field(description="In ampere.")
    trainable: bool = Field(False, description="Whether learning changes the current: a bias.")
    group: GroupName | None = Field(
        None, description="Parameter block I_<group> that a trained current belongs to; null: block I."
    )

    @model_validator(mode="after")
    def _group_is_trained(self) -> Self:
        if self.group is not None and not self.trainable:
            raise ValueError("group is for trainable sources. Use trainable: true, or leave it out")
        return self


class Capacitor(TwoTerminal):
    """A capacitor: i = C dw/dt. It joins a node to ground, or to a node that a source or an input holds."""

    type: Literal["capacitor"]
    farads: Positive = Field(description="In farad.")


class Amplifier(TwoTerminal):
    """A bidirectional amplifier from its first node h to its second w.

    It forces v_w = shift + gain (v_h + offset - shift), and where it delivers a current into w, it draws current_gain
    times as much from h. ``current_gain: gain`` is an ideal transformer, which is reciprocal.
    """

    type: Literal["amplifier"]
    gain: Quantity = Field(description="Voltage gain A; below zero it inverts.")
    current_gain: Quantity | None = Field(None, description="Current gain kappa; null: 1 / gain.")
    shift: Quantity = Field(0.0, description="Voltage s that it does not amplify, in volt.")
    offset: Quantity = Field(0.0, description="Input offset: a voltage that joins the one at its input, in volt.")

    @model_validator(mode="after")
    def _amplifies(self) -> Self:
        if self.gain == 0:
            raise ValueError("found gain 0, which is a short to the shift; use a voltage source")
        return self

    @property
    def kappa(self) -> float:
        """The current gain that acts."""
        return 1.0 / self.gain if self.current_gain is None else self.current_gain


Element = Annotated[
    Resistor | Diode | VoltageSource | CurrentSource | Capacitor | Amplifier, Field(discriminator="type")
]
