"""The choice of the nudge as a picture: three curves, the best strength, and a bias that is lost in the noise."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from plots_files import attributes

from neurosim.errors import SimulationError
from neurosim.plots import u_curve
from neurosim.plots.figure import draw_figure
from neurosim.results.reader import open_result
from neurosim.results.writer import ResultWriter

BETAS = np.logspace(-3, 0, 13)
SPREAD, BIAS = 0.01 / BETAS, 2 * BETAS**2


@pytest.fixture
def searched(tmp_path):
    """Return an open result of a search over BETAS with the given bias, spread and repeats."""
    files = []

    def make(bias=BIAS, spread=SPREAD, repeats=16):
        path = tmp_path / "b.h5"
        with ResultWriter(path, attributes("bias")) as writer:
            writer.dimension("bias", "beta", BETAS, "beta")
            error = np.hypot(bias, spread)
            for name, values in (("error", error), ("bias", bias), ("spread", spread)):
                writer.variable("bias", f"beta_{name}", ("beta",), values, name, "1")
            writer.variable("bias", "best_beta", (), BETAS[np.nanargmin(error)], "best", "1")
            writer.variable("bias", "noise_repeats", (), repeats, "repeats", "1")
            writer.finish({"status": "finished", "message": ""})
        context = open_result(path)
        files.append(context)
        return context.__enter__()

    yield make
    for context in files:
        context.__exit__(None, None, None)


def curves(axes: Axes):
    """Return the curves by the order in which they are drawn, without the mark of the best strength."""
    return [line.get_xydata() for line in axes.lines if len(line.get_xdata()) > 2]


def test_error_bias_and_noise_are_drawn_with_the_best_strength(searched, axes):
    u_curve.draw(searched(), axes)
    error, bias, spread = curves(axes)
    np.testing.assert_allclose(error, np.column_stack([BETAS, np.hypot(BIAS, SPREAD)]))
    np.testing.assert_allclose(spread, np.column_stack([BETAS, SPREAD]))
    best = BETAS[np.argmin(np.hypot(BIAS, SPREAD))]
    assert axes.get_title("left").startswith(rf"best: $\beta$ = {best:.3g}, ")
    assert any(np.ptp(line.get_xdata()) == 0 and line.get_xdata()[0] == best for line in axes.lines)
    assert {text.get_text() for text in axes.texts} >= {"error of an update", "bias", "noise"}
    # What lies below two standard errors of the mean is not known.
    assert bias[0, 0] == BETAS[BIAS > 2 * SPREAD / 4][0]
    assert len(bias) == (BIAS > 2 * SPREAD / 4).sum()


def test_without_noise_there_are_two_curves_that_fall_together(searched, axes):
    u_curve.draw(searched(spread=np.zeros(13), repeats=1), axes)
    error, bias = curves(axes)
    np.testing.assert_array_equal(error, bias)


def test_strengths_that_gave_no_update_leave_a_gap(searched, axes):
    bias = BIAS.copy()
    bias[-2:] = np.nan
    u_curve.draw(searched(bias=bias), axes)
    assert curves(axes)[0][-1, 0] == BETAS[-3]


def test_a_run_without_a_search_has_no_curve(tmp_path, axes):
    with ResultWriter(tmp_path / "b.h5", attributes("bias")) as writer:
        writer.finish({"status": "finished", "message": ""})
    with open_result(tmp_path / "b.h5") as file, pytest.raises(SimulationError, match=r"rule\.beta: auto"):
        u_curve.draw(file, axes)


def test_it_is_drawn_by_name(searched):
    assert len(draw_figure(searched(), "u_curve").axes) == 1
