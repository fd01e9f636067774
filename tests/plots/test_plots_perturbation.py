"""Updates by perturbation and decorrelation as pictures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from signal_files import RULES, SAMPLES, cosines

from neurosim.errors import SimulationError
from neurosim.plots import correlation
from neurosim.plots import perturbation_cosine as plot
from neurosim.plots.figure import available, draw_figure

LABELS = ["NP-step", "ANP-step", "NP-causal", "ANP-causal"]


def test_lines_are_means_and_bands_are_ranges(perturbation, axes):
    plot.draw_reference(perturbation(), axes, "bptt")
    cosine, ceiling = cosines()
    assert [line.get_label() for line in axes.lines[:4]] == LABELS
    for line, band, values in zip(axes.lines[:4], axes.collections, cosine[0], strict=True):
        assert_allclose(line.get_xdata(), SAMPLES)
        assert_allclose(line.get_ydata(), values.mean(axis=0))
        corners = band.get_paths()[0].vertices
        assert_allclose([corners[:, 1].min(), corners[:, 1].max()], [values.min(), values.max()])
    assert axes.lines[4].get_ydata()[0] == pytest.approx(ceiling.mean())
    assert {text.get_text() for text in axes.texts} == {*LABELS, "one-step gradient"}
    assert axes.get_xscale() == "log"
    assert axes.get_title(loc="left") == "with the gradient through time"


def test_the_drawn_updates_show_what_the_reference_says():
    """Per-step rules point along the one-step gradient; many copies favour NP, few favour ANP."""
    cosine, _ = cosines()
    (bptt, one_step), rule = cosine.mean(axis=2), {name: i for i, name in enumerate(RULES)}
    assert one_step[rule["np_step"], -1] > 0.8
    assert one_step[rule["anp_step"], 0] > 1.5 * one_step[rule["np_step"], 0]
    assert one_step[rule["anp_step"], -1] < one_step[rule["np_step"], -1]
    assert bptt[rule["np_causal"], -1] > bptt[rule["np_step"], -1]


def test_labels_are_the_usual_abbreviations():
    labels = [plot.rule_label(name) for name in (*RULES, "wp_static", "my_rule", "NP-step")]
    assert labels == [*LABELS, "WP-static", "my_rule", "NP-step"]


def test_it_is_the_overview(perturbation):
    assert len(draw_figure(perturbation()).axes) == 2


def test_the_gradient_itself_has_no_ceiling(perturbation, axes):
    plot.draw_reference(perturbation(), axes, "one_step")
    assert "one-step gradient" not in {text.get_text() for text in axes.texts}


def test_both_gradients_have_a_panel_and_the_caption_counts_networks(perturbation):
    figure = draw_figure(perturbation(), "perturbation_cosine")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["with the gradient through time", "with the one-step gradient"]
    assert "mean of 6 networks, bands: their range" in figure.get_suptitle().replace("\n", " ")


def test_one_network_has_no_band_and_a_gradient_that_was_not_compared_no_panel(perturbation):
    cosine = cosines()[0][:, :, :1].copy()
    cosine[1] = np.nan
    figure = draw_figure(perturbation(cosine=cosine, with_ceiling=False), "perturbation_cosine")
    (axes,) = figure.axes
    assert not axes.collections
    assert "one network" in figure.get_suptitle()


def test_rules_and_numbers_that_were_not_measured_are_left_out(perturbation, axes):
    cosine = cosines()[0].copy()
    cosine[0, 1], cosine[0, 2, :, 3:] = np.nan, np.nan
    plot.draw_reference(perturbation(cosine=cosine, with_ceiling=False), axes, "bptt")
    lengths = {line.get_label(): len(line.get_xdata()) for line in axes.lines if not line.get_label().startswith("_")}
    assert lengths == {"NP-step": 5, "NP-causal": 3, "ANP-causal": 5}


def test_more_rules_than_colours_are_told_apart(perturbation, axes):
    cosine = np.broadcast_to(np.linspace(0.1, 0.9, 9)[:, None, None], (2, 9, 2, 5))
    file = perturbation(rules=[f"rule {i}" for i in range(9)], cosine=cosine, with_ceiling=False)
    plot.draw_reference(file, axes, "bptt")
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) == 9


def test_what_is_missing_is_said(perturbation, decorrelation, train, axes):
    with pytest.raises(SimulationError, match="there are no cosines against the number of noisy copies"):
        draw_figure(train(), "perturbation_cosine")
    with pytest.raises(SimulationError, match="there are no correlations; they come from rules that decorrelate"):
        draw_figure(train(), "correlation")
    nothing = perturbation(cosine=np.full((2, 4, 6, 5), np.nan))
    with pytest.raises(SimulationError, match="ended before the first update was compared"):
        draw_figure(nothing, "perturbation_cosine")
    half = cosines()[0].copy()
    half[0] = np.nan
    with pytest.raises(SimulationError, match="no update was compared with the gradient 'bptt'"):
        plot.draw_reference(perturbation(cosine=half), axes, "bptt")
    assert available(decorrelation()) == ("correlation",)


def test_correlations_are_those_of_numpy(decorrelation):
    file = decorrelation()
    random = np.random.default_rng(3)
    before = random.standard_normal((400, 12)) @ (np.eye(12) + 0.35 * random.standard_normal((12, 12)))
    figure = draw_figure(file, "correlation")
    first, last = figure.axes[:2]
    assert_allclose(first.images[0].get_array(), np.corrcoef(before.T), atol=1e-12)
    assert first.images[0].get_clim() == (-1.0, 1.0)
    others = np.corrcoef(before.T)[np.triu_indices(12, 1)]
    assert first.get_title(loc="left") == f"before: RMS {np.sqrt(np.mean(others**2)):.3f} off the diagonal"
    assert f"mean variance {before.var(axis=0).mean():.3g}" in {text.get_text() for text in first.texts}
    assert last.get_title(loc="left").startswith("after: RMS 0.0")
    assert "is 0.959 of what it was" in figure.get_suptitle()


def test_states_that_were_shrunk_are_called_so(decorrelation):
    caption = draw_figure(decorrelation(shrink=0.1), "correlation").get_suptitle().replace("\n", " ")
    assert caption.endswith("the mean variance fell by a factor of 104: the states were shrunk")


def test_units_that_do_not_move_have_no_correlation(decorrelation):
    file = decorrelation(still=2)
    assert np.isnan(file["decorrelation/correlation"][1, :2]).all()
    after = draw_figure(file, "correlation").axes[1]
    assert any(text.get_text().endswith("; grey: 2 do not move") for text in after.texts)
    with pytest.raises(SimulationError, match="there are no two hidden units that move"):
        correlation.rms_off_diagonal(np.full((3, 3), np.nan))
