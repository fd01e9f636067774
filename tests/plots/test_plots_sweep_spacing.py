"""Axes of swept keys: which scale, where cells begin and end, what stands at the ticks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes

from neurosim.plots.sweeps.spacing import scattered, spacing
from neurosim.plots.sweeps.table import SweptKey


def key(values, dimension="beta"):
    column = np.array(values, object if isinstance(values[0], str) else float)
    return SweptKey("rule.beta", "beta", column, dimension)


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([0.001, 0.01, 0.1, 1.0], "log"),
        ([0.01, 0.02, 0.05, 0.1, 0.2, 0.5], "log"),
        ([0.1, 10.0], "log"),
        ([1, 2, 3, 4], "linear"),
        ([1, 2, 4, 8], "linear"),  # less than a decade
        ([0, 15, 30, 90], "linear"),
        ([-1.0, 1.0], "linear"),
        ([5.0], "linear"),
        ([0, 0.001, 0.01, 0.1], "ranks"),  # even on neither scale
        ([1, 1, 2], "ranks"),
        ([2, 2], "ranks"),
        ([1.0, 1.0 + 1e-15], "ranks"),
        (["tanh", "relu"], "ranks"),
    ],
)
def test_the_scale_follows_from_the_values(values, scale):
    assert spacing(key(values)).scale == scale


def test_values_are_sorted_and_words_keep_their_order():
    assert spacing(key([3.0, 1.0, 2.0])).order.tolist() == [1, 2, 0]
    assert spacing(key(["tanh", "relu"])).order.tolist() == [0, 1]


def test_edges_of_equal_cells():
    np.testing.assert_allclose(spacing(key([1, 2, 3, 4])).edges, [0.5, 1.5, 2.5, 3.5, 4.5])
    np.testing.assert_allclose(spacing(key([0.01, 0.1, 1.0])).edges, 10.0 ** np.array([-2.5, -1.5, -0.5, 0.5]))
    np.testing.assert_allclose(spacing(key(["a", "b"])).edges, [-0.5, 0.5, 1.5])


@pytest.mark.parametrize(("value", "edges"), [(5.0, [2.5, 7.5]), (-4.0, [-6.0, -2.0]), (0.0, [-0.5, 0.5])])
def test_a_single_value_has_a_cell(value, edges):
    np.testing.assert_allclose(spacing(key([value])).edges, edges)


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=12))
def test_every_value_lies_inside_its_cell(values):
    found = spacing(key(values))
    assert (found.edges[:-1] < found.positions).all()
    assert (found.positions < found.edges[1:]).all()


@given(st.floats(1e-6, 1e2), st.floats(1.5, 10.0), st.integers(5, 12))
def test_cells_of_a_geometric_sequence_are_equally_wide_in_the_logarithm(first, ratio, count):
    found = spacing(key(first * ratio ** np.arange(count)))
    if found.scale == "log":
        np.testing.assert_allclose(np.diff(np.log(found.edges)), np.log(ratio))
    else:
        assert ratio ** (count - 1) < 10.0


@given(st.integers(0, 10_000), st.booleans())
def test_random_points_show_on_which_scale_they_were_drawn(seed, logarithmic):
    drawn = np.random.default_rng(seed).uniform(0.0, 1.0, 256)
    values = 10.0 ** (3.0 * drawn - 3.0) if logarithmic else 0.01 + drawn
    found, positions = scattered(key(values, "point"))
    assert found.scale == ("log" if logarithmic else "linear")
    np.testing.assert_array_equal(positions, values)


def test_words_that_come_again_share_a_place():
    found, positions = scattered(key(["b", "a", "b"], "point"))
    assert positions.tolist() == [0.0, 1.0, 0.0]
    assert found.key.values.tolist() == ["b", "a"]


def test_keys_of_a_grid_keep_their_places_among_dots():
    found, positions = scattered(key([0.1, 0.0, 0.001, 0.01]))
    assert found.scale == "ranks"
    assert positions.tolist() == [3.0, 0.0, 1.0, 2.0]


def ticks(axes: Axes) -> dict[float, str]:
    axes.figure.draw_without_rendering()
    low, high = axes.get_xlim()
    pairs = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    return {round(float(at), 9): label.get_text() for at, label in pairs if low <= at <= high}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([-1.0, 0.0, 2.0], {-1.0: "−1", 0.0: "0", 2.0: "2"}),
        ([0.001, 0.01, 0.1], {0.001: "0.001", 0.01: "0.01", 0.1: "0.1"}),
        ([0.1, 1.0], {0.05: "0.05", 0.1: "0.1", 0.2: "0.2", 0.5: "0.5", 1.0: "1", 2.0: "2"}),
        ([1e-4, 1e-3], {1e-4: r"$\mathdefault{10^{-4}}$"}),
        ([0.0, 0.001, 0.01, 0.1], {0.0: "0", 1.0: "0.001", 2.0: "0.01", 3.0: "0.1"}),
        (["tanh", "relu"], {0.0: "tanh", 1.0: "relu"}),
    ],
)
def test_ticks(axes, values, said):
    spacing(key(values)).set_axis(axes, "x", cells=True)
    found = ticks(axes)
    assert {at: found.get(at) for at in said} == said
    assert axes.get_xlabel() == "rule.beta"


def test_long_names_are_turned_and_many_are_thinned(axes):
    spacing(key([f"a long name {i}" for i in range(40)])).set_axis(axes, "x", cells=True)
    labels = axes.get_xticklabels()
    assert 10 <= len(labels) <= 16
    assert labels[0].get_rotation() == 30
