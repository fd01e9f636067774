"""Plots of a relaxation: activity, error, rate."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from plots_files import BETA, amplitudes

from neurosim.dynamics.status import Status
from neurosim.errors import SimulationError
from neurosim.plots import activity, error, rate
from neurosim.plots.states import BACKGROUND, SHOWN, final_values, leading_units

NUDGE_LINE = 1
DIVERGED = Status.DIVERGED.code


def test_activity_is_the_mean_of_the_compartments(relax, axes):
    activity.draw(relax(), axes, layer="layer_2")
    curves = axes.lines[:3]
    assert [line.get_label() for line in curves] == ["0", "1", "2"]
    for line, final in zip(curves, amplitudes(3), strict=True):
        times, values = line.get_xdata(), line.get_ydata()
        assert_allclose(values[times == 0.0], 0.0, atol=1e-6)
        assert_allclose(values[-1], final, rtol=1e-6)  # p is chosen so that the nudge does not move the mean
    assert axes.get_ylabel() == "mean state $\\Sigma_c\\,p_c s_c$\n(dimensionless)"
    assert axes.get_xlabel() == "time (s)"


def test_error_is_s_minus_less_s_plus(relax, axes):
    error.draw(relax(), axes, layer="layer_2")
    for line, size in zip(axes.lines[:3], amplitudes(3)[::-1], strict=True):
        times, values = line.get_xdata(), line.get_ydata()
        assert_allclose(values[times < 4.0], 0.0, atol=1e-6)
        assert_allclose(values[-1], -BETA * size * (1 - np.exp(-4.0)), rtol=1e-5)
    assert axes.get_ylabel() == "error $s^- - s^+$\n(dimensionless)"


@pytest.mark.parametrize("plot", [activity, error])
def test_few_units_are_all_in_colour_with_their_numbers(relax, axes, plot):
    plot.draw(relax(), axes)
    assert len(axes.lines) == 3 + NUDGE_LINE
    assert [text.get_text() for text in axes.texts] == ["nudge on, β = 0.1", *sorted("012", key=_height(axes))]
    assert axes.get_title(loc="left") == "layer 2: 3 units, test sample 0 (class 0)"


def _height(axes):
    levels = {text.get_text(): text.xyann[1] for text in axes.texts if text.get_text().isdigit()}
    return levels.__getitem__


def test_many_units_are_represented(relax, axes):
    activity.draw(relax(layers=(200, 3)), axes, layer="layer_1", sample=1)
    colored, (grey,) = axes.lines[:SHOWN], axes.collections
    assert [line.get_label() for line in colored] == [str(unit) for unit in range(200 - SHOWN, 200)]
    assert len({line.get_color() for line in colored}) == SHOWN
    assert len(grey.get_segments()) == BACKGROUND
    ends = np.array([segment[-1, 1] for segment in grey.get_segments()])
    assert_allclose(np.quantile(ends, [0, 0.5, 1]), np.quantile(2 * amplitudes(200)[:-SHOWN], [0, 0.5, 1]), atol=0.05)
    assert axes.get_title(loc="left") == "layer 1: 67 of 200 units, 7 in colour, test sample 1 (class 1)"


def test_nothing_is_drawn_beyond_the_end_of_a_phase(relax, axes):
    activity.draw(relax(times=np.arange(6.0), units="1", saves=(2, 6)), axes)
    (times, values) = axes.lines[0].get_data()
    assert_allclose(times, [0, 1, 1, 1, 2, 3, 4, 5, 6])
    assert np.flatnonzero(np.isnan(values)).tolist() == [2]  # between the phases
    assert axes.get_xlim()[1] < 6.5


def test_a_diverged_state_is_drawn_as_far_as_it_is_finite(relax, axes):
    file = relax(codes=[[0, 0], [DIVERGED, DIVERGED]], saves=(41, 20))
    activity.draw(file, axes)
    assert axes.lines[0].get_xdata()[-1] == pytest.approx(4.0 + 1.9)


def test_regression_targets_are_no_class(relax, axes):
    activity.draw(relax(targets=[[0.5, 0.2, 0.0], [1.0, 1.0, 0.0]]), axes, sample=1)
    assert axes.get_title(loc="left") == "layer 2: 3 units, test sample 1"


def test_point_neurons_have_a_state_but_no_error(relax, axes):
    file = relax(compartments=1, phases=[("free", 0.0)])
    activity.draw(file, axes)
    assert axes.get_ylabel() == "state $s$\n(dimensionless)"
    with pytest.raises(
        SimulationError, match="difference of its two compartments; the neurons of this circuit have one"
    ):
        error.draw(file, axes)


@pytest.mark.parametrize("plot", [activity, error])
def test_unknown_layers_and_samples_are_refused(relax, axes, plot):
    with pytest.raises(SimulationError, match="no layer 'layer_9'; this file holds layer_1, layer_2"):
        plot.draw(relax(), axes, layer="layer_9")
    with pytest.raises(SimulationError, match="no sample 2; this file holds samples 0 to 1"):
        plot.draw(relax(), axes, sample=2)


def test_layers_are_in_the_order_of_the_circuit(relax, axes):
    activity.draw(relax(layers=[2] * 11), axes)
    assert axes.get_title(loc="left").startswith("layer 11:")


def test_rate_has_one_line_per_phase_on_a_logarithmic_axis(relax, axes):
    rate.draw(relax(), axes)
    free, nudged, nudge_line, tolerance = axes.lines
    assert axes.get_yscale() == "log"
    assert [line.get_label() for line in (free, nudged)] == ["free", "nudged"]
    assert free.get_color() != nudged.get_color()
    assert (free.get_xdata()[-1], nudged.get_xdata()[0]) == (4.0, 4.0)
    assert set(nudge_line.get_xdata()) == {4.0}
    assert set(tolerance.get_ydata()) == {1e-6}
    low, high = axes.get_ylim()
    assert low < 1e-6
    assert high > 1.0
    assert axes.get_ylabel() == "RMS of $\\tau\\,$d(state)/d$t$\n(dimensionless)"
    assert axes.get_title(loc="left") == "rate over all 2 samples"


def test_rate_of_many_phases_draws_them_all(relax, axes):
    rate.draw(relax(phases=[(f"point {i}", 0.1 * i) for i in range(10)]), axes)
    assert sum(line.get_label().startswith("point") for line in axes.lines) == 10


def test_rates_of_zero_are_marked_at_the_lower_end(relax, axes):
    file = relax(times=[0.0, 1.0], units="1", rates=[[np.nan, 0.0], [0.1, 0.01]], dynamics="{tolerance: null}")
    rate.draw(file, axes)
    (mark,) = [line for line in axes.lines if line.get_marker() == "v"]
    assert (mark.get_xdata().tolist(), mark.get_ydata().tolist()) == ([1.0], [0.0])
    assert mark.get_transform() == axes.get_xaxis_transform()


def test_rates_that_are_all_zero_are_drawn_without_complaint(relax, axes):
    file = relax(times=[0.0, 1.0], units="1", phases=[("free", 0.0)], rates=[[np.nan, 0.0]])
    rate.draw(file, axes)
    axes.figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("codes", "note"),
    [
        ([[0, 0, 0], [1, 1, 0]], None),
        ([[0, 2, 2], [0, 0, 0]], "not settled: 2 of 3 samples (free)"),
        ([[0, 2, 2], [0, 0, 2]], "not settled: 2 of 3 samples (free), 1 of 3 (nudged)"),
        ([[0, 3, DIVERGED], [0, 0, 0]], "max steps: 1 of 3 samples (free); diverged: 1 of 3 samples (free)"),
        ([[0, 0, 2]], "not settled: 1 of 3 samples"),
    ],
)
@pytest.mark.parametrize("plot", [activity, error, rate])
def test_samples_that_ended_badly_are_mentioned(relax, axes, plot, codes, note):
    phases = [("free", 0.0), ("nudged", BETA)][: len(codes)]
    plot.draw(relax(samples=3, codes=codes, phases=phases), axes)
    notes = [text.get_text() for text in axes.texts if "of 3" in text.get_text()]
    assert notes == ([] if note is None else [note])


def test_leading_units_are_the_largest_of_either_quantity():
    first, second = np.zeros((2, 20)), np.zeros((2, 20))
    first[1, :10] = np.arange(10, 0, -1)
    second[1, 10:] = -np.arange(1, 11)
    assert leading_units(first) == list(range(SHOWN))
    assert leading_units(second) == list(range(20 - SHOWN, 20))
    assert leading_units(first, second) == [0, 1, 2, 3, 17, 18, 19]
    assert leading_units(first, 0.0 * second) == leading_units(first)


def test_the_final_value_is_the_last_finite_one():
    values = np.array([[1.0, 2.0, np.nan], [3.0, np.nan, np.nan], [-4.0, np.nan, np.nan]])
    assert final_values(values).tolist() == [-4.0, 2.0, 0.0]
