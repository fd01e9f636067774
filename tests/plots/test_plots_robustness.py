"""Attacked circuits as a picture: which lines and marks there are, and what is said where something is missing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurosim.errors import SimulationError
from neurosim.plots import robustness as plot
from neurosim.plots.figure import available, draw_figure


def test_every_variant_has_its_line_from_no_attack_on(robustness, axes):
    file = robustness()
    plot.draw_attack(file, axes, "fgsm")
    assert [line.get_label() for line in axes.lines] == ["plain", "alpha 0", "hardened"]
    for line, worth in zip(axes.lines, (1.0, 1 - 0.2 / 3, 1 - 0.4 / 3), strict=True):
        assert_allclose(line.get_xdata(), [0.0, 0.05, 0.2])
        assert_allclose(line.get_ydata(), [2.0, 10 * worth, 40 * worth])
    assert len({(line.get_color(), line.get_marker()) for line in axes.lines}) == 3
    assert axes.get_ylim() == (0.0, 100.0)
    assert axes.get_ylabel() == "misclassified (%)"
    assert axes.get_xlabel() == "largest change of an input"


def test_each_kind_has_the_sizes_that_were_asked_for(robustness, axes):
    plot.draw_attack(robustness(), axes, "pgd")
    assert_allclose(axes.lines[0].get_xdata(), [0.0, 0.1, 0.2])
    assert axes.get_title(loc="left") == "PGD: projected steps"


def test_norms_have_the_colours_and_marks_of_the_lines(robustness):
    figure = draw_figure(robustness())
    fgsm, pgd, norms = figure.axes
    looks = [(line.get_color(), line.get_marker()) for line in fgsm.lines]
    assert [(line.get_color(), line.get_marker()) for line in pgd.lines] == looks
    marks = [line for line in norms.lines if line.get_marker() != "None"]
    assert [(line.get_color(), line.get_marker()) for line in marks[::2]] == looks
    assert [(line.get_color(), line.get_marker()) for line in marks[1::2]] == looks
    names = {label.get_text(): label.get_color() for label in norms.get_yticklabels()}
    assert names == dict(zip(("plain", "alpha 0", "hardened"), (color for color, _ in looks), strict=True))
    for i, (product, bound) in enumerate(zip(marks[::2], marks[1::2], strict=True)):
        assert (product.get_fillstyle(), bound.get_fillstyle()) == ("full", "none")
        assert_allclose(bound.get_xdata()[0] / product.get_xdata()[0], 3.5)
        assert product.get_ydata()[0] == bound.get_ydata()[0] == 2 - i


def test_more_variants_than_colours_are_told_apart(robustness, axes):
    plot.draw_attack(robustness(variants=tuple(f"variant {i}" for i in range(9))), axes, "fgsm")
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) == 9


def test_only_attacks_that_were_made_have_a_panel(robustness):
    figure = draw_figure(robustness(pgd=(False,) * 3))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["FGSM: one step", "conductances, all layers"]


def test_it_is_the_overview_and_says_what_it_shows(robustness):
    assert draw_figure(robustness()).get_suptitle().splitlines() == [
        "small (0123456789ab)",
        "test error of the same circuit trained in 3 ways, under attacks on its inputs; names and colours at the right",
    ]
    alone = draw_figure(robustness(variants=("plain",))).get_suptitle().splitlines()[1]
    assert alone.startswith("test error of a trained circuit, under attacks")


def test_what_was_not_finished_has_no_line(robustness, axes):
    file = robustness(finished=1, status="interrupted", message="interrupted after 3 batches; run again")
    plot.draw_attack(file, axes, "fgsm")
    assert [bool(np.isfinite(line.get_ydata()).any()) for line in axes.lines] == [True, False, False]
    notes = [text.get_text() for text in draw_figure(file).texts]
    assert any(note.startswith("interrupted: after 3 batches") for note in notes)


def test_relaxations_within_the_limit_are_told(robustness):
    notes = [text.get_text() for text in draw_figure(robustness(unsettled=0.01)).texts]
    assert "not settled: up to 1 % of the relaxations of an epoch" in notes


@pytest.mark.parametrize(
    ("options", "kind", "told"),
    [({"pgd": (False,) * 3}, "pgd", "no circuit was attacked by pgd"),
     ({"finished": 0}, "fgsm", "the run ended before the first variant was trained and attacked")],
)  # fmt: skip
def test_what_is_not_there_cannot_be_drawn(robustness, axes, options, kind, told):
    with pytest.raises(SimulationError, match=told):
        plot.draw_attack(robustness(**options), axes, kind)


def test_other_files_have_no_attacks(train, bias, robustness):
    for file in (train(), bias()):
        with pytest.raises(SimulationError, match="there is no attack; it comes from analysis robustness"):
            plot.robustness_group(file)
    assert available(robustness()) == ("robustness",)
