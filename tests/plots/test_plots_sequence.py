"""Circuits driven by signals as pictures: target and output, and hidden trajectories."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose

from neurosim.errors import SimulationError
from neurosim.plots import components
from neurosim.plots import sequence as plot
from neurosim.plots.figure import draw_figure
from neurosim.plots.style import LINES


def test_target_and_output_over_time(sequence, axes):
    file = sequence()
    plot.draw_channel(file, axes, 0)
    target, output = axes.lines
    for line, name in ((target, "target"), (output, "output")):
        assert_allclose(line.get_xdata(), np.arange(150))
        assert_allclose(line.get_ydata(), file[f"sequence/{name}"][:, 0])
    assert to_hex(target.get_color()) == "#000000"
    assert output.get_color() == LINES[0]
    assert {text.get_text() for text in axes.texts} == {"target", "output"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "value")
    assert not axes.patches


def test_the_title_has_the_error_of_the_steps_that_count(sequence, axes):
    file = sequence(task="recall")
    target, output = (file[f"sequence/{name}"][15:, 0] for name in ("target", "output"))
    plot.draw_channel(file, axes, 0)
    error, variance = np.mean((output - target) ** 2), np.mean((target - target.mean()) ** 2)
    title = f"x 15 samples ago: mean squared error {error:.3g}, variance {variance:.3g}"
    assert axes.get_title(loc="left") == title
    edges = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
    assert (edges[0][0], edges[-1][1], len(edges)) == (0.0, 14.5, 15)
    assert "shaded steps do not count" in draw_figure(file, "sequence").get_suptitle()


def test_units_are_on_the_axes(sequence, axes):
    plot.draw_channel(sequence(units_of_target="K", time_units="s"), axes, 0)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time (s)", "value (K)")
    assert axes.get_title(loc="left").count(" K$^2$") == 2


def test_many_targets_are_two_pictures(sequence):
    file = sequence(task="copying", units=8)
    figure = draw_figure(file, "sequence")
    for axes, name in zip(figure.axes, ("target", "output"), strict=True):
        assert_allclose(axes.images[0].get_array(), file[f"sequence/{name}"][:].T)
        assert axes.images[0].get_clim() == (0.0, 1.0)
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert labels == [*(f"symbol {k}" for k in range(8)), "blank", "marker"]
        assert [line.get_xdata()[0] for line in axes.lines] == [8.5]
    assert (
        figure.get_suptitle().splitlines()[1] == "10 targets and outputs, a row each; the error counts from the line on"
    )
    error = np.mean((file["sequence/output"][9:] - file["sequence/target"][9:]) ** 2)
    assert f"output: mean squared error {error:.3g}, " in figure.axes[1].get_title(loc="left")


@pytest.mark.parametrize("kind", ["sequence", "components"])
def test_a_file_without_a_sequence_says_so(train, kind):
    with pytest.raises(SimulationError, match=f"no plot '{kind}': there is no sequence; it comes from recurrent"):
        draw_figure(train(), kind)


def test_components_are_those_of_the_covariance():
    """Variances along components are eigenvalues of the covariance, and components are uncorrelated."""
    state = np.random.default_rng(1).standard_normal((300, 6)) @ np.random.default_rng(2).standard_normal((6, 6))
    scores, shares = components.principal_components(state)
    values = np.linalg.eigvalsh(np.cov(state.T, bias=True))[::-1]
    assert_allclose(np.cov(scores.T, bias=True), np.diag(values), atol=1e-12)
    assert_allclose(shares, values / values.sum())
    assert_allclose(np.linalg.norm(scores, axis=1), np.linalg.norm(state - state.mean(axis=0), axis=1))


def test_signs_do_not_depend_on_the_order_of_steps():
    state = np.random.default_rng(1).standard_normal((50, 4)) * [4, 3, 2, 1]
    order = np.random.default_rng(2).permutation(50)
    assert_allclose(
        components.principal_components(state[order])[0], components.principal_components(state)[0][order], atol=1e-12
    )


def test_the_trajectory_in_the_plane_and_over_time(sequence):
    file = sequence()
    figure = draw_figure(file, "components")
    plane, time = figure.axes
    scores, shares = components.principal_components(file["sequence/state"][:])
    pieces = np.array(plane.collections[0].get_segments())
    assert_allclose(pieces[:, 0], scores[:-1, :2])
    assert_allclose(pieces[:, 1], scores[1:, :2])
    assert_allclose([line.get_xydata()[0] for line in plane.lines], scores[[0, -1], :2])
    assert plane.get_xlabel() == f"component 1 ({100 * shares[0]:.0f} % of the variance)"
    assert_allclose([line.get_ydata() for line in time.lines], scores[:, :3].T)
    low, high = plane.get_ylim()
    assert low < scores[:, 1].min()
    assert high > scores[:, 1].max()
    assert "hidden states of 20 units over 150 steps" in figure.get_suptitle()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (np.ones((150, 20)), "the hidden state does not move"),
        (np.ones((150, 1)), "one hidden unit has no plane"),
        (np.full((150, 20), np.nan), "NaN or infinite; the run diverged"),
    ],
)
def test_states_without_a_plane_are_refused(sequence, state, message):
    with pytest.raises(SimulationError, match=message):
        draw_figure(sequence(state=state), "components")
