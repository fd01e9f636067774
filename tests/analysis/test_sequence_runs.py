"""Training and measuring recurrent circuits from a scenario to a result file."""

import h5py
import numpy as np
import pytest
from analysis_runs import Silent, load

from neurosim.analysis.run import Options, execute
from neurosim.dynamics.status import Status

SMALL = """\
schema: 1
name: small
seed: 3
dtype: float64
circuit: {kind: recurrent, units: 12, gain: 0.9}
data: {set: delay, lag: 2, steps: 16, sequences: 24, test_sequences: 8, batch: 2}
rule: {type: node_perturbation, samples: 2}
analysis: {type: train, epochs: 3, optimizer: {type: sgd, rate: 0.03}}
"""


def run(folder, name, *changes, progress=None):
    """Run the scenario above with changes; return outcome and open result."""
    loaded = load(folder, *changes, text=SMALL)
    options = Options(output=folder / name, force=False, threads=1, progress=progress or Silent())
    path, outcome = execute(loaded, options)
    return outcome, h5py.File(path)


def test_a_training_writes_losses_and_baselines(tmp_path):
    """The loss falls below that of a constant; the baselines stand beside it."""
    outcome, file = run(tmp_path, "a.h5", "analysis.epochs=20")
    assert outcome.status is Status.FINISHED
    train = file["train"]
    names = train["baseline"].asstr()[()].tolist()
    assert names == ["variance", "ridge"]
    assert train["test_loss"][-1] < 0.5 * train["baseline_loss"][0]
    assert np.isfinite(train["validation_loss"]).all()
    assert file["circuit/parameters/R"].shape == (12, 12)
    assert np.array_equal(file["circuit/initial/D"], np.eye(12))


@pytest.mark.parametrize("rule", ["{type: node_perturbation}", "{type: bptt}"])
def test_an_interrupted_run_resumes_exactly(tmp_path, rule):
    """Stopped in the middle of an epoch whose batches continue each other, it ends with the same numbers."""
    data = "data={set: mackey_glass, length: 200, test_length: 40, steps: 20, batch: 2}"
    changes = (f"rule={rule}", data)
    _, whole = run(tmp_path, "whole.h5", *changes)
    outcome, part = run(tmp_path, "part.h5", *changes, progress=Silent(stop_after=8))
    assert outcome.status is Status.INTERRUPTED
    part.close()
    outcome, part = run(tmp_path, "part.h5", *changes)
    assert outcome.status is Status.FINISHED
    for name in ("train/loss", "train/test_loss", "circuit/parameters/R"):
        np.testing.assert_array_equal(whole[name], part[name])


@pytest.mark.parametrize("updates", ["sequence", "step"])
def test_a_rate_that_is_too_large_ends_as_diverged(tmp_path, updates):
    """The status says so, and the conductances are finite: those before the update that was not."""
    rule = f"rule={{type: bptt, truncated: 1, updates: {updates}}}"
    outcome, file = run(tmp_path, "a.h5", rule, "analysis.optimizer.rate=1e6", "analysis.epochs=40")
    assert outcome.status is Status.DIVERGED
    assert np.isfinite(file["circuit/parameters/B"][()]).all()


@pytest.mark.parametrize(
    "rule",
    [
        "{type: node_perturbation, credit: step, updates: step}",
        "{type: node_perturbation, perturb: nodes, copies: noisy, samples: 2}",
        "{type: node_perturbation, perturb: weights, credit: total}",
        "{type: node_perturbation, perturb: weights, credit: step}",
        "{type: bptt}",
    ],
)
def test_every_rule_trains_in_single_precision(tmp_path, rule):
    """All of them run, and change the conductances."""
    outcome, file = run(tmp_path, "a.h5", f"rule={rule}", "dtype=float32", "analysis.optimizer.rate=1e-3")
    assert outcome.status is Status.FINISHED
    assert not np.array_equal(file["circuit/parameters/R"], file["circuit/initial/R"])


def test_shrinking_by_decorrelation_is_told(tmp_path):
    """One input makes states of low rank, which decorrelation shrinks; the message warns."""
    rule = "rule={type: node_perturbation, decorrelation: {rate: 0.05}}"
    outcome, _ = run(tmp_path, "a.h5", rule, "analysis.epochs=8", "analysis.optimizer.rate=1e-4")
    assert "warning: decorrelation has shrunk the mean square of the states" in outcome.message


def test_cosines_are_measured_for_every_rule_and_number_of_copies(tmp_path):
    """Shapes and names of /perturbation; more copies make a better update of an unbiased rule."""
    analysis = "analysis={type: perturbation, networks: 3, samples: [1, 300], rules: [np_step, wp_total]}"
    outcome, file = run(tmp_path, "a.h5", analysis)
    assert outcome.status is Status.FINISHED
    group = file["perturbation"]
    assert group["reference"].asstr()[()].tolist() == ["bptt", "one_step"]
    assert group["cosine"].shape == (2, 2, 3, 2) == group["norm_ratio"].shape
    cosines = np.mean(group["cosine"], axis=2)
    assert cosines[1, 0, 1] > 0.9 > cosines[1, 0, 0]
    assert cosines[0, 1, 1] > cosines[0, 1, 0]


def test_a_batch_larger_than_a_part_is_refused(tmp_path):
    """Before anything is computed."""
    from neurosim.errors import ScenarioError

    with pytest.raises(ScenarioError, match=r"data\.batch: found 9, but part 'validation' of delay has 8 sequences"):
        run(tmp_path, "a.h5", "data.batch=9")


@pytest.mark.slow
def test_credit_through_time_pays_on_a_delay_of_four(tmp_path):
    """Five seeds, 1500 updates: causal activity and node perturbation below .010, BPTT below .004, BP1 above .012."""
    rules = {
        "anp": ("{type: node_perturbation, perturb: activity, samples: 8}", 0.027),
        "np": ("{type: node_perturbation, perturb: nodes, samples: 8}", 0.027),
        "bptt": ("{type: bptt}", 0.27),
        "bp1": ("{type: bptt, truncated: 1}", 0.09),
    }
    found = {name: [] for name in rules}
    common = ("circuit.units=16", "data={set: delay, lag: 4, sequences: 100, test_sequences: 2}", "analysis.epochs=15")
    for name, (rule, rate) in rules.items():
        for seed in range(5):
            changes = (f"rule={rule}", f"analysis.optimizer.rate={rate}", f"seed={seed}")
            _, file = run(tmp_path, f"{name}{seed}.h5", *common, *changes)
            found[name].append(file["train/loss"][-2:].mean())
    means = {name: float(np.mean(values)) for name, values in found.items()}
    assert means["anp"] < 0.010, means
    assert means["np"] < 0.010, means
    assert means["bptt"] < 0.004, means
    assert means["bp1"] > 0.012, means
    assert all(a < b for a, b in zip(found["anp"], found["bp1"], strict=True)), found


@pytest.mark.slow
def test_online_activity_perturbation_recalls_mackey_glass(tmp_path):
    """20 epochs of 500 steps, an update at every step, rate .003: mean test loss of 3 seeds below .015."""
    data = "data={set: mackey_glass, task: recall, lag: 15, length: 500}"
    rule = "rule={type: node_perturbation, credit: step, updates: step}"
    common = (data, rule, "circuit={kind: recurrent, units: 50}", "analysis.epochs=20", "analysis.optimizer.rate=0.003")
    losses = [run(tmp_path, f"{seed}.h5", *common, f"seed={seed}")[1]["train/test_loss"][-1] for seed in (1, 2, 3)]
    assert np.mean(losses) < 0.015
