"""The bias ladder, point by point: milliseconds for all rungs on a network of 64-32-10 units with 16 samples.

    python tests/benchmarks/bias_ladder.py [--rounds 40] [--profile]

A point is what a sweep computes per value, from a finished experiment on: the update as the scenario runs it, its
equilibria, the response to a vanishing nudge, the exact gradient and its check against finite differences. The cases
take turns, on one BLAS thread, so that a busy machine slows all of them alike.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time

import numpy as np

from neurosim.analysis.ladder import climb
from neurosim.analysis.setup import Experiment, build
from neurosim.scenario.load import load_scenario
from neurosim.workers import Workers

AIM_MS = 20.0
LOOP = (
    "circuit={kind: layered, neuron: point, coordinates: membrane, layers: [64, 32, 10], activation: shifted_sigmoid, "
    "output_activation: shifted_sigmoid, init: {type: gaussian, gain: 0.6}, feedback: independent, "
    "imperfections: {asymmetry: {angle_deg: 20.0}}}",
    "rule={type: equilibrium, nudging: symmetric, beta: 0.05}",
)
CASES = {
    "point neurons in a loop, symmetric": LOOP,
    "point neurons in a loop, one-sided": (*LOOP, "rule.nudging=one_sided"),
    "the same, asymmetric correction": (*LOOP, "rule.correction=asymmetric"),
    "the same, dyadic correction": (*LOOP, "rule.correction=dyadic"),
    "the same, contour of 4 and its radius": (*LOOP, "rule.nudging=contour", "rule.points=4"),
    "dyads, one hidden layer": ("circuit.layers=[64, 32, 10]",),
    "dyads, as in bias_dyad": (),
}


def experiment(changes: tuple[str, ...]) -> Experiment:
    """Return the experiment of the shipped scenario `bias_dyad`, changed as with --set."""
    return build(load_scenario("bias_dyad", changes))


def main() -> None:
    """Print one line per case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--profile", action="store_true", help="print where the time goes instead")
    chosen = parser.parse_args()
    with Workers(1) as workers:
        points = {}
        for name, changes in CASES.items():
            made = experiment(changes)
            samples = made.dataset.test.head(16)
            points[name] = lambda made=made, samples=samples: climb(made, workers, samples)
            points[name]()  # compiles
        if chosen.profile:
            for name, point in points.items():
                print(name)
                profile = cProfile.Profile()
                for _ in range(10):
                    profile.runcall(point)
                pstats.Stats(profile).sort_stats("cumulative").print_stats(30)
            return
        took: dict[str, list[float]] = {name: [] for name in points}
        for _ in range(chosen.rounds):
            for name, point in points.items():
                began = time.perf_counter()
                point()
                took[name].append(1e3 * (time.perf_counter() - began))
    print(f"{'ms per point':<38}{'median':>8}{'least':>8}{'aim':>8}")
    for name, times in took.items():
        print(f"{name:<38}{np.median(times):>8.1f}{min(times):>8.1f}{AIM_MS:>8.0f}")


if __name__ == "__main__":
    main()
