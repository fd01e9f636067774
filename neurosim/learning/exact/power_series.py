"""The equilibrium as a power series in the nudge, and how far it reaches.

    s(beta) = sum_m c_m beta^m
    b_m = c_m / |binomial(1/2, m)|:   b_{m+1} = sum_{j=0..5} a_j b_{m-j},   R = 1 / max |z|,   z^6 = sum_j a_j z^(5-j)

The nearest singularities are as a rule folds, where two equilibria meet: pairs beta_0, conj beta_0 of branch points of
square-root type. The coefficients of (1 - beta/beta_0)^(1/2) are those of the binomial series times beta_0^(-m), so
that b_m of three pairs follows a recurrence of six terms with the roots 1/beta_0; it is fitted to the higher half of
the coefficients of all units (linear prediction, G. R. B. de Prony 1795). Beyond R no contour gives the derivative,
however many points it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import binom

from neurosim.dynamics.linear import InverseJacobian
from neurosim.errors import SimulationError
from neurosim.physics.system import System

Array = npt.NDArray[Any]

ORDERS = 24
TERMS = 6  # of the recurrence


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
    if not np.isfinite(series).all():
        raise SimulationError("the equilibrium has no power series in the nudge: its coefficients are not finite")
    return PowerSeries(series, fitted_radii(series))


def fitted_radii(c: Array) -> Array:
    """Return R of every sample from its coefficients (orders, samples, units); infinite where they vanish."""
    orders = np.arange(float(len(c)))
    b = c / np.abs(binom(0.5, orders))[:, None, None]
    sizes = np.abs(b).max(axis=2)
    first, last = len(c) // 2, len(c) - 1
    radius = np.full(c.shape[1], np.inf)
    moved = sizes[first - TERMS :].all(axis=0)
    if not moved.any():
        return radius
    b, sizes = b[:, moved], sizes[:, moved]
    growth = (sizes[last] / sizes[first]) ** (1.0 / (last - first))
    b = b * (growth ** (first - orders[:, None]) / sizes[first])[:, :, None]
    known = np.stack([b[first - j : last - j] for j in range(TERMS)], axis=3).swapaxes(0, 1)
    after = b[first + 1 :].swapaxes(0, 1)
    companion = np.zeros((len(known), TERMS, TERMS))
    companion[:, 1:, :-1] = np.eye(TERMS - 1)
    for matrix, before, right in zip(companion, known, after, strict=True):
        matrix[0] = np.linalg.lstsq(before.reshape(-1, TERMS), right.ravel(), rcond=None)[0]
    radius[moved] = 1.0 / (growth * np.abs(np.linalg.eigvals(companion)).max(axis=1))
    return radius
