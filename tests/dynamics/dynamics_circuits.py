"""Circuits for the tests of dynamics, their equations once more in plain NumPy, and SciPy as the judge."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from neurosim.analysis.setup import build_solver
from neurosim.dynamics.solver import Solver
from neurosim.physics.layered.compartments import POINT, Compartments, dyad
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import LayeredCircuit
from neurosim.physics.layered.system import LayeredSystem
from neurosim.registry import SOLVERS

Array = np.ndarray

DYAD = dyad(0.3, transposed=True)


def solver(name: str, **keys: Any) -> Solver:
    """Return a solver as the `dynamics` section of a scenario would give it."""
    return build_solver(SOLVERS.settings(name)(solver=name, **keys))


def circuit(
    layers: tuple[int, ...] = (4, 6, 5, 3),
    rows: int = 3,
    compartments: Compartments = DYAD,
    dtype: str = "float64",
    seed: int = 0,
    gain: float = 1.0,
    beta: float = 0.0,
    **keys: Any,
) -> LayeredSystem:
    """Return a random network with random samples on its terminals, nudged by `beta`; `keys` go to its settings."""
    keys = {"activation": "tanh", "feedback": "independent", **keys}
    neuron = "point" if compartments.count == 1 else "dyad"
    network = CompartmentNetwork(LayeredCircuit(layers=layers, neuron=neuron, **keys), compartments, dtype, seed=0)
    draw = np.random.default_rng(seed)
    for k, (below, above) in enumerate(itertools.pairwise(layers)):
        network.parameters[f"W_{k}"][:] = gain * draw.standard_normal((below, above)) / np.sqrt(below)
        network.parameters[f"b_{k + 1}"][:] = 0.2 * draw.standard_normal(above)
    for k in range(1, len(layers) - 1):
        shape = (layers[k + 1], layers[k])
        network.parameters[f"B_{k}"][:] = gain * draw.standard_normal(shape) / np.sqrt(shape[0])
    network.parameters_changed()
    system = network.system(rows)
    system.present(draw.standard_normal((rows, layers[0])), draw.random((rows, layers[-1])))
    system.nudge(beta)
    return system


def unit_chain(
    weight: float, inputs: list[float], activation: str, feedback: float | None = None, **keys: Any
) -> LayeredSystem:
    """Return one hidden and one output point neuron that excite each other; W_0 = 1, no biases, not nudged."""
    keys = {"activation": activation, "output_activation": activation, **keys}
    system = circuit((1, 1, 1), len(inputs), POINT, **keys)
    parameters = system.model.parameters
    parameters.flat[:] = 0.0
    parameters["W_0"][:], parameters["W_1"][:] = 1.0, weight
    parameters["B_1"][:] = weight if feedback is None else feedback
    system.model.parameters_changed()
    system.present(np.array(inputs)[:, None], np.zeros((len(inputs), 1)))
    return system


def numpy_rate(system: LayeredSystem, y: Array) -> Array:
    """Return dy/dt in float64, written from the equation in design.md and not with the kernels.

    For tanh or identity units in activity or membrane coordinates, squared error, gradient at the output current.
    """
    model, layers = system.model, system.model.layers
    f = {"tanh": np.tanh, "identity": lambda x: x, "relu": lambda x: np.maximum(x, 0.0)}
    hidden, output = f[model.settings.activation], f[model.settings.output_activation]
    p, q, gain = (
        np.array(t) for t in (model.compartments.forward, model.compartments.backward, model.compartments.gain)
    )
    numbers = {name: values.astype(np.float64) for name, values in model.parameters.items()}
    planes, last = len(p), len(layers) - 1
    blocks, offset = [], 0
    for n in layers[1:]:
        size = planes * system.rows * n
        blocks.append(np.asarray(y, np.float64)[offset : offset + size].reshape(planes, system.rows, n))
        offset += size
    membrane = model.settings.coordinates == "membrane"
    s = [(output if k == last else hidden)(x) if membrane else x for k, x in enumerate(blocks, start=1)]
    rates = []
    for k in range(1, last + 1):
        below = system.inputs.astype(np.float64) if k == 1 else np.tensordot(p, s[k - 2], 1)
        a = below @ numbers[f"W_{k - 1}"] + numbers[f"b_{k}"]
        if k < last:
            felt = np.tensordot(q, s[k], 1) @ numbers[f"B_{k}"]
        else:
            felt = -system.nudges[:, None] * (output(a) - system.targets)
        v = a + gain[:, None, None] * felt
        target = v if membrane else (output if k == last else hidden)(v)
        rates.append(((target - blocks[k - 1]) / model.settings.tau).ravel())
    return np.concatenate(rates)


def exact_states(system: LayeredSystem, y0: Array, times: Array) -> Array:
    """Return the states (times, size) by SciPy's DOP853 at its tightest."""
    result = solve_ivp(
        lambda t, y: numpy_rate(system, y), (0.0, float(times[-1])), y0, "DOP853", times, rtol=3e-14, atol=1e-15
    )
    return result.y.T


class Tape:
    """A recorder that keeps everything, and the sizes of the pieces in which it came."""

    def __init__(self, times: Array) -> None:
        self.times = np.asarray(times, np.float64)
        self.pieces: list[int] = []
        self._kept: tuple[list[Array], list[Array], list[Array]] = ([], [], [])

    def save(self, times: Array, states: Array, rates: Array) -> None:
        self.pieces.append(len(times))
        for kept, values in zip(self._kept, (times, states, rates), strict=True):
            kept.append(values.copy())

    @property
    def at(self) -> Array:
        return np.concatenate(self._kept[0])

    @property
    def states(self) -> Array:
        return np.concatenate(self._kept[1])

    @property
    def rates(self) -> Array:
        return np.concatenate(self._kept[2])
