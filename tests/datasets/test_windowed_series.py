"""A long series as consecutive windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.datasets.sequences import PARTS
from neurosim.datasets.windows import Series, WindowedSeries
from neurosim.errors import DataError


def windowed(length=50, steps=5, ahead=2, columns=2):
    """Inputs at time t are t, t + 0.1, ...; values are -t: what stands where can be read off."""
    time = np.arange(float(length))
    series = Series(time[:, None] + 0.1 * np.arange(columns), -time[:, None])
    names = tuple(f"u{k}" for k in range(columns))
    return WindowedSeries("ramp", dict.fromkeys(PARTS, series), steps, ahead, names, ("y",))


@given(
    length=st.integers(12, 60), steps=st.integers(1, 5), ahead=st.integers(-4, 4), rows=st.integers(1, 3),
    epoch=st.integers(0, 2),
)  # fmt: skip
def test_rows_run_through_stretches_of_the_series(length, steps, ahead, rows, epoch):
    """Each row visits consecutive times without a hole, rows do not overlap, and targets are `ahead` of inputs."""
    dataset = windowed(length, steps, ahead)
    rows = min(rows, dataset.count("train"))
    each = dataset.batches("train", rows)
    seen = []
    for number in range(epoch * each, (epoch + 1) * each):
        sequences = dataset.batch("train", number, rows)
        assert sequences.continues == (number > epoch * each)
        assert np.array_equal(-sequences.targets[..., 0], sequences.inputs[..., 0] + ahead)
        seen.append(sequences.inputs[..., 0])
    times = np.concatenate(seen)
    assert times.shape == (each * steps, rows)
    first = max(0, -ahead)
    assert np.array_equal(times, first + np.arange(rows) * each * steps + np.arange(each * steps)[:, None])


def test_batches_are_views():
    dataset = windowed()
    series = dataset._now["train"]
    for rows in (1, 3):
        assert np.shares_memory(dataset.batch("train", 1, rows).inputs, series)


def test_persistence_of_a_ramp_is_the_square_of_the_distance():
    """The value `ahead` steps away differs by `ahead`, whichever way."""
    assert windowed(ahead=3).baselines()["persistence"] == pytest.approx(9.0, abs=1e-12)
    assert windowed(ahead=-3).baselines()["persistence"] == pytest.approx(9.0, abs=1e-12)
    assert set(windowed(ahead=0).baselines()) == {"variance"}


def test_baselines_are_over_the_windows_that_are_used():
    """Of 48 usable steps 40 lie in whole windows of 20; the variance of 40 consecutive integers is (40^2 - 1) / 12."""
    assert windowed(steps=20).baselines()["variance"] == pytest.approx((40**2 - 1) / 12)


@pytest.mark.parametrize(("steps", "ahead", "usable"), [(49, 2, 48), (2, 60, 0), (47, -4, 46)])
def test_a_part_without_a_whole_window_is_refused(steps, ahead, usable):
    message = f"ramp: part 'train' has 50 rows, {usable} with a target {ahead} rows away; a sequence needs {steps}"
    with pytest.raises(DataError, match=message):
        windowed(steps=steps, ahead=ahead)


def test_more_rows_than_windows_are_refused():
    with pytest.raises(DataError, match="batches of 10 sequences, but part 'test' has 9 of 5 steps"):
        windowed().batch("test", 0, 10)
