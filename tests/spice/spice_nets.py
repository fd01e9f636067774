"""Layered netlists with junctions for the comparison with ngspice."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest

from neurosim.physics.resistive.model import ResistiveNetwork
from neurosim.physics.resistive.settings import ResistiveCircuit
from neurosim.spice.bench import Bench, Transient

DIODES = {"si": {"is": 1e-14, "n": 1.0}, "sharp": {"is": 1e-6, "n": 0.05}}

needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")


def layered(sizes: tuple[int, int, int], diode: str, seed: int = 0, farads: bool = False) -> dict[str, Any]:
    """Return a circuit: sources, hidden nodes with one diode each (half of them to each side), outputs."""
    draw = np.random.default_rng(seed)
    blocks = (("x", "h", sizes[0], sizes[1]), ("h", "o", sizes[1], sizes[2]))
    elements: dict[str, Any] = {}
    for a, b, many, few in blocks:
        for i, row in enumerate(draw.uniform(1e-7, 1e-5, (many, few)) if not farads else
                                draw.uniform(1e-6, 1e-5, (many, few))):  # fmt: skip
            for j, g in enumerate(row.tolist()):
                elements[f"R{a}{i}_{j}"] = {"type": "resistor", "nodes": [f"{a}{i}", f"{b}{j}"], "siemens": g}
    for j in range(sizes[1]):
        nodes = ["0", f"h{j}"] if j < sizes[1] // 2 else [f"h{j}", "0"]
        elements[f"D{j}"] = {"type": "diode", "nodes": nodes, **DIODES[diode]}
    free = [f"h{j}" for j in range(sizes[1])] + [f"o{k}" for k in range(sizes[2])]
    if farads:
        for node, value in zip(free, draw.uniform(1e-12, 3e-12, len(free)).tolist(), strict=True):
            elements[f"C_{node}"] = {"type": "capacitor", "nodes": [node, "0"], "farads": value}
    return {
        "kind": "resistive",
        "inputs": [f"x{i}" for i in range(sizes[0])],
        "outputs": free[sizes[1] :],
        "elements": elements,
        "capacitance": 1e-18 if farads else 1e-12,
    }


def model_of(circuit: dict[str, Any]) -> ResistiveNetwork:
    return ResistiveNetwork(ResistiveCircuit(**circuit), None, "float64", 0)


def bench(
    model: ResistiveNetwork, seed: int = 1, beta: float = 0.0, transient: Transient | None = None, low: float = -2.0
) -> Bench:
    draw = np.random.default_rng(seed)
    # A mean of 1.5 V: with a mean of 0 V no silicon junction of a large net would conduct.
    inputs = draw.uniform(low, 5.0, len(model.settings.inputs))
    return Bench(inputs, draw.uniform(-1.0, 1.0, model.outputs), beta, transient)
