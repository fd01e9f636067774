"""Sine and cosine that vectorise, and what activations of a complex current are made of, in two real numbers each.

    y = n pi + r,   |r| <= pi/2,   sin y = (-1)^n sin r,   cos y = (-1)^n cos r,   both by their Taylor polynomials

A complex number is a pair (real part, imaginary part). Bounds against NumPy, for all imaginary parts that occur, stand
in tests/physics/test_holomorphic.py.
"""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from neurosim.jit import FLAGS, inlined
from neurosim.physics.elementary import exp, expm1

_INLINE: Any = {**FLAGS, "forceinline": True}

# Adding and subtracting 1.5 * 2^mantissa rounds to an integer without a branch.
_ROUND32, _ROUND64 = np.float32(1.5 * 2.0**23), np.float64(1.5 * 2.0**52)
_PER32, _PER64 = np.float32(1 / np.pi), np.float64(1 / np.pi)
# pi in three parts; the first two end in zeros, so that n times them is exact for |n| < 2^11 and 2^20.
_PI32 = tuple(np.float32(float.fromhex(part)) for part in ("0x1.921p+1", "0x1.f6ap-12", "0x1.110b46p-25"))
_PI64 = tuple(
    np.float64(float.fromhex(part)) for part in ("0x1.921fb544p+1", "0x1.0b4611a6p-33", "0x1.3198a2e037073p-68")
)
# Coefficients of r^2j in sin(r)/r and in cos(r).
_S32 = tuple(np.float32((-1) ** j / factorial(2 * j + 1)) for j in range(6))
_C32 = tuple(np.float32((-1) ** j / factorial(2 * j)) for j in range(7))
_S64 = tuple(np.float64((-1) ** j / factorial(2 * j + 1)) for j in range(11))
_C64 = tuple(np.float64((-1) ** j / factorial(2 * j)) for j in range(12))


def sine_cosine(y: Any) -> Any:
    """Return (sin y, cos y). For kernels."""
    raise NotImplementedError("compiled code only")


@overload(sine_cosine, jit_options=_INLINE)
def _sine_cosine(y: Any) -> Any:
    if y == types.float32:
        a0, a1, a2 = _PI32
        s0, s1, s2, s3, s4, s5 = _S32
        c0, c1, c2, c3, c4, c5, c6 = _C32

        def single(y: Any) -> Any:
            n = (y * _PER32 + _ROUND32) - _ROUND32
            r = ((y - n * a0) - n * a1) - n * a2
            v = r * r
            odd = n - np.float32(2.0) * ((np.float32(0.5) * n + _ROUND32) - _ROUND32)
            sign = np.float32(1.0) - np.float32(2.0) * abs(odd)
            sine = r * (s0 + v * (s1 + v * (s2 + v * (s3 + v * (s4 + v * s5)))))
            cosine = c0 + v * (c1 + v * (c2 + v * (c3 + v * (c4 + v * (c5 + v * c6)))))
            return sign * sine, sign * cosine

        return single
    if y == types.float64:
        b0, b1, b2 = _PI64
        t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10 = _S64
        d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, d10, d11 = _C64

        def double(y: Any) -> Any:
            n = (y * _PER64 + _ROUND64) - _ROUND64
            r = ((y - n * b0) - n * b1) - n * b2
            v = r * r
            odd = n - 2.0 * ((0.5 * n + _ROUND64) - _ROUND64)
            sign = 1.0 - 2.0 * abs(odd)
            high = t5 + v * (t6 + v * (t7 + v * (t8 + v * (t9 + v * t10))))
            sine = r * (t0 + v * (t1 + v * (t2 + v * (t3 + v * (t4 + v * high)))))
            high = d6 + v * (d7 + v * (d8 + v * (d9 + v * (d10 + v * d11))))
            cosine = d0 + v * (d1 + v * (d2 + v * (d3 + v * (d4 + v * (d5 + v * high)))))
            return sign * sine, sign * cosine

        return double
    return None


@inlined
def times(a: Any, b: Any, x: Any, y: Any) -> Any:
    """Return (a + ib)(x + iy)."""
    return a * x - b * y, a * y + b * x


@inlined
def complex_exp(x: Any, y: Any) -> Any:
    """Return e^(x + iy)."""
    sine, cosine = sine_cosine(y)
    size = exp(x)
    return size * cosine, size * sine


@inlined
def logistic(x: Any, y: Any) -> Any:
    """Return 1 / (1 + e^-z) of z = x + iy.

    With E = e^-|x| and h = 1 for x >= 0, E^2 otherwise: (h + E cos y + i E sin y) / (1 + 2 E cos y + E^2). Nothing
    overflows, and the denominator vanishes only at the poles z = i pi (2m + 1).
    """
    one = type(x)(1.0)
    sine, cosine = sine_cosine(y)
    E = exp(-abs(x))
    square, real = E * E, E * cosine
    scale = one / (one + (real + real) + square)
    return ((one if x >= type(x)(0.0) else square) + real) * scale, E * sine * scale


@inlined
def complex_tanh(x: Any, y: Any) -> Any:
    """Return tanh z of z = x + iy, accurate near zero.

    With E = e^-2|x|: (sign(x) (1 - E^2) + 2i E sin 2y) / (1 + 2 E cos 2y + E^2).
    """
    one, two = type(x)(1.0), type(x)(2.0)
    sine, cosine = sine_cosine(two * y)
    m = expm1(-two * abs(x))  # E - 1
    E = one + m
    scale = one / (one + two * E * cosine + E * E)
    real = -m * (two + m) * scale
    return (real if x >= type(x)(0.0) else -real), two * E * sine * scale
