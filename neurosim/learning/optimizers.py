"""How conductances follow the update of a rule: one fused pass over the flat vector of trained parameters.

    sgd       theta <- theta - eta g
    momentum  v <- mu v + g,   theta <- theta - eta v
    adam      m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2,   theta <- theta - eta m^ / (sqrt(v^) + eps)
    adamw     adam, and theta <- theta - eta lambda theta beside it

with m^ = m / (1 - b1^t), v^ = v / (1 - b2^t) and eta = rate decay^epoch. Except in adamw, weight decay adds lambda
theta to g. Sources: D. Kingma, J. Ba, ICLR 2015, arXiv 1412.6980; I. Loshchilov, F. Hutter, ICLR 2019, arXiv
1711.05101.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from neurosim.jit import kernel, vector
from neurosim.learning import settings
from neurosim.workers import Workers, slices

Array = npt.NDArray[Any]

PIECE = 1 << 17  # parameters; a longer vector is shared among threads
# Memories that decay below this become zero: subnormal numbers move no parameter and cost a hundred times the time.
FLOOR = 1e-30


@kernel(lambda real: types.void(vector(real), vector(real), vector(real), real, real, real, real))
def momentum_step(theta: Any, g: Any, v: Any, eta: Any, mu: Any, shrink: Any, floor: Any) -> None:
    """Momentum in place; with mu = 0 it is plain gradient descent."""
    zero = type(eta)(0.0)
    for i in range(theta.size):
        vi = mu * v[i] + (g[i] + shrink * theta[i])
        vi = vi if abs(vi) > floor else zero
        v[i] = vi
        theta[i] -= eta * vi


@kernel(lambda real: types.void(*[vector(real)] * 4, *[real] * 8))
def adam_step(
    theta: Any, g: Any, m: Any, v: Any, eta: Any, b1: Any, b2: Any, root: Any, eps: Any, shrink: Any, pull: Any,
    floor: Any,
) -> None:  # fmt: skip
    """Adam in place: eta is corrected for the bias of m, `root` corrects sqrt(v); `pull` is the decay beside it."""
    zero, one = type(eta)(0.0), type(eta)(1.0)
    for i in range(theta.size):
        x = theta[i]
        gi = g[i] + shrink * x
        mi = b1 * m[i] + (one - b1) * gi
        vi = b2 * v[i] + (one - b2) * gi * gi
        mi = mi if abs(mi) > floor else zero
        vi = vi if vi > floor else zero
        m[i] = mi
        v[i] = vi
        theta[i] = x - pull * x - eta * mi / (root * np.sqrt(vi) + eps)


class Optimizer:
    """An optimizer with its memory.

    Parameters
    ----------
    chosen : Sgd, Momentum or Adam
        Type, rate, decay and constants.
    theta : ndarray, shape (n,)
        The flat trained parameters; changed in place.
    workers : Workers
        Threads.
    own_rates : sequence of (slice, float)
        Parts of `theta` with a learning rate of their own.

    Attributes
    ----------
    memory : dict of str to ndarray
        Running means, same shape as `theta`; goes into checkpoints.
    steps : int
        Steps taken.
    """

    def __init__(
        self, chosen: settings.Sgd | settings.Momentum | settings.Adam, theta: Array, workers: Workers,
        own_rates: Sequence[tuple[slice, float]] = (),
    ) -> None:  # fmt: skip
        self.chosen = chosen
        self.theta = theta
        self.workers = workers
        names = ("mean", "mean_square") if isinstance(chosen, settings.Adam) else ("velocity",)
        self.memory: dict[str, Array] = {name: np.zeros_like(theta) for name in names}
        self.steps = 0
        cuts = sorted({0, theta.size, *(end for part, _ in own_rates for end in (part.start, part.stop))})
        rates = {part.start: rate for part, rate in own_rates}
        self._rates = [(a, b, rates.get(a, chosen.rate) / chosen.rate) for a, b in pairwise(cuts)]
        self._pieces = slices(theta.size, max(1, math.ceil(theta.size / PIECE)))

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0, of parameters that have no other."""
        return self.chosen.rate * self.chosen.decay**epoch

    def step(self, gradient: Array, epoch: int) -> None:
        """Move the parameters against `gradient`, shape (n,)."""
        follow = self.begin_step(epoch)
        self.workers.map(lambda part: follow(gradient, part), self._pieces)

    def begin_step(self, epoch: int) -> Callable[[Array, slice], None]:
        """Return ``follow(gradient, part)``, which moves a part of the parameters; use it once on every part."""
        self.steps += 1
        steps = [(a, b, self._step(factor * self.rate(epoch))) for a, b, factor in self._rates]

        def follow(gradient: Array, part: slice) -> None:
            for a, b, move in steps:
                if a < part.stop and part.start < b:
                    move(gradient, slice(max(a, part.start), min(b, part.stop)))

        return follow

    def _step(self, eta: float) -> Callable[[Array, slice], None]:
        """Return what moves a part of the parameters at the learning rate `eta`."""
        chosen, real, theta = self.chosen, self.theta.dtype.type, self.theta
        if isinstance(chosen, settings.Adam):
            m, v = self.memory["mean"], self.memory["mean_square"]
            beside = chosen.type == "adamw"
            adam = adam_step[theta.dtype]
            numbers = (
                real(eta / (1.0 - chosen.beta1**self.steps)),
                real(chosen.beta1),
                real(chosen.beta2),
                real(1.0 / math.sqrt(1.0 - chosen.beta2**self.steps)),
                real(chosen.epsilon),
                real(0.0 if beside else chosen.weight_decay),
                real(eta * chosen.weight_decay if beside else 0.0),
                real(FLOOR),
            )
            return lambda gradient, i: adam(theta[i], gradient[i], m[i], v[i], *numbers)
        velocity, descend = self.memory["velocity"], momentum_step[theta.dtype]
        mu = chosen.momentum if isinstance(chosen, settings.Momentum) else 0.0
        constants = (real(eta), real(mu), real(chosen.weight_decay), real(FLOOR))
        return lambda gradient, i: descend(theta[i], gradient[i], velocity[i], *constants)
