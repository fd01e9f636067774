"""The lines of one element in a netlist for ngspice.

    resistor, capacitor, sources   R a b ohm,  C a b farad,  V a b volt,  I a b ampere
    Shockley's diode               D anode cathode model, with a .model of its Is and N
    piecewise-linear diode         B a b I = (w > Vth ? 1/Ron : 1/Roff) (w - Vth),  w = V(a, b)
    amplifier h -> w               E x 0 h 0 A,  V x w s (A - 1) - A offset,  F h 0 V kappa

Below -3 nVt ngspice replaces the exponential of a diode by -(3 nVt / (e w))^3, which is up to 0.0041 Is away from it:
microvolts in a net of microsiemens and diodes of microamperes. Where that is more than its abstol, a source beside the
diode carries what is missing, zero above -3 nVt:

    B a b I = Is (exp(m / nVt) + (3 nVt / (e m))^3),   m = min(w, -3 nVt)

The voltage source of an amplifier carries what it delivers into w, and adds what shift and offset make of the output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from neurosim.errors import ScenarioError
from neurosim.physics.resistive.element_settings import (
    Amplifier,
    Capacitor,
    CurrentSource,
    Diode,
    Resistor,
    VoltageSource,
)
from neurosim.physics.resistive.netlist import BOLTZMANN, CHARGE
from neurosim.spice.names import Names

ABSTOL = 1e-15  # A
REVERSE_ERROR = 0.0041  # of the saturation current

KNOWN = "resistor, capacitor, voltage_source, current_source, diode, amplifier"


def number(value: float) -> str:
    """Return a number with all of its digits."""
    return repr(float(value))


class ElementWriter:
    """Writes elements, each as one line or more.

    Parameters
    ----------
    names : Names
        The names of the netlist.
    trained : mapping of str to float
        Conductances in S and currents in A of the trained elements, by name.
    temperature : float
        Of the junctions, in K.
    """

    def __init__(self, names: Names, trained: Mapping[str, float], temperature: float) -> None:
        self.names, self.trained, self.temperature = names, trained, temperature
        self.models: dict[tuple[float, float], str] = {}

    def lines(self, name: str, element: Any) -> list[str]:
        """Return the lines of an element.

        Raises
        ------
        ScenarioError
            If its kind, or a key that it uses, has no counterpart here.
        """
        entry = _KINDS.get(type(element))
        if entry is None:
            raise ScenarioError(
                f"circuit.elements.{name}: found a {element.type}, which cannot be written for ngspice. Known: {KNOWN}."
            )
        write, keys = entry
        for key, field in type(element).model_fields.items():
            if key not in keys and getattr(element, key) != field.get_default():
                raise ScenarioError(
                    f"circuit.elements.{name}.{field.alias or key}: cannot be written for ngspice. Leave it out."
                )
        return write(self, name, element, *(self.names.node(node) for node in element.nodes))

    def model_lines(self) -> list[str]:
        """Return the .model lines of the diodes that were written."""
        return [f".model {name} D(IS={number(i)} N={number(n)})" for (i, n), name in self.models.items()]

    def _resistor(self, name: str, element: Resistor, a: str, b: str) -> list[str]:
        g = self.trained.get(name, element.conductance)
        assert g is not None  # one that is not trained has a value
        return [f"{self.names.element('r', name)} {a} {b} {number(1.0 / g)}"] if g != 0 else []

    def _capacitor(self, name: str, element: Capacitor, a: str, b: str) -> list[str]:
        return [f"{self.names.element('c', name)} {a} {b} {number(element.farads)}"]

    def _voltage_source(self, name: str, element: VoltageSource, a: str, b: str) -> list[str]:
        return [f"{self.names.element('v', name)} {a} {b} {number(element.volts)}"]

    def _current_source(self, name: str, element: CurrentSource, a: str, b: str) -> list[str]:
        return [f"{self.names.element('i', name)} {a} {b} {number(self.trained.get(name, element.amps))}"]

    def _diode(self, name: str, element: Diode, a: str, b: str) -> list[str]:
        if element.model == "shockley":
            key = (element.saturation, element.n)
            model = self.models.setdefault(key, f"diode{len(self.models)}")
            return [f"{self.names.element('d', name)} {a} {b} {model}", *self._missing_in_reverse(name, element, a, b)]
        over = f"(v({a},{b})-({number(element.vth)}))"
        law = f"{over} > 0 ? {over}/{number(element.ron)} : {over}/{number(element.roff)}"
        return [f"{self.names.element('b', name)} {a} {b} I = {law}"]

    def _missing_in_reverse(self, name: str, element: Diode, a: str, b: str) -> list[str]:
        if REVERSE_ERROR * element.saturation <= ABSTOL:
            return []
        volts = element.n * BOLTZMANN * self.temperature / CHARGE
        least = f"min(v({a},{b}),{number(-3 * volts)})"
        ratio = f"({number(3 * volts / math.e)}/{least})"
        law = f"{number(element.saturation)}*(exp({least}/{number(volts)})+{ratio}*{ratio}*{ratio})"
        return [f"{self.names.element('b', f'b_reverse_{name}')} {a} {b} I = {law}"]

    def _amplifier(self, name: str, element: Amplifier, h: str, w: str) -> list[str]:
        inner, sense = self.names.new_node(f"{w}_{name}"), self.names.element("v", f"v_{name}")
        between = element.shift * (element.gain - 1.0) - element.gain * element.offset
        lines = [
            f"{self.names.element('e', name)} {inner} 0 {h} 0 {number(element.gain)}",
            f"{sense} {inner} {w} {number(between)}",
        ]
        if element.kappa != 0:
            lines.append(f"{self.names.element('f', name)} {h} 0 {sense} {number(element.kappa)}")
        return lines


# By class: how it is written, and the keys that this takes into account.
_KINDS: dict[type, tuple[Callable[..., list[str]], set[str]]] = {
    Resistor: (ElementWriter._resistor, {"type", "nodes", "ohms", "siemens", "trainable", "bounds", "group"}),
    Capacitor: (ElementWriter._capacitor, {"type", "nodes", "farads"}),
    VoltageSource: (ElementWriter._voltage_source, {"type", "nodes", "volts"}),
    CurrentSource: (ElementWriter._current_source, {"type", "nodes", "amps", "trainable", "group"}),
    Diode: (ElementWriter._diode, {"type", "nodes", "model", "saturation", "n", "ron", "roff", "vth"}),
    Amplifier: (ElementWriter._amplifier, {"type", "nodes", "gain", "current_gain", "shift", "offset"}),
}
