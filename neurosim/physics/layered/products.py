"""Local products of a compartment network: what every synapse multiplies, summed over samples, in independent pieces.

    dC/dW_k = sum source_k x error_{k+1},    dC/db_k = sum error_k,    dC/dB_k = sum source_{k+1} x error_k

The last where feedback is trained; by the rule of Kolen and Pollack it is (dC/dW_k)^T instead. A reciprocal conductance
in a loop works both ways, and its gradient has both parts: that of W_k, and the transpose of that of B_k. A readout
compares its prediction with the targets, dC/dR = mean source_L x e, dC/dc = mean e.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.model import Piece
from neurosim.physics.parameters import Parameters
from neurosim.workers import slices

Array = npt.NDArray[Any]

PRODUCT_PIECE = 1 << 17  # conductances; the products of a larger matrix are formed in several pieces


def layer_products(
    sources: Sequence[Array], errors: Sequence[Array], gradient: Parameters, readout_error: Array | None, *,
    both_ways: bool, follows: bool,
) -> list[Piece]:  # fmt: skip
    """Return the work of all sums; a large matrix in pieces of rows, cut by its shape alone.

    Parameters
    ----------
    sources : sequence of ndarray (samples, n_k), k = 0..L
        What synapses read where they come from, the inputs first.
    errors : sequence of ndarray (samples, n_k), k = 1..L
        What they read where they go to.
    gradient : Parameters
        Where the sums go.
    readout_error : ndarray (samples, outputs), optional
        Prediction minus target over the number of samples, where there is a readout.
    both_ways : bool
        Whether a conductance W_k also carries what B_k would.
    follows : bool
        Whether B_k learns as the transpose of W_k.
    """
    last = len(errors)
    pieces: list[Piece] = []
    for k in range(last):
        pairs = [(sources[k], errors[k])]
        if k > 0 and both_ways:
            pairs.append((errors[k - 1], sources[k + 1]))
        pieces += _product_pieces(gradient, f"W_{k}", pairs)
        pieces.append(_sum(gradient, f"b_{k + 1}", errors[k]))
    for k in range(1, last):
        if f"B_{k}" in gradient:
            pair = (errors[k], sources[k]) if follows else (sources[k + 1], errors[k - 1])
            pieces += _product_pieces(gradient, f"B_{k}", [pair])
    if readout_error is not None:
        pieces += _product_pieces(gradient, "R", [(sources[-1], readout_error)])
        pieces.append(_sum(gradient, "c", readout_error))
    return pieces


def _sum(gradient: Parameters, name: str, errors: Array) -> Piece:
    """Return the sum over samples for one vector of the gradient."""
    vector, at = gradient[name], gradient.offsets[name]
    return Piece(slice(at, at + len(vector)), partial(np.sum, errors, axis=0, out=vector))


def _product_pieces(gradient: Parameters, name: str, pairs: list[tuple[Array, Array]]) -> list[Piece]:
    """Return the pieces of sum over pairs of pre^T post, for one matrix of the gradient."""
    matrix, at = gradient[name], gradient.offsets[name]
    width, pieces = matrix.shape[1], []
    for rows in slices(len(matrix), math.ceil(matrix.size / PRODUCT_PIECE)):
        part = slice(at + rows.start * width, at + rows.stop * width)
        terms = [(pre.T[rows], post) for pre, post in pairs]
        pieces.append(Piece(part, partial(_form, terms, matrix[rows])))
    return pieces


def _form(terms: list[tuple[Array, Array]], out: Array) -> None:
    """Write the sum of the products into `out`."""
    np.matmul(*terms[0], out=out)
    for pre, post in terms[1:]:
        out += pre @ post
