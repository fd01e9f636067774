"""The equilibrium as a power series in the nudge, and how far it reaches.

    s(beta) = sum_m c_m beta^m
    R: log |c_m| = const - m log R - (3/2) log m,  fitted over the higher half of the coefficients

The nearest singularity is as a rule a fold, where two equilibria meet: a branch point of square-root type, for which
coefficients fall like m^(-3/2) R^(-m). Beyond R no contour gives the derivative, however many points it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.linear import InverseJacobian
from neurosim.errors import SimulationError
from neurosim.physics.system import System

Array = npt.NDArray[Any]

ORDERS = 32


@dataclass(frozen=True)
class PowerSeries:
    """Coefficients of the activities of every sample.

    Parameters
    ----------
    coefficients : ndarray, shape (orders, samples, units)
        c_0 to c_{orders-1}, in double precision; units of all layers one after the other.
    radius : ndarray, shape (samples,)
        Estimates of the radius of convergence R; infinite where nothing follows the nudge.
    """

    coefficients: Array
    radius: Array

    def at(self, beta: complex) -> Array:
        """Return sum_m c_m beta^m, shape (samples, units)."""
        return np.asarray(np.polynomial.polynomial.polyval(beta, self.coefficients))


def power_series(system: System, free: Array, inverse: InverseJacobian | None = None) -> PowerSeries:
    """Return the series of the activities around a settled free state, in double precision.

    Parameters
    ----------
    system : System
        The circuit with its batch, not nudged, float64.
    free : ndarray, shape (size,)
        Its settled free state.
    inverse : InverseJacobian, optional
        The inverse of its Jacobian there, where it is known.

    Raises
    ------
    SimulationError
        If the circuit has no such series, its Jacobian cannot be inverted, or the coefficients leave the range of
        double precision: the equilibrium is at the edge of its existence.
    """
    inverse = InverseJacobian(system, free) if inverse is None else inverse
    with np.errstate(over="ignore", invalid="ignore"):
        series = system.power_series(free, inverse.times, ORDERS)
        sizes = np.linalg.norm(series, axis=2)
    if not np.isfinite(sizes).all():
        raise SimulationError("the equilibrium has no power series in the nudge: its coefficients are not finite")
    return PowerSeries(series, np.array([_fitted_radius(column) for column in sizes.T]))


def _fitted_radius(sizes: Array) -> float:
    """Return R from |c_m| of one sample."""
    m = np.arange(len(sizes))
    usable = (m >= len(sizes) // 2) & (sizes > 0)  # the law holds for high orders
    if np.count_nonzero(usable) < 4:
        return float("inf")
    slope = np.polyfit(m[usable], np.log(sizes[usable]) + 1.5 * np.log(m[usable]), 1)[0]
    return float(np.exp(-slope))
