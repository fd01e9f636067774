"""Jacobian homeostasis: a pull of directed conductances towards reciprocal ones, local at every synapse.

With all conductances between layers in one matrix G, A its antisymmetric part, and noise e ~ N(0, 1) on every unit:

    L = mean over e of |G e|^2 - e^T G^2 e = 2 |A|^2 = sum_k |W_k - B_k^T|^2
    update of G   2 [(G e) e^T - e (G e)^T] / n,   on average 4 A / n,   n the number of units

Each synapse needs the noise on its two units and what the noise sends them through the conductances. Source: A.
Laborieux, F. Zenke, Improving equilibrium propagation without weight symmetry through Jacobian homeostasis, ICLR 2024.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.parameters import Parameters

Array = npt.NDArray[Any]


def antisymmetry_loss(parameters: Parameters, last: int) -> float:
    """Return L = sum_k |W_k - B_k^T|^2 over the hidden layers k = 1..last - 1."""
    return float(sum(np.sum((parameters[f"W_{k}"] - parameters[f"B_{k}"].T) ** 2) for k in range(1, last)))


def asymmetry(parameters: Parameters, layers: tuple[int, ...]) -> float:
    """Return |A|/|S| of G - 1, with its symmetric part S, in Frobenius norms; `layers` are the units, inputs first."""
    last = len(layers) - 1
    symmetric = sum(np.sum((parameters[f"W_{k}"] + parameters[f"B_{k}"].T) ** 2) for k in range(1, last)) / 2
    return float(np.sqrt(antisymmetry_loss(parameters, last) / 2 / (symmetric + sum(layers[1:]))))


def noise(layers: tuple[int, ...], draws: int, draw: np.random.Generator, dtype: npt.DTypeLike) -> list[Array]:
    """Return standard normal noise on every unit above the inputs, one array (draws, n_k) per layer."""
    return [draw.standard_normal((draws, units)).astype(dtype) for units in layers[1:]]


def sent(parameters: Parameters, e: list[Array]) -> list[Array]:
    """Return G e: what noise `e` sends to every layer, through forward and feedback conductances."""
    result = [np.zeros_like(x) for x in e]
    for k in range(1, len(e)):
        result[k] += e[k - 1] @ parameters[f"W_{k}"]
        result[k - 1] += e[k] @ parameters[f"B_{k}"]
    return result


def loss_estimates(parameters: Parameters, e: list[Array]) -> Array:
    """Return |G e|^2 - e^T G^2 e of every draw, shape (draws,): L on average, and single ones may be negative."""
    once = sent(parameters, e)
    twice = sent(parameters, once)
    squares = sum(np.sum(x * x, axis=1) for x in once)
    return np.asarray(squares - sum(np.sum(x * y, axis=1) for x, y in zip(e, twice, strict=True)))


def add_update(parameters: Parameters, e: list[Array], weight: float, gradient: Parameters) -> None:
    """Add `weight` times the mean local update of all draws to `gradient`; descent on it lowers L.

    Parameters
    ----------
    parameters : Parameters
        Conductances W_k and B_k.
    e : list of ndarray (draws, n_k)
        Noise on every layer above the inputs.
    weight : float
        Strength of the pull.
    gradient : Parameters
        Where to; has W_k and B_k.
    """
    out = sent(parameters, e)
    scale = 2.0 * weight / (len(e[0]) * sum(x.shape[1] for x in e))
    for k in range(1, len(e)):
        pull = e[k - 1].T @ out[k] - out[k - 1].T @ e[k]
        W, B = gradient[f"W_{k}"], gradient[f"B_{k}"]
        W += scale * pull
        B -= scale * pull.T
