"""One step of many copies of a recurrent network, and the decorrelation of its state, for kernels.

    a_t = A u_t + R z_{t-1} + s xi_t,   z_t = D tanh(a_t),   o_t = B z_t + s zeta_t

Copies are planes: a state has the shape (planes rows, N), row r of plane p at p rows + r, and all go through one matrix
product. The first planes are quiet unless they are asked to be noisy as well.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types

from neurosim.jit import helper, record
from neurosim.noise.fill import LINES, fill_lines
from neurosim.physics.elementary import tanh


class Weights(NamedTuple):
    """The conductances, as in `RecurrentNetwork`."""

    A: Any
    R: Any
    B: Any
    D: Any


class Copies(NamedTuple):
    """States of all copies; `z` goes on from step to step, the others are overwritten.

    Parameters
    ----------
    z, a, h : ndarray, shape (planes * rows, N)
        States, currents, states before decorrelation.
    o : ndarray, shape (planes * rows, outputs)
        Outputs.
    drive : ndarray, shape (rows, N)
        What the inputs give every copy.
    normals : ndarray, shape (planes, rows * width)
        Noise of every copy in units of its standard deviation: N numbers for the units, then those of the outputs.
    """

    z: Any
    a: Any
    h: Any
    o: Any
    drive: Any
    normals: Any


class Noise(NamedTuple):
    """Where the noise of the copies comes from.

    Parameters
    ----------
    key0, key1 : int
        Words of a `neurosim.seeds.NoiseKey`.
    lines : Lines
        Counters of one copy.
    sigma : float
        Standard deviation.
    quiet : int
        How many planes, from the first on, have no noise.
    """

    key0: Any
    key1: Any
    lines: Any
    sigma: Any
    quiet: Any


def matrix(real: Any) -> Any:
    """Return the type of a contiguous matrix of `real`."""
    return types.Array(real, 2, "C")


def weights_type(real: Any) -> Any:
    """Return the Numba type of `Weights`."""
    return record(Weights, *[matrix(real)] * 4)


def copies_type(real: Any) -> Any:
    """Return the Numba type of `Copies`."""
    return record(Copies, *[matrix(real)] * 6)


def noise_type(real: Any) -> Any:
    """Return the Numba type of `Noise`."""
    return record(Noise, types.int64, types.int64, LINES, real, types.int64)


@helper
def advance(weights: Any, decorrelated: Any, copies: Any, noise: Any, u: Any, step: Any) -> None:
    """Advance all copies by a step with inputs `u`, shape (rows, inputs); `step` counts the noise."""
    z, a, o, normals = copies.z, copies.a, copies.o, copies.normals
    rows, units = copies.drive.shape
    planes, outputs = z.shape[0] // rows, o.shape[1]
    width = normals.shape[1] // rows
    np.dot(u, weights.A.T, copies.drive)
    np.dot(z, weights.R.T, a)
    h = copies.h if decorrelated else z
    sigma = noise.sigma
    for p in range(planes):
        noisy = p >= noise.quiet
        if noisy:
            fill_lines(noise.key0, noise.key1, noise.lines, step, p, normals[p])
        for r in range(rows):
            at, out, drive = a[p * rows + r], h[p * rows + r], copies.drive[r]
            if noisy:
                xi = normals[p, r * width : r * width + units]
                for i in range(units):
                    at[i] += drive[i] + sigma * xi[i]
            else:
                for i in range(units):
                    at[i] += drive[i]
            for i in range(units):
                out[i] = tanh(at[i])
    if decorrelated:
        np.dot(h, weights.D.T, z)
    np.dot(z, weights.B.T, o)
    for p in range(noise.quiet, planes):
        for r in range(rows):
            for i in range(outputs):
                o[p * rows + r, i] += sigma * normals[p, r * width + units + i]


@helper
def decorrelate(D: Any, z: Any, rate: Any, gain_control: Any, zd: Any, product: Any) -> None:
    """D <- D - rate ((1 - k) offdiag(z z^T) D + k diag(z^2 - 1) D), with means over the rows of `z`, (rows, N)."""
    rows, units = z.shape
    one = type(rate)(1.0)
    np.dot(z, D, zd)
    np.dot(z.T, zd, product)
    share = one / type(rate)(rows)
    for i in range(units):
        square = type(rate)(0.0)
        for r in range(rows):
            square += z[r, i] * z[r, i]
        square *= share
        line, pulled = D[i], product[i]
        for j in range(units):
            pull = (one - gain_control) * (share * pulled[j] - square * line[j])
            line[j] -= rate * (pull + gain_control * (square - one) * line[j])
