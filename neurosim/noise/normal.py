"""Standard normals from random words, by Box and Muller's transform, in loops that vectorise.

    u in (0, 1],  phi in [-pi/2, pi/2),  a sign:    z_0 = +-sqrt(-2 ln u) cos phi,   z_1 = sqrt(-2 ln u) sin phi

=========  =====================  =====================================  ===========  ==========================
type       words per pair         u                                      largest |z|  phi / pi
=========  =====================  =====================================  ===========  ==========================
float32    2: a, b                (a >> 1) + 1 out of 2^31               6.56         b signed, out of 2^32
float64    4: a, b, c, d          2^26 (a >> 5) + (b >> 6) + 1 of 2^53   8.57         (c signed, d >> 11) of 2^53
=========  =====================  =====================================  ===========  ==========================

The sign is the lowest bit of the first word (float32) or of the last (float64), which nothing else uses. All operations
are single ones of IEEE 754, never fused: the same bits come out of every loop and of every machine.

    ln(2^e m) = e ln 2 + 2 artanh((m - 1) / (m + 1)),   sqrt(1/2) <= m < sqrt(2);   artanh, sin and cos by their series

Source: G. E. P. Box, M. E. Muller, Annals of Mathematical Statistics 29 (1958) 610. Bounds stand in tests/noise.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurosim.jit import uncontracted
from neurosim.noise.philox import philox

_F32, _I32, _U64 = np.float32, np.int32, np.uint64

# The bits of sqrt(1/2): what is left of the exponent after taking them away is that of e, rounded the right way.
_ROOT32, _MANTISSA32 = np.int32(0x3F3504F3), np.int32(23)
_ROOT64, _MANTISSA64 = np.int64(0x3FE6A09E667F3BCD), np.int64(52)
_LOG32 = tuple(np.float32(2.0 / (2 * j + 1)) for j in range(5))
_LOG64 = tuple(2.0 / (2 * j + 1) for j in range(11))
_SIN = tuple((-1.0) ** j / math.factorial(2 * j + 1) for j in range(11))
_COS = tuple((-1.0) ** j / math.factorial(2 * j) for j in range(11))
_SIN32, _COS32 = tuple(np.float32(c) for c in _SIN[:6]), tuple(np.float32(c) for c in _COS[:7])
_LN2_32, _LN2_64 = np.float32(math.log(2.0)), math.log(2.0)
_ONE32, _TWO32, _UNIT32 = np.float32(1.0), np.float32(2.0), np.float32(2.0**-31)
_TURN32 = np.float32(math.pi * 2.0**-32)
_LOW_BIT = np.uint64(1)


@uncontracted
def log_single(u: Any) -> Any:
    """Return ln u for a normal float32 above zero."""
    c0, c1, c2, c3, c4 = _LOG32
    bits = np.float32(u).view(np.int32)
    e = _I32(_I32(bits - _ROOT32) >> _MANTISSA32)
    f = _I32(bits - _I32(e << _MANTISSA32)).view(np.float32) - _ONE32
    s = f / (_TWO32 + f)
    v = s * s
    return _F32(e) * _LN2_32 + s * (c0 + v * (c1 + v * (c2 + v * (c3 + v * c4))))


@uncontracted
def log_double(u: Any) -> Any:
    """Return ln u for a normal float64 above zero."""
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10 = _LOG64
    bits = np.float64(u).view(np.int64)
    e = (bits - _ROOT64) >> _MANTISSA64
    f = np.int64(bits - (e << _MANTISSA64)).view(np.float64) - 1.0
    s = f / (2.0 + f)
    v = s * s
    high = c5 + v * (c6 + v * (c7 + v * (c8 + v * (c9 + v * c10))))
    return np.float64(np.int32(e)) * _LN2_64 + s * (c0 + v * (c1 + v * (c2 + v * (c3 + v * (c4 + v * high)))))


@uncontracted
def pair_single(a: Any, b: Any) -> Any:
    """Return two float32 normals from two random words."""
    s0, s1, s2, s3, s4, s5 = _SIN32
    c0, c1, c2, c3, c4, c5, c6 = _COS32
    u = (_F32(_I32(a >> _LOW_BIT)) + _ONE32) * _UNIT32
    radius = math.sqrt(-_TWO32 * log_single(u))
    x = _F32(_I32(b)) * _TURN32
    v = x * x
    sine = x * (s0 + v * (s1 + v * (s2 + v * (s3 + v * (s4 + v * s5)))))
    cosine = c0 + v * (c1 + v * (c2 + v * (c3 + v * (c4 + v * (c5 + v * c6)))))
    sign = _ONE32 - _TWO32 * _F32(_I32(a & _LOW_BIT))
    return radius * cosine * sign, radius * sine


@uncontracted
def pair_double(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Return two float64 normals from four random words."""
    s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10 = _SIN
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10 = _COS
    u = (np.float64(_I32(a >> _U64(5))) * 2.0**26 + np.float64(_I32(b >> _U64(6))) + 1.0) * 2.0**-53
    radius = math.sqrt(-2.0 * log_double(u))
    x = (np.float64(_I32(c)) * 2.0**21 + np.float64(_I32(d >> _U64(11)))) * (math.pi * 2.0**-53)
    v = x * x
    high = s5 + v * (s6 + v * (s7 + v * (s8 + v * (s9 + v * s10))))
    sine = x * (s0 + v * (s1 + v * (s2 + v * (s3 + v * (s4 + v * high)))))
    high = c5 + v * (c6 + v * (c7 + v * (c8 + v * (c9 + v * c10))))
    cosine = c0 + v * (c1 + v * (c2 + v * (c3 + v * (c4 + v * high))))
    sign = 1.0 - 2.0 * np.float64(_I32(d & _LOW_BIT))
    return radius * cosine * sign, radius * sine


@uncontracted
def normals_single(block: Any, step: Any, path: Any, tag: Any, k0: Any, k1: Any) -> Any:
    """Return the four float32 normals of one counter."""
    a, b, c, d = philox(block, step, path, tag, k0, k1)
    z0, z1 = pair_single(a, b)
    z2, z3 = pair_single(c, d)
    return z0, z1, z2, z3


@uncontracted
def normals_double(block: Any, step: Any, path: Any, tag: Any, k0: Any, k1: Any) -> Any:
    """Return the two float64 normals of one counter."""
    a, b, c, d = philox(block, step, path, tag, k0, k1)
    return pair_double(a, b, c, d)
