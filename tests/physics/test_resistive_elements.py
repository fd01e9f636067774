"""Values with suffixes, laws of elements, and every message about a netlist that has no meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from resistive_nets import VT, netlist, network

from neurosim.errors import ScenarioError
from neurosim.physics.resistive.netlist import compile_netlist
from neurosim.physics.resistive.quantity import parse_quantity

R = {"type": "resistor", "nodes": ["a", 0], "ohms": "1k"}
SINK = {"type": "resistor", "nodes": ["o", 0], "ohms": "1k"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4.7k", 4700.0), ("10u", 1e-5), ("10uF", 1e-5), ("1MEG", 1e6), ("1megohm", 1e6), ("2M", 2e-3), ("3t", 3e12),
        ("5G", 5e9), ("6n", 6e-9), ("7p", 7e-12), ("8f", 8e-15), ("-1e-3", -1e-3), ("1e3k", 1e6), ("2V", 2.0),
        ("3ohm", 3.0), (".5", 0.5), ("1 \u00b5", 1e-6), (4.5, 4.5), (3, 3),
    ],
)  # fmt: skip
def test_spice_suffixes(text, value):
    assert parse_quantity(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(("text", "says"), [("abc", "expected a number"), ("1q", "unknown suffix"), ("k", "expected")])
def test_what_is_no_quantity(text, says):
    with pytest.raises(ValueError, match=says):
        parse_quantity(text)


def law(element: dict[str, Any], w: np.ndarray, **keys: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return current and slope of one element at voltages `w`."""
    model = network({"X": {"nodes": ["o", 0], **element}, "R": SINK}, **keys)
    across = np.stack([w, w], axis=1)
    currents, slopes = model.equations.laws(across, model.p[model.parameters_at :])
    return currents[:, 0], slopes[:, 0]


W = np.linspace(-0.6, 0.6, 25)


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ({"type": "resistor", "ohms": "2k"}, W / 2e3),
        ({"type": "resistor", "siemens": "3m"}, 3e-3 * W),
        ({"type": "diode", "is": "10f", "n": 1}, 1e-14 * (np.exp(W / VT) - 1) + 1e-15 * W),
        ({"type": "diode", "model": "piecewise_linear", "ron": 10, "roff": "1meg", "vth": 0.3},
         np.maximum((W - 0.3) / 10, (W - 0.3) / 1e6)),
        ({"type": "current_source", "amps": "2u"}, np.full_like(W, 2e-6)),
    ],
)  # fmt: skip
def test_laws(element, expected):
    """Currents are those of the formulas; slopes are their derivatives."""
    currents, slopes = law(element, W)
    assert currents == pytest.approx(expected, rel=1e-12, abs=1e-28)
    step = 1e-6
    numeric = (law(element, W + step)[0] - law(element, W - step)[0]) / (2 * step)
    away = np.abs(W - element.get("vth", np.inf)) > 2 * step
    assert slopes[away] == pytest.approx(numeric[away], rel=1e-5, abs=1e-12)


def test_a_piecewise_linear_diode_carries_current_at_zero():
    currents, _ = law({"type": "diode", "model": "piecewise_linear", "roff": 1e6, "vth": 0.5}, np.zeros(1))
    assert currents[0] == pytest.approx(-0.5 / 1e6)


@pytest.mark.parametrize(
    ("element", "says"),
    [
        ({"type": "resistor", "nodes": ["a", 0], "ohms": 1, "group": "x"}, "group is for trainable resistors"),
        ({"type": "resistor", "nodes": ["a", 0], "ohms": 1, "group": "a b", "trainable": True}, "pattern"),
        ({"type": "current_source", "nodes": ["a", 0], "amps": 1, "group": "x"}, "group is for trainable sources"),
        ({"type": "resistor", "nodes": ["a", "a"], "ohms": 1}, "both ends are on node 'a'"),
        ({"type": "resistor", "nodes": ["gnd", 0], "ohms": 1}, "both ends are on node '0'"),
        ({"type": "resistor", "nodes": ["a", 0], "ohms": 0}, "greater than 0"),
        ({"type": "resistor", "nodes": ["a", 0], "siemens": "-1m"}, "greater than 0"),
        ({"type": "resistor", "nodes": ["a", 0]}, "no value"),
        ({"type": "resistor", "nodes": ["a", 0], "ohms": 1, "siemens": 1}, "both ohms and siemens"),
        ({"type": "resistor", "nodes": ["a", 0], "ohms": 1, "bounds": [0, 1]}, "for trainable"),
        ({"type": "resistor", "nodes": ["a", 0], "ohms": 1, "trainable": True, "bounds": [2, 3]}, "outside its bounds"),
        ({"type": "resistor", "nodes": ["a", 0], "trainable": True, "bounds": [3, 2]}, "no room"),
        ({"type": "diode", "nodes": ["a", 0], "ron": 2}, "ron does not belong to model shockley"),
        ({"type": "diode", "nodes": ["a", 0], "model": "piecewise_linear", "is": 1}, "is does not belong"),
        ({"type": "diode", "nodes": ["a", 0], "model": "piecewise_linear", "ron": 9, "roff": 1}, "larger than roff"),
        ({"type": "diode", "nodes": ["a", 0], "model": "ideal"}, "shockley"),
        ({"type": "amplifier", "nodes": ["a", "b"], "gain": 0}, "gain 0"),
        ({"type": "resister", "nodes": ["a", 0], "ohms": 1}, "resister"),
    ],
)  # fmt: skip
def test_elements_that_have_no_meaning(element, says):
    with pytest.raises(ValidationError, match=says):
        netlist({"X": element, "R": R, "O": SINK})


def V(*nodes: Any, volts: float = 1.0) -> dict[str, Any]:
    return {"type": "voltage_source", "nodes": list(nodes), "volts": volts}


def A(*nodes: Any) -> dict[str, Any]:
    return {"type": "amplifier", "nodes": list(nodes), "gain": 4}


@pytest.mark.parametrize(
    ("elements", "keys", "key", "says"),
    [
        ({"O": SINK}, {"inputs": ["b"]}, "inputs.0", "unknown node 'b'"),
        ({"O": SINK}, {"outputs": ["oo"]}, "outputs.0", "unknown node 'oo'"),
        ({"O": SINK}, {"outputs": ["o", "o"]}, "outputs.1", "twice"),
        ({"O": SINK}, {"inputs": ["gnd"]}, "inputs.0", "ground"),
        ({"O": SINK}, {"inputs": ["o"]}, "outputs.0", "outputs are free"),
        ({"O": SINK, "V1": V("o", 0)}, {}, "outputs.0", "outputs are free"),
        ({"O": SINK, "V1": V("a", 0), "V2": V("a", 0)}, {}, "elements.V2", "loop of voltage sources"),
        ({"O": SINK, "V1": V("a", "b"), "V2": V("b", "c"), "V3": V("c", "a")}, {}, "elements.V3", "loop"),
        ({"O": SINK, "R": R, "V1": V("a", 0)}, {"inputs": ["a"]}, "elements", "two sources on one node"),
        ({"O": SINK, "R": R, "A1": A("a", "w"), "A2": A("a", "w")}, {}, "elements.A2", "amplifier A1 already"),
        ({"O": SINK, "A1": A("a", "b"), "A2": A("b", "a")}, {}, "elements.A1", "loop of amplifiers"),
        ({"O": SINK, "R": {**R, "nodes": ["a", "b"]}}, {}, "elements.R", "node 'a' is floating"),
        ({"O": SINK, "C": {"type": "capacitor", "nodes": ["a", 0], "farads": 1}}, {}, "elements.C", "floating"),
        ({"O": SINK, "R": R, "C": {"type": "capacitor", "nodes": ["a", "o"], "farads": 1}}, {}, "elements.C",
         "both free"),
    ],
)  # fmt: skip
def test_netlists_that_have_no_meaning(elements, keys, key, says):
    """The key says where, and a circuit cannot be built either."""
    circuit = netlist(elements, **keys)
    assert any(place == key and says in message for place, message in circuit.problems())
    with pytest.raises(ScenarioError, match=says):
        compile_netlist(circuit)
