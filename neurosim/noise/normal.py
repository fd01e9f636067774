"""Standard normals from random words, by Box and Muller's transform, in loops that vectorise.

    u in (0, 1],  phi in [-pi/2, pi/2),  a sign:    z_0 = +-sqrt(-2 ln u) cos phi,   z_1 = sqrt(-2 ln u) sin phi

=========  =====================  =====================================  ===========  ==========================
type       words per pair         u                                      largest |z|  t = phi / pi
=========  =====================  =====================================  ===========  ==========================
float32    2: a, b                (a >> 1) + 1 out of 2^31               6.56         b signed, out of 2^32
float64    4: a, b, c, d          2^26 (a >> 5) + (b >> 6) + 1 of 2^53   8.57         (c signed, d >> 11) of 2^53
=========  =====================  =====================================  ===========  ==========================

The sign is the lowest bit of the first word (float32) or of the last (float64), which nothing else uses. Every
rounding is one of IEEE 754 that is asked for: the same bits come out of every loop and on every machine.

    ln(2^e m) = e ln 2 + 2 artanh(s),   s = (m - 1) / (m + 1),   sqrt(1/2) <= m < sqrt(2)

2 artanh(s) / s, sin(pi t) / t and cos(pi t) are polynomials in s^2 or t^2, through Chebyshev's points of the interval:
within 2e-8 and 5e-18 of the functions before rounding.

Source: G. E. P. Box, M. E. Muller, Annals of Mathematical Statistics 29 (1958) 610. Bounds stand in tests/noise.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurosim.jit import fused, uncontracted
from neurosim.noise.philox import philox

_F32, _I32, _U64 = np.float32, np.int32, np.uint64

# The bits of sqrt(1/2): what is left of the exponent after taking them away is that of e, rounded the right way.
_ROOT32, _MANTISSA32 = np.int32(0x3F3504F3), np.int32(23)
_ROOT64, _MANTISSA64 = np.int64(0x3FE6A09E667F3BCD), np.int64(52)
_LN2_32, _LN2_64 = np.float32(math.log(2.0)), math.log(2.0)
_LOG32 = tuple(map(np.float32, (1.9999999986257677, 0.66666815791831849, 0.39974799076425632, 0.29925789477683337)))
_LOG64 = (
    2.0, 0.66666666666667653, 0.39999999999298067, 0.28571428761609481, 0.22222196953363015, 0.18183637299480901,
    0.15312377735831459, 0.14811282567749028,
)  # fmt: skip
_SIN32 = tuple(
    map(
        np.float32,
        (3.1415926400772033, -5.1677100766683144, 2.5500773865289119, -0.59829041128342753, 0.077655912276013869),
    )
)
_COS32 = tuple(
    map(
        np.float32,
        (
            0.99999999977915403, -4.9348021369289456, 4.0587091547631343, -1.3352119493905503, 0.23493706859508651,
            -0.024395932097550444,
        ),
    )
)  # fmt: skip
_SIN64 = (
    3.1415926535897932, -5.1677127800499696, 2.5501640398773005, -0.59926452931894468, 0.082145886573102895,
    -0.0073704305059169434, 0.00046629981618983938, -2.1903497074626017e-5, 7.6978267682241906e-7,
)  # fmt: skip
_COS64 = (
    1.0, -4.9348022005446768, 4.058712126416497, -1.3352627688434471, 0.23533063012953285, -0.025806888737002203,
    0.0019295562724817131, -0.00010456655338748738, 4.1495643539425855e-6,
)  # fmt: skip
_ONE32, _TWO32, _UNIT32 = np.float32(1.0), np.float32(2.0), np.float32(2.0**-31)
_TURN32 = np.float32(2.0**-32)
_LOW_BIT = np.uint64(1)


@uncontracted
def log_single(u: Any) -> Any:
    """Return ln u for a normal float32 above zero."""
    c0, c1, c2, c3 = _LOG32
    bits = np.float32(u).view(np.int32)
    e = _I32(_I32(bits - _ROOT32) >> _MANTISSA32)
    f = _I32(bits - _I32(e << _MANTISSA32)).view(np.float32) - _ONE32
    s = f / (_TWO32 + f)
    v = s * s
    return fused(s, fused(v, fused(v, fused(v, c3, c2), c1), c0), _F32(e) * _LN2_32)


@uncontracted
def log_double(u: Any) -> Any:
    """Return ln u for a normal float64 above zero."""
    c0, c1, c2, c3, c4, c5, c6, c7 = _LOG64
    bits = np.float64(u).view(np.int64)
    e = (bits - _ROOT64) >> _MANTISSA64
    f = np.int64(bits - (e << _MANTISSA64)).view(np.float64) - 1.0
    s = f / (2.0 + f)
    v = s * s
    high = fused(v, fused(v, fused(v, c7, c6), c5), c4)
    return fused(s, fused(v, fused(v, fused(v, fused(v, high, c3), c2), c1), c0), np.float64(_I32(e)) * _LN2_64)


@uncontracted
def pair_single(a: Any, b: Any) -> Any:
    """Return two float32 normals from two random words."""
    s0, s1, s2, s3, s4 = _SIN32
    c0, c1, c2, c3, c4, c5 = _COS32
    u = (_F32(_I32(a >> _LOW_BIT)) + _ONE32) * _UNIT32
    radius = math.sqrt(-_TWO32 * log_single(u))
    t = _F32(_I32(b)) * _TURN32
    v = t * t
    sine = t * fused(v, fused(v, fused(v, fused(v, s4, s3), s2), s1), s0)
    cosine = fused(v, fused(v, fused(v, fused(v, fused(v, c5, c4), c3), c2), c1), c0)
    sign = _ONE32 - _TWO32 * _F32(_I32(a & _LOW_BIT))
    return radius * cosine * sign, radius * sine


@uncontracted
def pair_double(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Return two float64 normals from four random words."""
    s0, s1, s2, s3, s4, s5, s6, s7, s8 = _SIN64
    c0, c1, c2, c3, c4, c5, c6, c7, c8 = _COS64
    u = (np.float64(_I32(a >> _U64(5))) * 2.0**26 + np.float64(_I32(b >> _U64(6))) + 1.0) * 2.0**-53
    radius = math.sqrt(-2.0 * log_double(u))
    t = (np.float64(_I32(c)) * 2.0**21 + np.float64(_I32(d >> _U64(11)))) * 2.0**-53
    v = t * t
    high = fused(v, fused(v, fused(v, fused(v, s8, s7), s6), s5), s4)
    sine = t * fused(v, fused(v, fused(v, fused(v, high, s3), s2), s1), s0)
    high = fused(v, fused(v, fused(v, fused(v, c8, c7), c6), c5), c4)
    cosine = fused(v, fused(v, fused(v, fused(v, high, c3), c2), c1), c0)
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
