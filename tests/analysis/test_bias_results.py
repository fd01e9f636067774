"""Analysis `bias`: terms that add up, that vanish where their cause is absent, and that have the derived orders."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from analysis_runs import arrays, load, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurosim.analysis.ladder import RUNGS, climb, flat
from neurosim.analysis.setup import build
from neurosim.dynamics.status import Status
from neurosim.errors import ScenarioError
from neurosim.workers import Workers

NET = """\
schema: 1
name: ladder
seed: 5
dtype: float64
circuit:
  neuron: point
  coordinates: membrane
  layers: [6, 8, 7, 3]
  activation: shifted_sigmoid
  output_activation: shifted_sigmoid
  init: {type: gaussian, gain: 0.6}
data: {set: gaussian, features: 6, classes: 3}
rule: {type: equilibrium, nudging: symmetric, beta: 0.05}
dynamics: {solver: rk4, dt: 0.1, t_end: 4.0, tolerance: null}
analysis: {type: bias, samples: 5}
"""
DYADS = (
    "circuit.neuron=dyad", "circuit.coordinates=activity", "circuit.activation=tanh",
    "circuit.output_activation=identity", "rule={type: dual_propagation, alpha: 0.5, beta: 0.1}",
)  # fmt: skip
TURNED = ("circuit.feedback=independent", "circuit.imperfections.asymmetry={angle_deg: 40.0}")
SETTLED = ("dynamics={solver: newton, tolerance: 1.0e-13}",)


def ladder_of(folder, *changes):
    loaded = load(folder, *changes, text=NET)
    experiment = build(loaded)
    with Workers(1) as workers:
        return climb(experiment, workers, experiment.dataset.test.head(loaded.scenario.analysis.samples))


def sizes(ladder, block="all"):
    """Return the norms of the terms over that of the exact gradient."""
    reference = np.linalg.norm(flat(ladder.exact, block))
    return {name: float(np.linalg.norm(term) / reference) for name, term in ladder.terms(block).items()}


@pytest.mark.parametrize("circuit", [(), DYADS], ids=["loop", "dyads"])
def test_the_result_has_the_layout_of_the_contract(tmp_path, circuit):
    path, outcome = run(tmp_path, *circuit, *TURNED, text=NET)
    assert outcome.status.key == "finished"
    bias = xr.open_dataset(path, group="bias", engine="h5netcdf")
    trained = ["W_0", "b_1", "W_1", "b_2", "W_2", "b_3", *([] if circuit else ["B_1", "B_2"]), "all"]
    assert bias.block.values.tolist() == trained
    assert bias.term.values.tolist() == ["settling", "nudge", "asymmetry", "noise", "device", "total"]
    assert bias.relative_norm.dims == bias.alignment.dims == ("term", "block")
    assert bias.cosine.dims == bias.reference_norm.dims == ("block",)
    assert bias.error_cosine.dims == ("rung", "layer")
    assert bias.rung.values.tolist() == ["measured", "quiet", "settled", "ideal", "limit"]
    assert bias.layer.values.tolist() == ["layer_1", "layer_2", "layer_3"]
    assert bias.inputs.shape == (5, 6)
    assert bias.targets.shape == (5, 3)
    assert bias.sample_index.values.tolist() == [0, 1, 2, 3, 4]
    assert float(bias.reference_check) < 1e-8
    parts = bias.alignment.sel(term=["settling", "nudge", "asymmetry", "noise", "device"]).sum("term")
    np.testing.assert_allclose(parts, bias.alignment.sel(term="total"), atol=1e-12)
    # |measured|^2 = |exact + total|^2 ties norms, alignments and cosines together.
    total, along = bias.relative_norm.sel(term="total"), bias.alignment.sel(term="total")
    np.testing.assert_allclose(bias.cosine, (1 + along) / np.sqrt(1 + 2 * along + total**2), atol=1e-12)
    assert {"W_0", "B_2"} <= set(xr.open_dataset(path, group="circuit/parameters", engine="h5netcdf"))


RULES = st.sampled_from([
    ("equilibrium, nudging: one_sided", "point"), ("equilibrium, nudging: symmetric", "point"),
    ("dual_propagation, alpha: 0.0", "dyad"), ("dual_propagation, alpha: 0.5", "dyad"),
    ("dual_propagation, alpha: 0.3, variant: original", "dyad"),
])  # fmt: skip


@settings(
    max_examples=25, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    rule=RULES, beta=st.floats(0.01, 0.2), angle=st.floats(0.0, 90.0), hidden=st.lists(st.integers(1, 9), max_size=2),
    activation=st.sampled_from(["tanh", "sigmoid", "silu", "softplus"]), seed=st.integers(0, 99),
    samples=st.integers(1, 4),
)  # fmt: skip
def test_on_random_circuits_the_terms_add_up_and_the_reference_is_the_slope(
    tmp_path, rule, beta, angle, hidden, activation, seed, samples
):
    kind, neuron = rule
    ladder = ladder_of(
        tmp_path, f"circuit.neuron={neuron}", f"circuit.layers={[6, *hidden, 3]}", f"circuit.activation={activation}",
        "circuit.output_activation=identity", "circuit.init.gain=0.4", "circuit.coordinates=activity",
        "circuit.feedback=independent", f"circuit.imperfections.asymmetry={{angle_deg: {angle}}}", f"seed={seed}",
        f"rule={{type: {kind}, beta: {beta}}}", f"analysis.samples={samples}",
    )  # fmt: skip
    for block in (*ladder.exact, "all"):
        terms = ladder.terms(block)
        total = terms.pop("total")
        left = np.abs(sum(terms.values()) - total).max()
        assert left <= 1e-10 * max(np.linalg.norm(total), 1e-12)
    assert ladder.reference_check < 1e-6


@pytest.mark.parametrize("circuit", [(), DYADS], ids=["loop", "dyads"])
def test_a_term_vanishes_with_its_cause(tmp_path, circuit):
    """Settled: no settling term. Reciprocal: no asymmetry term. What is left then is the nudge."""
    everything = sizes(ladder_of(tmp_path, *circuit, *TURNED))
    assert min(everything[term] for term in ("settling", "nudge", "asymmetry", "total")) > 1e-5
    assert everything["noise"] == everything["device"] == 0.0
    settled = sizes(ladder_of(tmp_path, *circuit, *TURNED, *SETTLED))
    assert settled["settling"] < 1e-9
    assert settled["asymmetry"] == pytest.approx(everything["asymmetry"], rel=1e-9)
    reciprocal = sizes(ladder_of(tmp_path, *circuit, *SETTLED))
    assert reciprocal["asymmetry"] < 1e-12
    assert reciprocal["total"] == pytest.approx(reciprocal["nudge"], rel=1e-4)


@pytest.mark.parametrize(
    ("changes", "order"),
    [
        (("rule={type: equilibrium, nudging: one_sided, beta: BETA}",), 1),
        (("rule={type: equilibrium, nudging: symmetric, beta: BETA}",), 2),
        ((*DYADS, "rule={type: dual_propagation, alpha: 0.5, beta: BETA}"), 2),
        ((*DYADS, "rule={type: dual_propagation, alpha: 0.0, beta: BETA}"), 1),
        ((*DYADS, "rule={type: dual_propagation, alpha: 0.0, variant: original, beta: BETA}"), 1),
    ],
)
def test_the_nudge_term_has_the_derived_order(tmp_path, changes, order):
    """Equilibrium propagation, fact 3; dual propagation, fact 3; asymmetry does not change the order."""
    nudge = [
        sizes(ladder_of(tmp_path, *(text.replace("BETA", str(beta)) for text in changes), *TURNED, *SETTLED))["nudge"]
        for beta in (0.02, 0.01)
    ]
    assert np.log2(nudge[0] / nudge[1]) == pytest.approx(order, abs=0.1)


def test_the_limit_of_dyads_is_feedback_alignment(tmp_path):
    """d_L = g, d_k = f'(a_k) (d_{k+1} B_k): dual propagation, reference section 5, E3, written out in NumPy."""
    loaded = load(tmp_path, *DYADS, *TURNED, text=NET)
    experiment = build(loaded)
    samples = experiment.dataset.test.head(5)
    with Workers(1) as workers:
        ladder = climb(experiment, workers, samples)
    limit = ladder.rungs[RUNGS.index("limit")]
    p, x, y = experiment.model.parameters, samples.inputs, samples.targets
    s1 = np.tanh(x @ p["W_0"] + p["b_1"])
    s2 = np.tanh(s1 @ p["W_1"] + p["b_2"])
    d3 = s2 @ p["W_2"] + p["b_3"] - y
    d2 = (1 - s2**2) * (d3 @ p["B_2"])
    d1 = (1 - s1**2) * (d2 @ p["B_1"])
    for k, (pre, post) in enumerate([(x, d1), (s1, d2), (s2, d3)]):
        np.testing.assert_allclose(limit[f"W_{k}"], pre.T @ post / 5, atol=1e-13)
    delta2 = (1 - s2**2) * (d3 @ p["W_2"].T)
    exact = [(1 - s1**2) * (delta2 @ p["W_1"].T), delta2, d3]
    cosines = [cosines_of_rows(*pair) for pair in zip([d1, d2, d3], exact, strict=True)]
    np.testing.assert_allclose(ladder.error_cosines()[RUNGS.index("limit")], cosines, atol=1e-12)


def cosines_of_rows(x, y):
    return np.mean(np.sum(x * y, axis=1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1))


def test_errors_of_a_loop_are_measured_against_the_transposed_jacobian(tmp_path):
    """d0 = -J^{-1} g, delta = -J^{-T} g (equilibrium propagation, section 5), layer by layer, written out in NumPy."""
    loaded = load(tmp_path, *TURNED, text=NET)
    experiment = build(loaded)
    samples, p = experiment.dataset.test.head(5), experiment.model.parameters
    with Workers(1) as workers:
        found = dict(zip(RUNGS, climb(experiment, workers, samples).error_cosines(), strict=False))
    G = np.zeros((18, 18))  # layers of 8, 7 and 3 units
    G[8:15, :8], G[15:, 8:15], G[:8, 8:15], G[8:15, 15:] = p["W_1"].T, p["W_2"].T, p["B_1"].T, p["B_2"].T
    limits, exacts = np.zeros((2, 5, 18))
    for row, (x, y) in enumerate(zip(samples.inputs, samples.targets, strict=True)):
        drive = np.concatenate([x @ p["W_0"] + p["b_1"], p["b_2"], p["b_3"]])
        u = np.zeros(18)
        for _ in range(2000):
            u += 0.2 * (G @ (1 / (1 + np.exp(2 - 4 * u))) + drive - u)
        s = 1 / (1 + np.exp(2 - 4 * u))
        J, g = G - np.diag(1 / (4 * s * (1 - s))), np.concatenate([np.zeros(15), s[15:] - y])
        limits[row], exacts[row] = -np.linalg.solve(J, g), -np.linalg.solve(J.T, g)
    layers = (slice(0, 8), slice(8, 15), slice(15, 18))
    np.testing.assert_allclose(
        found["limit"], [cosines_of_rows(limits[:, k], exacts[:, k]) for k in layers], atol=1e-10
    )
    assert found["limit"][0] < found["limit"][2]
    assert np.abs(found["measured"] - found["limit"]).min() > 1e-6


@pytest.mark.parametrize("circuit", [(), DYADS], ids=["loop", "dyads"])
def test_errors_point_the_right_way_where_nothing_is_to_blame(tmp_path, circuit):
    """Reciprocal: exact without a nudge. Settled: the first two rungs are one."""
    measured, _, settled, _, limit = ladder_of(tmp_path, *circuit, *SETTLED).error_cosines()
    np.testing.assert_allclose(limit, 1.0, atol=1e-12)
    np.testing.assert_allclose(measured, settled, atol=1e-12)
    assert (1 - settled).max() > 1e-10


@pytest.mark.parametrize("rule", ["backprop", "recurrent_backprop", "recurrent_backprop, solve: iterative"])
def test_the_references_are_exact_once_settled(tmp_path, rule):
    circuit = DYADS[:-1] if rule == "backprop" else ()
    for term, size in sizes(ladder_of(tmp_path, *circuit, f"rule={{type: {rule}}}", *TURNED, *SETTLED)).items():
        assert size < 1e-10, term


def test_single_precision_is_measured_against_double(tmp_path):
    """The first rung is what float32 gives, the others are those of float64 with the same conductances."""
    single, double = (ladder_of(tmp_path, f"dtype={dtype}", *TURNED) for dtype in ("float32", "float64"))
    assert sizes(single)["total"] == pytest.approx(sizes(double)["total"], rel=1e-3)
    assert all(values.dtype == np.float64 for rung in single.rungs for values in rung.values())


def test_a_relaxation_that_did_not_settle_fails_the_run(tmp_path):
    """Asked for a tolerance within 4 s, and it is not reached: the ladder is written, and the status says it."""
    path, outcome = run(tmp_path, "dynamics.tolerance=1.0e-9", text=NET)
    assert outcome.status.key == "not_settled"
    assert "5 of 5 samples" in outcome.message
    assert np.isfinite(arrays(path)["bias/relative_norm"]).all()


def test_without_an_equilibrium_there_is_no_ladder(tmp_path):
    """Rectified units that excite each other by more than they leak run away: a status, and not a number in sight."""
    runaway = (
        "circuit.activation=relu",
        "circuit.output_activation=relu",
        "circuit.init.gain=9.0",
        "dynamics.t_end=60.0",
    )
    path, outcome = run(tmp_path, *runaway, text=NET)
    assert outcome.status.key == "diverged"
    assert "there is no equilibrium to measure from" in outcome.message
    assert "bias/relative_norm" not in arrays(path)
    assert Status.DIVERGED.code in arrays(path)["bias/settled_status"]


def test_a_bias_run_needs_a_rule(tmp_path):
    with pytest.raises(ScenarioError, match="rule: missing; analysis bias needs a learning rule"):
        load(tmp_path, "rule=null", text=NET)


@pytest.mark.parametrize("circuit", [(), DYADS], ids=["loop", "dyads"])
def test_feedback_that_follows_is_not_taken_for_a_gradient(tmp_path, circuit):
    """Kolen-Pollack changes what B does, not what the cost depends on: the other blocks have the same ladder."""
    plain = ladder_of(tmp_path, *circuit, *TURNED)
    follows = ladder_of(tmp_path, *circuit, *TURNED, "rule.feedback_learning=kolen_pollack")
    assert list(plain.exact) == list(follows.exact)
    for name, values in plain.exact.items():
        np.testing.assert_allclose(follows.exact[name], values, rtol=0, atol=1e-13, err_msg=name)
        if not name.startswith("B"):
            np.testing.assert_allclose(follows.measured[name], plain.measured[name], rtol=0, atol=1e-13)
    assert follows.reference_check < 1e-8


def test_reciprocal_feedback_cannot_follow(tmp_path):
    with pytest.raises(ScenarioError, match=r"rule\.feedback_learning: kolen_pollack is for feedback conductances of"):
        load(tmp_path, "rule.feedback_learning=kolen_pollack", text=NET)
