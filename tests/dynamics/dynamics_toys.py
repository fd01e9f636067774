"""Equations with a clock: a physical model of one line, behind the same interface as the circuits.

The circuits of neurosim do not look at the time, so they cannot tell whether a scheme evaluates its stages at the right
moments; and none of them does anything as rude as ending at a finite time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurosim.jit import drift_signature, kernel
from neurosim.physics.dynamical_system import StateBlock, block_table
from neurosim.physics.model import PhysicalModel
from neurosim.physics.parameters import Parameters
from neurosim.physics.system import System

SWING, CLOCK, PULSE, WALL, BLOW_UP, LEAK = range(6)


@kernel(drift_signature)
def toy_drift(t: float, y: Any, model: Any, out: Any) -> None:
    """Every unit by itself; u[0] says which equation."""
    kind = int(model.u[0])
    model.work[0] += 1
    for i in range(y.size):
        if kind == SWING:
            out[i] = y[i] * math.cos(t)
        elif kind == CLOCK:
            out[i] = math.cos(t)
        elif kind == PULSE:
            out[i] = 40.0 * math.exp(-(((t - 5.0) / 0.02) ** 2)) - y[i]
        elif kind == WALL:
            out[i] = -y[i] if t <= 1.0 else math.nan
        elif kind == BLOW_UP:
            out[i] = y[i] * y[i]
        else:
            out[i] = -model.p[0] * y[i]


class _ToyModel(PhysicalModel):
    def __init__(self, units: int) -> None:
        self.blocks = (StateBlock("toy", 1, units),)
        self.parameters = Parameters((), np.zeros(0))

    def _no(self, *_: Any) -> Any:
        raise NotImplementedError

    feed_forward = outputs = cost = local_products = _no

    def parameter_dimensions(self, name: str) -> tuple[str, ...]:
        raise NotImplementedError

    def system(self, rows: int) -> System:
        raise NotImplementedError

    def parameters_changed(self) -> None:
        pass

    def synchronise(self) -> None:
        pass


class Toy(System):
    """One of the equations for `rows` samples of `units` units; `leak` is what the solvers are told about 1/tau."""

    drift = toy_drift

    def __init__(self, kind: int, rows: int = 1, units: int = 1, leak: float = 0.0, dtype: str = "float64") -> None:
        self.model = _ToyModel(units)
        self.blocks = self.model.blocks
        self.rows = rows
        self.p = np.array([leak], dtype)
        self.layout = np.array(block_table(self.blocks, rows), np.int64)
        self.u = np.array([kind], dtype)
        self.work = np.zeros(1, dtype)

    @property
    def evaluations(self) -> int:
        """How often the drift has been evaluated."""
        return int(self.work[0])

    @property
    def forward_weights(self) -> tuple[float, ...]:
        return (1.0,)

    @property
    def free(self) -> bool:
        return True

    def _no(self, *_: Any) -> Any:
        raise NotImplementedError

    present = nudge = take = freeze_cost_gradient = read_exactly = prediction = cost_slope = linearise = _no
