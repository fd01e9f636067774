"""A noisy relaxation beside the same loop in NumPy: Euler-Maruyama, noise drawn anew at every step.

    python tests/benchmarks/noise_against_numpy.py

64 paths of 100 units, 2000 steps, on one BLAS thread, in turns. Two circuits: one all-to-all layer,
ds/dt = -s + tanh(s W), whose drift is one matrix product, and two layers of 50 point neurons that drive each other.
NumPy works in place and draws with its default generator.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from neurosim.dynamics.schemes.euler_maruyama import EULER_MARUYAMA
from neurosim.dynamics.settings import StochasticSettings
from neurosim.dynamics.stochastic import StochasticSolver
from neurosim.jit import drift_signature, kernel
from neurosim.physics.dynamical_system import DynamicalSystem, StateBlock, block_table
from neurosim.physics.elementary import tanh
from neurosim.physics.imperfection_settings import Imperfections, StateNoise
from neurosim.physics.layered.compartments import POINT
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import Init, LayeredCircuit
from neurosim.physics.state_noise import leak_noise
from neurosim.seeds import Purpose, noise_key

PATHS, UNITS, STEPS, STEP, SD = 64, 100, 2000, 0.05, 0.1
AIMS = {"float64": 0.45, "float32": 0.30}
ROUNDS = 9
Array = np.ndarray


@kernel(drift_signature)
def all_to_all_drift(t: float, y: Any, model: Any, out: Any) -> None:
    """Write -y + tanh(y W) into `out`."""
    rows, n = model.layout[0], model.layout[4]
    np.dot(y.reshape(rows, n), model.p[1:].reshape(n, n), out.reshape(rows, n))
    for i in range(y.size):
        out[i] = tanh(out[i]) - y[i]


class AllToAll(DynamicalSystem):
    """One layer of units, each of which excites all of them."""

    drift = all_to_all_drift

    def __init__(self, W: Array) -> None:
        self.blocks, self.rows = (StateBlock("units", 1, UNITS),), PATHS
        self.model = CompartmentNetwork(LayeredCircuit(layers=(1, 1), neuron="point"), POINT, W.dtype, 0)
        self.p = np.append(np.ones(1, W.dtype), W)
        self.layout = np.array(block_table(self.blocks, PATHS), np.int64)
        self.u = self.work = np.empty(0, W.dtype)
        self.noise = leak_noise(self, StateNoise(sd=SD), noise_key(0, Purpose.STATE_NOISE))

    free = True

    def take(self, rows: Any) -> Any:
        """Rows are not taken apart here."""
        raise NotImplementedError

    linearise = take


def numpy_all_to_all(W: Array) -> Callable[[], Array]:
    """Return the loop in NumPy for one all-to-all layer."""
    dtype, draw = W.dtype, np.random.default_rng(0)
    amplitude, step = dtype.type(SD * np.sqrt(2 * STEP)), dtype.type(STEP)
    y, out, z = (np.empty((PATHS, UNITS), dtype) for _ in range(3))

    def run() -> Array:
        y[:] = 0
        for _ in range(STEPS):
            np.matmul(y, W, out=out)
            np.tanh(out, out=out)
            np.subtract(out, y, out=out)
            np.multiply(out, step, out=out)
            np.add(y, out, out=y)
            draw.standard_normal(dtype=dtype, out=z)
            np.multiply(z, amplitude, out=z)
            np.add(y, z, out=y)
        return y

    return run


def numpy_two_layers(drive: Array, W: Array, B: Array) -> Callable[[], Array]:
    """Return the loop in NumPy for two layers of point neurons."""
    dtype, draw, n = W.dtype, np.random.default_rng(0), UNITS // 2
    amplitude, step = dtype.type(SD * np.sqrt(2 * STEP)), dtype.type(STEP)
    y, out, z = (np.empty((2, PATHS, n), dtype) for _ in range(3))

    def run() -> Array:
        y[:] = 0
        for _ in range(STEPS):
            np.matmul(y[1], B, out=out[0])
            np.add(out[0], drive, out=out[0])
            np.matmul(y[0], W, out=out[1])
            np.tanh(out, out=out)
            np.subtract(out, y, out=out)
            np.multiply(out, step, out=out)
            np.add(y, out, out=y)
            draw.standard_normal(dtype=dtype, out=z)
            np.multiply(z, amplitude, out=z)
            np.add(y, z, out=y)
        return y

    return run


def two_layers(dtype: str) -> tuple[DynamicalSystem, Callable[[], Array]]:
    """Return two layers of 50 point neurons, and the same in NumPy."""
    n = UNITS // 2
    circuit = LayeredCircuit(
        layers=(8, n, n), neuron="point", activation="tanh", output_activation="tanh", init=Init(gain=0.5),
        imperfections=Imperfections(state_noise=StateNoise(sd=SD)),
    )  # fmt: skip
    model = CompartmentNetwork(circuit, POINT, dtype, 0)
    system = model.system(PATHS)
    system.present(np.random.default_rng(0).random((PATHS, 8)), np.zeros((PATHS, n)))
    return system, numpy_two_layers(system.drive, model.parameters["W_1"], model.parameters["B_1"])


def all_to_all(dtype: str) -> tuple[DynamicalSystem, Callable[[], Array]]:
    """Return one all-to-all layer of 100 units, and the same in NumPy."""
    W = (np.random.default_rng(0).standard_normal((UNITS, UNITS)) * 0.5 / np.sqrt(UNITS)).astype(dtype)
    return AllToAll(W), numpy_all_to_all(W)


def measure(system: DynamicalSystem, peer: Callable[[], Array]) -> tuple[float, float]:
    """Return the median milliseconds of both, in turns."""
    settings = StochasticSettings(solver="euler_maruyama", dt=STEP, t_end=STEPS * STEP)
    solver, ours, theirs = StochasticSolver(EULER_MARUYAMA, settings), [], []
    solver.relax(system, system.rest())
    for _ in range(ROUNDS):
        state = system.rest()
        began = time.perf_counter()
        result = solver.relax(system, state)
        between = time.perf_counter()
        y = peer()
        theirs.append(time.perf_counter() - between)
        ours.append(between - began)
        assert result.steps == STEPS
        np.testing.assert_allclose(result.state.std(), y.std(), rtol=0.1)
    return 1e3 * float(np.median(ours)), 1e3 * float(np.median(theirs))


def main() -> None:
    """Print one line per circuit and precision."""
    print(f"{'circuit':<12}{'type':<9}{'neurosim ms':>12}{'numpy ms':>10}{'ratio':>8}{'aim':>6}")
    with threadpool_limits(1, "blas"):
        for name, make in (("all to all", all_to_all), ("two layers", two_layers)):
            for dtype, aim in AIMS.items():
                ours, theirs = measure(*make(dtype))
                print(f"{name:<12}{dtype:<9}{ours:>12.1f}{theirs:>10.1f}{ours / theirs:>8.2f}{aim:>6.2f}")


if __name__ == "__main__":
    main()
