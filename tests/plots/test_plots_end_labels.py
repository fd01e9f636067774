"""Names of lines beside the axes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from neurosim.plots.end_labels import label_ends, spread


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12), st.floats(0.01, 0.5))
def test_spread_levels_are_apart_and_within(wanted, gap):
    wanted = np.sort(wanted)
    levels = spread(wanted, gap)
    assert levels.min() >= -1e-12
    assert levels.max() <= 1 + 1e-12
    if len(wanted) > 1:
        assert np.diff(levels).min() >= min(gap, 1 / (len(wanted) - 1)) - 1e-12


def test_levels_with_room_enough_stay():
    assert_allclose(spread(np.array([0.1, 0.5, 0.9]), 0.1), [0.1, 0.5, 0.9])


def test_levels_without_room_share_the_distance():
    assert_allclose(spread(np.array([0.4, 0.5, 0.5]), 0.2), [0.2667, 0.4667, 0.6667], atol=1e-4)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_names_are_level_with_the_ends(axes, scale):
    axes.set_yscale(scale)
    axes.set_ylim(1, 100)
    label_ends(axes, [10.0, 100.0], ["middle", "top"], ["black", "red"])
    middle, top = axes.texts
    assert middle.xy[1] == pytest.approx({"linear": 9 / 99, "log": 0.5}[scale])
    assert top.xy[1] == pytest.approx(1.0)
    assert top.get_color() == "red"
