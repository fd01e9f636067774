"""Point neurons whose nudge never rests: it rotates in the complex plane, or swings as a cosine.

    rotating   beta(t) = beta e^{i omega t},   complex states       read: Re[s e^{-i omega t}]
    cosine     beta(t) = beta cos(omega t),    real states          read: 2 s cos(omega t) and 2 s sin(omega t)

Behind the states of the circuit stand the integrals that the synapses keep, of every unit, per second of the drive:

    rotating   (1/T) int s dt,   -(1/(beta T)) int Re[s e^{-i omega t}] dt,         T = 2 pi / omega
    cosine     (1/T) int s dt,   -(2/(beta T)) int s cos(omega t) dt,   -(2/(beta T)) int s sin(omega t) dt

What they gain over one period is the mean activity, the error signal, and its quadrature, which measures the lag.

Source: A. Laborieux, F. Zenke, Holomorphic equilibrium propagation, NeurIPS 2022, arXiv 2209.00530.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.jit import BLOCK_ENTRIES, HEADER, block, drift_signature, helper, kernel, model_entries
from neurosim.physics.layered.complex_kernels import complex_rates_of
from neurosim.physics.layered.drift import compartment_rates
from neurosim.physics.layered.layout import NUDGE, OSCILLATION
from neurosim.physics.linearisation import Linearisation
from neurosim.physics.oscillating import OscillatingSystem
from neurosim.physics.signal import Signal
from neurosim.physics.state_noise import inherited_noise

if TYPE_CHECKING:
    from neurosim.physics.layered.system import LayeredSystem

Array = npt.NDArray[Any]


@helper
def states(layout: Any) -> int:
    """Return the number of values in the states of the circuit."""
    total = 0
    for k in range(layout[1]):
        _, planes, n = block(layout, k)
        total += planes * layout[0] * n
    return total


@helper
def integrate_units(layout: Any, s: Any, planes: int, w_re: Any, w_im: Any, out: Any) -> None:
    """Write w_re s (+ w_im times the imaginary part, where there is one) of every unit into `out`, flat."""
    at = 0
    for k in range(layout[1]):
        offset, _, n = block(layout, k)
        size = layout[0] * n
        re, sums = s[offset : offset + size], out[at : at + size]
        if planes == 2:
            im = s[offset + size : offset + 2 * size]
            for i in range(size):
                sums[i] = w_re * re[i] + w_im * im[i]
        else:
            for i in range(size):
                sums[i] = w_re * re[i]
        at += size


@kernel(drift_signature)
def rotating_drift(t: float, y: Any, model: Any, out: Any) -> None:
    """Write the rate of complex states and of the integrals of mean activity and error signal."""
    layout, u = model.layout, model.u
    rows, at = layout[0], model_entries(layout)
    beta, omega = u[layout[at + OSCILLATION]], u[layout[at + OSCILLATION] + 1]
    real = type(beta)
    cosine, sine = real(math.cos(omega * t)), real(math.sin(omega * t))
    nudge = layout[at + NUDGE]
    for r in range(rows):
        u[nudge + r], u[nudge + rows + r] = beta * cosine, beta * sine
    m = states(layout)
    s = complex_rates_of(y[:m], model, out[:m])
    per_period = omega * real(0.5 / math.pi)
    units = m // 2
    integrate_units(layout, s, 2, per_period, real(0.0), out[m : m + units])
    scale = -per_period / beta
    integrate_units(layout, s, 2, scale * cosine, scale * sine, out[m + units : m + 2 * units])


@kernel(drift_signature)
def cosine_drift(t: float, y: Any, model: Any, out: Any) -> None:
    """Write the rate of real states and of the integrals of mean activity, error signal and quadrature."""
    layout, u = model.layout, model.u
    rows, at = layout[0], model_entries(layout)
    beta, omega = u[layout[at + OSCILLATION]], u[layout[at + OSCILLATION] + 1]
    real = type(beta)
    cosine, sine = real(math.cos(omega * t)), real(math.sin(omega * t))
    for r in range(rows):
        u[layout[at + NUDGE] + r] = beta * cosine
    m = states(layout)
    s = compartment_rates(y[:m], model, out[:m])
    per_period = omega * real(0.5 / math.pi)
    integrate_units(layout, s, 1, per_period, real(0.0), out[m : 2 * m])
    scale = real(-2.0) * per_period / beta
    integrate_units(layout, s, 1, scale * cosine, real(0.0), out[2 * m : 3 * m])
    integrate_units(layout, s, 1, scale * sine, real(0.0), out[3 * m : 4 * m])


class OscillatingLayeredSystem(OscillatingSystem):
    """A circuit of point neurons under an oscillating nudge, with the integrals of its synapses.

    Parameters
    ----------
    points : LayeredSystem
        Point neurons with a batch on their terminals.
    rotating : bool
        Whether the nudge rotates in the complex plane, or swings as a cosine.
    period : float
        T, in seconds.

    Raises
    ------
    SimulationError
        If the nudge rotates and an activation is not holomorphic.
    """

    def __init__(self, points: LayeredSystem, rotating: bool, period: float) -> None:
        inner: Any = points.complex_copies(1) if rotating else points
        self.points, self.inner, self.rotating, self.period = points, inner, rotating, period
        self.drift = rotating_drift if rotating else cosine_drift
        self.model, self.blocks, self.rows = points.model, inner.blocks, points.rows
        self.p, self.layout, self.u, self.work = inner.p, inner.layout, inner.u, inner.work
        self.noise = inherited_noise(inner.noise, self)
        self.follow()
        self.circuit_size: int = inner.size
        self.units = sum(block.units for block in points.blocks)
        self.integrals = 2 if rotating else 3
        constants = HEADER + BLOCK_ENTRIES * len(self.blocks)
        self._oscillation = int(self.layout[constants + OSCILLATION])

    @property
    def size(self) -> int:
        """Number of values in the state, integrals included."""
        return self.circuit_size + self.integrals * self.rows * self.units

    @property
    def plane_names(self) -> tuple[str, ...]:
        """Those of the circuit."""
        return tuple(self.inner.plane_names)

    @property
    def forward_weights(self) -> tuple[float, ...]:
        """What of a state is sent on: its real part."""
        return tuple(self.inner.forward_weights)

    def present(self, inputs: Array, targets: Array) -> None:
        """Put a batch on the terminals."""
        self.inner.present(inputs, targets)
        self.follow()

    def follow(self) -> None:
        """Take over what lies on the terminals of the circuit."""
        self.inputs, self.targets, self.paths = self.inner.inputs, self.inner.targets, self.inner.paths

    def nudge(self, beta: complex) -> None:
        """Set the strength of the oscillation.

        Raises
        ------
        SimulationError
            If it is zero: what is read is relative to it.
        """
        if not beta:
            raise SimulationError("an oscillating nudge needs a strength; what synapses read is relative to it")
        strength = self.model.acting_nudge(complex(beta)).real
        self.u[self._oscillation : self._oscillation + 2] = strength, 2 * np.pi / self.period

    @property
    def free(self) -> bool:
        """Whether the oscillation has no strength."""
        return not self.u[self._oscillation]

    def take(self, rows: Sequence[int]) -> OscillatingLayeredSystem:
        """Return a system of its own with the given rows and what lies on their terminals."""
        other = OscillatingLayeredSystem(self.points.take(rows), self.rotating, self.period)
        mine, its = self._oscillation, other._oscillation
        other.u[its : its + 2] = self.u[mine : mine + 2]
        other.noise_stream = self.noise_stream
        return other

    def freeze_cost_gradient(self, state: Array) -> None:
        """A nudge that never rests has no prediction to be held at.

        Raises
        ------
        SimulationError
            Always.
        """
        raise SimulationError("an oscillating nudge follows the present output; its cost gradient cannot be held")

    def read_exactly(self, state: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write sum_c weights_c s_c of the present states into `out`."""
        self.inner.read_exactly(state[: self.circuit_size], weights, out)

    def read_integral(self, state: Array, which: int, out: Signal) -> None:
        """Write one of the integrals of every unit into `out`: 0 the activity, 1 the error signal, 2 its quadrature."""
        at = self.circuit_size + which * self.rows * self.units
        for i, width in enumerate(out.widths):
            out.block(i)[:] = state[at : at + self.rows * width].reshape(self.rows, width)
            at += self.rows * width

    def prediction(self, state: Array) -> Array:
        """Return what the outputs say in the present state, shape (rows, outputs)."""
        return np.asarray(self.inner.prediction(state[: self.circuit_size]))

    def cost_slope(self, state: Array) -> Array:
        """Return dC/d(state), shape (size,); the integrals have no part in it."""
        slope = np.zeros_like(state)
        slope[: self.circuit_size] = self.inner.cost_slope(state[: self.circuit_size])
        return slope

    def linearise(self, state: Array) -> Linearisation:
        """A circuit that is driven in time has no equilibrium to linearise at.

        Raises
        ------
        SimulationError
            Always.
        """
        raise SimulationError("a circuit under an oscillating nudge has no equilibrium")
