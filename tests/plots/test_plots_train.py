"""Plots of a training run: learning curve, gradient alignment."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from numpy.testing import assert_allclose

from neurosim.errors import SimulationError
from neurosim.plots import gradient_alignment, learning_curve

COSINES = {"W_0": [0.9, 0.99, 0.999, 0.9999], "b_1": [0.8, 0.9, 0.95, 0.99], "W_1": [1.0] * 4, "all": [0.95] * 4}


def shown_ticks(axes: Axes) -> list[str]:
    low, high = axes.get_ylim()
    return [tick.label1.get_text() for tick in axes.yaxis.get_major_ticks() if low <= tick.get_loc() <= high]


def test_errors_are_in_percent(train, axes):
    learning_curve.draw(train(), axes)
    training, test = axes.lines
    assert training.get_xdata().tolist() == [1, 2, 3, 4]
    assert_allclose(training.get_ydata(), [80, 20, 4, 2])
    assert_allclose(test.get_ydata(), [50, 10, 5, 3])
    assert axes.get_ylabel() == "misclassified (%)"
    assert axes.get_xlabel() == "epoch"
    assert axes.get_title(loc="left") == "3.00 % test error after 4 epochs"
    named = {text.get_text(): text.get_color() for text in axes.texts}
    assert (named["training"], named["test"]) == (training.get_color(), test.get_color())
    assert "training: during the epoch, test: after it" in named


def test_training_figures_that_have_learnt_from_their_batch_say_so(train, axes):
    learning_curve.draw(train(plasticity="continuous"), axes)
    named = {text.get_text() for text in axes.texts}
    assert "training: at the end of a hold, test: of the epoch" in named


def test_without_classes_the_cost_is_drawn(train, axes):
    learning_curve.draw(train(train_error=None, test_error=None), axes)
    training, test = axes.lines
    assert_allclose(training.get_ydata(), [0.9, 0.5, 0.4, 0.35])
    assert_allclose(test.get_ydata(), [0.6, 0.5, 0.45, 0.4])
    assert axes.get_ylabel() == "mean cost (dimensionless)"
    assert axes.get_title(loc="left") == "test cost 0.4 after 4 epochs"
    assert axes.get_yscale() == "linear"
    assert axes.get_ylim()[0] == 0.0


@pytest.mark.parametrize(
    ("last", "scale", "ticks"),
    [
        (0.02, "log", ["2", "5", "10", "20", "50", "100"]),
        (0.0, "symlog", ["0", "2", "5", "10", "20", "50", "100"]),
        (0.0001, "log", ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "50", "100"]),
    ],
)
def test_errors_over_more_than_a_decade_are_drawn_on_a_logarithmic_axis(train, axes, last, scale, ticks):
    learning_curve.draw(train(train_error=[0.8, 0.2, 0.04, last], test_error=[0.5, 0.1, 0.05, 0.03]), axes)
    axes.figure.draw_without_rendering()
    assert axes.get_yscale() == scale
    assert [tick for tick in shown_ticks(axes) if tick in ticks] == shown_ticks(axes)
    assert {"10", "100"} <= set(shown_ticks(axes))
    assert ("0" in shown_ticks(axes)) == (last == 0.0)


@pytest.mark.parametrize("errors", [[0.0] * 4, [0.9] * 4, [np.nan] * 4])
def test_errors_that_never_change_are_drawn_without_complaint(train, axes, errors):
    learning_curve.draw(train(train_error=errors, test_error=errors), axes)
    axes.figure.draw_without_rendering()
    assert axes.get_ylim()[0] == 0.0


def test_one_epoch_is_a_point(train, axes):
    learning_curve.draw(train(loss=[0.9], test_loss=[0.8]), axes)
    assert axes.lines[0].get_marker() == "o"
    assert axes.get_xlim() == (0.5, 1.5)
    assert axes.get_title(loc="left") == "50.00 % test error after 1 epoch"


def test_alignment_is_an_angle_in_degrees(train, axes):
    gradient_alignment.draw(train(cosines=COSINES), axes)
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines) == ["$W_{0}$", "$b_{1}$", "$W_{1}$", "all"]
    assert_allclose(lines["$W_{0}$"].get_ydata(), np.degrees(np.arccos(COSINES["W_0"])))
    assert_allclose(lines["$W_{1}$"].get_ydata(), 1e-6)  # not zero, which a logarithmic axis has no place for
    assert axes.get_ylabel() == "angle (degrees)"
    assert axes.get_yscale() == "log"


def test_blocks_of_the_same_layers_have_one_colour_and_several_dashes(train, axes):
    gradient_alignment.draw(train(cosines=COSINES), axes)
    W0, b1, W1, together = axes.lines
    assert W0.get_color() == b1.get_color()
    assert W0.get_linestyle() != b1.get_linestyle()
    assert len({W0.get_color(), W1.get_color(), together.get_color()}) == 3


def test_large_angles_are_drawn_from_zero(train, axes):
    gradient_alignment.draw(train(cosines={"W_0": [0.5, 0.6, 0.7, 0.8], "all": [-0.1, 0.0, 0.1, 0.2]}), axes)
    assert axes.get_yscale() == "linear"
    assert axes.get_ylim()[0] == 0.0


def test_a_block_without_gradient_has_no_angle(train, axes):
    gradient_alignment.draw(train(cosines={**COSINES, "b_1": [np.nan] * 4}), axes)
    assert [line.get_label() for line in axes.lines] == ["$W_{0}$", "$W_{1}$", "all"]


@pytest.mark.parametrize("layers", [1, 2, 8])
def test_the_legend_covers_no_data(train, axes, layers):
    blocks = [f"{kind}_{k + (kind == 'b')}" for k in range(layers) for kind in "Wb"]
    gradient_alignment.draw(train(cosines=dict.fromkeys((*blocks, "all"), COSINES["b_1"])), axes)
    axes.figure.draw_without_rendering()
    legend = axes.get_legend().get_window_extent()
    assert not legend.overlaps(axes.get_window_extent())
    assert axes.figure.bbox.contains(legend.x1, legend.y1)
    assert axes.figure.bbox.contains(legend.x1, legend.y0)


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({}, None),
        ({"unsettled": [0.0, 0.02, 0.01, 0.0]}, "not settled: up to 2 % of the relaxations of an epoch"),
        (
            {
                "status": "max_steps",
                "message": "3 % of 500 relaxations did not settle (allowed: 0 %); give more; epoch 4",
            },
            "max steps: 3 % of 500 relaxations did not settle",
        ),
        (
            {"status": "interrupted", "message": "interrupted after 4 epochs and 2 batches; run it again to resume"},
            "interrupted: after 4 epochs and 2 batches",
        ),
        ({"status": "diverged"}, "diverged"),
    ],
)
@pytest.mark.parametrize("plot", [learning_curve, gradient_alignment])
def test_a_bad_end_is_mentioned(train, axes, plot, options, note):
    plot.draw(train(cosines=COSINES, **options), axes)
    assert [text.get_text() for text in axes.texts if text.xyann[1] == -36] == ([] if note is None else [note])


def test_alignment_that_was_not_logged_is_refused(train, axes):
    with pytest.raises(SimulationError, match=r"not logged; set analysis\.log_gradient_alignment: true"):
        gradient_alignment.draw(train(), axes)


@pytest.mark.parametrize("plot", [learning_curve, gradient_alignment])
def test_a_training_without_a_finished_epoch_is_refused(train, axes, plot):
    with pytest.raises(SimulationError, match="ended before its first epoch was finished"):
        plot.draw(train(loss=[], test_loss=[], train_error=None, test_error=None), axes)
