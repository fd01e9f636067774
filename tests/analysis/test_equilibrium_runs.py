"""Point networks with loops, run as a user does: phases, training, statuses, gradient alignment, refusals."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from analysis_runs import arrays, load, run

from neurosim.errors import ScenarioError
from neurosim.plots.figure import draw_figure
from neurosim.results.reader import open_result

LOOP = """\
schema: 1
name: loop
seed: 5
dtype: float64
circuit:
  use: equilibrium_mlp
  layers: [64, 12, 8, 10]
data: {set: digits, batch: 20}
rule: {type: equilibrium, nudging: symmetric, beta: 0.05}
dynamics: {solver: rk4, dt: 0.5, t_end: 200.0, tolerance: 1.0e-8}
analysis:
  type: train
  epochs: 2
  train_limit: 60
  test_limit: 40
  optimizer: {type: sgd, rate: 0.1}
  log_gradient_alignment: true
"""
RELAX = "analysis={type: relax, samples: 3, save: {at: [0.0, 200.0]}}"
DIRECTED = "circuit.feedback=independent"
TURNED = "circuit.imperfections.asymmetry={angle_deg: 60.0}"


def test_nudged_phases_start_from_the_free_state(tmp_path):
    """Both of them: what the first has done does not reach the second."""
    path, outcome = run(tmp_path, RELAX, text=LOOP)
    assert outcome.status.good, outcome.message
    relax = arrays(path)
    assert relax["relax/phase"].astype(str).tolist() == ["free", "nudged", "opposite"]
    assert relax["relax/nudge"].tolist() == [0.0, 0.05, -0.05]
    for layer in (1, 2, 3):
        state = relax[f"relax/state_layer_{layer}"]
        for phase in (1, 2):
            np.testing.assert_array_equal(state[phase, 0], state[0, 1])
        down, up = state[1, 1] - state[0, 1], state[2, 1] - state[0, 1]
        assert np.abs(down).max() > 1e-5
        assert np.abs(down + up).max() < 0.2 * np.abs(down).max()  # opposite to first order


def test_membrane_states_are_named_so(tmp_path):
    for coordinates, symbol in (("membrane", "u"), ("activity", "s")):
        changes = (RELAX, f"circuit.coordinates={coordinates}")
        path, _ = run(tmp_path, *changes, text=LOOP, name=f"{coordinates}.h5")
        with open_result(path) as file:
            assert file["relax/state_layer_1"].attrs["symbol"] == symbol
            labels = [axes.get_ylabel() for axes in draw_figure(file).axes]
        assert f"state ${symbol}$\n(dimensionless)" in labels


@pytest.mark.parametrize("feedback", [(), (DIRECTED,), (DIRECTED, TURNED)], ids=["reciprocal", "directed", "turned"])
def test_training_follows_the_gradient_as_far_as_physics_lets_it(tmp_path, feedback):
    """Nearly exact where conductances are reciprocal, or start so; the reference is exact; 60 degrees leave an angle.

    Directed conductances do not stay reciprocal: W_k and B_k learn from different products.
    """
    path, outcome = run(tmp_path, *feedback, text=LOOP)
    assert outcome.status.good, outcome.message
    trained = arrays(path)
    blocks = trained["train/block"].astype(str).tolist()
    feedback_blocks = ["B_1", "B_2"] if feedback else []
    assert blocks == ["W_0", "b_1", "W_1", "b_2", "W_2", "b_3", *feedback_blocks, "all"]
    cosines = dict(zip(blocks, trained["train/gradient_cosine"][-1], strict=True))
    assert trained["train/loss"][-1] < trained["train/loss"][0]
    for k in (1, 2):
        W, B = trained[f"circuit/parameters/W_{k}"], trained[f"circuit/parameters/B_{k}"]
        assert np.array_equal(B, W.T) == (not feedback)
        assert not np.array_equal(B, trained[f"circuit/initial/B_{k}"])
    least = {0: 0.9999, 1: 0.99, 2: 0.0}[len(feedback)]  # turned by 60 degrees: downhill at least
    assert min(cosines.values()) > least
    assert (cosines["W_0"] < 0.99) == (TURNED in feedback)
    exact, _ = run(tmp_path, *feedback, "rule={type: recurrent_backprop}", text=LOOP, name="exact.h5")
    np.testing.assert_allclose(arrays(exact)["train/gradient_cosine"], 1.0, atol=1e-12)


@pytest.mark.parametrize("rule", ["rule.beta=0.05", "rule.nudging=one_sided", "rule={type: recurrent_backprop}"])
def test_threads_and_batches_do_not_change_a_number(tmp_path, rule):
    results = []
    for threads in (1, 2):
        changes = (DIRECTED, TURNED, rule, "data.batch=70", "analysis.train_limit=140")
        path, _ = run(tmp_path, *changes, text=LOOP, name=f"{threads}.h5", threads=threads)
        results.append(arrays(path))
    for name, values in results[0].items():
        np.testing.assert_array_equal(values, results[1][name], err_msg=name)


@pytest.mark.parametrize("rule", ["rule.beta=0.05", "rule={type: recurrent_backprop}"])
def test_a_loop_that_diverges_says_so(tmp_path, rule):
    """Rectified units that excite each other by more than they leak: a status, not an error and not NaN weights."""
    changes = ("circuit.activation=relu", "circuit.output_activation=relu", "circuit.init.gain=3.0", rule)
    path, outcome = run(tmp_path, *changes, text=LOOP)
    assert outcome.status.key == "diverged"
    with h5py.File(path) as file:
        assert file.attrs["status"] == "diverged"
        assert np.isfinite(file["circuit/parameters/W_1"][:]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "circuit.neuron=dyad",
            r"rule\.type: equilibrium nudges one compartment after the other.*circuit\.neuron: point",
        ),
        ("rule={type: recurrent_backprop, beta: 1.0}", r"rule\.beta: unknown key"),
        ("rule.beta=0.0", r"rule\.beta: found 0\.0, must be greater than 0"),
        ("rule.nudging=contur", r"rule\.nudging: found 'contur'"),
        (
            "circuit.output_activation=identity,rule.beta=1.0",
            r"rule\.beta: symmetric nudging of identity outputs with squared_error needs beta < 1, found 1",
        ),
        ("rule={type: backprop}", r"rule\.type: backprop needs a feed-forward prediction"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, change, message):
    with pytest.raises(ScenarioError, match=message):
        load(
            tmp_path, *(change.split(",rule.", 1)[:1]), *(f"rule.{x}" for x in change.split(",rule.", 1)[1:]), text=LOOP
        )


def test_recurrent_backprop_is_refused_for_dyads(tmp_path):
    with pytest.raises(ScenarioError, match=r"rule\.type: recurrent_backprop is for point neurons"):
        load(tmp_path, "circuit.neuron=dyad", "rule={type: recurrent_backprop}", text=LOOP)


def test_homeostasis_brings_directed_conductances_together(tmp_path):
    """Beside the same learning: |W - B^T| falls, the update turns towards the gradient; threads and resuming agree."""
    ends = {}
    for name, more in (("without", ()), ("with", ("rule.homeostasis={weight: 2.0}",))):
        path, outcome = run(tmp_path, DIRECTED, TURNED, "analysis.epochs=6", *more, text=LOOP, name=f"{name}.h5")
        assert outcome.status.good, outcome.message
        found = arrays(path)
        mismatch = sum(
            np.linalg.norm(found[f"circuit/parameters/W_{k}"] - found[f"circuit/parameters/B_{k}"].T) for k in (1, 2)
        )
        ends[name] = (mismatch, found["train/gradient_cosine"][-1, -1])
    assert ends["with"][0] < 0.7 * ends["without"][0]
    assert ends["with"][1] > ends["without"][1]
    changes = (DIRECTED, TURNED, "analysis.epochs=6", "rule.homeostasis={weight: 2.0}")
    again, _ = run(tmp_path, *changes, text=LOOP, name="again.h5", threads=2)
    np.testing.assert_array_equal(
        arrays(again)["circuit/parameters/W_1"], arrays(tmp_path / "with.h5")["circuit/parameters/W_1"]
    )


@pytest.mark.parametrize(
    "change", [(), ("circuit.neuron=dyad", "rule={type: dual_propagation, homeostasis: {weight: 1.0}}")]
)
def test_homeostasis_is_refused_without_directed_loops(tmp_path, change):
    with pytest.raises(ScenarioError, match=r"rule\.homeostasis: homeostasis is for directed conductances in loops"):
        load(tmp_path, *(change or ("rule.homeostasis={weight: 1.0}",)), text=LOOP)


def test_followed_feedback_of_dyads_has_no_angle_to_a_gradient(tmp_path):
    """The prediction of dyads does not depend on B: its alignment is NaN, and the others are as without."""
    dyads = ("circuit.neuron=dyad", "circuit.coordinates=activity", "rule={type: dual_propagation, beta: 0.1}")
    follow = "rule.feedback_learning=kolen_pollack"
    path, outcome = run(tmp_path, *dyads, DIRECTED, TURNED, follow, text=LOOP)
    assert outcome.status.good, outcome.message
    found = arrays(path)
    cosines = dict(zip(found["train/block"].astype(str).tolist(), found["train/gradient_cosine"][-1], strict=True))
    assert np.isnan([cosines["B_1"], cosines["B_2"]]).all()
    assert cosines["W_2"] > 0.999
    assert cosines["all"] > 0.5
