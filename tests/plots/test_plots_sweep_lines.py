"""Lines of sweeps: what is drawn, what is marked, what is said."""

from __future__ import annotations

import numpy as np
import pytest
from sweep_files import ANGLES, BETAS, DIVERGED, FAILED, GRID, MISSING, UNSETTLED, growing
from test_plots_figure import assert_tidy

from neurosim.errors import SimulationError
from neurosim.plots.figure import draw_figure
from neurosim.plots.style import LINES
from neurosim.plots.sweeps.layout import SweepOptions

RATES = (0.01, 0.1, 1.0)
SEEDS = {"analysis.optimizer.rate": RATES, "seed": [1, 2, 3]}
DRAWN = tuple(np.random.default_rng(0).uniform(0.1, 0.9, 20))
POINTS = {"rule.alpha": DRAWN, "rule.beta": tuple(10 ** (3 * x - 3) for x in DRAWN[::-1])}
WORDS = {"rule.beta": DRAWN, "rule.variant": ["damped", "original"] * 10}


def curves(axes):
    """Return the joined lines of a panel."""
    return [line for line in axes.lines if line.get_linestyle() != "None"]


def loose(axes, marker):
    """Return the places of marks without lines."""
    return [
        tuple(place) for line in axes.lines for place in line.get_xydata().tolist()
        if line.get_marker() == marker and line.get_linestyle() == "None"
    ]  # fmt: skip


def said(figure):
    return figure.get_suptitle().replace("\xa0", " ").replace("\n", " ")


def test_a_family_has_one_line_per_value(swept):
    figure = draw_figure(swept(), "lines")
    (axes,) = figure.axes
    lines = curves(axes)
    expected = growing(beta=np.array(BETAS)[:, None], angle_deg=np.array(ANGLES)) + np.zeros((4, 3))
    for k, line in enumerate(lines):
        np.testing.assert_allclose(line.get_xydata(), np.column_stack([BETAS, expected[:, k]]))
    assert [text.get_text() for text in axes.texts] == ["angle_deg 60", "angle_deg 30", "angle_deg 0"][::-1]
    assert len({line.get_color() for line in lines}) == 3
    assert (axes.get_xscale(), axes.get_yscale(), axes.get_xlabel()) == ("log", "log", "rule.beta")
    assert said(figure).endswith("colour: circuit.imperfections.asymmetry.angle_deg")


def test_the_longest_key_of_numbers_is_along_the_axis(swept):
    def label(grid):
        return draw_figure(swept(grid=grid), "lines").axes[0].get_xlabel()

    assert label(dict(reversed(GRID.items()))) == "rule.beta"
    assert label({"circuit.activation": ["a", "b", "c"], "rule.beta": [1.0, 2.0]}) == "rule.beta"


def test_keys_are_chosen(swept):
    options = SweepOptions(x="angle_deg", at=("rule.beta=0.1",), values=("relative_norm[nudge]",))
    figure = draw_figure(swept(), "lines", options)
    (line,) = curves(figure.axes[0])
    assert line.get_xdata().tolist() == list(ANGLES)
    expected = growing(beta=np.array(BETAS)[:, None], angle_deg=np.array(ANGLES)) + np.zeros((4, 3))
    np.testing.assert_allclose(line.get_ydata(), 0.25 * expected[2])
    assert said(figure).endswith(") rule.beta = 0.1")


def test_seeds_make_a_mean_and_a_band(swept):
    file = swept(grid=SEEDS, number=lambda rate, seed: rate * seed**2, analysis="train", codes={(2, 0): FAILED})
    figure = draw_figure(file, "lines")
    (axes,) = figure.axes
    (line,) = curves(axes)
    np.testing.assert_allclose(line.get_ydata(), [1.4 / 3 * 10, 14.0 / 3 * 10, 650.0])
    band = axes.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose(sorted(set(band[:, 1].round(9))), sorted({1.0, 9.0, 10.0, 90.0, 400.0, 900.0}))
    assert "means over 3 values of seed, of those that have a value; bands from the smallest to the largest" in said(
        figure
    )


def test_a_u_curve_has_its_minimum_marked(swept):
    betas = np.geomspace(0.01, 1.0, 5)
    file = swept(grid={"rule.beta": betas}, number=lambda beta: beta**2, noise=lambda beta: 0.01 / beta)
    figure = draw_figure(file)
    (axes,) = figure.axes
    error, spread, total = curves(axes)
    np.testing.assert_allclose(spread.get_ydata(), 0.01 / betas)
    np.testing.assert_allclose(total.get_ydata(), betas**2)
    np.testing.assert_allclose(error.get_ydata(), np.hypot(betas**2, 0.01 / betas))
    best = int(np.argmin(np.hypot(betas**2, 0.01 / betas)))
    ((x, y),) = loose(axes, "D")  # the parts have their smallest values at the ends
    assert (x, y) == (pytest.approx(betas[best]), pytest.approx(error.get_ydata()[best]))
    assert [text.get_text() for text in axes.texts] != []
    assert {text.get_text() for text in axes.texts} == {"update error", "noise spread", "total"}
    assert axes.get_ylabel() == "relative to the exact gradient"
    assert "total: distance of the mean update from the exact gradient" in said(figure)
    assert "diamond: smallest value inside the range" in said(figure)


def test_the_dip_of_a_flat_line_is_no_minimum(swept):
    file = swept(grid={"rule.beta": [1.0, 2.0, 3.0]}, number=lambda beta: 1.0 + 0.005 * (beta - 2.0) ** 2)
    assert loose(draw_figure(file).axes[0], "D") == []


def test_values_of_one_kind_are_explained_once(swept):
    values = ("relative_norm[nudge]", "relative_norm[asymmetry, W_0]", "relative_norm")
    figure = draw_figure(swept(grid={"rule.beta": BETAS}), None, SweepOptions(values=values))
    assert {text.get_text() for text in figure.axes[0].texts} == {"nudge", "asymmetry of W_0", "total"}
    assert "nudge, asymmetry of W_0: size of the term, relative to the exact gradient; total: distance" in said(figure)


def test_a_family_of_u_curves_shows_the_error(swept):
    file = swept(noise=lambda beta, angle_deg: 0.001 / beta, number=lambda beta, angle_deg: beta * (1 + angle_deg))
    axes = draw_figure(file, "lines").axes[0]
    assert len(curves(axes)) == 3
    assert axes.get_ylabel().startswith("RMS distance of an update from the exact")
    assert len(loose(axes, "D")) == 3


def test_a_sweep_without_noise_has_one_line(swept):
    file = swept(grid={"rule.beta": BETAS}, noise=lambda beta: 0 * beta)
    assert len(curves(draw_figure(file).axes[0])) == 1


def test_marks_tell_what_became_of_a_place(swept):
    grid = {"rule.beta": [1.0, 2.0, 3.0, 4.0, 5.0]}
    codes = {(0,): UNSETTLED, (1,): FAILED, (2,): MISSING, (3,): DIVERGED}
    figure = draw_figure(swept(grid=grid, number=lambda beta: beta, codes=codes))
    axes = figure.axes[0]
    assert [place[0] for place in loose(axes, "x")] == [2.0]
    assert [place[0] for place in loose(axes, "v")] == [4.0]
    opened = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert opened[0].get_xydata().tolist() == [[1.0, 1.0]]
    for part in ("open: did not settle (1 of 5)", "▽: did not settle, no value (1 of 5)", "×: failed (1 of 5)"):
        assert part in said(figure)


@pytest.mark.parametrize("grid", [{"seed": [1, 2, 3]}, {"circuit.activation": ["tanh", "relu"]}])
def test_what_has_nothing_in_between_is_not_joined(swept, grid):
    axes = draw_figure(swept(grid=grid, number=lambda **keys: 0.5)).axes[0]
    assert curves(axes) == []
    assert len(loose(axes, "o")) >= len(next(iter(grid.values())))


def test_words_have_distinct_colours(swept):
    grid = {"rule.variant": ["damped", "original"], "rule.beta": BETAS}
    lines = curves(draw_figure(swept(grid=grid)).axes[0])
    assert [line.get_color() for line in lines] == list(LINES[:2])


def test_panels_share_limits_and_a_legend(swept):
    file = swept(grid={**GRID, "circuit.init.gain": [1.0, 2.0]})
    figure = draw_figure(file, None, SweepOptions(x="beta", color="angle_deg", panel="gain"))
    first, second = figure.axes
    assert first.get_ylim() == second.get_ylim()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "angle_deg 0",
        "angle_deg 30",
        "angle_deg 60",
    ]
    assert [axes.get_title(loc="left") for axes in (first, second)] == ["init.gain = 1", "init.gain = 2"]
    assert figure.get_supylabel().startswith("distance of the update")


@pytest.mark.parametrize(
    ("options", "choice", "said"),
    [
        ({}, {"y": "beta"}, r"lines have the value on the vertical axis; a second key makes a family, with --color\."),
        ({"grid": {"rule.beta": [0.1]}}, {"at": ("beta=0.1",)}, r"no key is left for the axis\."),
        ({"points": POINTS, "number": lambda alpha, beta: beta}, {}, r"vary together, point by point: draw a sc"),
        ({"points": POINTS, "number": lambda alpha, beta: beta}, {"x": "beta"}, r"have no grid: .* Draw a scatter\."),
        ({}, {"values": ("relative_norm", "wall_seconds")}, r"and wall_seconds have units 1 and s\."),
        (
            {"grid": {"rule.beta": np.arange(20.0), "circuit.init.gain": np.arange(17.0)}, "number": lambda **_: 1.0},
            {}, r"circuit\.init\.gain would need 17 lines, and 16 are the most; draw a heat map, or take one value",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_lines_is_refused(swept, options, choice, said):
    with pytest.raises(SimulationError, match=rf"no plot 'lines': .*{said}"):
        draw_figure(swept(**options), "lines", SweepOptions(**choice))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("lines", {}),
        ("lines", {"grid": {**SEEDS, "circuit.activation": ["hard_sigmoid", "tanh"]}, "analysis": "train"}),
        ("lines", {"grid": {**GRID, "circuit.init.gain": [1.0, 2.0, 4.0, 5.0, 6.0]}}),
        ("lines", {"grid": {"rule.beta": BETAS, "circuit.init.gain": np.arange(1.0, 15.0)}}),
        ("lines", {"grid": {"rule.beta": BETAS}, "noise": lambda beta: 1e-4 / beta}),
        ("lines", {"grid": {"circuit.activation": ["hard_sigmoid", "shifted_sigmoid", "tanh", "softplus"]}}),
        ("lines", {"grid": {"rule.beta": BETAS}, "codes": {(i,): i + UNSETTLED for i in range(4)}}),
        ("lines", {"grid": {"rule.beta": BETAS}, "codes": {(i,): FAILED for i in range(4)}}),
        ("lines", {"grid": {"rule.beta": [0.1]}}),
    ],
)  # fmt: skip
def test_nothing_collides_among_lines(swept, kind, options):
    assert_tidy(draw_figure(swept(**options), kind))
