"""Point neurons behind a linear readout, run as a user does: training, the ladder, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from analysis_runs import Silent, arrays, assert_same, load, run

from neurosim.analysis.run import Options, execute
from neurosim.analysis.setup import build_model
from neurosim.dynamics.status import Status, statuses
from neurosim.errors import ScenarioError
from neurosim.plots.figure import draw_figure
from neurosim.results.reader import open_result

READOUT = """\
schema: 1
name: readout
seed: 5
dtype: float64
circuit:
  use: equilibrium_mlp
  layers: [64, 16, 12]
  readout: {type: linear, outputs: 10}
  cost: cross_entropy
  feedback: independent
  imperfections: {asymmetry: {angle_deg: 30.0}}
data: {set: digits, batch: 20}
rule: {type: equilibrium, nudging: symmetric, beta: 0.05}
dynamics: {solver: newton, tolerance: 1.0e-10}
analysis:
  type: train
  epochs: 1
  train_limit: 200
  test_limit: 100
  optimizer: {type: adam, rate: 0.003}
  log_gradient_alignment: true
"""
BIAS = "analysis={type: bias, samples: 10}"
RULES = [
    "rule={type: equilibrium, nudging: one_sided, beta: 0.05}",
    "rule={type: equilibrium, nudging: symmetric, beta: 0.05, correction: asymmetric}",
    "rule={type: equilibrium, beta: 0.05, correction: dyadic}",
    "rule={type: equilibrium, nudging: vanishing}",
    "rule={type: recurrent_backprop}",
    "rule={type: oscillating, drive: cosine, beta: 0.05, period: 10.0}",
]


def test_training_learns_and_writes_readout_and_plots(tmp_path):
    """Measured: the loss falls from 2.3, that of chance, to 0.82 in eight short epochs."""
    changes = ("circuit.feedback=reciprocal", "circuit.imperfections={}", "analysis.epochs=8")
    changes += ("analysis.train_limit=400", "analysis.optimizer.rate=0.01")
    relaxing = "dynamics={solver: exponential_euler, dt: 0.5, t_end: 1000.0, tolerance: 1.0e-6}"
    path, outcome = run(tmp_path, *changes, relaxing, text=READOUT)
    assert outcome.status.good, outcome.message
    found = arrays(path)
    assert found["circuit/parameters/R"].shape == (12, 10)
    assert found["circuit/parameters/c"].shape == (10,)
    assert not np.array_equal(found["circuit/parameters/R"], found["circuit/initial/R"])
    assert not found["circuit/initial/c"].any()
    assert np.abs(found["circuit/parameters/c"]).min() > 0
    assert found["train/loss"][-1] < 1.0
    with open_result(path) as file:
        draw_figure(file)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_gives_the_readout_the_exact_gradient_on_settled_rungs(tmp_path, rule):
    """But for a cosine, whose synapses read the mean activity over the oscillation, to order beta^2."""
    path, outcome = run(tmp_path, BIAS, rule, text=READOUT)
    assert outcome.status.good, outcome.message
    found = arrays(path)
    assert found["bias/reference_check"] < 1e-6
    accuracy = 1e-3 if "oscillating" in rule else 1e-7
    blocks = found["bias/block"].astype(str).tolist()
    for block in ("R", "c"):
        assert np.abs(found["bias/relative_norm"][:, blocks.index(block)]).max() < accuracy


def test_the_dyadic_correction_trains_as_the_exact_gradient_does(tmp_path):
    paths = [run(tmp_path, rule, text=READOUT, name=f"{i}.h5")[0] for i, rule in enumerate((RULES[2], RULES[4]))]
    dyadic, exact = (arrays(path)["circuit/parameters/R"] for path in paths)
    assert dyadic == pytest.approx(exact, abs=1e-5)


def test_a_contour_of_four_points_is_of_fourth_order_in_the_nudge(tmp_path):
    """Cross-entropy behind the readout; R and c have no error at all."""
    rule = "rule={type: equilibrium, nudging: contour, points: 4, beta: 0.05}"
    nudges = "analysis={type: nudges, samples: 5, betas: [0.1, 0.2, 0.4]}"
    reciprocal = ("circuit.feedback=reciprocal", "circuit.imperfections={}")
    path, outcome = run(tmp_path, rule, nudges, *reciprocal, text=READOUT)
    assert outcome.status.good, outcome.message
    found = arrays(path)
    errors, betas = found["nudges/error"][0], found["nudges/beta"]
    assert np.diff(np.log(errors)) / np.diff(np.log(betas)) == pytest.approx(4.0, abs=0.1)


def test_beyond_the_radius_of_convergence_a_run_says_so(tmp_path):
    rule = "rule={type: equilibrium, nudging: contour, points: 4, beta: 0.05}"
    relax = "analysis={type: relax, samples: 3}"
    path, outcome = run(tmp_path, rule, relax, text=READOUT)
    assert outcome.status.good, outcome.message
    radius = arrays(path)["relax/radius"]
    assert radius.min() > 0.05
    path, outcome = run(tmp_path, rule, relax, f"rule.beta={1.01 * radius.min()}", text=READOUT, name="b.h5")
    assert outcome.status is Status.OFF_BRANCH
    status = arrays(path)["relax/status"]
    assert [s.key for s in statuses(status[1:, radius.argmin()])] == ["off_branch"] * (len(status) - 1)


ADAM = "optimizer: {type: adam, rate: 0.01}"
SHORT = ("analysis.epochs=2", "analysis.train_limit=100", "analysis.test_limit=40")
SETTLING = "dynamics={solver: exponential_euler, dt: 0.5, t_end: 200.0, tolerance: 1.0e-5}"
SWINGING = ("rule={type: oscillating, beta: 0.1, period: 20.0, periods: 2}", "analysis.log_gradient_alignment=false")


@pytest.mark.parametrize("changes", [(), SWINGING], ids=["nudged", "swinging"])
@pytest.mark.parametrize("batches", [3, 5, 8], ids="after {} batches".format)
def test_interrupted_and_resumed_is_uninterrupted(tmp_path, batches, changes):
    changes = (*SHORT, SETTLING, "dtype=float32", *changes)
    whole, outcome = run(tmp_path, *changes, text=READOUT, name="whole.h5")
    assert outcome.status.good, outcome.message
    path, outcome = run(tmp_path, *changes, text=READOUT, progress=Silent(stop_after=batches))
    assert outcome.status is Status.INTERRUPTED
    path, outcome = run(tmp_path, *changes, text=READOUT)
    assert outcome.status.good, outcome.message
    assert_same(path, whole)


def test_threads_do_not_change_a_number(tmp_path):
    changes = (*SHORT, SETTLING, "data.batch=70", "analysis.train_limit=140")
    paths = [run(tmp_path, *changes, text=READOUT, name=f"{n}.h5", threads=n)[0] for n in (1, 2)]
    assert_same(*paths)


def test_an_oscillating_nudge_trains_in_time(tmp_path):
    """Close to the exact gradient: a rotation of .1 with a period of 80 tau."""
    swinging = "rule={type: oscillating, beta: 0.1, period: 80.0, periods: 2}"
    path, outcome = run(tmp_path, *SHORT, SETTLING, swinging, "circuit.imperfections={}", text=READOUT)
    assert outcome.status.good, outcome.message
    found = arrays(path)
    cosines = dict(zip(found["train/block"].astype(str), found["train/gradient_cosine"][0], strict=True))
    assert min(cosines["R"], cosines["c"]) > 0.9999
    assert min(cosines[name] for name in ("W_0", "W_1", "b_1", "b_2")) > 0.99
    assert found["train/loss"][-1] < found["train/loss"][0]


def test_homeostasis_and_kolen_pollack_train_behind_a_readout(tmp_path):
    loops = {}
    for key in ("beta: 0.05", "homeostasis: {weight: 1.0}", "feedback_learning: kolen_pollack"):
        path, outcome = run(
            tmp_path, *SHORT, f"rule={{type: equilibrium, {key}}}", text=READOUT, name=f"{len(loops)}.h5"
        )
        assert outcome.status.good, outcome.message
        found = arrays(path)
        assert found["train/loss"][-1] < found["train/loss"][0]
        loops[key.partition(":")[0]] = found["train/asymmetry"][-1]
    assert loops["homeostasis"] < loops["beta"]


def test_attacks_meet_the_cost_behind_the_readout(tmp_path):
    attacks = "fgsm: [0.05, 0.2], variants: [{name: symmetric}, {name: hardened, adversarial: 0.1}]"
    robustness = f"analysis={{type: robustness, epochs: 2, train_limit: 200, test_limit: 40, {attacks}, {ADAM}}}"
    path, outcome = run(tmp_path, robustness, text=READOUT)
    assert outcome.status.good, outcome.message
    losses = arrays(path)["robustness/attacked_loss"][:, 0]
    assert (losses[:, 0] < losses[:, 1]).all()
    assert not np.array_equal(losses[0], losses[1])


def test_the_slope_of_a_linear_circuit_is_that_of_its_prediction(tmp_path):
    """The norms of a comparison have R among their factors; nothing is learnt here, so they are those of the start."""
    robustness = f"analysis={{type: robustness, epochs: 1, train_limit: 20, test_limit: 20, fgsm: [0.1], {ADAM}}}"
    changes = (robustness, "analysis.optimizer.rate=1.0e-30")
    found = arrays(run(tmp_path, *changes, text=READOUT)[0])
    parameters = build_model(load(tmp_path, *changes, text=READOUT).scenario).parameters
    factors = [parameters[name] for name in ("W_0", "W_1", "R")]
    assert found["robustness/product_norm"] == pytest.approx(np.linalg.norm(np.linalg.multi_dot(factors), 2))
    assert found["robustness/norm_product"] == pytest.approx(np.prod([np.linalg.norm(x, 2) for x in factors]))


def test_plasticity_while_it_relaxes_is_refused(tmp_path):
    dynamics = "dynamics={solver: euler, dt: 0.1, t_end: 5.0, tolerance: null}"
    changes = (dynamics, "analysis.plasticity=continuous", "analysis.optimizer={type: sgd, rate: 0.01}")
    with pytest.raises(ScenarioError, match="continuous needs a rule whose error signal is there at every moment"):
        load(tmp_path, *changes, text=READOUT)
    dyads = ("rule={type: dual_propagation}", "circuit.neuron=dyad", "circuit.feedback=reciprocal")
    with pytest.raises(ScenarioError, match="readout: linear is for neuron: point"):
        load(tmp_path, *changes, *dyads, "circuit.imperfections={}", text=READOUT)


@pytest.mark.parametrize("none", ["none", "null"])
def test_no_readout_by_name(tmp_path, none):
    changes = (f"circuit.readout={none}", "circuit.layers=[64, 16, 10]")
    assert load(tmp_path, *changes, text=READOUT).scenario.circuit.readout is None


@pytest.mark.parametrize(
    ("readout", "message"),
    [
        ("linear", "circuit.readout: linear needs its number of outputs. Use {type: linear, outputs: N}, N targets per "
         "sample."),
        ("softmax", "circuit.readout: found 'softmax'. Allowed: none, or {type: linear, outputs: N}."),
        ("3", "circuit.readout: found 3, expected keys with values: outputs, type."),
        ("{type: linear}", "circuit.readout.outputs: missing, and it has no default. Meaning: Values of the "
         "prediction: targets per sample."),
        ("{outputs: 0}", "circuit.readout.outputs: found 0, must be at least 1."),
    ],
    ids=str,
)  # fmt: skip
def test_a_readout_that_is_not_whole(tmp_path, readout, message):
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path, f"circuit.readout={readout}", text=READOUT)
    assert message in str(caught.value)


@pytest.mark.parametrize("nudging", ["{type: equilibrium, beta: 1.5}", "{type: oscillating, period: 10, beta: 1.5}"])
def test_linear_outputs_may_be_pushed_harder_behind_a_readout(tmp_path, nudging):
    """The curvature of the cost is that of R R^T there, and no bound on beta is known."""
    changes = (f"rule={nudging}", "circuit.cost=squared_error", "circuit.output_activation=identity")
    load(tmp_path, *changes, text=READOUT)
    with pytest.raises(ScenarioError, match="of identity outputs with squared_error needs beta < 1"):
        load(tmp_path, *changes, "circuit.readout=none", "circuit.layers=[64, 16, 10]", text=READOUT)


def test_a_readout_that_does_not_fit_a_named_data_set(tmp_path):
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path, text=READOUT.replace("outputs: 10", "outputs: 9"))
    line = 1 + READOUT.splitlines().index("  readout: {type: linear, outputs: 10}")
    expected = f"tiny.yaml:{line}: circuit.readout.outputs: found 9 outputs, but data set 'digits' needs 10."
    assert expected in str(caught.value)


def test_a_readout_that_does_not_fit_a_file(tmp_path):
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "mine.npz", inputs=draw.random((30, 5)), targets=np.arange(30) % 3)
    data = f"data={{set: file, path: {tmp_path}/mine.npz}}"
    scenario = load(tmp_path, data, "circuit.layers=[5, 4, 3]", text=READOUT)
    with pytest.raises(ScenarioError, match=r"readout\.outputs: the readout has 10 outputs, but mine has 3 targets"):
        execute(scenario, Options(output=tmp_path / "a.h5", threads=1))
    assert not (tmp_path / "a.h5").exists()


def test_dyads_refuse_a_readout(tmp_path):
    with pytest.raises(ScenarioError, match="readout: linear is for neuron: point"):
        load(tmp_path, "circuit.readout={type: linear, outputs: 10}")


def test_the_readout_stands_outside_the_imperfections_of_the_circuit(tmp_path):
    """Units, devices and the nudge are wrong; R and c act as they are wanted, and their gradient stays exact."""
    wrong = "circuit.imperfections={mismatch: {gain_sd: 0.2, offset_sd: 0.1}, devices: {programming_sd: 0.1}, "
    wrong += "nudge_noise: {gain_error: 0.1}, asymmetry: {angle_deg: 30.0}}"
    path, outcome = run(tmp_path, BIAS, wrong, text=READOUT)
    assert outcome.status.good, outcome.message
    found = arrays(path)
    assert found["bias/reference_check"] < 1e-6
    blocks = found["bias/block"].astype(str).tolist()
    for block in ("R", "c"):
        assert np.abs(found["bias/relative_norm"][:, blocks.index(block)]).max() < 1e-7
    assert np.abs(found["bias/relative_norm"][:, blocks.index("W_1")]).max() > 0.05


def test_noise_of_reads_and_nudges_behind_a_readout(tmp_path):
    """The mean of noisy updates is that without noise, to its standard error; a readout reads with noise as well."""
    noisy = "circuit.imperfections={read_noise: {sd: 0.001}, nudge_noise: {sd: 0.01}}"
    path, outcome = run(tmp_path, "analysis={type: bias, samples: 10, noise_repeats: 100}", noisy, text=READOUT)
    assert outcome.status.good, outcome.message
    found = arrays(path)
    terms, blocks = (found[f"bias/{name}"].astype(str).tolist() for name in ("term", "block"))
    noise, doubt = found["bias/relative_norm"][terms.index("noise")], found["bias/noise_error"]
    assert (noise < 3 * doubt).all()
    assert 0 < doubt[blocks.index("R")] < doubt[blocks.index("W_0")]
