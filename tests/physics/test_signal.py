"""Signals: blocks of whole batches, windows of rows, and the pieces in which products cover a gradient."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from physics_nets import circuit, draw_numbers, rule

from neurosim.physics.layered import products
from neurosim.physics.signal import Signal
from neurosim.workers import slices


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(1, 20), st.integers(1, 5))
def test_windows_are_rows_of_blocks(widths, samples, count):
    """Every value belongs to one block of one window, and windows share the memory of the whole."""
    whole = Signal.zeros(tuple(widths), samples, "float64")
    for part in slices(samples, count):
        window = whole.window(part)
        for i, width in enumerate(widths):
            assert window.block(i).shape == (part.stop - part.start, width)
            window.block(i)[:] += np.arange(part.start, part.stop)[:, None] + 100 * i
    for i, width in enumerate(widths):
        assert np.array_equal(whole.block(i), np.repeat(np.arange(samples)[:, None] + 100.0 * i, width, axis=1))
    assert whole.square() == pytest.approx(np.sum(whole.values**2))
    two = Signal.zeros(tuple(widths), samples, "float64")
    two.add(whole)
    two.scale(2.0)
    assert np.array_equal(two.values, 2 * whole.values)
    two.window(slice(0, 1)).clear()
    assert not any(two.block(i)[0].any() for i in range(len(widths)))
    assert np.array_equal(two.block(0)[1:], 2 * whole.block(0)[1:])
    assert sum(whole.window(part).square() for part in slices(samples, count)) == pytest.approx(whole.square())


@pytest.mark.parametrize("size", [1, 7, 1 << 17])
def test_pieces_cover_the_gradient_once(monkeypatch, size):
    """Each piece writes its own range of the flat vector and no other, and together they form the mean products."""
    monkeypatch.setattr(products, "PRODUCT_PIECE", size)
    net = draw_numbers((4, 6, 5, 3), samples=7)
    network = circuit(net, rule().compartments())
    r = np.random.default_rng(0)
    source, error = (Signal(r.normal(size=7 * 14), (6, 5, 3), 7, 0, 7) for _ in range(2))
    gradient = network.parameters.gradient()
    pieces = network.local_products(net.x.T, source, error, gradient)
    covered = np.zeros(gradient.flat.size, int)
    for piece in pieces:
        before = gradient.flat.copy()
        piece.form()
        covered[piece.part] += 1
        changed = np.flatnonzero(gradient.flat != before)
        assert np.isin(changed, np.arange(gradient.flat.size)[piece.part]).all()
    assert (covered == 1).all()
    for k, pre in enumerate([net.x.T, source.block(0), source.block(1)]):
        assert gradient[f"W_{k}"] == pytest.approx(np.einsum("ri,rj->ij", pre, error.block(k)), abs=1e-13)
        assert gradient[f"b_{k + 1}"] == pytest.approx(error.block(k).sum(axis=0), abs=1e-13)
