"""How the conductances of a compartment network are drawn at the start, and what is read off their size."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import svds

from neurosim.physics.imperfections import asymmetric
from neurosim.physics.layered.settings import Init, LayeredCircuit
from neurosim.physics.parameters import Parameters
from neurosim.seeds import Purpose, generator

Array = npt.NDArray[Any]


def draw_conductances(parameters: Parameters, settings: LayeredCircuit, outputs: int, seed: int) -> None:
    """Write W_k, B_k and R into `parameters`; biases stay zero.

    Parameters
    ----------
    parameters : Parameters
        Of the network.
    settings : LayeredCircuit
        Sizes, initialisation, and the asymmetry of the feedback.
    outputs : int
        Numbers in a prediction.
    seed : int
        Seed of the scenario.
    """
    layers, asymmetry = settings.layers, settings.imperfections.asymmetry
    draw = generator(seed, Purpose.PARAMETERS)
    for k, (below, above) in enumerate(pairwise(layers)):
        W = draw.standard_normal((below, above)) * standard_deviation(settings.init, below, above)
        parameters[f"W_{k}"][:] = W
    if settings.readout is not None:
        R = generator(seed, Purpose.READOUT).standard_normal((layers[-1], outputs))
        parameters["R"][:] = R * standard_deviation(settings.init, layers[-1], outputs)
    for k in range(1, len(layers) - 1):
        transpose = parameters[f"W_{k}"].T
        if asymmetry is None or not asymmetry.acts_on(f"B_{k}"):
            parameters[f"B_{k}"][:] = transpose
        else:
            xi = generator(seed, Purpose.ASYMMETRY, k)
            parameters[f"B_{k}"][:] = asymmetric(
                transpose, xi, angle_deg=asymmetry.angle_deg, relative_sd=asymmetry.relative_sd
            )


def standard_deviation(init: Init, fan_in: int, fan_out: int) -> float:
    """Return the standard deviation of a conductance matrix from `fan_in` to `fan_out` units."""
    variance = {"gaussian": 1.0 / fan_in, "xavier": 2.0 / (fan_in + fan_out), "kaiming": 2.0 / fan_in}[init.type]
    return float(init.gain * np.sqrt(variance))


def spectral_damping(W: Array) -> float:
    """Return Lambda = max(0, (|W|^2 - 1) / 2) with the spectral norm |W|: the damping of Hoier and Zach (2024)."""
    if min(W.shape) <= 32:
        norm = float(np.linalg.norm(W.astype(np.float64), 2))
    else:
        # A fixed start vector keeps Lanczos deterministic.
        start = np.ones(min(W.shape))
        norm = float(svds(W.astype(np.float64), k=1, v0=start, return_singular_vectors=False)[0])
    return max(0.0, (norm**2 - 1.0) / 2.0)
