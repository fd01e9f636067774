"""A relaxation at a complex nudge beside one at a real nudge: time per point of the contour.

    python tests/benchmarks/contour_against_real.py [--rounds 15] [--steps 60]

784-256-256-10 shifted sigmoids, float32, membrane coordinates, one thread, Euler steps of tau and layer sweeps. Ratios
are medians of interleaved rounds; the aim is 2.4 at the most.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from threadpoolctl import threadpool_limits

from neurosim.analysis.setup import build_solver
from neurosim.dynamics.settings import FixedStepSettings, SweepsSettings
from neurosim.physics.layered.compartments import POINT
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import Init, LayeredCircuit

POINTS = 2  # complex points of N = 6, side by side


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=60)
    arguments = parser.parse_args()
    circuit = LayeredCircuit(
        neuron="point", coordinates="membrane", layers=(784, 256, 256, 10), init=Init(gain=0.5),
        activation="shifted_sigmoid", output_activation="shifted_sigmoid",
    )  # fmt: skip
    network = CompartmentNetwork(circuit, POINT, "float32", seed=1)
    draw, steps = np.random.default_rng(0), arguments.steps
    solvers = {
        "euler": build_solver(FixedStepSettings(solver="euler", dt=1.0, t_end=float(steps), tolerance=None)),
        "sweeps": build_solver(SweepsSettings(solver="sweeps", max_steps=steps, tolerance=None)),
    }
    with threadpool_limits(1):
        for batch in (50, 256):
            system = network.system(batch)
            system.present(draw.random((batch, 784), np.float32), np.eye(10)[draw.integers(10, size=batch)])
            system.nudge(0.2)
            copies = system.complex_copies(POINTS)
            copies.nudge_copies((0.1 + 0.17j, -0.1 + 0.17j))
            for name, solver in solvers.items():
                times: list[list[float]] = [[], []]
                for _ in range(arguments.rounds + 1):
                    for which, states in zip(times, (system, copies), strict=True):
                        state = states.rest()
                        began = time.perf_counter()
                        solver.relax(states, state)
                        which.append(time.perf_counter() - began)
                real, complex_ = (np.array(each[1:]) for each in times)
                ratio = np.median(complex_ / POINTS / real)
                told = f"real {1e3 * np.median(real) / steps:.3f} ms per step"
                print(f"batch {batch:<4} {name:<7} {told}, a complex point {ratio:.2f} times that")


if __name__ == "__main__":
    main()
