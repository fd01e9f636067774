"""Keys of a circuit of ``kind: resistive``: a netlist."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from neurosim.errors import nearest
from neurosim.physics.resistive.element_settings import Amplifier, Diode, Element, Resistor
from neurosim.physics.resistive.imperfection_settings import NetlistImperfections
from neurosim.physics.resistive.quantity import NodeName, Quantity
from neurosim.physics.resistive.topology import Topology, resolve
from neurosim.settings import Sections, Settings


class ResistiveCircuit(Settings):
    """A netlist of resistors, diodes, sources, capacitors and bidirectional amplifiers, in SI units.

    Its state is the voltages of its free nodes: those that no source, input or amplifier defines. All values take the
    suffixes of SPICE: 4.7k, 10u, 1meg.
    """

    kind: Literal["resistive"]
    name: str = Field("", description="Name of the circuit, for people.")
    description: str = Field("", description="What the circuit is, for people.")
    inputs: tuple[NodeName, ...] = Field((), description="Nodes held at the voltages of the inputs, in their order.")
    outputs: tuple[NodeName, ...] = Field(
        min_length=1, description="Free nodes that are read and nudged, in the order of the targets."
    )
    elements: dict[str, Element] = Field(min_length=1, description="Elements by name.")
    capacitance: Annotated[Quantity, Field(gt=0.0)] = Field(
        1e-12, description="Stray capacitance from every free node to ground, in farad, beside its capacitors."
    )
    temperature: float = Field(300.15, gt=0.0, description="Of all junctions and resistors, in kelvin: Vt = k T / q.")
    gmin: Annotated[Quantity, Field(ge=0.0)] = Field(
        1e-15, description="Conductance across every junction, in siemens."
    )
    cost: Literal["squared_error"] = Field(
        "squared_error", description="Half the squared distance to the targets, V^2."
    )

    imperfections: NetlistImperfections = Field(
        default_factory=NetlistImperfections, description="What is not ideal about the netlist."
    )

    def with_elements(self, elements: dict[str, Element]) -> ResistiveCircuit:
        """Return this netlist with other elements of the same names."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return self.model_construct(**{**fields, "elements": elements})

    @cached_property
    def topology(self) -> Topology:
        """How the nodes follow each other, and what is wrong with the netlist by itself."""
        return resolve(self.inputs, self.elements)

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key below the circuit, message) for everything that is wrong with the netlist by itself."""
        written = {node for element in self.elements.values() for node in element.nodes}
        for key in ("inputs", "outputs"):
            names = getattr(self, key)
            for i, node in enumerate(names):
                if node not in written:
                    yield f"{key}.{i}", f"unknown node '{node}': no element touches it.{nearest(node, sorted(written))}"
                elif node in names[:i]:
                    yield f"{key}.{i}", f"node '{node}' stands here twice."
        if "0" in self.inputs:
            yield f"inputs.{self.inputs.index('0')}", "ground is held at 0 V and cannot be an input."
        yield from self.topology.problems
        for i, node in enumerate(self.outputs):
            held = self.topology.held.get(node)
            if node in written and held is not None and held.root != node:
                yield f"outputs.{i}", f"node '{node}' is held by a source, an input or an amplifier; outputs are free."

    def terminals(self) -> tuple[tuple[str, str, int], tuple[str, str, int]]:
        """Return where inputs and outputs are declared, how to say it, and how many there are."""
        return (
            ("circuit.inputs", "the netlist has {} input nodes", len(self.inputs)),
            ("circuit.outputs", "the netlist has {} output nodes", len(self.outputs)),
        )

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the netlist, and what does not fit beside it."""
        for key, message in self.problems():
            yield f"circuit.{key}", message
        yield from self._check_imperfections()
        if scenario.dynamics.solver == "sweeps":
            yield (
                "dynamics.solver",
                "a netlist has no closed-form sweeps. Use newton for its operating point, or an ODE solver.",
            )
        if scenario.rule is not None and not any(getattr(e, "trainable", False) for e in self.elements.values()):
            yield "circuit.elements", "no element is trainable, and a rule needs at least one. Use trainable: true."
        for (key, _, number), expected, what in zip(
            self.terminals(), scenario.data.shape(), ("inputs", "outputs"), strict=True
        ):
            if expected is not None and number != expected:
                yield key, f"found {number} {what}, but data set '{scenario.data.set}' needs {expected}."

    def _check_imperfections(self) -> Iterator[tuple[str, str]]:
        """Yield imperfections of what the netlist does not have."""
        trained = [e for e in self.elements.values() if isinstance(e, Resistor) and e.trainable]
        diodes = [n for n, e in self.elements.items() if isinstance(e, Diode) and e.model == "shockley"]
        amplifiers = [n for n, e in self.elements.items() if isinstance(e, Amplifier)]
        known = {
            "mismatch": [*diodes, *amplifiers],
            "read_noise": ["nodes"],
            "devices": list(dict.fromkeys(f"g_{e.group}" if e.group else "g" for e in trained)),
        }
        for key, sentence in self.imperfections.unknown_blocks(known):
            yield f"circuit.imperfections.{key}", sentence
        mismatch, devices = self.imperfections.mismatch, self.imperfections.devices
        if mismatch is not None:
            for keys, elements, what in (
                (("saturation_sd",), diodes, "diode of model shockley"),
                (("gain_sd", "current_gain_sd", "offset_sd"), amplifiers, "amplifier"),
            ):
                for key in keys:
                    if getattr(mismatch, key) and not elements:
                        yield (
                            f"circuit.imperfections.mismatch.{key}",
                            f"the netlist has no {what} that could be mismatched. Leave it out.",
                        )
        if devices is not None and devices.range is not None and devices.range[0] < 0:
            yield (
                "circuit.imperfections.devices.range",
                f"found {devices.range[0]:g} S; conductances are not negative. Use a range from 0 on.",
            )
