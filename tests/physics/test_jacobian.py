"""The Jacobian of the compartment network beside differences of its rate, on random circuits of every kind."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from physics_circuits import ACTIVATIONS, SMOOTH, cases

from neurosim.dynamics.dense import put_row
from neurosim.physics.linearisation import Linearisation

PROPERTY = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def difference(system, state, v, step=1e-4):
    """d(rate)/d(state) v from four rates."""
    near = system.rate(state + step * v) - system.rate(state - step * v)
    far = system.rate(state + 2 * step * v) - system.rate(state - 2 * step * v)
    return (8 * near - far) / (12 * step)


def directions(case, count=2):
    r = np.random.default_rng(case.state.size)
    return [r.normal(size=case.state.size).astype(case.state.dtype) for _ in range(count)]


@PROPERTY
@given(cases(SMOOTH, dtypes=("float64",)))
def test_products_are_differences_of_the_rate(case):
    """Of 1500 circuits the worst is off by 1e-11 of the largest entry."""
    (v,) = directions(case, 1)
    found, expected = case.system.linearise(case.state).times(v), difference(case.system, case.state, v)
    assert np.abs(found - expected).max() < 1e-9 * max(1.0, np.abs(expected).max())


@PROPERTY
@given(cases(ACTIVATIONS, dtypes=("float64",)))
def test_products_hold_for_activations_with_kinks_away_from_them(case):
    """Where differences with two steps agree there is no kink between them; damped circuits are among these."""
    (v,) = directions(case, 1)
    found, expected = case.system.linearise(case.state).times(v), difference(case.system, case.state, v)
    assume(np.allclose(expected, difference(case.system, case.state, v, step=3e-5), rtol=0, atol=1e-7))
    assert np.abs(found - expected).max() < 1e-9 * max(1.0, np.abs(expected).max())


@PROPERTY
@given(cases(ACTIVATIONS))
def test_transposed_products_are_those_of_the_transpose(case):
    """w . J v = v . J^T w; of 1500 circuits the worst is off by half a spacing of the two norms."""
    v, w = directions(case)
    linearised = case.system.linearise(case.state)
    forward, backward = linearised.times(v), linearised.transposed_times(w)
    assert forward.dtype == backward.dtype == case.state.dtype
    scale = np.linalg.norm(forward) * np.linalg.norm(w) + np.linalg.norm(backward) * np.linalg.norm(v)
    assert abs(w @ forward - v @ backward) <= 2 * np.finfo(v.dtype).eps * max(1.0, scale)


@PROPERTY
@given(cases(ACTIVATIONS))
def test_matrices_written_out_are_those_found_by_products(case):
    """Entry by entry, every kind of nudge included; the default of `Linearisation` knows nothing but products."""
    linear = case.system.linearise(case.state)
    written, found = linear.matrices(), Linearisation.matrices(linear)
    assert written.dtype == found.dtype == case.state.dtype
    assert written.shape == found.shape
    scale = max(1.0, np.abs(found).max())
    assert np.abs(written - found).max() <= 16 * np.finfo(case.state.dtype).eps * scale


@settings(PROPERTY, max_examples=60)
@given(cases(SMOOTH, dtypes=("float64",)))
def test_the_dense_matrix_has_the_products_as_columns_and_couples_no_samples(case):
    rows = case.system.rows
    blocks, v = [], directions(case, 1)[0]
    for row in range(rows):
        one, here = case.system.take([row]), case.system.take_state(case.state, [row])
        J = one.linearise(here).matrices()[0]
        assert J.shape == (here.size, here.size)
        unit = np.zeros_like(here)
        for i in range(here.size):
            unit[i] = 1.0
            expected = difference(one, here, unit)
            unit[i] = 0.0
            assert np.abs(J[:, i] - expected).max() < 1e-9 * max(1.0, np.abs(expected).max())
        blocks.append(J @ case.system.take_state(v, [row]))
    together = np.zeros_like(v)
    for row, block in enumerate(blocks):
        put_row(case.system, together, row, block)
    assert together == pytest.approx(case.system.linearise(case.state).times(v), rel=1e-11, abs=1e-11)


@settings(PROPERTY, max_examples=60)
@given(cases(ACTIVATIONS))
def test_rows_taken_out_of_a_batch_move_as_they_did_in_it(case):
    """`take` carries samples, nudges and frozen gradients along, in any order and repeated."""
    rows = [*reversed(range(case.system.rows)), 0]
    taken, state = case.system.take(rows), case.system.take_state(case.state, rows)
    expected = case.system.take_state(case.system.rate(case.state), rows)
    assert taken.rate(state) == pytest.approx(expected, rel=0, abs=1e-4 if state.dtype == np.float32 else 1e-12)
