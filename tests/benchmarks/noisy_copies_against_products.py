"""Noisy copies of a recurrent network beside the bare matrix products they need.

    python tests/benchmarks/noisy_copies_against_products.py

500 units, batch 32, 200 steps, 8 copies, float32. Both run in compiled loops on one BLAS thread, in turns; a ratio of 1
would mean that noise, tanh and differences are free. Credit causal goes through the sequence twice, and so do
its products.
"""

from __future__ import annotations

import time

import numpy as np
from numba import njit
from threadpoolctl import threadpool_limits

from neurosim.learning.sequences.copies import Perturbation, PerturbedCopies
from neurosim.physics.recurrent.network import RecurrentNetwork
from neurosim.physics.recurrent.settings import RecurrentCircuit

UNITS, ROWS, STEPS, SAMPLES, ROUNDS = 500, 32, 200, 8, 5
AIM = 0.7


@njit(cache=False)
def products(z, R, a, e, before, G, steps, forming):
    """The products of recurrence, and those of the gradient in `forming` steps."""
    for t in range(steps):
        np.dot(z, R.T, a)
        if t < forming:
            np.dot(e.T, before, G)


def measure(rule: str, credit: str) -> tuple[float, float]:
    """Return seconds per update, and of its bare products."""
    network = RecurrentNetwork(RecurrentCircuit(kind="recurrent", units=UNITS), 1, 1, "float32", 0)
    chosen = Perturbation(activity=rule == "activity", credit=credit, samples=SAMPLES)
    estimator = PerturbedCopies(network, ROWS, 0, chosen)
    draw = np.random.default_rng(0)
    u, y = draw.standard_normal((2, STEPS, ROWS, 1)).astype(np.float32)
    R = network.parameters["R"].copy()
    z = draw.standard_normal(((1 + SAMPLES) * ROWS, UNITS)).astype(np.float32)
    a, G, e = np.empty_like(z), np.empty_like(R), z[:ROWS].copy()
    passes = 1 if credit == "step" else 2
    best = [np.inf, np.inf]
    for _ in range(ROUNDS + 1):
        estimator.present(u, y, np.ones(STEPS, bool), False, 0)
        began = time.perf_counter()
        estimator.learn(0, STEPS)
        middle = time.perf_counter()
        products(z, R, a, e, e, G, passes * STEPS, STEPS)
        best = [min(best[0], middle - began), min(best[1], time.perf_counter() - middle)]
    return best[0], best[1]


def main() -> None:
    """Print a table."""
    with threadpool_limits(1):
        for rule in ("nodes", "activity"):
            for credit in ("step", "causal"):
                ours, bare = measure(rule, credit)
                print(f"{rule:9} {credit:7} {ours:.3f} s, products {bare:.3f} s, ratio {bare / ours:.2f} (aim {AIM})")


if __name__ == "__main__":
    main()
