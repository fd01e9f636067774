"""Dots of sweeps, and which picture a sweep gets without being asked."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from sweep_files import BETAS, DIVERGED, FAILED, GRID, MISSING, UNSETTLED
from test_plots_figure import assert_tidy

from neurosim.errors import ScenarioError, SimulationError, UnknownNameError
from neurosim.plots.figure import available, draw_figure
from neurosim.plots.style import LINES
from neurosim.plots.sweeps.layout import SweepOptions

RATES = (0.01, 0.1, 1.0)
SEEDS = {"analysis.optimizer.rate": RATES, "seed": [1, 2, 3]}
DRAWN = tuple(np.random.default_rng(0).uniform(0.1, 0.9, 20))
POINTS = {"rule.alpha": DRAWN, "rule.beta": tuple(10 ** (3 * x - 3) for x in DRAWN[::-1])}
WORDS = {"rule.beta": DRAWN, "rule.variant": ["damped", "original"] * 10}


def loose(axes, marker):
    """Return the places of marks without lines."""
    return [
        tuple(place) for line in axes.lines for place in line.get_xydata().tolist()
        if line.get_marker() == marker and line.get_linestyle() == "None"
    ]  # fmt: skip


def said(figure):
    return figure.get_suptitle().replace("\xa0", " ").replace("\n", " ")


def dots(axes):
    """Return places and colours of round dots and of triangles."""
    return [(group.get_offsets().data, [to_hex(c) for c in group.get_facecolors()]) for group in axes.collections[:2]]


def test_points_of_two_keys_are_dots_in_the_colour_of_the_value(swept):
    codes = {(3,): UNSETTLED, (5,): FAILED, (7,): MISSING, (9,): DIVERGED}
    figure = draw_figure(swept(points=POINTS, number=lambda alpha, beta: beta, codes=codes))
    axes, bar = figure.axes
    (round_dots, colors), (triangles, _) = dots(axes)
    alphas, betas = map(np.array, POINTS.values())
    good = np.setdiff1d(np.arange(20), list(range(3, 10, 2)))
    np.testing.assert_allclose(round_dots, np.column_stack([alphas[good], betas[good]]))
    np.testing.assert_allclose(triangles, [[alphas[3], betas[3]]])
    assert len(set(colors)) == len(good)
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")
    for marker, place in (("x", 5), ("o", 7), ("v", 9)):
        assert loose(axes, marker) == [(alphas[place], betas[place])]
    assert bar.get_ylabel().startswith("distance of the update")
    assert "triangle: did not settle (1 of 20)" in said(figure)


def test_points_of_one_key_stand_at_their_value(swept):
    figure = draw_figure(swept(points={"rule.beta": DRAWN}, number=lambda beta: 2 * beta, codes={(5,): FAILED}))
    (axes,) = figure.axes
    np.testing.assert_allclose(dots(axes)[0][0], [[x, 2 * x] for i, x in enumerate(DRAWN) if i != 5])
    ((x, y),) = loose(axes, "x")
    assert (x, y) == (DRAWN[5], 0.025)
    crosses = next(line for line in axes.lines if line.get_marker() == "x" and len(line.get_xdata()))
    shown = crosses.get_transform().transform([[x, y]])
    np.testing.assert_allclose(axes.transAxes.inverted().transform(shown)[0, 1], 0.025)


def test_a_key_can_be_the_colour_of_dots(swept):
    file = swept(points=WORDS, number=lambda beta, variant: beta)
    figure = draw_figure(file, None, SweepOptions(x="beta", color="variant"))
    (axes,) = figure.axes
    assert dots(axes)[0][1] == [LINES[0].lower(), LINES[1].lower()] * 10
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["damped", "original"]
    numeric = draw_figure(
        swept(points=POINTS, number=lambda alpha, beta: beta), None, SweepOptions("beta", color="alpha")
    )
    assert numeric.axes[1].get_ylabel() == "rule.alpha"


def test_some_dots_can_be_chosen(swept):
    file = swept(points=WORDS, number=lambda beta, variant: beta)
    figure = draw_figure(file, None, SweepOptions(x="beta", at=("variant=original",)))
    np.testing.assert_allclose(dots(figure.axes[0])[0][0][:, 0], DRAWN[1::2])
    assert said(figure).endswith("rule.variant = original")


def test_a_grid_can_be_dots_too(swept):
    axes = draw_figure(swept(), "scatter", SweepOptions(x="beta")).axes[0]
    assert len(dots(axes)[0][0]) == 12


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"panel": "alpha"}, r"a scatter has one panel; take one value of a key with --at KEY=VALUE\."),
        ({"values": ("relative_norm", "wall_seconds")}, r"a scatter shows one value; several make lines\."),
        ({"x": "alpha", "y": "beta", "color": "alpha"}, r"rule\.alpha can have one place in a picture, not two\."),
        ({"y": "beta", "color": "alpha"}, r"no key is left for the axis\."),
    ],
)
def test_what_makes_no_scatter_is_refused(swept, choice, said):
    with pytest.raises(SimulationError, match=rf"no plot 'scatter': .*{said}"):
        draw_figure(swept(points=POINTS, number=lambda alpha, beta: beta), "scatter", SweepOptions(**choice))


def test_three_keys_of_dots_leave_one_colour(swept):
    file = swept(points={**POINTS, "rule.gamma": DRAWN}, number=lambda **keys: keys["beta"])
    with pytest.raises(SimulationError, match=r"with two keys on the axes the colour of a scatter is the value"):
        draw_figure(file, "scatter", SweepOptions("alpha", "beta", "gamma"))


@pytest.mark.parametrize(
    ("options", "choice", "kind"),
    [
        ({}, {}, "heat_map"),
        ({"grid": {"rule.beta": BETAS}}, {}, "lines"),
        ({"grid": {"rule.beta": BETAS, "seed": [1, 2]}}, {}, "lines"),
        ({"grid": {"rule.beta": BETAS, "circuit.init.gain": [1.0]}}, {}, "lines"),
        ({"grid": {"rule.beta": BETAS, "circuit.activation": ["a", "b"]}}, {}, "lines"),
        ({"grid": {**GRID, "seed": [1, 2]}}, {}, "heat_map"),
        ({}, {"at": ("beta=0.1",)}, "lines"),
        ({}, {"color": "beta"}, "lines"),
        ({}, {"panel": "angle_deg"}, "lines"),
        ({"grid": {"rule.beta": BETAS, "circuit.activation": ["a", "b"]}}, {"y": "activation"}, "heat_map"),
        ({}, {"values": ("relative_norm", "relative_norm[nudge]")}, "lines"),
        ({"points": POINTS, "number": lambda alpha, beta: beta}, {}, "scatter"),
    ],
)
def test_a_sweep_gets_the_picture_that_suits_its_keys(swept, options, choice, kind):
    chosen = SweepOptions(**choice)
    mine, named = (draw_figure(swept(**options), each, chosen) for each in (None, kind))
    contents = [
        [(axes.get_xlabel(), axes.get_ylabel(), len(axes.lines), len(axes.collections)) for axes in figure.axes]
        for figure in (mine, named)
    ]
    assert contents[0] == contents[1]


def test_a_sweep_says_what_it_can_give(swept):
    assert available(swept()) == ("sweep", "heat_map", "lines", "scatter")
    said = r"no plot 'ladder': it shows a single run, and this is a sweep\. This file can give: sweep, scatter\."
    with pytest.raises(SimulationError, match=said):
        draw_figure(swept(points=POINTS, number=lambda alpha, beta: beta), "ladder")


def test_a_run_has_no_keys_to_choose(train, swept):
    with pytest.raises(ScenarioError, match=r"plot 'training' has no keys and values to choose; plots of sweeps have"):
        draw_figure(train(), None, SweepOptions(x="rule.beta"))
    with pytest.raises(SimulationError, match=r"no plot 'heat_map': there is no sweep; it comes from `neurosim sweep`"):
        draw_figure(train(), "heat_map", SweepOptions(x="rule.beta"))
    with pytest.raises(UnknownNameError, match=r"does not vary 'alpha'"):
        draw_figure(swept(), None, SweepOptions(x="alpha"))


def test_what_is_not_good_stands_below_the_picture(swept):
    def below(figure):
        return figure.get_supxlabel()

    assert below(draw_figure(swept())) == ""
    assert below(draw_figure(swept(codes={(0, 0): MISSING}))) == "11 of 12 points done"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("scatter", {"points": POINTS, "codes": {(3,): UNSETTLED, (5,): FAILED, (7,): MISSING, (9,): DIVERGED}}),
        ("scatter", {"points": {"rule.beta": [0.1]}}),
        ("scatter", {"points": {"rule.beta": [0.1, 0.1, 0.1], "rule.alpha": [0.0, 0.0, 0.0]}}),
        ("scatter", {"points": WORDS, "number": lambda beta, variant: beta}),
    ],
)  # fmt: skip
def test_nothing_collides_among_dots(swept, kind, options):
    assert_tidy(draw_figure(swept(**options), kind))
