"""Deep resistive networks for tests, and a reference that knows branches and nodes, but no layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.physics.deep_resistive.network import DeepResistiveNetwork
from neurosim.physics.deep_resistive.settings import DeepResistiveCircuit

Array = np.ndarray


def deep_network(layers: Any, dtype: str = "float64", biases: float = 0.0, seed: int = 0, **keys: Any) -> Any:
    """Return a network with conductances above zero; `biases` is the standard deviation of its bias currents."""
    keys = {"bounds": [0.02, None], **keys}
    settings = DeepResistiveCircuit(kind="deep_resistive", layers=list(layers), **keys)
    made = DeepResistiveNetwork(settings, None, dtype, seed)
    draw = np.random.default_rng(seed + 100)
    for k, units in enumerate(layers[1:], start=1):
        made.parameters[f"b_{k}"][:] = biases * draw.standard_normal(units)
    made.parameters_changed()
    return made


def deep_batch(layers: Any, rows: int, seed: int = 0, dtype: str = "float64") -> tuple[Array, Array]:
    """Return inputs, a third of them zero, and one-hot targets."""
    draw = np.random.default_rng(seed)
    inputs = draw.uniform(-1, 1, (rows, layers[0])) * (draw.random((rows, layers[0])) > 0.3)
    return inputs.astype(dtype), np.eye(layers[-1], dtype=dtype)[draw.integers(0, layers[-1], rows)]


def branches(net: Any) -> list[tuple[int, int, float]]:
    """Return (node, node, conductance) of every resistor; sources come first, then the free nodes layer by layer."""
    layers, found = net.layers, []
    starts = np.cumsum([0, 2 * layers[0], *layers[1:]])
    for k in range(len(layers) - 1):
        G = net.parameters[f"G_{k}"]
        for i in range(G.shape[0]):
            for j in range(G.shape[1]):
                found.append((starts[k] + i, starts[k + 1] + j, float(G[i, j])))
    return found


def limits(net: Any) -> list[tuple[float, float]]:
    """Return the lowest and highest voltage of every free node: the first half of a hidden layer cannot be negative."""
    found = []
    for units in net.layers[1:-1]:
        found += [(0.0, np.inf) if 2 * i < units else (-np.inf, 0.0) for i in range(units)]
    return found + [(-np.inf, np.inf)] * net.layers[-1]


def quadratic(net: Any, x: Array, y: Array, beta: float) -> tuple[Array, Array]:
    """Return A and c with the co-content v A v / 2 - c v of one sample, to a constant; v are the free nodes, in V."""
    sources = 2 * net.layers[0]
    total = sources + sum(net.layers[1:])
    L = np.zeros((total, total))
    for a, b, g in branches(net):
        L[a, a] += g
        L[b, b] += g
        L[a, b] -= g
        L[b, a] -= g
    held = net.settings.input_gain * np.concatenate([x, -x])
    A = L[sources:, sources:].copy()
    c = -L[sources:, :sources] @ held
    c += np.concatenate([net.parameters[f"b_{k}"] for k in range(1, len(net.layers))])
    for j in range(net.layers[-1]):
        at = len(c) - net.layers[-1] + j
        A[at, at] += beta
        c[at] += beta * y[j]
    return A, c


def node_by_node(net: Any, x: Array, y: Array, beta: float = 0.0) -> Array:
    """Return the voltages of the free nodes of one sample: one node after the other, until nothing moves."""
    A, c = quadratic(net, x, y, beta)
    v = np.zeros(len(c))
    for _ in range(5000):
        before = v.copy()
        for i, (low, high) in enumerate(limits(net)):
            v[i] = min(max(v[i] + (c[i] - A[i] @ v) / A[i, i], low), high)
        if np.abs(v - before).max() < 1e-15 * max(1.0, np.abs(v).max()):
            return v
    raise AssertionError("the reference did not settle")


def reference_cost(net: Any, inputs: Array, targets: Array) -> float:
    """Return the mean cost of a batch at the operating points of `node_by_node`."""
    outputs = net.layers[-1]
    ends = [node_by_node(net, x, y)[-outputs:] for x, y in zip(inputs, targets, strict=True)]
    return float(np.mean(np.sum((np.array(ends) - targets) ** 2, axis=1) / 2))
