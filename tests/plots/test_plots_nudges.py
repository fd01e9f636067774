"""Plots of nudges: errors against their size, states around a contour, demodulated error signals."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from plots_files import attributes, write_relax

from neurosim.dynamics.status import Status
from neurosim.errors import SimulationError
from neurosim.plots import complex_plane, lock_in, nudge_error
from neurosim.plots.figure import draw_figure
from neurosim.results.reader import open_result
from neurosim.results.writer import ResultWriter

BETAS = np.array([0.02, 0.05, 0.1])
RADIUS, CENTRE = 0.1, 0.5 + 0.0j


def write_nudges(path, floor=0.0, radius=None):
    """Errors 2 beta and 3 beta^4, above a floor; written as the analysis does."""
    parts = np.stack([2 * BETAS, 3 * BETAS**4])
    with ResultWriter(path, attributes("nudges")) as writer:
        writer.dimension("nudges", "beta", BETAS, "nudging strength")
        writer.dimension("nudges", "nudging", ["one_sided", "4"], "protocol")
        axes = ("nudging", "beta")
        writer.variable("nudges", "error", axes, np.hypot(parts, floor), "error", "1")
        writer.variable("nudges", "nudge_error", axes, parts, "part", "1")
        writer.variable("nudges", "order", ("nudging",), [1.0, 4.0], "order", "1")
        writer.variable("nudges", "asymmetry", (), floor, "floor", "1")
        if radius is not None:
            writer.dimension("nudges", "sample", np.arange(2), "sample")
            writer.variable("nudges", "radius", ("sample",), [2 * radius, radius], "radius", "1")
        writer.finish({"status": "settled", "message": "order in beta"})
    return path


def write_contour(path, points=6):
    """Layer 1: unit 0 goes around a circle, unit 1 around half of one; as analysis relax writes it."""
    upper = 0.2 * np.exp(2j * np.pi * np.arange(points // 2 + 1) / points)
    z = CENTRE + np.stack([np.zeros(2), *(beta * np.array([RADIUS, 0.5 * RADIUS]) / 0.2 for beta in upper)])
    with ResultWriter(path, attributes("relax", scenario="schema: 1\ndynamics: {t_end: 2.0}\n")) as writer:
        names = ["free", *(f"point_{k}" for k in range(len(upper)))]
        writer.dimension("relax", "phase", names, "phase of the rule")
        writer.variable("relax", "nudge", ("phase",), [0.0, *upper.real], "beta", "1")
        writer.variable("relax", "nudge_imaginary", ("phase",), [0.0, *upper.imag], "beta", "1")
        writer.dimension("relax", "time", np.arange(3.0), "time", "s")
        writer.dimension("relax", "sample", np.arange(1), "test sample")
        writer.dimension("relax", "compartment", np.arange(2), "compartment")
        writer.variable("relax", "compartment_name", ("compartment",), np.array([b"real", b"imaginary"]), "name")
        writer.variable("relax", "forward_weight", ("compartment",), [1.0, 0.0], "weight", "1")
        writer.dimension("relax", "unit_layer_1", np.arange(2), "unit")
        planes = np.stack([z.real, z.imag], axis=1)[:, None, None] * np.array([0.0, 0.5, 1.0])[:, None, None, None]
        dimensions = ("phase", "time", "sample", "compartment", "unit_layer_1")
        writer.variable("relax", "state_layer_1", dimensions, planes, "state", "1", {"symbol": "u"})
        rates = np.tile([1.0, 0.1, 0.01], (len(names), 1))
        writer.variable("relax", "rms_rate", ("phase", "time"), rates, "rate", "1")
        flags = {"flag_meanings": " ".join(status.key for status in Status)}
        status = np.zeros((len(names), 1), np.int8)
        writer.variable("relax", "status", ("phase", "sample"), status, "status", attributes=flags)
        writer.dimension("relax", "output", np.arange(2), "output")
        writer.variable("relax", "targets", ("sample", "output"), [[1.0, 0.0]], "targets", "1")
        writer.finish({"status": "settled", "message": "settled"})
    return path


def write_oscillation(path, period=10.0, t_end=30.0):
    """One phase of 61 saves; the integral of unit u of layer 1 grows by (u + 1) per period, and swings in between."""
    times = np.linspace(0.0, t_end, 61)
    path = write_relax(
        path, layers=(2,), compartments=1, phases=(("oscillating", 0.1),), times=times,
        dynamics=f"{{solver: rk4, dt: 0.1, t_end: {t_end}, tolerance: null}}",
    )  # fmt: skip
    import h5py

    with h5py.File(path, "a") as file:
        file["relax"].attrs["period"] = period
        growth = times[:, None] / period * np.array([1.0, 2.0]) + 0.3 * np.sin(2 * np.pi * times / period)[:, None]
        file["relax/error_integral_layer_1"] = np.repeat(growth[None, :, None], 2, axis=2)
    return path


def opened(write, tmp_path, **options):
    return open_result(write(tmp_path / "a.h5", **options))


def test_errors_are_lines_with_their_orders(tmp_path, axes: Axes):
    with opened(write_nudges, tmp_path, radius=0.25) as file:
        nudge_error.draw(file, axes)
    first, second = axes.lines[:2]
    assert first.get_ydata() == pytest.approx(2 * BETAS)
    assert second.get_ydata() == pytest.approx(3 * BETAS**4)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    told = [text.get_text() for text in axes.texts]
    assert {"one-sided, order 1.00", "N = 4, order 4.00", "radius 0.25"} <= set(told)
    assert axes.get_xlim()[1] > 0.25  # the nearest of all samples is in the picture


def test_a_floor_is_drawn_and_what_lies_above_it(tmp_path, axes: Axes):
    with opened(write_nudges, tmp_path, floor=0.3) as file:
        nudge_error.draw(file, axes)
    dotted = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert dotted[1].get_ydata() == pytest.approx(3 * BETAS**4)
    (floor,) = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert set(floor.get_ydata()) == {0.3}
    assert "asymmetry 0.3" in [text.get_text() for text in axes.texts]


def test_the_overview_of_nudges_is_that_plot(tmp_path):
    with opened(write_nudges, tmp_path) as file:
        (axes,) = draw_figure(file).axes
    assert axes.get_xlabel() == "nudging strength $\\beta$"


@pytest.mark.parametrize("points", [5, 6])
def test_curves_around_the_free_state_are_closed(tmp_path, axes: Axes, points):
    """The lower half is the mirror image of the upper one; a real last point is its own."""
    with opened(write_contour, tmp_path, points=points) as file:
        complex_plane.draw_layer(file, axes, "layer_1")
    x, y = axes.lines[0].get_data()
    assert len(x) == points + 1
    assert np.hypot(x, y) == pytest.approx(RADIUS)  # a linear response is a circle
    assert (x[0], y[0]) == (x[-1], y[-1])
    angles = np.sort(np.degrees(np.arctan2(y[:-1], x[:-1])) % 360)
    assert angles == pytest.approx(360 / points * np.arange(points), abs=1e-6)


def test_the_overview_of_a_contour_names_the_angles(tmp_path):
    with opened(write_contour, tmp_path) as file:
        figure = draw_figure(file)
        panels = draw_figure(file, "complex_plane").axes
    states = figure.axes[0]
    assert [text.get_text() for text in states.texts if "°" in text.get_text()] == ["0°", "60°", "120°", "180°"]
    assert states.get_ylabel().startswith("state $\\mathrm{Re}\\,u$")
    assert "nudges of size 0.2" in figure.get_suptitle()
    assert [axes.get_xlabel() for axes in panels] == ["Re $(u - u^0)$"]


def test_real_states_have_no_complex_plane(relax):
    with pytest.raises(SimulationError, match="the states of this circuit are real; complex ones come from contour"):
        draw_figure(relax(), "complex_plane")


def test_error_signals_are_what_the_integral_gains_in_a_period(tmp_path):
    with opened(write_oscillation, tmp_path) as file:
        times, values = lock_in.demodulated(file, "layer_1")
        figure = draw_figure(file)
    assert np.isnan(values[times < 9.9]).all()
    assert values[times >= 9.9] == pytest.approx(np.tile([1.0, 2.0], (41, 1)), abs=1e-9)
    assert figure.axes[1].get_ylabel() == "error signal,\naverage over a period"


def test_a_run_shorter_than_a_period_has_no_error_signals(tmp_path):
    with (
        opened(write_oscillation, tmp_path, period=31.0) as file,
        pytest.raises(SimulationError, match="the run ended before the first period of the nudge was over"),
    ):
        draw_figure(file, "lock_in")


def test_what_does_not_oscillate_is_refused(relax):
    with pytest.raises(SimulationError, match="nothing oscillates here; runs under an oscillating nudge come from"):
        draw_figure(relax(), "lock_in")


def test_files_without_nudges_are_refused(train):
    with pytest.raises(SimulationError, match="there are no errors against nudges; they come from analysis nudges"):
        draw_figure(train(), "nudge_error")
