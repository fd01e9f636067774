"""Exponentials that vectorise; Numba has no vector math library behind it, and `math.tanh` costs 50 times its loop.

    e^x - 1 = 2^n (e^r - 1) + (2^n - 1),   n = round(x / ln 2),   |r| <= ln(2)/2,   e^r - 1 by its Taylor polynomial

`expm1` keeps its relative accuracy near zero, and so does everything that is written in terms of it. Bounds against
NumPy over the whole range stand in tests/physics/test_activations.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from neurosim.jit import FLAGS, inlined

_INLINE: Any = {**FLAGS, "forceinline": True}

# Adding and subtracting 1.5 * 2^mantissa rounds to an integer without a branch.
_ROUND32 = np.float32(1.5 * 2.0**23)
_ROUND64 = np.float64(1.5 * 2.0**52)
# ln 2 in two parts; the first ends in zeros, so that n times it is exact.
_HIGH32, _LOW32 = np.float32(0.693359375), np.float32(-2.12194440e-4)
_HIGH64, _LOW64 = np.float64(float.fromhex("0x1.62e42fee00000p-1")), np.float64(float.fromhex("0x1.a39ef35793c76p-33"))
_PER32, _PER64 = np.float32(1.4426950408889634), np.float64(1.4426950408889634)
# Beyond these the result, or one more doubling of it, leaves the floating range.
_LOWEST32, _HIGHEST32 = np.float32(-87.0), np.float32(88.0)
_LOWEST64, _HIGHEST64 = np.float64(-708.0), np.float64(709.0)
_C32 = tuple(np.float32(1.0 / f) for f in (1, 2, 6, 24, 120, 720, 5040))
_C64 = tuple(
    np.float64(1.0 / f) for f in (1, 2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800, 39916800, 479001600, 6227020800)
)


def split_exp(x: Any) -> Any:
    """Return (2^n, e^r - 1) with e^x = 2^n e^r, and x limited to the range where e^x is finite. For kernels."""
    raise NotImplementedError("compiled code only")


def log1p_unit(z: Any) -> Any:
    """Return log(1 + z) for z in [0, 1], as 2 artanh(z / (2 + z)). For kernels."""
    raise NotImplementedError("compiled code only")


@overload(split_exp, jit_options=_INLINE)
def _split_exp(x: Any) -> Any:
    if x == types.float32:
        c1, c2, c3, c4, c5, c6, c7 = _C32
        bias32 = np.int32(127)

        def single(x: Any) -> Any:
            x = min(max(x, _LOWEST32), _HIGHEST32)
            n = (x * _PER32 + _ROUND32) - _ROUND32
            r = (x - n * _HIGH32) - n * _LOW32
            p = r * (c1 + r * (c2 + r * (c3 + r * (c4 + r * (c5 + r * (c6 + r * c7))))))
            scale = np.int32((np.int32(n) + bias32) << np.int32(23)).view(np.float32)
            return scale, p

        return single
    if x == types.float64:
        d1, d2, d3, d4, d5, d6, d7, d8, d9, d10, d11, d12, d13 = _C64

        def double(x: Any) -> Any:
            x = min(max(x, _LOWEST64), _HIGHEST64)
            n = (x * _PER64 + _ROUND64) - _ROUND64
            r = (x - n * _HIGH64) - n * _LOW64
            q = d7 + r * (d8 + r * (d9 + r * (d10 + r * (d11 + r * (d12 + r * d13)))))
            p = r * (d1 + r * (d2 + r * (d3 + r * (d4 + r * (d5 + r * (d6 + r * q))))))
            scale = np.int64((np.int64(n) + np.int64(1023)) << np.int64(52)).view(np.float64)
            return scale, p

        return double
    return None


@overload(log1p_unit, jit_options=_INLINE)
def _log1p_unit(z: Any) -> Any:
    # Terms w^(2j) / (2j + 1) with w = z / (2 + z) <= 1/3: each is at most a ninth of the one before.
    if z == types.float32:
        a = tuple(np.float32(2.0 / (2 * j + 1)) for j in range(8))

        def single(z: Any) -> Any:
            w = z / (np.float32(2.0) + z)
            v = w * w
            return w * (a[0] + v * (a[1] + v * (a[2] + v * (a[3] + v * (a[4] + v * (a[5] + v * (a[6] + v * a[7])))))))

        return single
    if z == types.float64:
        b = tuple(np.float64(2.0 / (2 * j + 1)) for j in range(17))

        def double(z: Any) -> Any:
            w = z / (2.0 + z)
            v = w * w
            high = b[8] + v * (
                b[9] + v * (b[10] + v * (b[11] + v * (b[12] + v * (b[13] + v * (b[14] + v * (b[15] + v * b[16]))))))
            )
            return w * (
                b[0]
                + v * (b[1] + v * (b[2] + v * (b[3] + v * (b[4] + v * (b[5] + v * (b[6] + v * (b[7] + v * high)))))))
            )

        return double
    return None


# tanh x = x P(x^2) / Q(x^2) on [-8, 8], fitted by least squares reweighted towards the largest relative error (6e-9
# before rounding). In single precision it is two and a half times faster than by way of e^2x.
_TANH_LIMIT32 = np.float32(8.0)
_TANH_P = tuple(
    np.float32(c)
    for c in (1.0, 0.13444502651691437, 0.0035716041456907988, 2.1894758901908062e-05, 1.5230547489863966e-08)
)
_TANH_Q = tuple(
    np.float32(c) for c in (1.0, 0.4677782952785492, 0.02616446651518345, 0.0003411301877349615, 8.522500820618006e-07)
)


def tanh(x: Any) -> Any:
    """Return tanh x; never beyond 1. For kernels."""
    raise NotImplementedError("compiled code only")


@overload(tanh, jit_options=_INLINE)
def _tanh(x: Any) -> Any:
    if x == types.float32:
        p0, p1, p2, p3, p4 = _TANH_P
        q0, q1, q2, q3, q4 = _TANH_Q

        def single(x: Any) -> Any:
            x = min(max(x, -_TANH_LIMIT32), _TANH_LIMIT32)
            v = x * x
            return x * (p0 + v * (p1 + v * (p2 + v * (p3 + v * p4)))) / (q0 + v * (q1 + v * (q2 + v * (q3 + v * q4))))

        return single
    if x == types.float64:

        def double(x: Any) -> Any:
            m = expm1(2.0 * min(max(x, -20.0), 20.0))  # tanh 20 is 1 to the last bit
            return m / (m + 2.0)

        return double
    return None


@inlined
def exp(x: Any) -> Any:
    """Return e^x."""
    scale, p = split_exp(x)
    return scale * p + scale


@inlined
def expm1(x: Any) -> Any:
    """Return e^x - 1, accurate near zero."""
    scale, p = split_exp(x)
    return scale * p + (scale - type(x)(1.0))
