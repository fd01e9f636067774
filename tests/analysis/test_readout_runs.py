"""Point neurons behind a linear readout, run as a user does: training, the ladder, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from analysis_runs import arrays, load, run

from neurosim.analysis.run import Options, execute
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
