"""The noise that drives a loop over steps: increments of Brownian motions, or integrals of coloured noise.

white      increment = sqrt(h) z
coloured   zeta' = mu zeta + sigma q z_1,     increment = int_0^h zeta dt = A zeta + sigma (c_1 z_1 + c_2 z_2)
           mu = e^{-a},  a = h/T,  q^2 = 1 - mu^2,  A = T (1 - mu),  c_1 = T (1 - mu)^2 / q,
           c_2^2 = T^2 (2 a - 3 + 4 mu - mu^2) - c_1^2,     sigma^2 = (1 + T/tau) / (2 T)

mixed      increments of the units of a row = L times those of one of the above that is white

z: standard normals of the step. Both are exact for any step, so that coloured noise tends to white noise for T -> 0.
zeta starts from its stationary distribution. The normals of a step are those of the stream of the system; the second
ones of coloured noise, and those of its start, are of streams of their own.

Source: D. T. Gillespie, Exact numerical simulation of the Ornstein-Uhlenbeck process and its integral, Physical Review
E 54 (1996) 2084.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types

from neurosim.errors import SimulationError
from neurosim.jit import block, helper, record, vector
from neurosim.noise.fill import LINES, STREAMS, Lines, fill_lines, line_width, lines
from neurosim.physics.dynamical_system import DynamicalSystem

Array = npt.NDArray[Any]

SILENT, WHITE, COLOURED, REPLAYED = range(4)  # values of `Driving.kind`
SECOND, BEGINNING = STREAMS // 2, STREAMS // 4  # added to the stream of a system, which is below either


class Driving(NamedTuple):
    """What a loop needs to make the increments of its steps.

    Parameters
    ----------
    kind : int
        `SILENT`, `WHITE`, `COLOURED` or `REPLAYED`.
    key0, key1, stream : int
        Key and stream of the random numbers.
    counters : Lines
        One line of normals per row.
    z, z2 : ndarray, shape (rows * width,)
        Room for the normals of a step.
    zeta : ndarray, shape (size,)
        The coloured noise itself, carried from call to call.
    sigma : ndarray of float64, shape (blocks,)
        Its standard deviation.
    factors : ndarray of float64, shape (5,)
        mu, A, q, c_1, c_2.
    replay : ndarray, shape (steps, size)
        Given increments.
    mixing : ndarray, shape (units^2,)
        L, row after row; empty where every unit has noise of its own.
    """

    kind: Any
    key0: Any
    key1: Any
    stream: Any
    counters: Any
    z: Any
    z2: Any
    zeta: Any
    sigma: Any
    factors: Any
    replay: Any
    mixing: Any


def driving_type(real: Any) -> Any:
    """Return the Numba type of `Driving`."""
    index, v, f = types.int64, vector(real), vector(types.float64)
    return record(Driving, index, index, index, index, LINES, v, v, v, f, f, types.Array(real, 2, "C"), v)


def ou_factors(h: float, T: float) -> Array:
    """Return mu, A, q, c_1 and c_2 of a step h of an Ornstein-Uhlenbeck process of correlation time T."""
    a = h / T
    mu, less = math.exp(-a), -math.expm1(-a)
    q = math.sqrt(-math.expm1(-2 * a))
    if a < 0.5:  # the closed form is a difference of large numbers
        variance = sum((-1) ** n * (4 - 2**n) * a**n / math.factorial(n) for n in range(3, 25))
    else:
        variance = 2 * a - 3 + 4 * mu - mu * mu
    c1 = less * less / q
    return np.array([mu, T * less, q, T * c1, T * math.sqrt(variance - c1 * c1)])


def driving(system: DynamicalSystem, h: float, replay: Array | None = None) -> Driving:
    """Return what a loop with step `h` needs; nothing but zeros come from a system without noise.

    Parameters
    ----------
    system : DynamicalSystem
        Knows its noise, its paths and its stream.
    h : float
        Step, in seconds.
    replay : ndarray, shape (steps, size), optional
        Increments to use instead of drawn ones, in root seconds.

    Raises
    ------
    SimulationError
        If coloured noise is to be replayed, or a number is out of the range of the counters.
    """
    noise, dtype = system.noise, system.dtype
    none, few = np.empty(0, dtype), np.empty(0)
    no_counters = Lines(*(np.empty(0, np.uint32),) * 3)
    if noise is None:
        return Driving(SILENT, 0, 0, 0, no_counters, none, none, none, few, few, np.empty((0, 0), dtype), none)
    mixing = none if noise.mixing is None else np.ascontiguousarray(noise.mixing(), dtype).ravel()
    if replay is not None:
        if noise.correlation_time:
            raise SimulationError("increments can be replayed of white noise only, and correlation_time is not 0")
        replay = np.ascontiguousarray(replay, dtype)
        return Driving(REPLAYED, 0, 0, 0, no_counters, none, none, none, few, few, replay, mixing)
    if not 0 <= system.noise_stream < BEGINNING:
        raise SimulationError(f"streams of state noise are numbers below {BEGINNING}, found {system.noise_stream}")
    units = sum(part.planes * part.units for part in system.blocks)
    counters = lines(system.paths, units, dtype)
    z = np.empty(system.rows * line_width(units, dtype), dtype)
    head = (*noise.key, system.noise_stream, counters, z)
    nothing = np.empty((0, 0), dtype)
    if not noise.correlation_time:
        return Driving(WHITE, *head, none, none, few, few, nothing, mixing)
    T = noise.correlation_time
    sigma = np.sqrt((1 + T * system.leak_rates.astype(np.float64)) / (2 * T))
    zeta = np.zeros(system.size, dtype)
    return Driving(COLOURED, *head, np.empty_like(z), zeta, sigma, ou_factors(h, T), nothing, none)


@helper
def scatter(layout: Any, z: Any, scale: Any, out: Any) -> None:
    """Write scale z into `out`: from lines of rows to a flat state."""
    rows, count = layout[0], layout[1]
    width, unit = z.size // rows, 0
    for b in range(count):
        lo, planes, n = block(layout, b)
        for c in range(planes):
            for r in range(rows):
                to, source = lo + (c * rows + r) * n, r * width + unit
                row, line = out[to : to + n], z[source : source + n]
                for i in range(n):
                    row[i] = scale * line[i]
            unit += n


@helper
def begin_noise(noise: Any, layout: Any) -> None:
    """Draw coloured noise from its stationary distribution; `noise` is a `Driving`."""
    real = noise.zeta.dtype.type
    fill_lines(noise.key0, noise.key1, noise.counters, 0, noise.stream + BEGINNING, noise.z)
    scatter(layout, noise.z, real(1.0), noise.zeta)
    for b in range(layout[1]):
        lo, planes, n = block(layout, b)
        sigma = real(noise.sigma[b])
        for i in range(lo, lo + planes * layout[0] * n):
            noise.zeta[i] *= sigma


@helper
def coloured_increments(noise: Any, layout: Any, step: int, out: Any) -> None:
    """Write the integrals of coloured noise over one step into `out`, and take the noise to the end of the step."""
    real, rows = out.dtype.type, layout[0]
    fill_lines(noise.key0, noise.key1, noise.counters, step, noise.stream, noise.z)
    fill_lines(noise.key0, noise.key1, noise.counters, step, noise.stream + SECOND, noise.z2)
    z, z2, zeta = noise.z, noise.z2, noise.zeta
    mu, A = real(noise.factors[0]), real(noise.factors[1])
    width, unit = z.size // rows, 0
    for b in range(layout[1]):
        lo, planes, n = block(layout, b)
        q, c1, c2 = (
            real(noise.sigma[b] * noise.factors[2]),
            real(noise.sigma[b] * noise.factors[3]),
            real(noise.sigma[b] * noise.factors[4]),
        )
        for c in range(planes):
            for r in range(rows):
                to, source = lo + (c * rows + r) * n, r * width + unit
                row, own = out[to : to + n], zeta[to : to + n]
                first, second = z[source : source + n], z2[source : source + n]
                for i in range(n):
                    row[i] = A * own[i] + c1 * first[i] + c2 * second[i]
                    own[i] = mu * own[i] + q * first[i]
            unit += n


@helper
def mix(layout: Any, L: Any, out: Any) -> None:
    """Replace the increments of every row by L times them, in place: L is lower triangular, so the last come first."""
    lo, _, n = block(layout, 0)
    for r in range(layout[0]):
        row = out[lo + r * n : lo + (r + 1) * n]
        for i in range(n - 1, -1, -1):
            total = L[i * n + i] * row[i]
            for j in range(i):
                total += L[i * n + j] * row[j]
            row[i] = total


@helper
def increments(noise: Any, layout: Any, step: int, root: Any, out: Any) -> None:
    """Write the increments of a step into `out`; what stands behind the blocks, or is silent, stays as it is.

    `noise` is a `Driving`, `root` the square root of the step.
    """
    if noise.kind == WHITE:
        fill_lines(noise.key0, noise.key1, noise.counters, step, noise.stream, noise.z)
        scatter(layout, noise.z, root, out)
    elif noise.kind == COLOURED:
        coloured_increments(noise, layout, step, out)
    elif noise.kind == REPLAYED:
        for i in range(out.size):
            out[i] = noise.replay[step, i]
    if noise.mixing.size > 0:
        mix(layout, noise.mixing, out)
