"""Circuits, batches and rules for the tests of learning."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.analysis.setup import build_solver
from neurosim.dynamics.solver import Solver
from neurosim.learning.learner import BatchOutcome, Lesson
from neurosim.learning.rules.dual_propagation import DualPropagation
from neurosim.physics.layered.compartments import Compartments
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import LayeredCircuit
from neurosim.registry import SOLVERS

Array = np.ndarray
LAYERS = (20, 30, 25, 10)


def rule(**keys: Any) -> DualPropagation:
    return DualPropagation(type="dual_propagation", **keys)


def solver(name: str, **keys: Any) -> Solver:
    return build_solver(SOLVERS.settings(name)(solver=name, **keys))


def network(
    compartments: Compartments, layers: tuple[int, ...] = LAYERS, dtype: str = "float64", **keys: Any
) -> CompartmentNetwork:
    """Return a network with random conductances and biases; `keys` go to the circuit section."""
    keys = {"neuron": "dyad", "activation": "tanh", **keys}
    made = CompartmentNetwork(LayeredCircuit(layers=layers, **keys), compartments, dtype, seed=3)
    draw = np.random.default_rng(1)
    for k, units in enumerate(layers[1:], start=1):
        made.parameters[f"b_{k}"][:] = 0.1 * draw.standard_normal(units)
    made.parameters_changed()
    return made


def batch(rows: int, layers: tuple[int, ...] = LAYERS, dtype: str = "float64") -> tuple[Array, Array]:
    """Return inputs and one-hot targets."""
    draw = np.random.default_rng(rows)
    inputs = draw.standard_normal((rows, layers[0])).astype(dtype)
    return inputs, np.eye(layers[-1], dtype=dtype)[draw.integers(0, layers[-1], rows)]


def copied(outcome: BatchOutcome) -> dict[str, Array]:
    """Return everything that came of a batch, as copies: a learner overwrites it with the next batch."""
    figures = {"prediction": outcome.prediction, "losses": outcome.losses, "codes": outcome.codes}
    figures |= dict(outcome.gradient) if isinstance(outcome, Lesson) else {}
    return {name: array.copy() for name, array in figures.items()} | {"steps": np.array(outcome.steps)}
