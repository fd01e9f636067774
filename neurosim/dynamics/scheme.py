"""What a time-stepping scheme is: one compiled step. Stepping, stopping and recording are written once for all.

A stochastic scheme integrates dy = f dt + g dW: the loop gives it the increments dW of a step.

A fixed-step scheme advances `y` in place. Its first stage, k[:size] = dy/dt at (t, y), comes from the caller,
which needs it for the stop rule anyway; further stages follow in `k`, and after them `scratch` has room for one state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from numba import types

from neurosim.jit import Kernel, drift_signature, model_type, vector


def drift_type(real: Any) -> Any:
    """Return the type of a drift that is passed to a step."""
    return types.FunctionType(drift_signature(real))


def step_signature(real: Any) -> Any:
    """Return the signature of a fixed step: (drift, t, h, y, model, k, scratch)."""
    v = vector(real)
    return types.void(drift_type(real), types.float64, types.float64, v, model_type(real), v, v)


def stochastic_signature(real: Any) -> Any:
    """Return the signature of a stochastic step, see `StochasticScheme`."""
    v, seconds = vector(real), types.float64
    model = model_type(real)
    return types.void(
        drift_type(real), drift_type(real), seconds, seconds, types.int64, v, model, model, v, v, v, v
    )  # fmt: skip


def embedded_signature(real: Any) -> Any:
    """Return the signature of a step with an error estimate: (drift, t, h, y, model, k, y_new, error)."""
    v = vector(real)
    return types.void(drift_type(real), types.float64, types.float64, v, model_type(real), v, v, v)


def interpolant_signature(real: Any) -> Any:
    """Return the signature of a dense output: (theta, h, y, k, out) with theta in [0, 1] across the step."""
    v = vector(real)
    return types.void(types.float64, types.float64, v, v, v)


@dataclass(frozen=True)
class FixedScheme:
    """An explicit scheme with a fixed step.

    Parameters
    ----------
    name : str
        Its name in scenarios.
    order : int
        Order of convergence.
    stages : int
        Drift evaluations per step.
    step : Kernel
        ``step(drift, t, h, y, model, k, scratch)``.
    """

    name: str
    order: int
    stages: int
    step: Kernel


@dataclass(frozen=True)
class StochasticScheme:
    """An explicit scheme with a fixed step for dy = f(t, y) dt + g(t, y) dW, with a g for every value of the state.

    Parameters
    ----------
    name : str
        Its name in scenarios.
    calculus : {"Ito", "Stratonovich"}
        What the product g dW means where g depends on y. Where it does not, and for coloured noise, both are the same.
    stages : int
        Drift evaluations per step.
    step : Kernel
        ``step(drift, diffusion, t, h, additive, y, model, noise, k, g, dW, scratch)``: k[:size] = f(t, y) and
        g[:size] = g(t, y) are given, k has room for all stages and g for two; `noise` is what the diffusion sees as its
        model, and `additive` is 1 where g is the same everywhere.
    """

    name: str
    calculus: Literal["Ito", "Stratonovich"]
    stages: int
    step: Kernel


@dataclass(frozen=True)
class EmbeddedScheme:
    """An explicit scheme whose last stage is the first one of the next step (FSAL), with an error estimate.

    Parameters
    ----------
    name : str
        Its name in scenarios.
    order : int
        Order of the solution that is carried on.
    stages : int
        Stages, the last one included.
    step : Kernel
        ``step(drift, t, h, y, model, k, y_new, error)`` with k[:size] = dy/dt at (t, y) given.
    interpolant : Kernel
        ``interpolant(theta, h, y, k, out)``: the state inside the step.
    """

    name: str
    order: int
    stages: int
    step: Kernel
    interpolant: Kernel
