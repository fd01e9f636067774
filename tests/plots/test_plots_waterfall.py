"""The waterfall: bars that add up, numbers with signs, one scale for all blocks; and the angles of error vectors."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from neurosim.errors import SimulationError
from neurosim.plots import error_alignment
from neurosim.plots.figure import draw_figure
from neurosim.plots.ladder import term_color
from neurosim.plots.style import styled
from neurosim.plots.waterfall import draw_block

BLOCKS = ("W_0", "b_1", "all")
# settling, nudge, asymmetry and their sum, of every block
ALIGNMENTS = np.array([[1e-6, 0.0, 0.02], [-0.05, 0.0, -2e-4], [-0.4, -1e-4, 0.1]])
WITH_SUM = np.concatenate([ALIGNMENTS, ALIGNMENTS.sum(axis=0, keepdims=True)])


def waterfall(bias, **options):
    return bias(blocks=BLOCKS, norms=np.abs(WITH_SUM), alignments=WITH_SUM, **options)


def numbers(axes):
    return [text.get_text() for text in axes.texts]


def test_every_bar_starts_where_the_one_before_ended(bias, axes):
    draw_block(waterfall(bias), axes, "W_0")
    bars = axes.patches
    assert [bar.get_x() for bar in bars] == pytest.approx([1.0, 0.6, 0.55])
    assert [bar.get_width() for bar in bars] == pytest.approx([-0.4, -0.05, 1e-6])
    assert [to_hex(bar.get_facecolor()) for bar in bars] == [
        term_color(term).lower() for term in ("asymmetry", "nudge", "settling")
    ]
    first, last = axes.lines[0].get_xdata()
    assert (first, last) == pytest.approx((1.0, 1.0 + WITH_SUM[3, 0]))
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "exact", "asymmetry", "nudge", "settling", "update",
    ]  # fmt: skip


def test_numbers_say_what_is_too_small_to_see(bias, axes):
    draw_block(waterfall(bias), axes, "W_0")
    assert numbers(axes) == ["1", "−0.400", "−0.0500", r"+$1.0\times10^{-6}$", "0.550"]


def test_what_stays_near_one_is_told_as_a_distance(bias, axes):
    """0.9999 would round to 1, and what is zero has no bar."""
    draw_block(waterfall(bias), axes, "b_1")
    assert numbers(axes) == ["1", r"−$1.0\times10^{-4}$", "0", "0", r"1 −$1.0\times10^{-4}$"]
    assert len(axes.patches) == 1


def test_a_block_without_a_gradient_says_so(bias, axes):
    missing = WITH_SUM.copy()
    missing[:, 1] = np.nan
    file = bias(blocks=BLOCKS, norms=missing, alignments=missing, cosine=[0.9, np.nan, 0.9])
    draw_block(file, axes, "b_1")
    assert axes.get_title(loc="left") == "$b_{1}$: no gradient"
    assert numbers(axes) == ["1", "-", "-", "-", "-"]
    assert np.isfinite(axes.get_xlim()).all()


def test_all_blocks_share_a_scale_and_fill_rows_of_four(bias):
    names = ("W_0", "b_1", "W_1", "b_2", "B_1", "all")
    figure = draw_figure(bias(blocks=names), "waterfall")
    titles = [axes.get_title(loc="left").partition(":")[0] for axes in figure.axes]
    assert titles == ["all parameters", "$W_{0}$", "$b_{1}$", "$W_{1}$", "$b_{2}$", "$B_{1}$", "", ""]
    assert len({axes.get_xlim() for axes in figure.axes[:6]}) == 1
    assert [axes.axison for axes in figure.axes] == [True] * 6 + [False] * 2
    lowest, highest = figure.axes[0].get_xlim()
    assert lowest < 1 - 0.3 * (1 + 0.1 + 0.01) < 1 < highest


def test_a_perfect_update_still_has_an_axis(bias, axes):
    zeros = np.zeros((4, 3))
    draw_block(bias(blocks=BLOCKS, norms=zeros, alignments=zeros), axes, "all")
    assert axes.get_xlim() == pytest.approx((0.99, 1.01))
    assert numbers(axes) == ["1", "0", "0", "0", "1.00"]


def test_angles_of_error_vectors_are_bars_with_numbers(bias, axes):
    error_alignment.draw(bias(), axes)
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([32, 20, 0, 31, 20, 0, 30, 20, 0])
    assert numbers(axes) == ["32°", "20°", "0°", "31°", "20°", "0°", "30°", "20°", "0°"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["layer 1", "layer 2", "outputs"]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["as it relaxes", "settled", "nudge to 0"]


def test_many_layers_have_bars_without_numbers_and_layers_without_an_angle_none(bias, axes):
    angles = np.ones((3, 9))
    angles[:, 4] = np.nan
    error_alignment.draw(bias(angles=angles), axes)
    assert numbers(axes) == []
    assert axes.get_xlim() == pytest.approx((0.0, 1.3))
    with styled():
        few = draw_figure(bias(angles=[[np.nan, 1.0]] * 3), "error_alignment").axes[0]
    assert numbers(few) == ["1°"] * 3


def test_other_files_have_neither(train, relax, axes):
    for file in (train(), relax()):
        with pytest.raises(SimulationError, match="there is no bias ladder; it comes from analysis bias"):
            draw_block(file, axes, "all")
        with pytest.raises(SimulationError, match="there are no error vectors; they come from analysis bias"):
            error_alignment.draw(file, axes)
