"""Netlists for the tests of resistive circuits, and an independent reference."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.physics.resistive.model import ResistiveNetwork
from neurosim.physics.resistive.settings import ResistiveCircuit

Array = np.ndarray
IS, NVT = 1e-3, 0.1
VT = 1.380649e-23 * 300.15 / 1.602176634e-19


def netlist(elements: dict[str, Any], inputs: Any = (), outputs: Any = ("o",), **keys: Any) -> ResistiveCircuit:
    return ResistiveCircuit(kind="resistive", elements=elements, inputs=list(inputs), outputs=list(outputs), **keys)


def network(elements: dict[str, Any], inputs: Any = (), outputs: Any = ("o",), **keys: Any) -> ResistiveNetwork:
    return ResistiveNetwork(netlist(elements, inputs, outputs, **keys), None, "float64", 0)


def base_numbers() -> tuple[Array, Array, Array, Array]:
    """Return G1, G2, x, y of a 6-8-3 net."""
    draw = np.random.default_rng(1)
    G1, G2 = draw.uniform(0.1, 1.0, (6, 8)), draw.uniform(0.1, 1.0, (8, 3))
    return G1, G2, draw.uniform(-2, 2, 6), draw.uniform(-0.5, 0.5, 3)


def base_net(gain: float = 1.0, kappa: Any = None) -> ResistiveNetwork:
    """Return the 6-8-3 net; with `kappa`, amplifiers of that gain and current gain behind the hidden nodes.

    An array of shape (8,) has one amplifier per hidden node, one of shape (8, 3) one per branch of the second layer.
    """
    G1, G2, _, _ = base_numbers()
    elements: dict[str, Any] = {}
    for i in range(6):
        for j in range(8):
            elements[f"R{i}_{j}"] = {
                "type": "resistor", "nodes": [f"x{i}", f"h{j}"], "siemens": G1[i, j], "trainable": True,
            }  # fmt: skip
    for j in range(8):
        nodes = [0, f"h{j}"] if j < 4 else [f"h{j}", 0]
        elements[f"D{j}"] = {"type": "diode", "nodes": nodes, "is": IS, "n": NVT / VT}
    kappas = None if kappa is None else np.asarray(kappa)
    for j in range(8):
        if kappas is not None and kappas.ndim < 2:
            kappa_j = float(np.broadcast_to(kappas, 8)[j])
            elements[f"A{j}"] = {
                "type": "amplifier", "nodes": [f"h{j}", f"w{j}"], "gain": gain, "current_gain": kappa_j,
            }  # fmt: skip
        for k in range(3):
            node = f"h{j}"
            if kappas is not None and kappas.ndim < 2:
                node = f"w{j}"
            elif kappas is not None:
                node = f"w{j}_{k}"
                elements[f"A{j}_{k}"] = {
                    "type": "amplifier", "nodes": [f"h{j}", node], "gain": gain, "current_gain": float(kappas[j, k]),
                }  # fmt: skip
            elements[f"S{j}_{k}"] = {
                "type": "resistor", "nodes": [node, f"o{k}"], "siemens": G2[j, k], "trainable": True,
            }  # fmt: skip
    return network(elements, [f"x{i}" for i in range(6)], [f"o{k}" for k in range(3)])
