"""Many batches of learning in one kernel call; what it computes is said in `neurosim.physics.deep_resistive.descent`.

`table` holds HEAD numbers, and then LAYER_ENTRIES for every free layer; `work` is scratch, at the places that `table`
says. Conductances between free layers are used transposed, G^T with a row for every node of the upper layer, so that
all loops run along rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from neurosim.jit import INDEX, helper, inlined, kernel, reduction, vector
from neurosim.physics.layered.response import add, copy
from neurosim.physics.layered.sweep_kernels import squared_distance

# Entries of `table`: samples, samples per batch, sweeps per phase, free layers, sources at a positive voltage, and then
# the places in `work`.
ROWS, BATCH, SWEEPS, LAYERS, INPUTS, SUMS, DRIVE, STATES, SCALED, PULL, TERMS, CURRENT, SPREAD, HEAD = range(14)
# Per free layer: units, place among the units of all, place of its biases in `theta`, of G^T from it to the next layer
# in `upward`.
UNITS, AT, BIAS, UP, LAYER_ENTRIES = range(5)
# Entries of `numbers`: input gain, nudge, bounds of the conductances, the RMS change of a sweep beyond which a sample
# has diverged; behind them the learning rates of G_0, G_1, ..., b_1, b_2, ...
GAIN, BETA, LOW, HIGH, LIMIT, RATES = range(6)
FREE, PLUS, MINUS, PHASES = range(4)  # order of the states


@reduction
def dot(x: Any, y: Any) -> Any:
    """Return the product of two flat arrays."""
    total = x.dtype.type(0.0)
    for k in range(x.size):
        total += x[k] * y[k]
    return total


@reduction
def total_of(x: Any) -> Any:
    """Return the sum of a flat array."""
    total = x.dtype.type(0.0)
    for k in range(x.size):
        total += x[k]
    return total


@inlined
def clear(x: Any) -> None:
    """Set a flat array to zero."""
    zero = x.dtype.type(0.0)
    for k in range(x.size):
        x[k] = zero


@inlined
def add_scaled(factor: Any, x: Any, y: Any) -> None:
    """Add `factor` times `x` to `y`."""
    for k in range(x.size):
        y[k] += factor * x[k]


@inlined
def clip(x: Any, low: Any, high: Any) -> None:
    """Clip a flat array; a comparison with NaN is false, and NaN stays."""
    for k in range(x.size):
        z = low if x[k] < low else x[k]
        x[k] = high if z > high else z


@inlined
def part(table: Any, k: int) -> Any:
    """Return (place of the units, units, place of the biases, place of the conductances upwards) of free layer `k`."""
    at = HEAD + k * LAYER_ENTRIES
    return table[at + AT], table[at + UNITS], table[at + BIAS], table[at + UP]


@helper
def settle(v: Any, beta: Any, drive: Any, target: Any, theta: Any, upward: Any, work: Any, table: Any) -> float:
    """Sweep the voltages `v` of one sample; return the sum of the squares of what the last sweep changed."""
    layers, sweeps = table[LAYERS], table[SWEEPS]
    zero, squares = work.dtype.type(0.0), 0.0
    nothing, unbounded = work.dtype.type(np.nan), work.dtype.type(np.inf)
    for sweep in range(sweeps):
        for k in range(layers):
            at, n, bias, up = part(table, k)
            own, z = v[at : at + n], work[table[CURRENT] : table[CURRENT] + n]
            sums = work[table[SUMS] + at : table[SUMS] + at + n]
            copy(theta[bias : bias + n], z)
            if k == 0:
                add(drive, z)
            else:
                below, m, _, rows = part(table, k - 1)
                for j in range(n):
                    z[j] += dot(upward[rows + j * m : rows + (j + 1) * m], v[below : below + m])
            if k + 1 < layers:
                above, m, _, _ = part(table, k + 1)
                for i in range(m):
                    add_scaled(v[above + i], upward[up + i * n : up + (i + 1) * n], z)
                for j in range(n):
                    z[j] /= sums[j]
                half = (n + 1) // 2
                clip(z[:half], zero, unbounded)
                clip(z[half:], -unbounded, zero)
            else:
                for j in range(n):
                    g = sums[j] + beta
                    z[j] = (z[j] + beta * target[j]) / g if g > zero else nothing
            if sweep == sweeps - 1:
                squares += float(squared_distance(z, own))
            copy(z, own)
    return squares


@helper
def pass_over_sources(
    now: Any, then: Any, scaled: Any, drive: Any, theta: Any, work: Any, table: Any, numbers: Any
) -> None:
    """Let G_0 follow the samples `now`, clip it, sum it, and form the drive of the samples `then`.

    One pass over the conductances, a source and its mirror image at a time. Of a source at 0 V in the whole batch only
    the pull on the nodes is left.
    """
    n0, n = table[INPUTS], table[HEAD + UNITS]
    sums, pull = work[table[SUMS] : table[SUMS] + n], work[table[PULL] : table[PULL] + n]
    change, spread = work[table[CURRENT] : table[CURRENT] + n], work[table[SPREAD] : table[SPREAD] + n]
    low, high, zero = numbers[LOW], numbers[HIGH], work.dtype.type(0.0)
    rows, coming = now.size // n0, then.size // n0
    clear(sums)
    clear(drive)
    for i in range(n0):
        plus, minus = theta[i * n : (i + 1) * n], theta[(n0 + i) * n : (n0 + i + 1) * n]
        active = False
        for b in range(rows):
            x = now[b * n0 + i]
            if x != zero:
                if not active:
                    clear(change)
                    active = True
                add_scaled(x, scaled[b * n : (b + 1) * n], change)
        if active:
            follow_pair(plus, minus, pull, change, low, high)
        else:
            follow_alone(plus, pull, low, high)
            follow_alone(minus, pull, low, high)
        sum_pair(plus, minus, sums, spread)
        for b in range(coming):
            x = then[b * n0 + i]
            if x != zero:
                add_scaled(x, spread, drive[b * n : (b + 1) * n])
    for j in range(drive.size):
        drive[j] *= numbers[GAIN]


@inlined
def follow_pair(plus: Any, minus: Any, pull: Any, change: Any, low: Any, high: Any) -> None:
    """Let the conductances of a source and of its mirror image follow: the pull is theirs, the change has a sign."""
    for j in range(plus.size):
        g, h = plus[j] + (pull[j] - change[j]), minus[j] + (pull[j] + change[j])
        g, h = low if g < low else g, low if h < low else h
        plus[j], minus[j] = high if g > high else g, high if h > high else h


@inlined
def follow_alone(row: Any, pull: Any, low: Any, high: Any) -> None:
    """Let the conductances of a source at 0 V follow."""
    for j in range(row.size):
        g = row[j] + pull[j]
        g = low if g < low else g
        row[j] = high if g > high else g


@inlined
def sum_pair(plus: Any, minus: Any, sums: Any, spread: Any) -> None:
    """Add the conductances of a source and of its mirror image to `sums`; write their difference."""
    for j in range(plus.size):
        sums[j] += plus[j] + minus[j]
        spread[j] = plus[j] - minus[j]


@inlined
def follow_upward(row: Any, product: Any, terms: Any, own: Any, rate: Any, low: Any, high: Any) -> None:
    """Let the conductances from one layer to a node of the next follow."""
    for i in range(row.size):
        g = row[i] - rate * (product[i] - (terms[i] + own))
        g = low if g < low else g
        row[i] = high if g > high else g


@helper
def pass_over_layers(v: Any, e: Any, upward: Any, work: Any, table: Any, numbers: Any) -> None:
    """Let the conductances between free layers follow, clip them, and add their sums to those of G_0.

    `v` and `e` are mean voltages and errors, all units of a sample behind each other.
    """
    layers = table[LAYERS]
    last, outputs, _, _ = part(table, layers - 1)
    units = last + outputs
    terms, sums = work[table[TERMS] : table[TERMS] + units], work[table[SUMS] : table[SUMS] + units]
    one = work.dtype.type(1.0)
    for k in range(1, layers):
        below, m, _, up = part(table, k - 1)
        above, n, _, _ = part(table, k)
        product = work[table[CURRENT] : table[CURRENT] + m]
        clear(sums[above : above + n])
        for j in range(n):
            clear(product)
            for s in range(0, v.size, units):
                add_scaled(e[s + above + j], v[s + below : s + below + m], product)
                add_scaled(v[s + above + j], e[s + below : s + below + m], product)
            row = upward[up + j * m : up + (j + 1) * m]
            follow_upward(row, product, terms[below : below + m], terms[above + j], numbers[RATES + k], numbers[LOW],
                          numbers[HIGH])  # fmt: skip
            add_scaled(one, row, sums[below : below + m])
            sums[above + j] = total_of(row)


@helper
def read(v: Any, e: Any, at_input: float, theta: Any, work: Any, table: Any, numbers: Any) -> bool:
    """Turn nudged voltages into means and errors, let bias currents follow; False where products leave the range.

    `v` and `e` come as the voltages under a positive and a negative nudge, and leave as means and errors; `at_input` is
    the sum of the squares of the inputs.
    """
    layers, real = table[LAYERS], work.dtype.type
    last, outputs, _, _ = part(table, layers - 1)
    units, n = last + outputs, table[HEAD + UNITS]
    rows = v.size // units
    half, per_nudge = real(0.5), real(1.0) / (real(2.0) * numbers[BETA] * real(rows))
    for i in range(v.size):
        plus, minus = v[i], e[i]
        v[i] = half * (plus + minus)
        e[i] = (minus - plus) * per_nudge
    largest = max(at_input, float(dot(v, v)), 1.0) * float(dot(e, e))
    if not largest < np.finfo(work.dtype).max:
        return False
    terms = work[table[TERMS] : table[TERMS] + units]
    clear(terms)
    for b in range(rows):
        add_products(v[b * units : (b + 1) * units], e[b * units : (b + 1) * units], terms)
        for k in range(layers):
            at, m, bias, _ = part(table, k)
            add_scaled(-numbers[RATES + layers + k], e[b * units + at : b * units + at + m], theta[bias : bias + m])
        clear(work[table[SCALED] + b * n : table[SCALED] + (b + 1) * n])
        add_scaled(numbers[RATES] * numbers[GAIN], e[b * units : b * units + n],
                   work[table[SCALED] + b * n : table[SCALED] + (b + 1) * n])  # fmt: skip
    clear(work[table[PULL] : table[PULL] + n])
    add_scaled(numbers[RATES], terms[:n], work[table[PULL] : table[PULL] + n])
    return True


@inlined
def add_products(x: Any, y: Any, out: Any) -> None:
    """Add x y of every entry to `out`."""
    for i in range(x.size):
        out[i] += x[i] * y[i]


def _signature(real: Any) -> Any:
    return types.int64(*[vector(real)] * 5, INDEX, vector(real), vector(real), vector(types.float64))


@kernel(_signature)
def descend(
    inputs: Any, targets: Any, theta: Any, upward: Any, work: Any, table: Any, numbers: Any, prediction: Any, left: Any
) -> int:
    """Learn from one batch after the other; return how many were followed before one could not be.

    Parameters
    ----------
    inputs, targets : ndarray, shapes (rows * inputs,) and (rows * outputs,)
        The samples.
    theta : ndarray
        Parameters; G_0 and the biases change.
    upward : ndarray
        G_1^T, G_2^T, ...; changed.
    work, table, numbers : ndarray
        See above.
    prediction : ndarray, shape (rows * outputs,)
        Free voltages of the outputs.
    left : ndarray of float64, shape (rows,)
        Largest RMS change of the last sweep of a phase.
    """
    rows, batch, layers, n0 = table[ROWS], table[BATCH], table[LAYERS], table[INPUTS]
    last, outputs, _, _ = part(table, layers - 1)
    units, n, beta, zero = last + outputs, table[HEAD + UNITS], numbers[BETA], work.dtype.type(0.0)
    size = batch * units
    states = work[table[STATES] : table[STATES] + PHASES * size]
    drives, scaled = work[table[DRIVE] : table[DRIVE] + batch * n], work[table[SCALED] : table[SCALED] + batch * n]
    clear(work[table[PULL] : table[PULL] + n])
    clear(work[table[TERMS] : table[TERMS] + units])
    following = inputs[: min(batch, rows) * n0]
    pass_over_sources(inputs[:0], following, scaled, drives[: min(batch, rows) * n], theta, work, table, numbers)
    pass_over_layers(states[:0], states[:0], upward, work, table, numbers)
    followed = 0
    for first in range(0, rows, batch):
        here = min(batch, rows - first)
        usable, shown = True, following
        for b in range(here):
            y, drive = targets[(first + b) * outputs : (first + b + 1) * outputs], drives[b * n : (b + 1) * n]
            free = states[b * units : (b + 1) * units]
            clear(free)
            worst = settle(free, zero, drive, y, theta, upward, work, table)
            copy(free[last:], prediction[(first + b) * outputs : (first + b + 1) * outputs])
            for phase in (PLUS, MINUS):
                v = states[phase * size + b * units : phase * size + (b + 1) * units]
                copy(free, v)
                change = settle(v, beta if phase == PLUS else -beta, drive, y, theta, upward, work, table)
                worst = change if not (worst >= change or worst != worst) else worst  # NaN stays
            left[first + b] = math.sqrt(worst / units)
            usable = usable and left[first + b] <= float(numbers[LIMIT])
        v, e = states[size : size + here * units], states[2 * size : 2 * size + here * units]
        if not (usable and read(v, e, float(dot(shown, shown)), theta, work, table, numbers)):
            break
        coming = min(batch, rows - first - here)
        following = inputs[(first + here) * n0 : (first + here + coming) * n0]
        pass_over_sources(shown, following, scaled, drives[: coming * n], theta, work, table, numbers)
        pass_over_layers(v, e, upward, work, table, numbers)
        followed += 1
    return followed
