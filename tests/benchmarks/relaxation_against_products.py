"""Euler relaxation beside the bare matrix products it needs: how much of the time is linear algebra.

    python tests/benchmarks/relaxation_against_products.py

Both run in compiled loops on one BLAS thread, in turns; a ratio of 1 would mean that everything but the products is
free. Every step of a point network needs W_k and B_k once per hidden pair of layers; dyads need the same products,
because only the mean goes forward and the difference back.
"""

from __future__ import annotations

import time

import numpy as np
from numba import njit
from threadpoolctl import threadpool_limits

from neurosim.dynamics.fixed_step import FixedStepSolver
from neurosim.dynamics.settings import FixedStepSettings
from neurosim.physics.layered.compartments import POINT, dyad
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import Init, LayeredCircuit
from neurosim.registry import SOLVERS

LARGE, SMALL, HOPFIELD = ((784, 512, 512, 10), 256, 40), ((64, 64, 64, 10), 64, 2000), ((784, 256, 256, 10), 256, 150)
CASES = [
    *((LARGE, "point", activation, "activity", 0.90) for activation in ("relu", "tanh")),
    *((LARGE, "dyad", activation, "activity", 0.85) for activation in ("relu", "tanh")),
    *((SMALL, "point", activation, "activity", 0.65) for activation in ("relu", "tanh")),
    *((SMALL, "dyad", activation, "activity", 0.45) for activation in ("relu", "tanh")),
    *((HOPFIELD, "point", "shifted_sigmoid", coordinates, 0.80) for coordinates in ("activity", "membrane")),
]  # with the ratio to aim at
ROUNDS = 15
GAIN = 0.5  # weak enough for a point network with feedback to have an equilibrium


@njit(cache=False)
def products_of_two_layers(s1, s2, s3, W1, W2, B1, B2, a2, a3, F1, F2, steps):
    """The products of one step for two hidden layers and an output layer, `steps` times."""
    for _ in range(steps):
        np.dot(s1, W1, a2)
        np.dot(s2, W2, a3)
        np.dot(s2, B1, F1)
        np.dot(s3, B2, F2)


def measure(
    layers: tuple[int, ...], batch: int, steps: int, neuron: str, activation: str, coordinates: str
) -> tuple[float, float, float]:
    """Return the ratio of both times, and microseconds per step of the relaxation and of the products."""
    circuit = LayeredCircuit(
        layers=layers, neuron=neuron, activation=activation, coordinates=coordinates, init=Init(gain=GAIN)
    )
    network = CompartmentNetwork(circuit, dyad(0.5, transposed=True) if neuron == "dyad" else POINT, "float32", 0)
    system = network.system(batch)
    draw = np.random.default_rng(0)
    system.present(draw.random((batch, layers[0])), np.eye(layers[-1])[draw.integers(0, layers[-1], batch)])
    system.nudge(0.1)
    dt = 0.1
    settings = FixedStepSettings(solver="euler", dt=dt, t_end=steps * dt, tolerance=1e-30)
    solver = FixedStepSolver(SOLVERS.load("euler"), settings)
    s = [draw.random((batch, n), dtype=np.float32) for n in layers[1:]]
    a2, a3, F1, F2 = (np.empty_like(s[i]) for i in (1, 2, 0, 1))
    p = network.parameters
    arguments = (*s, p["W_1"], p["W_2"], p["B_1"], p["B_2"], a2, a3, F1, F2)
    relaxing, multiplying = [], []
    solver.relax(system, system.rest())
    products_of_two_layers(*arguments, 1)
    for _ in range(ROUNDS):
        state = system.rest()
        began = time.perf_counter()
        result = solver.relax(system, state)
        between = time.perf_counter()
        products_of_two_layers(*arguments, steps + 1)
        relaxing.append(between - began)
        multiplying.append(time.perf_counter() - between)
        assert result.steps == steps, f"the relaxation ended early: {result.status}"
    ratios = np.array(multiplying) / np.array(relaxing)
    return (
        float(np.median(ratios)),
        1e6 * float(np.median(relaxing)) / steps,
        1e6 * float(np.median(multiplying)) / steps,
    )


def main() -> None:
    """Print one line per case."""
    head = f"{'circuit':<20}{'batch':>6}  {'neuron':<7}{'activation':<16}{'coordinates':<12}"
    print(f"{head}{'ratio':>6}{'aim':>6}{'step us':>10}{'products us':>13}")
    with threadpool_limits(1, "blas"):
        for (layers, batch, steps), neuron, activation, coordinates, aim in CASES:
            ratio, step, products = measure(layers, batch, steps, neuron, activation, coordinates)
            name = "-".join(map(str, layers))
            figures = f"{ratio:>6.2f}{aim:>6.2f}{step:>10.1f}{products:>13.1f}"
            print(f"{name:<20}{batch:>6}  {neuron:<7}{activation:<16}{coordinates:<12}{figures}")


if __name__ == "__main__":
    main()
