"""Copies of a recurrent network whose conductances are noisy, beside a quiet one.

Every copy has all conductances theta + V with V ~ N(0, s^2), redrawn at every step (credit step) or held for the whole
sequence (credit total), and G = sum_t dl_t V_t / s^2 or (sum_t dl_t) V / s^2. The noise is generated anew for the
product at the end instead of being kept.
"""

from __future__ import annotations

from typing import Any

from numba import types

from neurosim.jit import helper, kernel, vector
from neurosim.noise.fill import fill_lines
from neurosim.physics.recurrent.copies_kernel import squared_distance
from neurosim.physics.recurrent.step import Copies, Noise, Weights, advance, copies_type, matrix, noise_type


@helper
def draw_weights(noise: Any, step: Any, copy: Any, mask: Any, normals: Any) -> None:
    """Write the noise of all conductances of a copy, in units of its standard deviation, into `normals`."""
    fill_lines(noise.key0, noise.key1, noise.lines, step, copy, normals)
    for i in range(mask.size):
        normals[i] *= mask[i]


def _signature(real: Any) -> Any:
    signal, doubles = types.Array(real, 3, "C"), vector(types.float64)
    batch = (signal, signal, vector(types.float64), types.int64, types.int64, types.int64)
    weights = (vector(real), vector(real), vector(real), matrix(real), vector(real))
    states = (copies_type(real), matrix(real), matrix(real), noise_type(real))
    return types.void(*weights, *states, *batch, doubles, doubles, vector(real), types.float64)


@helper
def views(flat: Any, D: Any, inputs: Any, outputs: Any) -> Any:
    """Return `Weights` in the memory of the flat conductances A, R, B."""
    n = D.shape[0]
    a, r = n * inputs, n * (inputs + n)
    A, R = flat[:a].reshape((n, inputs)), flat[a:r].reshape((n, n))
    B = flat[r : r + n * outputs].reshape((outputs, n))
    return Weights(A, R, B, D)


@kernel(_signature)
def run_noisy_weights(
    theta: Any, noisy_theta: Any, mask: Any, D: Any, normals: Any, copies: Any, states: Any, noisy_o: Any, noise: Any,
    inputs: Any, targets: Any, counted: Any, first: int, last: int, held: int, losses: Any, mean_loss: Any,
    gradient: Any, scale: float,
) -> None:  # fmt: skip
    """Take the quiet network and all noisy ones through steps `first` to `last`.

    Parameters
    ----------
    theta : ndarray, shape (n,)
        A, R and B.
    noisy_theta, normals : ndarray, shapes (n,) and (n or more,)
        Room for those of one copy, and for their noise.
    mask : ndarray, shape (n,)
        1 where a connection exists.
    copies : Copies
        Room for one copy; `z` is the state of the quiet one.
    states : ndarray, shape (copies, rows * N)
        States of the noisy ones.
    noisy_o : ndarray, shape (rows, outputs)
        Room for the outputs of one of them.
    held : int
        Whether the noise stays for the whole sequence; then only `losses` are summed up.
    losses : ndarray of float64, shape (copies,)
        Sum over the steps of the difference of the losses.
    gradient : ndarray, shape (n,)
        Sum of the products, times `scale`.
    """
    rows, units = copies.drive.shape
    outputs, many = copies.o.shape[1], states.shape[0]
    zero = type(noise.sigma)(0.0)
    # The network itself has no noise at its units: all planes of a copy are quiet.
    silent = Noise(noise.key0, noise.key1, noise.lines, zero, 1)
    for t in range(first, last):
        advance(views(theta, D, inputs.shape[2], outputs), False, copies, silent, inputs[t], t)
        for r in range(rows):
            mean_loss[r] += counted[t] * squared_distance(copies.o[r], targets[t, r]) / outputs
        for k in range(many):
            draw_weights(noise, 0 if held == 1 else t, k + 1, mask, normals)
            for i in range(theta.size):
                noisy_theta[i] = theta[i] + noise.sigma * normals[i]
            state = states[k].reshape((rows, units))
            one = Copies(state, copies.a, copies.h, noisy_o, copies.drive, copies.normals)
            advance(views(noisy_theta, D, inputs.shape[2], outputs), False, one, silent, inputs[t], t)
            change = 0.0
            for r in range(rows):
                y, o, noisy = targets[t, r], copies.o[r], noisy_o[r]
                for i in range(outputs):
                    change += (noisy[i] - o[i]) * (noisy[i] + o[i] - y[i] - y[i])
            change *= counted[t] / outputs
            losses[k] += change
            if held == 0:
                f = type(noise.sigma)(scale * change / noise.sigma)
                for i in range(theta.size):
                    gradient[i] += f * normals[i]
    if held == 1 and last == inputs.shape[0]:
        for k in range(many):
            draw_weights(noise, 0, k + 1, mask, normals)
            f = type(noise.sigma)(scale * losses[k] / noise.sigma)
            for i in range(theta.size):
                gradient[i] += f * normals[i]
