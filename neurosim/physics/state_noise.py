"""Noise that drives the states of a circuit: dy = f dt + g(t, y) dW, one Brownian motion for every state value.

    leaking unit:   g^2 = (2/tau) (sd^2 + (relative_sd y)^2)

With f = -y/tau and relative_sd = 0 the stationary variance is g^2 tau / 2 = sd^2: what kT/C is to the voltage of a
capacitor C with a leak, whatever the leak. Values behind the blocks of a state have no leak and no noise.

With a correlation time T, dy/dt = f + g zeta, where zeta is an Ornstein-Uhlenbeck process of correlation time T,
independent of g. The same leaking unit then has the variance g^2 <zeta^2> tau^2 T / (T + tau), so that

    <zeta^2> = (1 + T/tau) / (2 T)

keeps it at sd^2; as a current, tau ds/dt = -s + eta, that is sd_eta = sd sqrt((T + tau) / T). For T -> 0 zeta is white.
Source: P. Haenggi, P. Jung, Colored noise in dynamical systems, Advances in Chemical Physics 89 (1995) 239.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.jit import Kernel, ModelArrays, block, drift_signature, kernel
from neurosim.physics.imperfection_settings import StateNoise
from neurosim.seeds import NoiseKey

if TYPE_CHECKING:
    from neurosim.physics.dynamical_system import DynamicalSystem


@dataclass(frozen=True)
class Noise:
    """The noise of a system, for stochastic solvers.

    Parameters
    ----------
    diffusion : Kernel
        ``diffusion(t, y, model, out)``, the ABI of a drift: writes g of every state value, in state units per root
        second.
    arrays : ModelArrays
        What it sees as `model`.
    additive : bool
        Whether g is the same at every time and in every state.
    correlation_time : float
        T, in seconds; 0 is white noise.
    key : NoiseKey
        Key of the random numbers; together with the path of a row and the stream they are one realisation.
    same_in_phases : bool
        Whether all phases of a rule see one draw.
    mixing : callable, optional
        Returns a lower triangular matrix (units, units) that mixes the white increments of the units of a row before g
        scales them, for sources that drive several units. Asked once per relaxation; for states of one block.
    """

    diffusion: Kernel
    arrays: ModelArrays
    additive: bool
    correlation_time: float
    key: NoiseKey
    same_in_phases: bool
    mixing: Callable[[], Any] | None = None


@kernel(drift_signature)
def leak_diffusion(t: float, y: Any, model: Any, out: Any) -> None:
    """Write g of every leaking unit; behind the leak rates, zero in quiet blocks, `p` holds sd and relative_sd."""
    p, layout = model.p, model.layout
    rows, count = layout[0], layout[1]
    sd, relative, two = p[count], p[count + 1], y.dtype.type(2.0)
    end = 0
    for b in range(count):
        lo, planes, n = block(layout, b)
        end = lo + planes * rows * n
        scale = two * p[b]
        for i in range(lo, end):
            own = relative * y[i]
            out[i] = math.sqrt(scale * (sd * sd + own * own))
    for i in range(end, y.size):
        out[i] = 0.0


def leak_noise(system: DynamicalSystem, chosen: StateNoise | None, key: NoiseKey) -> Noise | None:
    """Return the noise of a system whose units leak; None where there is none.

    Parameters
    ----------
    system : DynamicalSystem
        Knows its leak rates and the layout of its state.
    chosen : StateNoise or None
        What the circuit section says.
    key : NoiseKey
        Key of the random numbers.
    """
    if chosen is None or not chosen.active:
        return None
    noisy = [chosen.acts_on(block.name) for block in system.blocks]
    p = np.append(system.leak_rates * noisy, [chosen.sd, chosen.relative_sd]).astype(system.dtype)
    arrays = ModelArrays(p, system.layout, system.u, system.work)
    additive = chosen.relative_sd == 0
    return Noise(leak_diffusion, arrays, additive, chosen.correlation_time, key, chosen.phases == "same")


def inherited_noise(noise: Noise | None, system: DynamicalSystem) -> Noise | None:
    """Return the noise of one system for another that is made from it, with the same blocks and leak rates."""
    if noise is None:
        return None
    return replace(noise, arrays=ModelArrays(noise.arrays.p, system.layout, system.u, system.work))
