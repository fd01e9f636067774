"""Noisy copies of a recurrent network beside quiet ones, and what their synapses make of the differences.

With dl = l' - l, da = a' - a, do = o' - o of a noisy copy and the copy it is compared with:

    nodes:     e_t = c_t xi_t / s^2,       eo_t = co_t zeta_t / s^2
    activity:  e_t = k c_t da_t,           eo_t = k' co_t do_t
    G_A = sum_t e_t u_t^T,   G_R = sum_t e_t z_{t-1}^T,   G_B = sum_t eo_t z_t^T

c_t is dl_t (credit step), the sum of dl_t' over t' >= t (causal) or over all t' (total). The last two are known after
the sequence only: it is run twice with the same noise, which is generated anew. The first run keeps the sums of dl and
of the squares of da and do of every copy, and the second one needs nothing else, so that memory does not grow with the
length of the sequence. An eligibility per synapse and copy would save the second run, but moves N^2 numbers per copy
and step, as much as the product that it saves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types

from neurosim.jit import helper, kernel, record, reduction, vector
from neurosim.physics.recurrent.step import (
    advance,
    copies_type,
    decorrelate,
    matrix,
    noise_type,
    weights_type,
)

STEP, CAUSAL, TOTAL = 0, 1, 2  # credit


class Choice(NamedTuple):
    """What the rule does.

    Parameters
    ----------
    activity : int
        1: synapses read differences of currents; 0: the noise itself.
    credit : int
        `STEP`, `CAUSAL` or `TOTAL`.
    whole : int
        1: one norm for units and outputs together; 0: one for each.
    form : int
        0: the first of two runs, which only sums up; 1: products are formed.
    decorrelated : int
        Whether D acts and is adapted.
    """

    activity: Any
    credit: Any
    whole: Any
    form: Any
    decorrelated: Any


class Sums(NamedTuple):
    """What is summed over time for every pair of copies, in double precision, shape (pairs, rows) each.

    Parameters
    ----------
    loss, currents, outputs : ndarray
        Differences of the loss, and squares of the differences of currents and of outputs.
    passed : ndarray
        Differences of the loss before the present step.
    mean_loss : ndarray, shape (rows,)
        Loss of the first copy, summed over the steps that count.
    """

    loss: Any
    currents: Any
    outputs: Any
    passed: Any
    mean_loss: Any


class Products(NamedTuple):
    """Gradients, and room for the products of one step.

    Parameters
    ----------
    A, R, B : ndarray
        Sums over the steps, of the shapes of the parameters.
    step_inputs, step_recurrent, step_readout : ndarray
        Of one step.
    e, eo : ndarray, shape (references * rows, N) and (references * rows, outputs)
        Factors of one step.
    before : ndarray, shape (references * rows, N)
        States before the step.
    all_e : ndarray, shape (rows, N)
        Sum of `e` over the references.
    zd : ndarray, shape (rows, N)
        Room for decorrelation.
    """

    A: Any
    R: Any
    B: Any
    step_inputs: Any
    step_recurrent: Any
    step_readout: Any
    e: Any
    eo: Any
    before: Any
    all_e: Any
    zd: Any


@reduction
def squared_distance(x: Any, y: Any) -> Any:
    """Return |x - y|^2."""
    total = x[0] - x[0]
    for i in range(x.size):
        total += (x[i] - y[i]) * (x[i] - y[i])
    return total


@helper
def add(source: Any, out: Any) -> None:
    """Add a matrix to another."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] += source[i, j]


@helper
def clear(out: Any) -> None:
    """Set a matrix to zero."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = 0.0


def _signature(real: Any) -> Any:
    doubles = types.Array(types.float64, 2, "C")
    sums = record(Sums, doubles, doubles, doubles, doubles, vector(types.float64))
    products = record(Products, *[matrix(real)] * 11)
    choice = record(Choice, *[types.int64] * 5)
    signal = types.Array(real, 3, "C")
    batch = (signal, signal, vector(types.float64), types.int64, types.int64)
    numbers = (types.float64, real, real)
    return types.void(weights_type(real), copies_type(real), noise_type(real), choice, *batch, sums, products, *numbers)


@kernel(_signature)
def run_copies(
    weights: Any, copies: Any, noise: Any, choice: Any, inputs: Any, targets: Any, counted: Any, first: int, last: int,
    sums: Any, products: Any, scale: float, rate: Any, gain_control: Any,
) -> None:  # fmt: skip
    """Take the copies through steps `first` to `last`; add up sums, or products times `scale`.

    Parameters
    ----------
    inputs, targets : ndarray, shapes (steps, rows, inputs) and (steps, rows, outputs)
        The batch.
    counted : ndarray of float64, shape (steps,)
        Weight of the loss of every step.
    rate, gain_control : float
        Of decorrelation.
    """
    rows, units = copies.drive.shape
    outputs = copies.o.shape[1]
    pairs = sums.loss.shape[0]
    references = copies.z.shape[0] // rows - pairs
    width = copies.normals.shape[1] // rows
    steps = inputs.shape[0]
    z, a, o, normals, e, eo = copies.z, copies.a, copies.o, copies.normals, products.e, products.eo
    noisy_references = noise.quiet == 0
    variance = noise.sigma * (2.0 if noisy_references else 1.0)  # over the sd that is a factor of the noise itself
    for t in range(first, last):
        forming = choice.form == 1 and pairs > 0
        if forming:
            for i in range(references * rows):
                for j in range(units):
                    products.before[i, j] = z[i, j]
            clear(e)
            clear(eo)
        advance(weights, choice.decorrelated == 1, copies, noise, inputs[t], t)
        for r in range(rows):
            sums.mean_loss[r] += counted[t] * squared_distance(o[r], targets[t, r]) / outputs
        for k in range(pairs):
            reference = k if references > 1 else 0
            for r in range(rows):
                p, q = (references + k) * rows + r, reference * rows + r
                change = 0.0
                for i in range(outputs):
                    twice = o[p, i] + o[q, i] - targets[t, r, i] - targets[t, r, i]
                    change += (o[p, i] - o[q, i]) * twice
                change *= counted[t] / outputs
                square, output_square = 0.0, 0.0
                if choice.activity == 1:
                    square = float(squared_distance(a[p], a[q]))
                    output_square = float(squared_distance(o[p], o[q]))
                if not forming:
                    sums.loss[k, r] += change
                    sums.currents[k, r] += square
                    sums.outputs[k, r] += output_square
                    continue
                credit = change
                if choice.credit == 1:
                    credit = sums.loss[k, r] - sums.passed[k, r]
                    sums.passed[k, r] += change
                elif choice.credit == 2:
                    credit = sums.loss[k, r]
                line, output_line = e[q], eo[q]
                if choice.activity == 1:
                    count = 1.0
                    if choice.credit != 0:
                        square, output_square, count = sums.currents[k, r], sums.outputs[k, r], float(steps)
                    if choice.whole == 1:
                        square += output_square
                        output_square = square
                    unit_count = units + outputs if choice.whole == 1 else units
                    output_count = units + outputs if choice.whole == 1 else outputs
                    factor, output_factor = 0.0, 0.0
                    if square > 0.0 or square != square:
                        factor = scale * credit * unit_count * count / square
                    if output_square > 0.0 or output_square != output_square:
                        output_factor = scale * credit * output_count * count / output_square
                    f, g = type(noise.sigma)(factor), type(noise.sigma)(output_factor)
                    ap, aq = a[p], a[q]
                    for i in range(units):
                        line[i] += f * (ap[i] - aq[i])
                    for i in range(outputs):
                        output_line[i] += g * (o[p, i] - o[q, i])
                else:
                    f = type(noise.sigma)(scale * credit / variance)
                    g = type(noise.sigma)(scale * (change if choice.credit == 1 else credit) / variance)
                    at = r * width
                    xi, beside = normals[references + k], normals[reference]
                    for i in range(units):
                        line[i] += f * xi[at + i]
                    for i in range(outputs):
                        output_line[i] += g * xi[at + units + i]
                    if noisy_references:
                        for i in range(units):
                            line[i] -= f * beside[at + i]
                        for i in range(outputs):
                            output_line[i] -= g * beside[at + units + i]
        if forming:
            clear(products.all_e)
            for q in range(references):
                add(e[q * rows : (q + 1) * rows], products.all_e)
            np.dot(products.all_e.T, inputs[t], products.step_inputs)
            np.dot(e.T, products.before, products.step_recurrent)
            np.dot(eo.T, z[: references * rows], products.step_readout)
            add(products.step_inputs, products.A)
            add(products.step_recurrent, products.R)
            add(products.step_readout, products.B)
        if choice.decorrelated == 1 and rate > 0.0:
            decorrelate(weights.D, z[:rows], rate, gain_control, products.zd, products.step_recurrent)
