"""The equilibrium as a power series in the nudge, and how far it reaches.

    s(beta) = sum_m c_m beta^m,     c_m = (1/N) sum_k s(beta_k) / beta_k^m  on a circle well inside the radius
    R: log |c_m| = const - m log R - (3/2) log m,  fitted over the coefficients that stand above rounding

The nearest singularity is as a rule a fold, where two equilibria meet: a branch point of square-root type, for which
coefficients fall like m^(-3/2) R^(-m). Beyond R no contour gives the derivative, however many points it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.linear import DENSE_UNTIL
from neurosim.dynamics.polished import EQUILIBRIUM
from neurosim.dynamics.rates import rms_rates
from neurosim.dynamics.status import Status
from neurosim.errors import SimulationError
from neurosim.learning.contour import contour_points
from neurosim.physics.complex_states import ComplexSystem
from neurosim.physics.signal import Signal
from neurosim.physics.system import System

Array = npt.NDArray[Any]

POINTS = 48
HALVINGS = 24
DECAYED = 1e-3  # the last coefficients beside the largest, on a circle that is small enough
CHORD_STEPS, CHORD_TOLERANCE = 60, 1e-13
ROUNDING = 1e-11  # coefficients below this, beside the largest, are noise


@dataclass(frozen=True)
class PowerSeries:
    """Coefficients of the activities of every sample.

    Parameters
    ----------
    coefficients : ndarray, shape (orders, samples, units)
        c_0 to c_{orders-1}, in double precision; units of all layers one after the other.
    radius : ndarray, shape (samples,)
        Estimates of the radius of convergence R; infinite where nothing bends, as in a linear circuit.
    """

    coefficients: Array
    radius: Array

    def at(self, beta: complex) -> Array:
        """Return sum_m c_m beta^m, shape (samples, units)."""
        return np.asarray(np.polynomial.polynomial.polyval(beta, self.coefficients))


def power_series(system: System, free: Array) -> PowerSeries:
    """Return the series of the activities around a settled free state, in double precision.

    Parameters
    ----------
    system : System
        The circuit with its batch, not nudged, float64.
    free : ndarray, shape (size,)
        Its settled free state.

    Raises
    ------
    SimulationError
        If the circuit has no complex states, or no circle around zero is small enough for all equilibria to be found.
    """
    upper = POINTS // 2 + 1
    r, samples = 0.5, system.rows
    units = sum(block.units for block in system.blocks)
    series, radius, left = np.zeros((upper, samples, units)), np.full(samples, np.inf), np.ones(samples, bool)
    inverses = None
    if system.size // samples <= DENSE_UNTIL:
        inverses = np.linalg.inv(system.linearise(free).matrices())
    for _ in range(HALVINGS):
        found, settled = _on_circle(system, free, inverses, r)
        sizes = np.linalg.norm(found, axis=2)  # |c_m r^m|
        good = left & settled & (sizes[-4:].max(axis=0) <= DECAYED * sizes[1:].max(axis=0))
        for row in np.flatnonzero(good):
            series[:, row] = found[:, row] / r ** np.arange(upper)[:, None]
            radius[row] = _fitted_radius(sizes[:, row], r)
        left &= ~good
        if not left.any():
            return PowerSeries(series, radius)
        r /= 2
    raise SimulationError("the equilibrium has no power series in the nudge: no circle around zero is small enough")


def _on_circle(system: System, free: Array, inverses: Array | None, r: float) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return c_m r^m, shape (orders, samples, units), and whether all points of a sample settled."""
    points = contour_points(r, POINTS)
    copies = system.complex_copies(len(points))
    copies.nudge_copies(points)
    state = copies.lift(free)
    if inverses is None:
        codes = EQUILIBRIUM.relax(copies, state).codes
        settled = (codes == Status.SETTLED.code).reshape(len(points), -1).all(axis=0)
    else:
        settled = _chord(copies, inverses, state)
    real, imaginary = (_values(copies.read_anew(state, w)) for w in ((1.0, 0.0), (0.0, 1.0)))
    z = (real + 1j * imaginary).reshape(len(points), system.rows, -1)
    with np.errstate(invalid="ignore"):  # samples that did not settle are left out
        return np.asarray(np.fft.hfft(z, POINTS, axis=0))[: len(points)] / POINTS, settled


def _chord(copies: ComplexSystem, inverses: Array, state: Array) -> npt.NDArray[np.bool_]:
    """Move all copies to their equilibria, in place, with the Jacobian at rest; return which samples got there.

    z <- z - J(0)^{-1} f(z): J(0) is real, and so serves real and imaginary parts of all copies at once.
    """
    samples = len(inverses)
    residual = np.full(samples, np.inf)
    for _ in range(CHORD_STEPS):
        f = copies.rate(state)
        before, rates = residual, rms_rates(copies, f).reshape(copies.copies, samples)
        residual = rates.max(axis=0)
        if ((residual <= CHORD_TOLERANCE) | (residual >= before)).all():
            break  # what does not come closer is left to a smaller circle
        parts = [view.reshape(2, copies.copies, samples, -1).transpose(2, 0, 1, 3) for view in copies.views(f)]
        lines = np.concatenate([part.reshape(samples, 2 * copies.copies, -1) for part in parts], axis=2)
        steps, at = lines @ inverses.swapaxes(1, 2), 0
        for view, part in zip(copies.views(state), parts, strict=True):
            step = steps[:, :, at : at + part.shape[3]].reshape(part.shape).transpose(1, 2, 0, 3)
            view -= step.reshape(view.shape)
            at += part.shape[3]
    return np.asarray(residual <= CHORD_TOLERANCE)


def _values(signal: Signal) -> Array:
    return np.concatenate([signal.block(i) for i in range(len(signal.widths))], axis=1)


def _fitted_radius(sizes: Array, r: float) -> float:
    """Return R from |c_m r^m| of one sample."""
    m = np.arange(len(sizes))
    usable = sizes > ROUNDING * sizes[1:].max()
    usable &= m >= max(4, m[usable].max() // 2)  # the law holds for high orders
    if np.count_nonzero(usable) < 4:
        return float("inf")
    slope = np.polyfit(m[usable], np.log(sizes[usable]) + 1.5 * np.log(m[usable]), 1)[0]
    return float(r / np.exp(slope))
