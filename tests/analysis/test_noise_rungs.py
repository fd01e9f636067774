"""Noise and device rungs of the ladder, and the choice of the nudge, where closed forms say what has to come out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from analysis_runs import load, run
from test_bias_results import DYADS, NET, SETTLED, sizes

from neurosim.analysis.beta_search import BetaSearch
from neurosim.analysis.ladder import RUNGS, Climb
from neurosim.analysis.scatter import flat, scatter
from neurosim.analysis.setup import build
from neurosim.errors import ScenarioError
from neurosim.workers import Workers

SAMPLES, OUTPUTS = 5, 3
REPEATS = 400


def climb(folder, *changes, repeats=REPEATS):
    loaded = load(folder, *changes, text=NET)
    experiment = build(loaded)
    with Workers(1) as workers:
        return Climb(experiment, workers, experiment.dataset.test.head(SAMPLES), repeats).ladder()


def within(repeats):
    """Return five standard errors of a relative standard deviation of a few dozen numbers."""
    return 5 / np.sqrt(2 * repeats)


@pytest.mark.parametrize(
    ("rule", "circuit", "size"),
    [
        ("equilibrium, nudging: one_sided", (), np.sqrt(2.0)),
        ("equilibrium, nudging: symmetric", (), np.sqrt(2.0) / 2),
        # Re s / beta_k: the points +-beta have 1/4 of the weight each, i beta stands for -i beta too and has 1/2.
        ("equilibrium, nudging: contour, points: 4", (), np.sqrt(1 / 16 + 1 / 16 + 1 / 4)),
        ("dual_propagation, alpha: 0.5", DYADS[:-1], np.sqrt(2.0)),
    ],
)
def test_read_noise_scatters_the_biases_by_its_size_over_beta(tmp_path, rule, circuit, size):
    """The error of an output is a difference of reads over beta, and its mean over n samples has 1/sqrt(n) of that."""
    beta, sd = 0.2, 0.01
    ladder = climb(
        tmp_path,
        *circuit,
        f"rule={{type: {rule}, beta: {beta}}}",
        f"circuit.imperfections.read_noise.sd={sd}",
        *SETTLED,
    )
    expected = size * sd / beta * np.sqrt(OUTPUTS / SAMPLES)
    assert ladder.scatter.spread["b_3"] == pytest.approx(expected, rel=within(REPEATS))
    # Noise that is added to what is read leaves the mean alone.
    assert np.linalg.norm(ladder.terms("b_3")["noise"]) < 3 * ladder.scatter.standard_error("b_3")


def test_noise_of_the_nudge_is_an_error_of_the_outputs_that_no_beta_divides(tmp_path):
    """Identity outputs of dyads: dhat = p - y + sd xi, whatever beta is."""
    for beta in (0.05, 0.4):
        rule = f"rule={{type: dual_propagation, alpha: 0.5, beta: {beta}}}"
        noise = "circuit.imperfections.nudge_noise={sd: 0.1}"
        ladder = climb(tmp_path, *DYADS[:-1], rule, noise, *SETTLED)
        assert ladder.scatter.spread["b_3"] == pytest.approx(0.1 * np.sqrt(OUTPUTS / SAMPLES), rel=within(REPEATS))


def test_an_error_of_the_nudging_strength_stretches_the_update_of_linear_outputs(tmp_path):
    noise = "circuit.imperfections.nudge_noise={gain_error: 0.25}"
    ladder = climb(tmp_path, *DYADS[:-1], "rule={type: dual_propagation, beta: 1.0e-4}", noise, *SETTLED)
    np.testing.assert_allclose(ladder.measured["b_3"], 1.25 * ladder.exact["b_3"], rtol=1e-6)
    assert sizes(ladder, "b_3")["device"] == pytest.approx(0.25, rel=1e-6)
    assert sizes(ladder, "b_3")["nudge"] < 1e-7


def test_an_offset_between_compartments_is_an_error_of_its_size_over_beta(tmp_path):
    """Outputs: (s- - s+)/beta = p - y - d/beta; the device term of their biases is d/beta in every sample alike."""
    offsets = "circuit.imperfections.mismatch={compartment_offset_sd: 0.02, blocks: [layer_3]}"
    for beta in (0.05, 0.5):
        ladder = climb(tmp_path, *DYADS[:-1], f"rule={{type: dual_propagation, beta: {beta}}}", offsets, *SETTLED)
        loaded = load(tmp_path, *DYADS[:-1], f"rule={{type: dual_propagation, beta: {beta}}}", offsets, text=NET)
        d = build(loaded).model.imperfect.compartment_offsets[3]
        # The false errors reach the hidden layers too, and shift the prediction a little.
        np.testing.assert_allclose(ladder.terms("b_3")["device"], -d / beta, atol=1e-4)


def test_terms_add_up_with_everything_that_can_be_wrong(tmp_path):
    wrong = (
        "circuit.imperfections.mismatch={gain_sd: 0.1, offset_sd: 0.1, compartment_offset_sd: 0.01}",
        "circuit.imperfections.read_noise={sd: 0.01}", "circuit.imperfections.nudge_noise={sd: 0.1, gain_error: 0.1}",
        "circuit.imperfections.devices={programming_sd: 0.1, read_sd: 0.05, levels: 64, range: [-2, 2], "
        "stuck_fraction: 0.1, drift_nu: 0.05, drift_nu_sd: 0.01, age: 10}",
        "circuit.feedback=independent", "circuit.imperfections.asymmetry={angle_deg: 20}",
    )  # fmt: skip
    for circuit in (DYADS, ()):
        changes = wrong if circuit else (wrong[0].replace(", compartment_offset_sd: 0.01", ""), *wrong[1:])
        ladder = climb(tmp_path, *circuit, *changes, repeats=4)
        for block in (*ladder.exact, "all"):
            terms = ladder.terms(block)
            total = terms.pop("total")
            assert np.abs(sum(terms.values()) - total).max() < 1e-12
            assert min(np.linalg.norm(term) for name, term in terms.items() if name != "asymmetry") > 0
        assert ladder.reference_check < 1e-7


def test_repeats_have_noise_of_their_own_and_the_same_in_every_run(tmp_path):
    noisy = ("circuit.imperfections.read_noise={sd: 0.01}",)
    once, again, more = (climb(tmp_path, *noisy, repeats=n) for n in (8, 8, 16))
    np.testing.assert_array_equal(once.measured["W_0"], again.measured["W_0"])
    assert not np.allclose(once.measured["W_0"], more.measured["W_0"])
    quiet = RUNGS.index("quiet")
    np.testing.assert_array_equal(once.rungs[quiet]["W_0"], climb(tmp_path).measured["W_0"])


def test_moments_are_those_of_the_updates():
    """Against NumPy, with differences far below the rounding of the updates themselves squared."""
    draw = np.random.default_rng(3)
    quiet, exact = {"W": draw.normal(size=(3, 2)), "b": draw.normal(size=2)}, {"W": np.ones((3, 2)), "b": np.ones(2)}
    updates = [
        {name: values + 1e-7 * draw.normal(size=values.shape) for name, values in quiet.items()} for _ in range(9)
    ]
    moments = scatter(lambda r: (updates[r], np.full(4, r % 2, np.int8)), 9, quiet, exact)
    for block in ("W", "b", "all"):
        u, g = np.stack([flat(update, block) for update in updates]), flat(exact, block)
        assert moments.spread[block] == pytest.approx(np.sqrt(np.var(u, axis=0, ddof=1).sum()), rel=1e-6)
        assert moments.error[block] == pytest.approx(np.sqrt(np.mean(np.sum((u - g) ** 2, axis=1))), rel=1e-12)
        cosines = u @ g / np.linalg.norm(u, axis=1) / np.linalg.norm(g)
        assert moments.cosine[block] == pytest.approx(cosines.mean(), rel=1e-12)
    np.testing.assert_allclose(moments.mean["W"], np.mean([update["W"] for update in updates], axis=0))
    assert moments.codes.tolist() == [1, 1, 1, 1]


def test_the_chosen_nudge_lies_at_the_bottom_of_the_u(tmp_path):
    """Read noise: error^2 = (k beta)^2 + (c/beta)^2 for one-sided nudges has its minimum at sqrt(c/k)."""
    rule = "rule={type: equilibrium, nudging: one_sided, beta: auto}"
    path, outcome = run(tmp_path, rule, "circuit.imperfections.read_noise.sd=0.0005", *SETTLED, text=NET)
    assert outcome.message.startswith("beta ")
    bias = xr.open_dataset(path, group="bias", engine="h5netcdf")
    best, betas = float(bias.best_beta), bias.beta.values
    small, large = betas[0], betas[(betas > 0.05) & (betas < 0.12)][0]
    c = float(bias.beta_spread.sel(beta=small)) * small
    k = np.sqrt(float(bias.beta_error.sel(beta=large)) ** 2 - (c / large) ** 2) / large
    assert best == pytest.approx(np.sqrt(c / k), rel=0.25)
    assert float(bias.beta_error.sel(beta=best)) == pytest.approx(float(bias.beta_error.min()))
    assert best in betas
    # Noise falls with beta, bias grows.
    assert (np.diff(bias.beta_spread) < 0).mean() > 0.9
    assert float(bias.beta_bias.sel(beta=best)) < float(bias.beta_bias.values[-1])


def test_without_noise_there_is_no_lower_end(tmp_path):
    _, outcome = run(tmp_path, "rule={type: equilibrium, nudging: symmetric, beta: auto}", *SETTLED, text=NET)
    assert "beta" in outcome.message
    assert outcome.status.good


def test_auto_needs_analysis_bias(tmp_path):
    with pytest.raises(ScenarioError, match="auto is chosen by analysis bias, and this is relax"):
        load(tmp_path, "rule={type: equilibrium, beta: auto}", "analysis={type: relax}", text=NET)


def test_auto_stays_inside_the_radius_of_convergence(tmp_path):
    """With noise no contour can be told to have left its branch, so that nothing beyond the radius is tried."""
    rule = "rule={type: equilibrium, nudging: contour, points: 4, beta: auto}"
    path, outcome = run(tmp_path, rule, "circuit.imperfections.read_noise.sd=0.05", *SETTLED, text=NET)
    assert outcome.status.good
    bias = xr.open_dataset(path, group="bias", engine="h5netcdf")
    assert bias.beta.max() < bias.radius.min()


def test_auto_is_checked_before_it_is_known(tmp_path):
    rule = "rule={type: equilibrium, nudging: contour, points: 4, beta: auto}"
    with pytest.raises(ScenarioError, match="half of a contour is the mirror image"):
        load(tmp_path, rule, "circuit.imperfections.state_noise.sd=0.05", text=NET)


def test_without_a_gradient_no_nudge_is_the_best(tmp_path):
    """Targets that the outputs reach by themselves: nothing is relative to a gradient of zero, and nothing crashes."""
    experiment = build(load(tmp_path, "rule={type: equilibrium, beta: auto}", *SETTLED, text=NET))
    samples = experiment.dataset.test.head(SAMPLES)
    with Workers(1) as workers:
        free = Climb(experiment, workers, samples)
        reached = replace(samples, targets=free.system.prediction(free.free.state))
        rungs = Climb(experiment, workers, reached)
        rungs.exact = ({name: 0 * values for name, values in rungs.exact[0].items()}, rungs.exact[1])
        assert not np.isfinite(BetaSearch(rungs, experiment.rule).run().error)
