"""Heat maps of sweeps: what is drawn in every cell, and what the picture says beside it."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import LogNorm, to_hex
from matplotlib.patches import PathPatch
from sweep_files import ANGLES, BETAS, DIVERGED, FAILED, GRID, MISSING, UNSETTLED, growing
from test_plots_figure import assert_tidy

from neurosim.errors import SimulationError
from neurosim.plots.figure import draw_figure
from neurosim.plots.sweeps.layout import SweepOptions

GAIN = "circuit.init.gain"
SHAPE = (len(ANGLES), len(BETAS))


def numbers(**grid):
    """The numbers of a sweep as they stand in a map: the first key across, the second up."""
    meshes = np.meshgrid(*grid.values(), indexing="ij")
    return growing(**dict(zip(grid, meshes, strict=True))).swapaxes(0, 1)


def cells(axes):
    """Return the numbers behind the colours of a panel, from the bottom up, NaN where there is none."""
    return axes.collections[0].get_array().reshape(-1, axes.collections[0].get_array().shape[-1]).filled(np.nan)


def hatched(axes):
    """Return the middles of hatched cells, from the paths that were drawn, and the colours of their lines."""
    found = []
    for patch in axes.patches:
        assert isinstance(patch, PathPatch)
        assert patch.get_hatch()
        boxes = patch.get_path().vertices.reshape(-1, 5, 2)
        found += [(*box[:4].mean(axis=0).tolist(), to_hex(patch.get_edgecolor())) for box in boxes]
    return sorted(found)


def test_every_cell_has_the_number_of_its_point(swept):
    axes, bar = draw_figure(swept(), "heat_map").axes
    np.testing.assert_allclose(cells(axes), numbers(beta=BETAS, angle_deg=ANGLES))
    mesh = axes.collections[0].get_coordinates()
    np.testing.assert_allclose(np.log10(mesh[0, :, 0]), [-3.5, -2.5, -1.5, -0.5, 0.5], atol=1e-12)
    np.testing.assert_allclose(mesh[:, 0, 1], [-15.0, 15.0, 45.0, 75.0], atol=1e-12)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("rule.beta", "asymmetry.angle_deg")
    assert isinstance(axes.collections[0].norm, LogNorm)
    assert bar.get_ylabel().replace("\n", " ") == "distance of the update from the exact gradient, relative to it"


def test_keys_can_change_places_and_the_value_is_chosen(swept):
    options = SweepOptions(x="angle_deg", y="rule.beta", values=("relative_norm[nudge, W_0]",))
    axes, bar = draw_figure(swept(), "heat_map", options).axes
    np.testing.assert_allclose(cells(axes), 0.0025 * numbers(beta=BETAS, angle_deg=ANGLES).T)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("asymmetry.angle_deg", "rule.beta")
    assert bar.get_ylabel().replace("\n", " ").endswith("relative to the exact gradient, nudge, W_0")


def test_values_out_of_order_are_drawn_in_order(swept):
    order = [2, 0, 3, 1]
    file = swept(grid={**GRID, "rule.beta": [BETAS[i] for i in order]})
    np.testing.assert_allclose(cells(draw_figure(file).axes[0]), numbers(beta=BETAS, angle_deg=ANGLES))


def test_what_did_not_settle_is_hatched_and_what_has_no_value_is_marked(swept):
    codes = {(0, 0): UNSETTLED, (3, 2): UNSETTLED, (2, 1): DIVERGED, (1, 0): FAILED, (1, 1): MISSING, (2, 0): MISSING}
    figure = draw_figure(swept(codes=codes))
    axes = figure.axes[0]
    # Low numbers are dark, high ones light; grey is light.
    middles = [(np.mean([10**-3.5, 10**-2.5]), 0.0, "#ffffff"), (np.mean([10**-1.5, 10**-0.5]), 30.0, "#000000")]
    middles.append((np.mean([10**-0.5, 10**0.5]), 60.0, "#000000"))
    found = hatched(axes)
    np.testing.assert_allclose([each[:2] for each in found], [each[:2] for each in middles], atol=1e-12)
    assert [each[2] for each in found] == [each[2] for each in middles]
    marks = {line.get_marker(): sorted(line.get_xydata().tolist()) for line in axes.lines}
    assert marks == {"x": [[0.01, 0.0]], "o": [[0.01, 30.0], [0.1, 0.0]]}
    assert np.isnan(cells(axes)).tolist() == [
        [False, True, True, False], [False, True, True, False], [False, False, False, False],
    ]  # fmt: skip
    said = figure.get_suptitle().replace("\xa0", " ").replace("\n", " ")
    assert "hatched: did not settle (2 of 12); hatched grey: did not settle, no value (1 of 12)" in said
    assert "×: failed (1 of 12); ○: not run yet (2 of 12)" in said


def contours(axes):
    """Return the lines of equal cosine of a panel, by what is written on them."""
    (drawn,) = [item for item in axes.collections if hasattr(item, "levels")]
    return {f"{np.cos(level):g}": path.vertices for level, path in zip(drawn.levels, drawn.get_paths(), strict=True)}


def test_contours_of_the_cosine_stand_where_the_cosine_is(swept):
    figure = draw_figure(swept(cosine=lambda beta, angle_deg: np.cos(np.radians(angle_deg)) + 0 * beta))
    found = contours(figure.axes[0])
    assert list(found) == ["0.99", "0.9"]  # 0.5 is the border of the map
    for name, places in found.items():
        np.testing.assert_allclose(places[:, 1], np.degrees(np.arccos(float(name))), atol=1e-4)
        assert places[:, 0].min() == pytest.approx(BETAS[0])
        assert places[:, 0].max() == pytest.approx(BETAS[-1])
    assert sorted(text.get_text() for text in figure.axes[0].texts) == ["0.9", "0.99"]
    assert "white lines: cosine of the update with the exact gradient" in figure.get_suptitle()


def test_contours_run_straight_on_a_logarithmic_axis(swept):
    """An angle that grows with the logarithm of both keys has straight lines there, however wide the cells are."""
    grid = {"rule.beta": [0.01, 0.1, 1.0], "circuit.sd": [0.01, 0.1, 1.0]}
    file = swept(grid=grid, cosine=lambda beta, sd: np.cos(np.radians(60 + 15 * np.log10(beta * sd))))
    for name, places in contours(draw_figure(file).axes[0]).items():
        along = np.log10(places).sum(axis=1)
        np.testing.assert_allclose(60 + 15 * along, np.degrees(np.arccos(float(name))), atol=0.05)


def test_a_neighbour_without_a_value_leaves_no_scrap_of_a_contour(swept):
    codes = {(3, 0): DIVERGED, (3, 2): DIVERGED}  # the last column has its middle only
    file = swept(cosine=lambda beta, angle_deg: np.where(beta < 1, 0.95, 0.6), codes=codes)
    figure = draw_figure(file)
    assert not [item for item in figure.axes[0].collections if hasattr(item, "levels")]
    assert "white lines" not in figure.get_suptitle()


def test_contours_leave_out_what_has_no_value(swept):
    file = swept(cosine=lambda beta, angle_deg: np.cos(np.radians(angle_deg)) + 0 * beta, codes={(2, 0): FAILED})
    places = contours(draw_figure(file).axes[0])["0.99"]
    assert places[:, 0].max() == pytest.approx(BETAS[1])


@pytest.mark.parametrize(
    "options",
    [
        {"cosine": lambda beta, angle_deg: 0.7 + 0 * beta},
        {"cosine": lambda beta, angle_deg: 1.0 - beta / 2, "grid": {**GRID, "rule.beta": [0.0, 0.001, 0.01, 1.0]}},
        {"codes": {(i, j): FAILED for i in range(4) for j in range(3)}, "cosine": lambda beta, angle_deg: beta},
        {},
    ],
)
def test_there_are_no_contours_that_say_nothing(swept, options):
    figure = draw_figure(swept(**options), "heat_map")
    assert not [item for item in figure.axes[0].collections[1:] if hasattr(item, "levels")]
    assert "white lines" not in figure.get_suptitle()


def test_an_angle_has_no_contours_of_its_own_cosine(swept):
    file = swept(cosine=lambda beta, angle_deg: np.cos(np.radians(angle_deg)))
    axes = draw_figure(file, "heat_map", SweepOptions(values=("cosine",))).axes[0]
    np.testing.assert_allclose(cells(axes)[1:], np.repeat([[30.0], [60.0]], 4, axis=1), atol=1e-6)
    assert len(axes.collections) == 1


def test_a_third_key_makes_panels_with_the_same_colours(swept):
    gains = [0.5, 1.0, 2.0]
    figure = draw_figure(swept(grid={**GRID, GAIN: gains}))
    *panels, bar = figure.axes
    assert [axes.get_title(loc="left") for axes in panels] == ["init.gain = 0.5", "init.gain = 1", "init.gain = 2"]
    assert len({(float(axes.collections[0].norm.vmin), float(axes.collections[0].norm.vmax)) for axes in panels}) == 1
    every = numbers(beta=BETAS, angle_deg=ANGLES, gain=gains)
    for k, axes in enumerate(panels):
        np.testing.assert_allclose(cells(axes), every[..., k])
    assert [bool(axes.get_ylabel()) for axes in panels] == [True, False, False]
    np.testing.assert_allclose(bar.get_ylim(), (every.min(), every.max()))


@pytest.mark.parametrize(
    ("count", "rows"), [(2, [2]), (4, [4]), (5, [3, 2]), (6, [3, 3]), (9, [3, 3, 3]), (12, [4] * 3)]
)
def test_panels_stand_in_even_rows(swept, count, rows):
    figure = draw_figure(swept(grid={**GRID, GAIN: np.arange(1.0, count + 1)}))
    panels = [axes for axes in figure.axes if axes.collections and axes.get_title(loc="left")]
    tops = [round(axes.get_subplotspec().get_position(figure).y1, 3) for axes in panels]
    assert [tops.count(top) for top in sorted(set(tops), reverse=True)] == rows


def test_too_many_panels_are_refused(swept):
    with pytest.raises(SimulationError, match=r"init\.gain would need 13 panels, and 12 are the most; .* --at circuit"):
        draw_figure(swept(grid={**GRID, GAIN: np.arange(1.0, 14.0)}))


def test_a_key_can_be_kept_at_one_value(swept):
    gains = np.arange(1.0, 14.0)
    figure = draw_figure(swept(grid={**GRID, GAIN: gains}), None, SweepOptions(at=("gain=2",)))
    np.testing.assert_allclose(cells(figure.axes[0]), numbers(beta=BETAS, angle_deg=ANGLES, gain=gains)[..., 1])
    assert figure.get_suptitle().endswith("\ninit.gain = 2")


def test_seeds_are_averaged_and_the_caption_says_so(swept):
    file = swept(grid={**GRID, "seed": [1, 2, 3]}, codes={(0, 0, 1): FAILED, (1, 0, 2): UNSETTLED})
    figure = draw_figure(file)
    every = numbers(beta=BETAS, angle_deg=ANGLES, seed=[1, 2, 3])
    expected = every.mean(axis=-1)
    expected[0, 0] = every[0, 0, [0, 2]].mean()
    np.testing.assert_allclose(cells(figure.axes[0]), expected)
    said = figure.get_suptitle().replace("\xa0", " ").replace("\n", " ")
    assert "means over 3 values of seed, of those that have a value; hatched: some run did not settle (1 of 12)" in said


def test_a_seed_has_an_axis_where_nothing_else_is_left(swept):
    axes = draw_figure(swept(grid={"rule.beta": BETAS, "seed": [1, 2, 3]}), "heat_map").axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("rule.beta", "seed")


def test_one_value_makes_one_row(swept):
    axes = draw_figure(swept(grid={"rule.beta": BETAS, GAIN: [2.0]}), "heat_map").axes[0]
    assert cells(axes).shape == (1, 4)
    assert axes.get_ylim() == (1.0, 3.0)


def test_words_are_categories(swept):
    names = ["tanh", "relu", "softplus"]
    file = swept(grid={"rule.beta": BETAS, "circuit.activation": names}, number=lambda beta, activation: beta)
    axes = draw_figure(file, "heat_map").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == names
    np.testing.assert_allclose(cells(axes), np.tile(BETAS, (3, 1)))


@pytest.mark.parametrize(
    ("number", "norm", "low", "high"),
    [
        (lambda beta, angle_deg: 0.3 + 0 * beta, "Normalize", 0.15, 0.45),
        (lambda beta, angle_deg: 0 * beta, "Normalize", -0.5, 0.5),
        (lambda beta, angle_deg: 1.0 + beta, "Normalize", 1.001, 2.0),
        (lambda beta, angle_deg: beta - 0.5, "Normalize", -0.499, 0.5),
        (lambda beta, angle_deg: beta * (beta > 0.005), "LogNorm", 0.01, 1.0),  # zeros have the colour of the smallest
    ],
)
def test_the_scale_of_colours_follows_from_the_numbers(swept, number, norm, low, high):
    figure = draw_figure(swept(number=number))
    mesh = figure.axes[0].collections[0]
    assert (type(mesh.norm).__name__, mesh.norm.vmin, mesh.norm.vmax) == (norm, pytest.approx(low), pytest.approx(high))
    figure.draw_without_rendering()
    colors = mesh.get_facecolor().reshape(*SHAPE, 4)
    if norm == "LogNorm":
        np.testing.assert_array_equal(colors[:, 0], colors[:, 1])


def test_where_everything_failed_there_are_only_marks(swept):
    figure = draw_figure(swept(codes={(i, j): FAILED for i in range(4) for j in range(3)}))
    (axes,) = figure.axes  # no colour bar
    assert np.isnan(cells(axes)).all()
    assert len(axes.lines[0].get_xdata()) == 12


@pytest.mark.parametrize(
    ("options", "choice", "said"),
    [
        ({"grid": {"rule.beta": BETAS}}, {}, r"a heat map needs two keys, and only rule\.beta can be on an axis\."),
        ({}, {"at": ("beta=0.1",)}, r"a heat map needs two keys"),
        ({}, {"color": "beta"}, r"the colour of a heat map is the value; a third key makes panels, with --panel\."),
        ({}, {"values": ("relative_norm", "wall_seconds")}, r"a heat map shows one value; several make lines\."),
        (
            {"points": {"rule.beta": BETAS, "rule.alpha": BETAS}, "number": lambda beta, alpha: beta},
            {}, r"rule\.beta and rule\.alpha vary together, point by point: draw a scatter\.",
        ),
        ({"grid": {**GRID, GAIN: [1, 2], "circuit.n": [1, 2]}}, {}, r"circuit\.n has 2 values and no place in the "),
    ],
)  # fmt: skip
def test_what_makes_no_heat_map_is_refused(swept, options, choice, said):
    with pytest.raises(SimulationError, match=rf"no plot 'heat_map': .*{said}"):
        draw_figure(swept(**options), "heat_map", SweepOptions(**choice))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"codes": {(0, 0): UNSETTLED, (1, 0): FAILED, (1, 1): MISSING, (2, 0): DIVERGED}},
        {"grid": {**GRID, GAIN: [0.5, 1.0, 2.0, 4.0, 8.0]}},
        {"grid": {"rule.beta": [0.0, 0.001, 0.01, 0.1], "circuit.activation": ["hard_sigmoid", "tanh", "softplus"]}},
        {"grid": {"circuit.activation": ["hard_sigmoid", "tanh", "shifted_sigmoid"], "rule.a": ["one", "two"]}},
        {"number": lambda beta, angle_deg: 0.3 + 0 * beta},
        {"analysis": "train"},
    ],
)
def test_nothing_collides_in_a_heat_map(swept, options):
    assert_tidy(draw_figure(swept(**options), "heat_map"))
