"""A circuit of ``kind: resistive`` as a netlist that ngspice 39 runs as it is.

Diodes are at the temperature of the circuit with the saturation currents as they are written (TEMP and TNOM are the
same), and have its gmin. All numbers have the digits that give them back exactly.
"""

from __future__ import annotations

from typing import Any

from neurosim.physics.resistive.model import ResistiveNetwork
from neurosim.spice.bench import Bench, Transient
from neurosim.spice.elements import ABSTOL, ElementWriter, number
from neurosim.spice.names import Names

ZERO_CELSIUS = 273.15  # K


def export(model: ResistiveNetwork, bench: Bench, save_to: str | None = None) -> str:
    """Return a circuit on its test bench as a netlist.

    Parameters
    ----------
    model : ResistiveNetwork
        The circuit, with the values of its trained elements.
    bench : Bench
        Inputs, nudge and analysis.
    save_to : str, optional
        Raw file that ngspice writes the voltages of all free nodes to; default: it prints those of the outputs.

    Raises
    ------
    ScenarioError
        If an element has no counterpart in ngspice.
    """
    settings, net, names = model.built, model.netlist, Names()
    free = [names.node(node) for node in net.nodes[1 : 1 + net.free]]
    for node in net.nodes:
        names.node(node)
    elements = (element for group in net.groups.values() for element in group)
    trained = dict(zip(elements, model.conductances.flat.tolist(), strict=True))
    writer = ElementWriter(names, trained, settings.temperature)
    title = " ".join((settings.name or "circuit").split())
    lines = [f"* {title}, written by neurosim", *_options(settings)]
    for node, volts in zip(settings.inputs, bench.inputs.tolist(), strict=True):
        wave = number(volts)
        if bench.transient is not None:
            begin, end = bench.transient.ramp
            wave = f"PWL(0 0 {number(begin)} 0 {number(end)} {wave})"
        lines.append(f"{names.element('v', f'v_{node}')} {names.node(node)} 0 {wave}")
    for name, element in settings.elements.items():
        lines += writer.lines(name, element)
    lines += writer.model_lines()
    lines += [f"{names.element('c', f'c_stray_{node}')} {node} 0 {number(settings.capacitance)}" for node in free]
    if bench.beta != 0:
        for node, volts in zip(settings.outputs, bench.targets.tolist(), strict=True):
            here, there = names.node(node), names.new_node(f"y_{node}")
            lines.append(f"{names.element('v', f'v_y_{node}')} {there} 0 {number(volts)}")
            lines.append(f"{names.element('r', f'r_nudge_{node}')} {here} {there} {number(1.0 / bench.beta)}")
    outputs = [names.node(node) for node in settings.outputs]
    lines += _control(bench, free if save_to else outputs, save_to)
    return "\n".join([*lines, ".end", ""])


def _tran(transient: Transient) -> str:
    return f"tran {number(transient.step)} {number(transient.end)} 0 {number(transient.step)}"


def _options(settings: Any) -> list[str]:
    celsius = number(round(settings.temperature - ZERO_CELSIUS, 10))
    return [
        f".options temp={celsius} tnom={celsius} gmin={number(settings.gmin)}",
        f".options reltol=1e-6 abstol={number(ABSTOL)} vntol=1e-9 chgtol=1e-18 method=trap itl1=500",
    ]


def _control(bench: Bench, nodes: list[str], save_to: str | None) -> list[str]:
    command = "op" if bench.transient is None else _tran(bench.transient)
    if save_to is None:
        last = [f"print {'v(' + node + ')'}" for node in nodes]
        if bench.transient is not None:
            last = [f"meas tran end_{node} find v({node}) at={number(bench.transient.end)}" for node in nodes]
    else:
        last = ["set filetype=binary", f"write {save_to}"]
    saved = [f".save v({node})" for node in nodes]
    return [*saved, ".control", "set numdgt=12", command, *last, "rusage time", "quit", ".endc"]
