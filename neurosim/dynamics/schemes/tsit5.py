"""Tsitouras' 5(4) pair: six drift evaluations per step, order 5, embedded error of order 4, dense output of order 4.

The seventh stage is the drift at the new state, which the next step uses as its first (FSAL).
Source: Ch. Tsitouras, Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption,
Computers & Mathematics with Applications 62 (2011) 770-775: coefficients and the free interpolant of section 4.
"""

from __future__ import annotations

from typing import Any

from neurosim.dynamics.scheme import EmbeddedScheme, embedded_signature, interpolant_signature
from neurosim.jit import kernel

C2, C3, C4, C5 = 0.161, 0.327, 0.9, 0.9800255409045097
A21 = 0.161
A31, A32 = -0.008480655492356989, 0.335480655492357
A41, A42, A43 = 2.8971530571054935, -6.359448489975075, 4.3622954328695815
A51, A52, A53, A54 = 5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525
A61, A62, A63 = 5.86145544294642, -12.92096931784711, 8.159367898576159
A64, A65 = -0.071584973281401, -0.028269050394068383
B1, B2, B3 = 0.09646076681806523, 0.01, 0.4798896504144996
B4, B5, B6 = 1.379008574103742, -3.290069515436081, 2.324710524099774
# Weights of order 5 minus weights of order 4.
E1, E2, E3 = -0.00178001105222577714, -0.0008164344596567469, 0.007880878010261995
E4, E5, E6, E7 = -0.1447110071732629, 0.5823571654525552, -0.45808210592918697, 1.0 / 66.0


@kernel(embedded_signature)
def tsit5_step(drift: Any, t: float, h: float, y: Any, model: Any, k: Any, y_new: Any, error: Any) -> None:
    """Write the state at t + h into `y_new`, its error estimate into `error`, and all stages but the first into k."""
    n = y.size
    r = y.dtype.type
    k1, k2, k3, k4 = k[:n], k[n : 2 * n], k[2 * n : 3 * n], k[3 * n : 4 * n]
    k5, k6, k7 = k[4 * n : 5 * n], k[5 * n : 6 * n], k[6 * n : 7 * n]
    a21 = r(h * A21)
    for i in range(n):
        y_new[i] = y[i] + a21 * k1[i]
    drift(t + C2 * h, y_new, model, k2)
    a31, a32 = r(h * A31), r(h * A32)
    for i in range(n):
        y_new[i] = y[i] + a31 * k1[i] + a32 * k2[i]
    drift(t + C3 * h, y_new, model, k3)
    a41, a42, a43 = r(h * A41), r(h * A42), r(h * A43)
    for i in range(n):
        y_new[i] = y[i] + a41 * k1[i] + a42 * k2[i] + a43 * k3[i]
    drift(t + C4 * h, y_new, model, k4)
    a51, a52, a53, a54 = r(h * A51), r(h * A52), r(h * A53), r(h * A54)
    for i in range(n):
        y_new[i] = y[i] + a51 * k1[i] + a52 * k2[i] + a53 * k3[i] + a54 * k4[i]
    drift(t + C5 * h, y_new, model, k5)
    a61, a62, a63, a64, a65 = r(h * A61), r(h * A62), r(h * A63), r(h * A64), r(h * A65)
    for i in range(n):
        y_new[i] = y[i] + a61 * k1[i] + a62 * k2[i] + a63 * k3[i] + a64 * k4[i] + a65 * k5[i]
    drift(t + h, y_new, model, k6)
    b1, b2, b3, b4, b5, b6 = r(h * B1), r(h * B2), r(h * B3), r(h * B4), r(h * B5), r(h * B6)
    for i in range(n):
        y_new[i] = y[i] + b1 * k1[i] + b2 * k2[i] + b3 * k3[i] + b4 * k4[i] + b5 * k5[i] + b6 * k6[i]
    drift(t + h, y_new, model, k7)
    e1, e2, e3, e4, e5, e6, e7 = r(h * E1), r(h * E2), r(h * E3), r(h * E4), r(h * E5), r(h * E6), r(h * E7)
    for i in range(n):
        error[i] = e1 * k1[i] + e2 * k2[i] + e3 * k3[i] + e4 * k4[i] + e5 * k5[i] + e6 * k6[i] + e7 * k7[i]


@kernel(interpolant_signature)
def tsit5_interpolant(theta: float, h: float, y: Any, k: Any, out: Any) -> None:
    """Write the state at t + theta h into `out`, for the step that started at `y` with stages `k`."""
    n = y.size
    r = y.dtype.type
    q, q2 = theta, theta * theta
    b1 = r(-1.0530884977290216 * h * q * (q - 1.3299890189751412) * (q2 - 1.4364028541716351 * q + 0.7139816917074209))
    b2 = r(0.1017 * h * q2 * (q2 - 2.1966568338249754 * q + 1.2949852507374631))
    b3 = r(2.490627285651252793 * h * q2 * (q2 - 2.38535645472061657 * q + 1.57803468208092486))
    b4 = r(-16.54810288924490272 * h * q2 * (q - 1.21712927295533244) * (q - 0.61620406037800089))
    b5 = r(47.37952196281928122 * h * q2 * (q - 1.203071208372362603) * (q - 0.658047292653547382))
    b6 = r(-34.87065786149660974 * h * q2 * (q - 1.2) * (q - 0.666666666666666667))
    b7 = r(2.5 * h * q2 * (q - 1.0) * (q - 0.6))
    for i in range(n):
        out[i] = (
            y[i]
            + b1 * k[i]
            + b2 * k[n + i]
            + b3 * k[2 * n + i]
            + b4 * k[3 * n + i]
            + b5 * k[4 * n + i]
            + b6 * k[5 * n + i]
            + b7 * k[6 * n + i]
        )


TSIT5 = EmbeddedScheme(name="tsit5", order=5, stages=7, step=tsit5_step, interpolant=tsit5_interpolant)
