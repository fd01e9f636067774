"""Stochastic equations with closed forms, one unit per realisation, and Brownian paths to replay."""

from __future__ import annotations

from typing import Any

import numpy as np
from dynamics_circuits import solver
from dynamics_toys import LEAK, Toy

from neurosim.dynamics.stochastic import StochasticSolver
from neurosim.physics.imperfection_settings import StateNoise
from neurosim.physics.state_noise import leak_noise
from neurosim.seeds import Purpose, noise_key

Array = np.ndarray
SCHEMES = ("euler_maruyama", "stochastic_heun")
SEED = 11


def leaking(units: int, rate: float = 1.0, rows: int = 1, dtype: str = "float64", **noise: Any) -> Toy:
    """Return units with dy/dt = -rate y and the noise that `noise` describes."""
    toy = Toy(LEAK, rows, units, leak=rate, dtype=dtype)
    toy.noise = leak_noise(toy, StateNoise(**noise), noise_key(SEED, Purpose.STATE_NOISE))
    return toy


def stochastic(name: str, dt: float, t_end: float, replay: Array | None = None, **keys: Any) -> StochasticSolver:
    """Return a stochastic solver, on given increments (steps, size) or on its own."""
    chosen = solver(name, dt=dt, t_end=t_end, **keys)
    assert isinstance(chosen, StochasticSolver)
    return StochasticSolver(chosen.scheme, chosen.settings, replay)


def coarsened(increments: Array, factor: int) -> Array:
    """Return the increments of the same paths over steps that are `factor` times longer."""
    return increments.reshape(-1, factor, increments.shape[1]).sum(axis=1)


def end_of(name: str, toy: Toy, increments: Array, t_end: float) -> Array:
    """Return the states at the end of given Brownian paths that start from one."""
    steps = len(increments)
    return stochastic(name, t_end / steps, t_end, increments).relax(toy, np.ones(toy.size)).state
