"""The exact gradient of the cost with respect to the inputs, sample by sample: what attacks follow.

    dC/dx = W_0 delta_1,   delta_1 = dC/d(current of the first layer)

with delta from back-propagation where the circuit is feed-forward, and from the implicit function theorem at the free
equilibrium otherwise. The cost is that of the free prediction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.polished import settling
from neurosim.dynamics.solver import Solver
from neurosim.dynamics.status import Status
from neurosim.learning.exact.backprop import forward_and_errors
from neurosim.learning.exact.implicit import implicit_reading
from neurosim.learning.protocol import FREE, run_phases
from neurosim.physics.model import PhysicalModel
from neurosim.physics.signal import Signal
from neurosim.workers import Workers, row_blocks

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class InputSlope:
    """What the cost of every sample does as its inputs change.

    Parameters
    ----------
    costs : ndarray, shape (samples,)
        Cost of the free prediction.
    gradient : ndarray, shape (samples, inputs)
        dC/dx; zero for a sample that diverged, which has none.
    error_squares : ndarray, shape (samples,)
        sum_k |delta_k|^2 over all units, delta = dC/d(current); NaN for a sample that diverged.
    codes : ndarray of int8, shape (samples,)
        Status of the relaxation to the free equilibrium; settled where the prediction needs none.
    """

    costs: Array
    gradient: Array
    error_squares: Array
    codes: npt.NDArray[np.int8]


def input_slope(model: PhysicalModel, solver: Solver, workers: Workers, inputs: Array, targets: Array) -> InputSlope:
    """Return cost and input gradient of a batch of any size; of a noisy circuit, those without its noise.

    Parameters
    ----------
    model : PhysicalModel
        The circuit.
    solver : Solver
        How it finds its free equilibrium; not used where it is feed-forward.
    workers : Workers
        Threads.
    inputs, targets : ndarray, shapes (samples, inputs) and (samples, outputs)
        The batch.

    Raises
    ------
    SimulationError
        If an equilibrium has no gradient (see `neurosim.learning.exact.implicit`).
    """
    one = _feed_forward if model.feed_forward else _at_equilibrium
    parts = workers.map(lambda rows: one(model, solver, inputs[rows], targets[rows]), row_blocks(len(inputs)))
    columns = zip(*((part.costs, part.gradient, part.error_squares, part.codes) for part in parts), strict=True)
    return InputSlope(*(np.concatenate(column) for column in columns))


def _feed_forward(model: PhysicalModel, solver: Solver, inputs: Array, targets: Array) -> InputSlope:
    _, errors, prediction = forward_and_errors(model, inputs, targets)
    error = Signal.zeros(tuple(block.units for block in model.blocks), len(inputs), inputs.dtype)
    for i, values in enumerate(errors):
        error.block(i)[:] = values
    codes = np.zeros(len(inputs), np.int8)
    codes[~np.isfinite(prediction).all(axis=1)] = Status.DIVERGED.code
    return _slope(model, prediction, targets, error, codes)


def _at_equilibrium(model: PhysicalModel, solver: Solver, inputs: Array, targets: Array) -> InputSlope:
    system = model.system(len(inputs))
    system.silence()
    system.present(inputs, targets)
    relaxation = run_phases(system, settling(solver), (FREE,))["free"]
    error = system.signal()
    # What diverged is left out: there is no equilibrium to linearise at.
    rows = np.flatnonzero(relaxation.codes != Status.DIVERGED.code).tolist()
    if rows:
        part = system.take(rows)
        source, there = part.signal(), part.signal()
        implicit_reading(part, system.take_state(relaxation.state, rows), source, there)
        for i in range(len(model.blocks)):
            error.block(i)[rows] = there.block(i)
    return _slope(model, system.prediction(relaxation.state), targets, error, relaxation.codes)


def _slope(
    model: PhysicalModel, prediction: Array, targets: Array, error: Signal, codes: npt.NDArray[np.int8]
) -> InputSlope:
    lost = codes == Status.DIVERGED.code
    gradient = model.input_gradient(error)
    gradient[lost] = 0.0
    blocks = [error.block(i).astype(np.float64) for i in range(len(model.blocks))]
    squares = np.sum([np.einsum("ij,ij->i", block, block) for block in blocks], axis=0)
    squares[lost] = np.nan
    return InputSlope(model.cost(prediction, targets), gradient, squares, codes)
