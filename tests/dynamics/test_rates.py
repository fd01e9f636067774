"""The measure of stop rules and reports: RMS of tau dy/dt per row, and its helpers."""

from __future__ import annotations

import numpy as np
import pytest
from dynamics_circuits import DYAD, circuit
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.dynamics.rates import all_ended, flush, rms_rates
from neurosim.physics.layered.compartments import POINT


def by_hand(system: object, rate: np.ndarray, taus: np.ndarray) -> np.ndarray:
    """Loop over blocks, planes, rows and units, in double precision."""
    sums, counts, at = np.zeros(system.rows), np.zeros(system.rows), 0
    for block, tau in zip(system.blocks, taus, strict=True):
        for _ in range(block.planes):
            for row in range(system.rows):
                for _ in range(block.units):
                    sums[row] += (tau * float(rate[at])) ** 2
                    counts[row] += 1
                    at += 1
    assert at == rate.size
    return np.sqrt(sums / counts)


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-6), ("float64", 1e-14)])
@pytest.mark.parametrize("compartments", [POINT, DYAD], ids=["point", "dyad"])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_rates_against_a_plain_loop(compartments: object, rows: int, dtype: str, bound: float):
    """Blocks of different widths, one or two planes, any number of rows; a time constant per block."""
    system = circuit((3, 7, 1, 4), rows, compartments, dtype, tau=0.25)
    rate = np.random.default_rng(1).standard_normal(system.size).astype(dtype)
    np.testing.assert_allclose(rms_rates(system, rate), by_hand(system, rate, np.full(3, 0.25)), rtol=bound)
    leaks = np.array([4.0, 0.0, 0.5])  # a block without a leak counts as if tau were 1 s
    system.p = system.p.copy()
    system.p[:3] = leaks
    np.testing.assert_allclose(rms_rates(system, rate), by_hand(system, rate, np.array([0.25, 1.0, 2.0])), rtol=bound)


def test_a_bad_value_spoils_its_own_row_only():
    system = circuit(rows=3)
    for bad in (np.nan, np.inf):
        rate = np.ones(system.size)
        system.views(rate)[1][0, 2, 1] = bad
        rates = rms_rates(system, rate)
        assert rates[:2].tolist() == [1.0, 1.0]
        assert not np.isfinite(rates[2])


@settings(deadline=None)
@given(
    st.lists(st.floats(0.0) | st.just(np.nan), min_size=1, max_size=20),
    st.floats(1e-9, 10.0) | st.just(-1.0),
)
def test_all_ended_is_a_question_to_every_row(rates: list[float], tolerance: float):
    """True if each row has settled or diverged (NaN included); a negative tolerance settles nobody."""
    limit = 1e8
    expected = all(rate <= tolerance or np.isnan(rate) or rate > limit for rate in rates)
    assert all_ended(np.array(rates), tolerance, limit) == expected


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_flush_zeroes_what_is_tiny_and_nothing_else(dtype: str):
    """Below 1e-30 becomes zero; NaN and infinity stay what they are."""
    kept = [1.0, -1.0, 1.1e-30, -2e-30, np.inf, -np.inf, 0.0]
    y = np.array([*kept, 9e-31, -9e-31, 1e-40, np.nan], dtype)
    flush(y)
    assert y[: len(kept)].tolist() == np.array(kept, dtype).tolist()
    assert y[len(kept) : -1].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(y[-1])
