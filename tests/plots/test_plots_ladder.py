"""The bias ladder as a picture: which marks stand where, and what is said in words."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.errors import SimulationError
from neurosim.plots import ladder
from neurosim.plots.figure import draw_figure

BLOCKS = ("W_0", "b_1", "W_1", "b_2", "B_1", "all")


def test_every_term_has_its_mark_in_every_row(bias, axes):
    norms = 10.0 ** (-np.arange(24.0) / 3).reshape(4, 6)[:, ::-1]
    ladder.draw(bias(norms=norms), axes)
    marks = {line.get_label(): line for line in axes.lines if line.get_label() in ladder.MARKERS}
    assert list(marks) == ["settling", "nudge", "asymmetry", "total"]
    for term, values in zip(marks, norms, strict=True):
        np.testing.assert_allclose(marks[term].get_xdata(), values)
        assert marks[term].get_ydata().tolist() == [5, 4, 3, 2, 1, 0]
    assert len({(line.get_marker(), line.get_color()) for line in marks.values()}) == 4
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "$W_{0}$", "$b_{1}$", "$W_{1}$", "$b_{2}$", "$B_{1}$", "all",
    ]  # fmt: skip
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "size of the term,\nrelative to the exact gradient"


def test_what_is_exact_has_no_mark(bias, axes):
    """Zero has no place on a log axis, and a block without a gradient no relative size."""
    norms = np.ones((4, 6))
    norms[2] = 0.0
    norms[:, 3] = np.nan
    ladder.draw(bias(norms=norms), axes)
    marks = {line.get_label(): line.get_ydata().tolist() for line in axes.lines if line.get_label() in ladder.MARKERS}
    assert marks["asymmetry"] == []
    assert marks["nudge"] == [5, 4, 3, 1, 0]
    assert [text.get_text() for text in axes.texts] == ["no mark: smaller than $10^{-12}$"]


@pytest.mark.parametrize(("cosine", "angle"), [(1.0, "0°"), (0.5, "60°"), (np.cos(np.radians(12.34)), "12.3°")])
def test_the_title_says_the_angle(bias, axes, cosine, angle):
    ladder.draw(bias(cosine=cosine), axes)
    assert axes.get_title(loc="left") == f"update {angle} from the exact gradient"


def test_it_is_the_overview_of_a_bias_run_and_says_what_did_not_settle(bias):
    figure = draw_figure(bias(status="not_settled", message="3 of 8 samples: not settled: the end time came; more"))
    assert figure.get_supxlabel() == "not settled: 3 of 8 samples"
    assert figure.get_suptitle().startswith("small (0123456789ab)\nWaterfalls: projections on the exact gradient")
    titles = [axes.get_title(loc="left") for axes in figure.get_axes()]
    assert titles == [
        "update 11.5° from the exact gradient", "error vectors: angle to the exact ones", "all parameters: 11.5° off",
        "$W_{0}$: 11.5° off", "$W_{1}$: 11.5° off", "$B_{1}$: 11.5° off",
    ]  # fmt: skip
    alone = draw_figure(bias(status="not_settled", message="3 of 8 samples: not settled: the end; more"), "ladder")
    assert any("not settled" in text.get_text() for text in alone.axes[0].texts)


def test_other_files_have_no_ladder(train, relax, axes):
    for file in (train(), relax()):
        with pytest.raises(SimulationError, match="there is no bias ladder; it comes from analysis bias"):
            ladder.draw(file, axes)
