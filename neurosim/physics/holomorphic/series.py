"""Power series of activations and of softmax, order by order, when the series of their arguments are known.

Every holomorphic activation is a sum of logistic functions s(z) = 1 / (1 + e^-z) with factors that are linear in v,

    f(v) = const + sum_i (a_i + b_i v) s(c_i v + d_i)

and s' = s (1 - s) makes the coefficient m of s(z) of those of z up to m: with w = s - s^2,

    m s_m = sum_{j=1..m} j z_j w_{m-j}

Source: the recurrences of R. E. Moore, Interval Analysis, Prentice-Hall 1966, chapter 11.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.holomorphic.activations import holomorphic
from neurosim.physics.names import ActivationName

Array = npt.NDArray[Any]

# (a, b, c, d) of every logistic function in an activation
_LOGISTIC: dict[ActivationName, tuple[tuple[float, float, float, float], ...]] = {
    "identity": (),
    "tanh": ((2.0, 0.0, 2.0, 0.0),),
    "sigmoid": ((1.0, 0.0, 1.0, 0.0),),
    "shifted_sigmoid": ((1.0, 0.0, 4.0, -2.0),),
    "silu": ((0.0, 1.0, 1.0, 0.0),),
    "dsilu": ((1.0, -0.5, 1.0, -2.0), (0.0, 0.5, 1.0, 0.0)),
}


def _product(x: Array, y: Array, m: int) -> Array:
    """Return sum_{j=1..m-1} x_j y_{m-j}."""
    return np.asarray(np.einsum("j...,j...->...", x[1:m], y[m - 1 : 0 : -1]))


class ActivationSeries:
    """The series of f(v), grown order by order together with that of v.

    Parameters
    ----------
    name : str
        The activation f.
    v : ndarray, shape (orders, ...)
        Coefficients of v; only v[0] has to be there at the beginning. It is filled by `extend`.

    Raises
    ------
    SimulationError
        If the activation is not holomorphic.
    """

    def __init__(self, name: ActivationName, v: Array) -> None:
        activation = holomorphic(name)
        self.v, self.slope = v, np.asarray(activation.slope(v[0]))
        self.identity = name == "identity"
        self.terms = [(a, b, c, *_logistic(c * v[0] + d, len(v))) for a, b, c, d in _LOGISTIC[name]]
        self.weighted = np.zeros_like(v)  # j v_j

    def bend(self, m: int) -> Array:
        """Return what coefficient m of f(v) would be if that of v were zero: f_m = bend + f'(v_0) v_m."""
        total: Array = np.zeros_like(self.v[0])
        for a, b, c, s, w in self.terms:
            s[m] = (c / m) * _product(self.weighted, w, m)
            total += (a + b * self.v[0]) * s[m] + b * _product(self.v, s, m) if b else a * s[m]
        return total

    def extend(self, m: int, v_m: Array) -> None:
        """Set coefficient m of v, after `bend`."""
        self.v[m], self.weighted[m] = v_m, m * v_m
        for _, _, c, s, w in self.terms:
            s[m] += c * w[0] * v_m
            w[m] = s[m] - 2 * s[0] * s[m] - _product(s, s, m)


def _logistic(z: Array, orders: int) -> tuple[Array, Array]:
    """Return the series of s and w = s - s^2 with their first coefficients."""
    s, w = np.zeros((orders, *z.shape)), np.zeros((orders, *z.shape))
    s[0] = (1 + np.tanh(z / 2)) / 2
    w[0] = 1 / (4 * np.cosh(z / 2) ** 2)
    return s, w


class SoftmaxSeries:
    """The series of e^z / sum e^z along the last axis, grown order by order together with that of z.

    Parameters
    ----------
    z : ndarray, shape (rows, outputs)
        First coefficient of z.
    orders : int
        Coefficients, at most.
    """

    def __init__(self, z: Array, orders: int) -> None:
        self.weighted, self.e, self.p = (np.zeros((orders, *z.shape)) for _ in range(3))
        self.e[0] = np.exp(z - z.max(axis=-1, keepdims=True))
        self.p[0] = self.e[0] / self.e[0].sum(axis=-1, keepdims=True)

    def extend(self, m: int, z_m: Array) -> Array:
        """Set coefficient m of z and return that of the softmax."""
        e, p = self.e, self.p
        self.weighted[m] = m * z_m
        e[m] = (_product(self.weighted, e, m) + self.weighted[m] * e[0]) / m
        totals = e[: m + 1].sum(axis=-1, keepdims=True)
        p[m] = (e[m] - _product(totals, p, m) - totals[m] * p[0]) / totals[0]
        return np.asarray(p[m])
