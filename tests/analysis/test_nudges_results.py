"""Analysis `nudges`: orders, floor, radius, statuses; other analyses with contours, corrections and oscillations."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from analysis_runs import Silent, arrays, attributes, load, run
from test_bias_results import NET, TURNED, ladder_of, sizes

from neurosim.analysis.nudges import fitted_order
from neurosim.dynamics.status import statuses
from neurosim.errors import ScenarioError
from neurosim.plots.figure import draw_figure
from neurosim.results.reader import open_result

NUDGES = "analysis={type: nudges, samples: 4, betas: [0.02, 0.03, 0.05], nudgings: [one_sided, symmetric, 3, 4, 6, 8]}"
NEWTON = "dynamics={solver: newton, tolerance: 1.0e-13}"
TAME = "circuit.init.gain=0.4"  # with 0.6 the equilibrium of one sample is a radius of .03 away from a fold


def test_orders_of_all_protocols(tmp_path):
    path, outcome = run(tmp_path, NUDGES, NEWTON, TAME, text=NET)
    assert outcome.status.key == "settled", outcome.message
    nudges = xr.open_dataset(path, group="nudges", engine="h5netcdf")
    assert nudges.error.dims == nudges.nudge_error.dims == nudges.status.dims == ("nudging", "beta")
    assert nudges.nudging.values.tolist() == ["one_sided", "symmetric", "3", "4", "6", "8"]
    np.testing.assert_allclose(nudges.order, [1, 2, 3, 4, 6, 8], atol=0.1)
    np.testing.assert_allclose(nudges.error, nudges.nudge_error, rtol=1e-6, atol=1e-13)  # reciprocal: no floor
    assert float(nudges.asymmetry) < 1e-12
    assert (nudges.radius > 0.05).all()
    assert "order in beta: one_sided 0.9" in outcome.message


@pytest.mark.parametrize("angle", [5.0, 20.0, 45.0, 90.0])
def test_the_floor_is_that_of_asymmetry(tmp_path, angle):
    """The error of N = 8 at a finite nudge is the floor, to 1e-4 of it; corrected there is none."""
    changes = (TURNED[0], f"circuit.imperfections.asymmetry={{angle_deg: {angle}}}", NEWTON, TAME)
    found = arrays(run(tmp_path, NUDGES, *changes, text=NET)[0])
    floor = float(found["nudges/asymmetry"])
    assert floor > 0.01
    assert found["nudges/error"][-1, -1] == pytest.approx(floor, rel=1e-4)
    corrected = arrays(run(tmp_path, NUDGES, *changes, "rule.correction=asymmetric", text=NET, name="b.h5")[0])
    assert corrected["nudges/asymmetry"] == 0.0
    assert corrected["nudges/error"][-1, 0] < 1e-6


def test_beyond_the_radius_the_run_fails_and_says_so(tmp_path):
    """The numbers are written, each with its status."""
    betas = "analysis.betas=[0.02, 0.2]"
    path, outcome = run(tmp_path, NUDGES, betas, "analysis.nudgings=[one_sided, 4]", NEWTON, text=NET)
    assert outcome.status.key == "off_branch"
    assert outcome.message.startswith("1 of 4 nudges: off_branch: the nudge is so large")
    nudges = xr.open_dataset(path, group="nudges", engine="h5netcdf")
    meanings = nudges.status.attrs["flag_meanings"].split()
    named = [[meanings[code] for code in row] for row in nudges.status.values]
    assert named == [["settled", "settled"], ["settled", "off_branch"]]
    assert float(nudges.radius.min()) == pytest.approx(0.0318, rel=0.01)


def test_other_rules_have_one_protocol(tmp_path):
    dyads = (
        "circuit.neuron=dyad", "circuit.output_activation=identity", "circuit.activation=tanh",
        "rule={type: dual_propagation, alpha: 0.0, beta: 0.1}",
    )  # fmt: skip
    changes = (*dyads, "analysis={type: nudges, samples: 4, betas: [0.01, 0.02, 0.04]}", NEWTON)
    found = arrays(run(tmp_path, *changes, text=NET)[0])
    assert found["nudges/nudging"].astype(str).tolist() == ["rule"]
    assert found["nudges/order"] == pytest.approx([1.0], abs=0.1)  # alpha 1/2 would have 2
    assert "nudges/radius" not in found


def test_stopped_in_the_middle(tmp_path):
    path, outcome = run(tmp_path, NUDGES, NEWTON, text=NET, progress=Silent(stop_after=4))
    assert outcome.status.key == "interrupted"
    found = arrays(path)
    assert np.isfinite(found["nudges/error"]).sum() == 4


def test_orders_are_fitted_above_rounding():
    betas = np.array([0.01, 0.02, 0.04, 0.08, 0.16])
    assert fitted_order(betas, 3.0 * betas**2) == pytest.approx(2.0)
    assert fitted_order(betas, 1e-4 * betas**4) == pytest.approx(4.0)  # the first two are rounding
    assert np.isnan(fitted_order(betas, np.full(5, 1e-15)))


REFUSED = [
    (["rule={type: backprop}", "circuit.neuron=dyad"], "backprop has no nudge whose size could be varied"),
    (["circuit.activation=relu"], "contour nudging needs complex states, and circuit.activation 'relu' is not"),
    (["analysis.betas=[0.1, 0.05]"], "betas must increase"),
    (["analysis.nudgings=[1]"], "a contour in nudgings needs at least 2 points, found 1"),
    (["circuit.neuron=dyad", "rule={type: dual_propagation}"], "protocols are for rule equilibrium; dual_propagation"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[message[:30] for _, message in REFUSED])
def test_what_cannot_be_varied_is_refused(tmp_path, changes, message):
    with pytest.raises(ScenarioError) as refused:
        load(tmp_path, NUDGES, NEWTON, *changes, text=NET)
    assert message in str(refused.value)


LADDERS = {
    "contour": "rule={type: equilibrium, nudging: contour, points: 4, beta: 0.05}",
    "odd contour": "rule={type: equilibrium, nudging: contour, points: 5, beta: 0.05}",
    "asymmetric": "rule={type: equilibrium, nudging: contour, points: 4, beta: 0.05, correction: asymmetric}",
    "dyadic": "rule={type: equilibrium, correction: dyadic, beta: 0.5}",
    "vanishing": "rule={type: equilibrium, nudging: vanishing}",
    "rotating": "rule={type: oscillating, beta: 0.05, period: 20.0, periods: 2}",
    "cosine": "rule={type: oscillating, drive: cosine, beta: 0.05, period: 20.0, periods: 2}",
    "recurrent_backprop": "rule={type: recurrent_backprop}",
}


@pytest.mark.parametrize("name", sorted(LADDERS))
def test_the_ladder_adds_up_for_every_rule(tmp_path, name):
    ladder = ladder_of(tmp_path, *TURNED, LADDERS[name])
    for block in (*ladder.exact, "all"):
        terms = ladder.terms(block)
        total = terms.pop("total")
        assert np.abs(sum(terms.values()) - total).max() <= 1e-10 * max(np.linalg.norm(total), 1e-12)
    size = sizes(ladder)
    corrected = name in ("asymmetric", "dyadic", "recurrent_backprop")
    assert (size["asymmetry"] == 0.0) == corrected
    assert (ladder.radius is not None) == (name in ("contour", "odd contour", "asymmetric", "rotating"))
    if name in ("dyadic", "vanishing", "recurrent_backprop"):
        assert size["nudge"] < 1e-9
    if name in ("rotating", "cosine"):
        assert size["settling"] > 0.01  # the lag behind the teacher


def test_a_ladder_beyond_the_radius_says_so(tmp_path):
    rule = "rule={type: equilibrium, nudging: contour, points: 4, beta: 0.9}"
    path, outcome = run(tmp_path, rule, "analysis.samples=4", text=NET)
    assert outcome.status.key == "off_branch"
    assert "equilibria behind the ladder were not found" in outcome.message
    found = arrays(path)
    assert (found["bias/radius"] < 0.9).any()


def test_trajectories_along_a_contour(tmp_path):
    """Two planes, real and imaginary; the states settle on a closed curve around the free one."""
    rule = "rule={type: equilibrium, nudging: contour, points: 6, beta: 0.1}"
    changes = (rule, "analysis={type: relax, samples: 2, save: {every: 0.5}}", "dynamics.t_end=40.0")
    path, outcome = run(tmp_path, *changes, text=NET)
    assert outcome.status.good, outcome.message
    found = arrays(path)
    assert found["relax/phase"].astype(str).tolist() == ["free", "point_0", "point_1", "point_2", "point_3"]
    assert found["relax/compartment_name"].astype(str).tolist() == ["real", "imaginary"]
    assert found["relax/nudge_imaginary"] == pytest.approx([0, 0, 0.1 * np.sin(np.pi / 3), 0.1 * np.sin(np.pi / 3), 0])
    z = found["relax/state_layer_2"][:, -1, 0, 0] + 1j * found["relax/state_layer_2"][:, -1, 0, 1]
    circle = np.concatenate([z[1:], z[3:1:-1].conj()])
    assert np.abs(circle.mean(axis=0) - z[0]).max() < 1e-3 * np.abs(circle - z[0]).max()
    with open_result(path) as file:
        for kind in (None, "complex_plane", "activity", "rate"):
            draw_figure(file, kind)


def test_trajectories_under_an_oscillating_nudge(tmp_path):
    """The integrals are those that the rule reads: their gain over the last period is the bias run's estimate."""
    rule = "rule={type: oscillating, beta: 0.02, period: 20.0, periods: 2}"
    relax = "analysis={type: relax, samples: 5, save: {every: 0.5}}"
    path, outcome = run(tmp_path, rule, relax, "dynamics.t_end=3.0", text=NET)  # the rule says how long it takes
    assert outcome.status.key == "finished"
    found = arrays(path)
    assert attributes(path)["warning"] == ""
    integral = found["relax/error_integral_layer_3"][0]
    gain = integral[80] - integral[40]
    ladder = ladder_of(tmp_path, rule)
    assert ladder.measured["b_3"] == pytest.approx(gain.mean(axis=0), abs=1e-9)
    with open_result(path) as file:
        for kind in (None, "lock_in", "activity", "rate"):
            draw_figure(file, kind)


def test_a_period_that_the_circuit_cannot_follow_is_told(tmp_path):
    rule = "rule={type: oscillating, beta: 0.05, period: 0.5, periods: 2}"
    progress = Silent()
    path, _ = run(tmp_path, rule, "analysis={type: relax, samples: 2}", text=NET, progress=progress)
    (warning,) = progress.notes
    assert warning.startswith("warning: the nudge oscillates with a period of 0.5 s, shorter than the slowest time")
    assert attributes(path)["warning"] == warning


@pytest.mark.parametrize("name", ["asymmetric", "dyadic"])
def test_trajectories_with_corrections(tmp_path, name):
    changes = (LADDERS[name], *TURNED, "analysis={type: relax, samples: 2}", "dynamics.t_end=60.0")
    path, outcome = run(tmp_path, *changes, text=NET)
    assert outcome.status.good, outcome.message
    names = arrays(path)["relax/compartment_name"].astype(str).tolist()
    assert names == (["plus", "minus"] if name == "dyadic" else ["real", "imaginary"])
    with open_result(path) as file:
        draw_figure(file)


def test_trajectories_beyond_the_radius_say_so(tmp_path):
    """The third sample has a radius of .03; its free phase is as good as any."""
    rule = "rule={type: equilibrium, nudging: contour, points: 4, beta: 0.1}"
    changes = (rule, "analysis={type: relax, samples: 3}", "dynamics.t_end=60.0")
    path, outcome = run(tmp_path, *changes, text=NET)
    assert outcome.status.key == "off_branch"
    status = arrays(path)["relax/status"]
    assert [s.key for s in statuses(status[:, 2])] == ["finished", *["off_branch"] * 3]
    assert [s.key for s in statuses(status[1])] == ["finished", "finished", "off_branch"]


def test_nothing_is_relative_to_a_gradient_of_zero(tmp_path):
    """Silent hidden units and clipped outputs: the errors are NaN, and the file is written."""
    dead = ("circuit.activation=relu", "circuit.output_activation=hard_sigmoid", "circuit.init.gain=0.0")
    changes = ("analysis.nudgings=[one_sided, symmetric]", "circuit.coordinates=activity")
    path, outcome = run(tmp_path, NUDGES, *changes, *dead, NEWTON, text=NET)
    found = arrays(path)
    assert np.isnan(found["nudges/error"]).all() == np.isnan(found["nudges/asymmetry"])
    assert "order in beta" in outcome.message


@pytest.mark.parametrize("activation", ["relu", "hard_sigmoid"])
def test_symmetric_nudges_may_pass_a_kink(tmp_path, activation):
    """An output at its kink answers one of two opposite nudges; that is no other branch."""
    changes = (
        f"circuit.activation={activation}", f"circuit.output_activation={activation}", "circuit.coordinates=activity",
        "dynamics={solver: sweeps, max_steps: 1000, tolerance: 1.0e-8}", "data.batch=20",
        "analysis={type: train, epochs: 1, train_limit: 300, optimizer: {type: sgd, rate: 0.01}}",
    )  # fmt: skip
    _, outcome = run(tmp_path, *changes, text=NET)
    assert outcome.status.good, outcome.message


def test_the_warning_is_the_same_in_single_precision(tmp_path):
    rule = "rule={type: oscillating, beta: 0.02, period: 1.2, periods: 2}"
    notes = {}
    for dtype in ("float32", "float64"):
        progress = Silent()
        changes = (rule, f"dtype={dtype}", "analysis={type: relax, samples: 2}")
        run(tmp_path, *changes, text=NET, name=f"{dtype}.h5", progress=progress)
        notes[dtype] = progress.notes
    assert notes["float32"] == notes["float64"] != []
