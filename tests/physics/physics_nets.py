"""Networks for the tests of physics: net D of reference dual_propagation.md, section 8, and small random circuits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from neurosim.analysis.setup import build_solver
from neurosim.dynamics.solver import Relaxation, Solver
from neurosim.learning.exact.backprop import exact_gradient
from neurosim.learning.learner import Learner
from neurosim.learning.protocol import run_phases
from neurosim.learning.rules.dual_propagation import DualPropagation
from neurosim.physics.layered.compartments import POINT, Compartments
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import LayeredCircuit
from neurosim.physics.layered.system import LayeredSystem
from neurosim.registry import SOLVERS
from neurosim.workers import Workers

Array = np.ndarray


@dataclass
class Numbers:
    """Conductances and samples as the reference writes them: W[k] is (out, in), columns of x and y are samples."""

    W: list[Array]
    b: list[Array]
    x: Array
    y: Array
    B: list[Array | None] = field(default_factory=list)  # B[k] from layer k + 1 to k; B[0] is never used

    def __post_init__(self) -> None:
        self.B = self.B or [None, *(W.T for W in self.W[1:])]

    @property
    def layers(self) -> tuple[int, ...]:
        return (self.W[0].shape[1], *(W.shape[0] for W in self.W))


def draw_numbers(layers: Sequence[int], samples: int, seed: int = 0, angle: float | None = None) -> Numbers:
    """Draw a net the way the reference draws net D, with feedback at `angle` degrees to W^T if there is any."""
    r = np.random.default_rng(seed)
    W = [r.standard_normal((n, m)) / np.sqrt(m) for m, n in pairwise(layers)]
    b = [0.1 * r.standard_normal((n, 1)) for n in layers[1:]]
    x = r.standard_normal((layers[0], samples))
    y = np.eye(layers[-1])[:, r.integers(0, layers[-1], samples)]
    if angle is None:
        return Numbers(W, b, x, y)
    q, psi = np.random.default_rng(5), np.deg2rad(angle)
    B = [np.cos(psi) * w.T + np.sin(psi) * q.standard_normal(w.T.shape) / np.sqrt(w.shape[1]) for w in W]
    return Numbers(W, b, x, y, [None, *B[1:]])


def net_d(angle: float | None = None) -> Numbers:
    return draw_numbers((20, 30, 30, 25, 10), 8, angle=angle)


def rule(variant: str = "transposed", alpha: float = 0.5, beta: float = 0.1, **keys: Any) -> DualPropagation:
    return DualPropagation(type="dual_propagation", variant=variant, alpha=alpha, beta=beta, **keys)


def circuit(
    numbers: Numbers, compartments: Compartments = POINT, dtype: str = "float64", **keys: Any
) -> CompartmentNetwork:
    """Return a network with these numbers; `keys` go to the circuit section of a scenario."""
    keys = {"neuron": "point" if compartments.count == 1 else "dyad", "feedback": "independent", **keys}
    network = CompartmentNetwork(LayeredCircuit(layers=numbers.layers, **keys), compartments, dtype, seed=0)
    for k, (W, b, B) in enumerate(zip(numbers.W, numbers.b, numbers.B, strict=True)):
        network.parameters[f"W_{k}"][:] = W.T
        network.parameters[f"b_{k + 1}"][:] = b[:, 0]
        if k > 0:
            network.parameters[f"B_{k}"][:] = B.T
    network.parameters_changed()
    return network


def solver(name: str, **keys: Any) -> Solver:
    return build_solver(SOLVERS.settings(name)(solver=name, **keys))


def sweeps(count: int, order: str = "both") -> Solver:
    """Exactly `count` sweeps in the order fwbw of the reference, or another one."""
    return solver("sweeps", order=order, max_steps=count, tolerance=None)


def present(network: CompartmentNetwork, numbers: Numbers) -> LayeredSystem:
    """Return the network with all samples on its terminals."""
    system = network.system(numbers.x.shape[1])
    system.present(numbers.x.T, numbers.y.T)
    return system


def relax(system: LayeredSystem, chosen: DualPropagation, how: Solver, start: str = "free") -> Relaxation:
    """Run the phases of the rule and return how the nudged one ended."""
    return run_phases(system, how, chosen.phases(start))["nudged"]


def learn(
    network: CompartmentNetwork, numbers: Numbers, chosen: DualPropagation, how: Solver, start: str = "free"
) -> dict[str, Array]:
    """Return what a learner makes of the samples: the estimate of dC/dtheta by parameter name."""
    with Workers(1) as workers:
        outcome = Learner(network, how, chosen, start, workers).learn(numbers.x.T, numbers.y.T)
    return {name: values.copy() for name, values in outcome.gradient.items()}


def weights(gradient: dict[str, Array]) -> Array:
    """Return all entries of dC/dW_k, without the biases, as one vector."""
    return np.concatenate([gradient[name].ravel() for name in sorted(gradient) if name.startswith("W_")])


def distance(estimate: Array, reference: Array) -> float:
    """Return |estimate - reference| / |reference|."""
    return float(np.linalg.norm(estimate - reference) / np.linalg.norm(reference))


def weight_error(numbers: Numbers, chosen: DualPropagation, how: Solver, start: str = "free", **keys: Any) -> float:
    """Return |dW - exact| / |exact| over all W, as in section 8 of the reference."""
    network = circuit(numbers, chosen.compartments(), **keys)
    exact = exact_gradient(network, numbers.x.T, numbers.y.T)
    return distance(weights(learn(network, numbers, chosen, how, start)), weights(exact))


def errors_read(system: LayeredSystem, state: Array, beta: float) -> list[Array]:
    """Return dhat_k = (s-_k - s+_k) / beta for k = 1..L, columns are samples."""
    return [-system.backward_signal(state, k).T / beta for k in range(1, len(system.blocks) + 1)]


def means_read(system: LayeredSystem, state: Array) -> list[Array]:
    """Return sbar_k for k = 0..L, columns are samples."""
    return [system.forward_signal(state, k).T for k in range(len(system.blocks) + 1)]
