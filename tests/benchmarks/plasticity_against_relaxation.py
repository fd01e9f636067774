"""A circuit that learns while it relaxes beside one that only relaxes: what a second of simulated time costs.

    python tests/benchmarks/plasticity_against_relaxation.py

Rectified dyads, Euler steps, float32, one BLAS thread, in turns. Where conductances change, their rates are products
too, and those with the inputs, computed once where conductances are constant, come back at every step; `products` is
the ratio of the multiplications alone.
"""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
from threadpoolctl import threadpool_limits

from neurosim.dynamics.fixed_step import FixedStepSolver
from neurosim.dynamics.settings import FixedStepSettings
from neurosim.physics.layered.compartments import dyad
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import LayeredCircuit
from neurosim.registry import SOLVERS

CASES = [
    ((64, 128, 10), 1, 4000),
    ((64, 128, 10), 50, 1000),
    ((784, 512, 512, 10), 1, 200),
    ((784, 512, 512, 10), 100, 20),
]
ROUNDS = 9
DT = 0.1


def measure(layers: tuple[int, ...], batch: int, steps: int) -> tuple[float, float]:
    """Return microseconds per step without and with plasticity."""
    network = CompartmentNetwork(LayeredCircuit(layers=layers), dyad(0.5, transposed=True), "float32", 0)
    draw = np.random.default_rng(0)
    inputs = draw.random((batch, layers[0]), dtype=np.float32)
    targets = np.eye(layers[-1], dtype=np.float32)[draw.integers(0, layers[-1], batch)]
    plastic = network.plastic_system(batch, (0.5, 0.5), (-10.0, 10.0))
    plastic.learn_at(1e-4, 0.0)
    settings = FixedStepSettings(solver="euler", dt=DT, t_end=steps * DT, tolerance=None)
    solver = FixedStepSolver(SOLVERS.load("euler"), settings)
    seconds: list[list[float]] = []
    for _ in range(ROUNDS + 1):
        seconds.append([])
        for system in (network.system(batch), plastic):
            system.present(inputs, targets)
            system.nudge(0.1)
            state = system.rest()
            began = time.perf_counter()
            result = solver.relax(system, state)
            seconds[-1].append(time.perf_counter() - began)
            assert result.status.good, result.status
    without, with_plasticity = np.median(seconds[1:], axis=0) / steps * 1e6  # the first round compiles
    return float(without), float(with_plasticity)


def main() -> None:
    print(f"{'circuit':<20}{'batch':>6}{'relaxing us':>13}{'learning us':>13}{'ratio':>7}{'products':>10}")
    with threadpool_limits(1, "blas"):
        for layers, batch, steps in CASES:
            without, with_plasticity = measure(layers, batch, steps)
            inner = sum(a * b for a, b in pairwise(layers[1:]))
            products = (3 * inner + 2 * layers[0] * layers[1]) / (2 * inner)
            name = "-".join(map(str, layers))
            figures = f"{without:>13.1f}{with_plasticity:>13.1f}{with_plasticity / without:>7.2f}{products:>10.2f}"
            print(f"{name:<20}{batch:>6}{figures}")


if __name__ == "__main__":
    main()
