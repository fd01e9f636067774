"""What reference dual_propagation.md says, in plain NumPy and its own notation: nothing here comes from neurosim.

W[k], b[k]: layer k -> k + 1, shape (out, in); B[k]: layer k + 1 -> k; columns are samples; lists count layers from 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from physics_nets import Numbers

Array = np.ndarray
Function = Callable[[Array], Array]


def identity(x: Array) -> Array:
    return x


def relu(x: Array) -> Array:
    return np.maximum(x, 0.0)


FUNCTION: dict[str, Function] = {"identity": identity, "relu": relu, "tanh": np.tanh}
SLOPE: dict[str, Function] = {
    "identity": np.ones_like,
    "relu": lambda a: 1.0 * (a > 0),
    "tanh": lambda a: 1 - np.tanh(a) ** 2,
}


def squared_error_slope(s: Array, y: Array) -> Array:
    return s - y


def cross_entropy_slope(s: Array, y: Array) -> Array:
    powers = np.exp(s - s.max(axis=0))
    return powers / powers.sum(axis=0) - y


COST_SLOPE = {"squared_error": squared_error_slope, "cross_entropy": cross_entropy_slope}


def free_state(net: Numbers, f: Function) -> tuple[list[Array], list[Array | None]]:
    """Return s_k and a_k for k = 0..L of the feed-forward network with linear outputs; there is no a_0."""
    s, a = [net.x], [None]
    for k, (W, b) in enumerate(zip(net.W, net.b, strict=True)):
        a.append(W @ s[k] + b)
        s.append(f(a[-1]) if k < len(net.W) - 1 else a[-1])
    return s, a


def small_nudge_errors(net: Numbers, activation: str, cost: str) -> list[Array]:
    """Rung E3 of the ladder: d_L = g, d_k = D_k B_k d_{k+1} for k = 1..L, the first entry for k = 1."""
    s, a = free_state(net, FUNCTION[activation])
    d = [COST_SLOPE[cost](s[-1], net.y)]
    for k in range(len(net.W) - 1, 0, -1):
        d.insert(0, SLOPE[activation](a[k]) * (net.B[k] @ d[0]))
    return d


def exact_errors(net: Numbers, activation: str, cost: str) -> list[Array]:
    """Rung E4: delta_L = g, delta_k = D_k W_k^T delta_{k+1} for k = 1..L, the first entry for k = 1."""
    return small_nudge_errors(Numbers(net.W, net.b, net.x, net.y), activation, cost)


def asymmetry_terms(net: Numbers, activation: str, cost: str) -> list[Array]:
    """t_L = 0, t_k = D_k (B_k t_{k+1} + (B_k - W_k^T) delta_{k+1}) for k = 1..L, the first entry for k = 1."""
    _, a = free_state(net, FUNCTION[activation])
    delta = exact_errors(net, activation, cost)
    t = [np.zeros_like(delta[-1])]
    for k in range(len(net.W) - 1, 0, -1):
        t.insert(0, SLOPE[activation](a[k]) * (net.B[k] @ t[0] + (net.B[k] - net.W[k].T) @ delta[k]))
    return t


def one_sided_errors(net: Numbers, activation: str, cost: str, alpha: int, beta: float) -> list[Array]:
    """dhat_k of DP^T with alpha 0 or 1 at any beta, for k = 1..L, the first entry for k = 1."""
    f = FUNCTION[activation]
    s, a = free_state(net, f)
    dhat = [COST_SLOPE[cost](s[-1], net.y)]
    for k in range(len(net.W) - 1, 0, -1):
        current = net.B[k] @ dhat[0]
        step = f(a[k] + beta * current) - s[k] if alpha == 1 else s[k] - f(a[k] - beta * current)
        dhat.insert(0, step / beta)
    return dhat


def dyad_gradient(
    net: Numbers, activation: str, cost: str, alpha: float, beta: float, rounds: int, transposed: bool
) -> tuple[list[Array], list[Array], list[Array], list[Array]]:
    """Section 9: `fwbw` sweeps with the cost gradient frozen at the free prediction; return dW, db, s^+, s^-."""
    W, B, b, f = net.W, net.B, net.b, FUNCTION[activation]
    last, abar = len(W), 1 - alpha
    cp, cm = (abar, alpha) if transposed else (alpha, abar)
    s, _ = free_state(net, f)
    sp, sm, g = list(s), list(s), COST_SLOPE[cost](s[last], net.y)
    up_down = list(range(2, last + 1)) + list(range(last - 1, 0, -1))
    for k in list(range(last, 0, -1)) + up_down * (rounds - 1):
        a = W[k - 1] @ (alpha * sp[k - 1] + abar * sm[k - 1]) + b[k - 1]
        if k == last:
            sp[k], sm[k] = a - cp * beta * g, a + cm * beta * g
        else:
            F = B[k] @ (sp[k + 1] - sm[k + 1])
            sp[k], sm[k] = f(a + cp * F), f(a - cm * F)
    dhat = [(sm[k + 1] - sp[k + 1]) / (beta * net.x.shape[1]) for k in range(last)]
    dW = [dhat[k] @ (alpha * sp[k] + abar * sm[k]).T for k in range(last)]
    return dW, [d.sum(axis=1) for d in dhat], sp, sm
