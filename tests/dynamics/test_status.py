"""How relaxations end: the order of statuses, and how rows are judged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.dynamics.solver import Relaxation
from neurosim.dynamics.status import Status, count, judge, statuses, worst

KEYS = ["settled", "finished", "not_settled", "max_steps", "step_too_small", "off_branch", "diverged", "interrupted"]

codes = st.lists(st.sampled_from(list(Status)), min_size=1, max_size=50).map(
    lambda chosen: np.array([status.code for status in chosen], np.int8)
)
rates = st.lists(st.floats(0.0) | st.just(np.nan), min_size=1, max_size=30).map(np.array)


def test_the_order_is_from_best_to_worst():
    """Keys and codes are in result files: they are part of the contract."""
    assert [status.key for status in Status] == KEYS
    assert [status.code for status in Status] == list(range(8))
    assert [status.good for status in Status] == [True, True, *[False] * 6]


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_sentence(status: Status):
    """The value is what people read, and starts with the name they may search for."""
    assert status.value.split(":")[0].replace(" ", "_") == status.key
    assert len(status.value) > 20


@given(codes)
def test_worst_is_the_largest_code(codes: np.ndarray):
    assert worst(codes).code == max(codes.tolist())
    assert Relaxation(np.zeros(1), codes, np.zeros(len(codes)), 1, 1.0).status is worst(codes)


@given(codes)
def test_count_loses_nobody(codes: np.ndarray):
    """Every row is counted once, by key, from best to worst, without zeros."""
    counted = count(codes)
    assert sum(counted.values()) == len(codes)
    assert all(number > 0 for number in counted.values())
    assert list(counted) == [key for key in KEYS if key in counted]
    for status in Status:
        assert counted.get(status.key, 0) == codes.tolist().count(status.code)


@given(codes)
def test_statuses_inverts_code(codes: np.ndarray):
    assert [status.code for status in statuses(codes)] == codes.tolist()


@given(
    rates,
    st.none() | st.floats(1e-12, 1e3),
    st.sampled_from([Status.FINISHED, Status.NOT_SETTLED, Status.MAX_STEPS, Status.STEP_TOO_SMALL]),
)
def test_each_row_is_judged_by_its_own_rate(rates: np.ndarray, tolerance: float | None, otherwise: Status):
    """Not finite or beyond the limit: diverged, whatever else; at or below the tolerance: settled; else `otherwise`."""
    limit = 1e8
    for rate, status in zip(rates, statuses(judge(rates, tolerance, limit, otherwise)), strict=True):
        if np.isnan(rate) or rate > limit:
            assert status is Status.DIVERGED
        elif tolerance is not None and rate <= tolerance:
            assert status is Status.SETTLED
        else:
            assert status is otherwise


def test_a_huge_tolerance_does_not_excuse_divergence():
    assert statuses(judge(np.array([1e9, np.nan, np.inf]), 1e300, 1e8, Status.NOT_SETTLED)) == [Status.DIVERGED] * 3
