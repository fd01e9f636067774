"""The wiring of a netlist in a result file."""

from __future__ import annotations

import numpy as np

from neurosim.physics.wiring import Wiring
from neurosim.results.sink import ResultSink


def write_wiring(writer: ResultSink, wiring: Wiring, phase: str) -> None:
    """Write elements, terminals, currents and conductances into /circuit.

    Parameters
    ----------
    writer : ResultSink
        Where to.
    wiring : Wiring
        The elements, and what flows through them at the end of a phase.
    phase : str
        Name of that phase.
    """
    group = "circuit"
    rows = len(wiring.currents)
    writer.set_attributes(group, {"current_phase": phase})
    writer.dimension(group, "element", list(wiring.names), "element of the netlist")
    writer.dimension(group, "sample", np.arange(rows), "test sample")
    for name, values, what in (
        ("element_type", wiring.kinds, "type of each element"),
        ("element_first", wiring.first, "first node of each element; 0 is ground"),
        ("element_second", wiring.second, "second node of each element; 0 is ground"),
    ):
        writer.variable(group, name, ("element",), np.array(values, dtype="S"), what)
    for name, nodes, what in (("input_node", wiring.inputs, "an input"), ("output_node", wiring.outputs, "an output")):
        writer.dimension(group, name, list(nodes), f"node of {what}")
    what = f"current from first to second node at the end of phase {phase}; NaN where no law of the element says it"
    writer.variable(group, "element_current", ("sample", "element"), wiring.currents, what, "A")
    what = f"conductance d(current)/d(voltage) at the end of phase {phase}; NaN where no law of the element says it"
    writer.variable(group, "element_conductance", ("sample", "element"), wiring.slopes, what, "S")
