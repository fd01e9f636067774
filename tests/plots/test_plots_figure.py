"""Whole figures: the right plot for a file, what it says if there is none, and that nothing in it collides."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from typing import Any

import h5py
import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from neurosim.analysis.run import Options, execute
from neurosim.errors import SimulationError, UnknownNameError
from neurosim.plots.figure import available, draw_figure
from neurosim.plots.style import styled
from neurosim.registry import PLOTS
from neurosim.results.reader import open_result
from neurosim.scenario.load import load_scenario

OF_RELAX = ("trajectories", "activity", "error", "rate")
OF_TRAIN = ("training", "learning_curve", "gradient_alignment")
OF_BIAS = ("bias", "ladder", "waterfall", "error_alignment")
OF_ROBUSTNESS = ("robustness",)
ELSEWHERE = ("nudge_error", "complex_plane", "lock_in", "u_curve")  # test_plots_nudges.py, test_plots_u_curve.py
OF_NETLISTS = ("circuit", "power", "conductances")  # test_plots_netlist.py
OF_SIGNALS = ("sequence", "components", "perturbation_cosine", "correlation")
OF_SWEEPS = ("sweep", "heat_map", "lines", "scatter")  # tests/plots/test_plots_sweep_*.py
COSINES = {"W_0": [0.9, 0.99, 0.999, 0.9999], "b_1": [0.8, 0.9, 0.95, 0.99], "all": [0.95] * 4}
SWEEPS = {"times": np.arange(5.0), "units": "1", "saves": (2, 5), "dynamics": "{tolerance: 1.0e-5}"}
BAD = [[0, 2], [0, 2]]


def visible_texts(figure: Figure) -> list[tuple[str, Any]]:
    """Return all texts with their boxes; tick labels beyond the limits of their axis are not drawn."""
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                hidden |= {tick.label2} if low <= tick.get_loc() <= high else {tick.label1, tick.label2}
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text() and text not in hidden]
    return [(text.get_text(), Text.get_window_extent(text)) for text in texts]


def test_every_registered_plot_is_tested_here():
    assert {*OF_RELAX, *OF_TRAIN, *OF_BIAS, *OF_ROBUSTNESS, *ELSEWHERE, *OF_NETLISTS, *OF_SIGNALS, *OF_SWEEPS} == set(
        PLOTS
    )


def test_the_default_is_the_overview(relax, train):
    panels = draw_figure(relax()).axes
    assert [axes.get_title(loc="left") for axes in panels] == [
        "layer 1: 12 units, 7 in colour", "layer 2: 3 units", "", "", "rate over all 2 samples",
    ]  # fmt: skip
    assert len(draw_figure(train()).axes) == 1
    assert len(draw_figure(train(cosines=COSINES)).axes) == 2


def test_panels_say_only_what_their_neighbours_do_not(relax):
    states, states_2, errors, errors_2, rates = draw_figure(relax()).axes
    assert [axes.get_xlabel() for axes in (states, states_2)] == ["", ""]
    assert [axes.get_xlabel() for axes in (errors, errors_2, rates)] == ["time (s)"] * 3
    assert all(axes.get_ylabel().endswith("(dimensionless)") for axes in (states, errors, rates))
    assert [axes.get_ylabel() for axes in (states_2, errors_2)] == ["", ""]
    assert states.get_xlim() == errors.get_xlim() == rates.get_xlim()


def test_a_unit_has_one_colour_in_both_rows(relax):
    states, _, errors, *_ = draw_figure(relax()).axes
    colors = [{line.get_label(): line.get_color() for line in axes.lines[:7]} for axes in (states, errors)]
    assert colors[0] == colors[1]
    assert {"0", "11"} <= set(colors[0])  # the largest final error, the largest final state


def test_point_neurons_have_an_overview_without_errors(relax):
    panels = draw_figure(relax(compartments=1, phases=[("free", 0.0)])).axes
    assert [axes.get_ylabel().split()[0] for axes in panels if axes.get_ylabel()] == ["state", "RMS"]


def test_many_layers_are_broken_into_bands(relax):
    figure = draw_figure(relax(layers=(5, 4, 3, 3, 2)))
    assert len(figure.axes) == 2 * 5 + 1
    assert figure.get_figwidth() < 12


def test_the_heading_says_where_the_picture_comes_from(relax, train):
    heading = draw_figure(relax()).get_suptitle()
    assert heading.splitlines() == [
        "small (0123456789ab)", "test sample 0 (class 0); in colour: largest final states and errors",
    ]  # fmt: skip
    assert draw_figure(train()).get_suptitle() == "small (0123456789ab)"


@pytest.mark.parametrize("kind", [None, *OF_RELAX])
def test_every_picture_of_a_relaxation_says_what_did_not_settle(relax, kind):
    figure = draw_figure(relax(codes=BAD), kind)
    notes = [text for text, _ in visible_texts(figure) if text.startswith("not settled")]
    assert notes == ["not settled: 1 of 2 samples (free), 1 of 2 (nudged)"]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("trajectories", {}),
        ("trajectories", {"codes": BAD}),
        ("trajectories", SWEEPS),
        ("trajectories", {"layers": (100, 40, 20, 10)}),
        ("activity", {"codes": BAD}),
        ("error", {"layers": (100, 10)}),
        ("rate", {"codes": BAD}),
    ],
)
def test_nothing_collides_in_pictures_of_a_relaxation(relax, kind, options):
    assert_tidy(draw_figure(relax(**options), kind))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("sequence", {}),
        ("sequence", {"task": "copying", "units": 8}),
        ("sequence", {"task": "recall", "units_of_target": "K", "time_units": "s"}),
        ("components", {}),
    ],
)
def test_nothing_collides_in_pictures_of_a_sequence(sequence, kind, options):
    assert_tidy(draw_figure(sequence(**options), kind))


def test_nothing_collides_in_pictures_of_perturbation_and_decorrelation(perturbation, decorrelation):
    assert_tidy(draw_figure(perturbation(), "perturbation_cosine"))
    assert_tidy(draw_figure(decorrelation(), "correlation"))
    assert_tidy(draw_figure(decorrelation(shrink=0.1, still=2), "correlation"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"unsettled": [0.1] * 4},
        {"train_error": [0.5, 0.1, 0.0, 0.0]},
        {"status": "diverged", "message": "word " * 60},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", OF_TRAIN)
def test_nothing_collides_in_pictures_of_a_training(train, kind, options):
    assert_tidy(draw_figure(train(cosines=COSINES, **options), kind))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"variants": ("back-propagation", "alpha 0", "alpha 1/2", "alpha 1", "adversarial training")},
        {"variants": tuple(f"variant {i}" for i in range(9))},
        {"pgd": (False,) * 3},
        {"unsettled": 0.01},
        {"finished": 1, "status": "interrupted", "message": "word " * 60},
    ],
    ids=str,
)
def test_nothing_collides_in_pictures_of_attacks(robustness, options):
    assert_tidy(draw_figure(robustness(**options)))


def assert_tidy(figure: Figure) -> None:
    """No text lies on another or leaves the figure; no legend lies on its axes."""
    with styled():
        figure.draw_without_rendering()
        boxes = visible_texts(figure)
    frame = figure.bbox
    for text, box in boxes:
        assert box.x0 >= frame.x0 - 1, text
        assert box.x1 <= frame.x1 + 1, text
        assert box.y0 >= frame.y0 - 1, text
        assert box.y1 <= frame.y1 + 1, text
    collisions = [
        (a, b) for (a, box), (b, other) in combinations(boxes, 2) if box.padded(-1).overlaps(other.padded(-1))
    ]
    assert not collisions
    for axes in figure.axes:
        if (legend := axes.get_legend()) is not None:
            assert not legend.get_window_extent().overlaps(axes.get_window_extent())


def test_minus_signs_are_minus_signs(relax):
    figure = draw_figure(relax(), "activity")
    figure.draw_without_rendering()
    labels = [tick.get_text() for axes in figure.axes for tick in axes.get_yticklabels()]
    assert any("−" in label for label in labels)
    assert not any("-" in label for label in labels)


@pytest.mark.parametrize(
    ("overrides", "kinds"),
    [
        (["analysis={type: relax, samples: 2}", "dynamics={solver: rk4, dt: 0.2, t_end: 2.0}"], OF_RELAX),
        (["analysis={type: relax, samples: 2}"], OF_RELAX),
        (["analysis={type: relax}", "circuit.neuron=point", "rule=null"], ("trajectories", "activity", "rate")),
        (
            ["analysis.epochs=1", "analysis.train_limit=100", "analysis.log_gradient_alignment=true"],
            (*OF_TRAIN, "conductances"),
        ),
    ],
)
def test_what_the_analyses_write_can_be_drawn(tmp_path, overrides, kinds):
    loaded = load_scenario("dyad_digits", ["circuit.layers=[64, 9, 10]", *overrides])
    path, _ = execute(loaded, Options(output=tmp_path / "real.h5"))
    with open_result(path) as file:
        assert available(file) == kinds


def test_an_unknown_plot_is_named_with_the_nearest(relax):
    with pytest.raises(
        UnknownNameError,
        match=r"unknown plot 'activty'\. Did you mean 'activity'\? Known: activity, bias, circuit, complex_plane,",
    ):
        draw_figure(relax(), "activty")


@pytest.mark.parametrize("kind", OF_TRAIN)
def test_a_relaxation_says_what_it_can_give(relax, kind):
    said = rf"small.*|write_relax.*\.h5: no plot '{kind}': there is no learning curve; it comes from analysis train\. "
    with pytest.raises(SimulationError, match=said + "This file can give: trajectories, activity, error, rate"):
        draw_figure(relax(), kind)


@pytest.mark.parametrize("kind", OF_RELAX)
def test_a_training_says_what_it_can_give(train, kind):
    said = rf"\.h5: no plot '{kind}': there are no trajectories; they come from analysis relax\. "
    with pytest.raises(SimulationError, match=said + r"This file can give: training, learning_curve\."):
        draw_figure(train(), kind)


def test_point_neurons_say_what_they_can_give(relax):
    file = relax(compartments=1, phases=[("free", 0.0)])
    with pytest.raises(
        SimulationError, match=r"neurons of this circuit have one\. This file can give: trajectories, activity, rate\."
    ):
        draw_figure(file, "error")


def test_a_file_without_anything_to_draw_says_so(train):
    file = train(loss=[], test_loss=[], train_error=None, test_error=None)
    assert available(file) == ()
    with pytest.raises(SimulationError, match=r"first epoch was finished\. This file can give no plot\."):
        draw_figure(file)


def test_an_analysis_without_overview_says_what_there_is(relax, tmp_path):
    path = relax().filename
    with h5py.File(path.replace("write", "copy"), "w") as copy, h5py.File(path) as file:
        file.copy("relax", copy)
        copy.attrs.update({**file.attrs, "analysis": "guesswork"})
        with pytest.raises(
            SimulationError, match=r"no overview of analysis 'guesswork'\. This file can give: trajectories"
        ):
            draw_figure(copy)


def test_the_settings_of_the_caller_stay_as_they_are(relax):
    before = dict(matplotlib.rcParams)
    draw_figure(relax())
    assert dict(matplotlib.rcParams) == before


def test_the_settings_of_the_caller_do_not_matter(relax):
    file = relax()
    with matplotlib.rc_context({"axes.spines.top": True, "font.size": 30}):
        axes = draw_figure(file).axes[0]
    assert not axes.spines["top"].get_visible()
    assert axes.xaxis.label.get_size() == 9


def test_no_window_toolkit_is_touched():
    code = "import sys, neurosim.plots.figure, neurosim.plots.trajectories; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
