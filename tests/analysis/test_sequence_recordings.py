"""What a trained recurrent circuit does on the first test sequences, as a result file has it."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from analysis_runs import Silent, load
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from neurosim.analysis.run import Options, execute
from neurosim.datasets.load import load_dataset
from neurosim.datasets.weather import read_weather
from neurosim.dynamics.status import Status
from neurosim.errors import SimulationError
from neurosim.plots.figure import available, draw_figure

SMALL = """\
schema: 1
name: small
seed: 3
dtype: float64
circuit: {kind: recurrent, units: 10, gain: 0.9}
data: {set: delay, lag: 2, steps: 16, sequences: 24, test_sequences: 40, batch: 1}
rule: {type: node_perturbation, samples: 2}
analysis: {type: train, epochs: 2, optimizer: {type: sgd, rate: 0.03}}
"""
MACKEY_GLASS = "data={set: mackey_glass, task: recall, lag: 6, length: 100, test_length: 100, steps: 20}"
DECORRELATED = "rule={type: node_perturbation, decorrelation: {rate: 0.002}}"


def run(folder, *changes, name="a.h5", progress=None):
    """Run the scenario above with changes; return outcome, open result and its data set."""
    loaded = load(folder, *changes, text=SMALL)
    options = Options(output=folder / name, force=False, threads=1, progress=progress or Silent())
    path, outcome = execute(loaded, options)
    dataset = load_dataset(loaded.scenario.data, loaded.scenario.dtype, loaded.scenario.seed)
    return outcome, h5py.File(path), dataset


def rollout(parameters, inputs):
    """Return states and outputs from rest, shapes (steps, N) and (steps, outputs); inputs (steps, n_in)."""
    A, R, B, D = (parameters[name][()] for name in ("A", "R", "B", "D"))
    z, states = np.zeros(len(R)), []
    for u in inputs:
        z = D @ np.tanh(A @ u + R @ z)
        states.append(z)
    return np.array(states), np.array(states) @ B.T


def test_three_independent_sequences_each_from_rest(tmp_path):
    """They are the first of the test part, and a plain loop over the trained conductances gives the same answers."""
    _, file, dataset = run(tmp_path)
    group = file["sequence"]
    assert group["output"].shape == (48, 1)
    assert group["state"].shape == (48, 10)
    assert_array_equal(group["time"], np.arange(48))
    for number in range(3):
        part, batch = slice(16 * number, 16 * (number + 1)), dataset.batch("test", number, 1)
        state, output = rollout(file["circuit/parameters"], batch.inputs[:, 0])
        assert_allclose(group["state"][part], state, atol=1e-12)
        assert_allclose(group["output"][part], output, atol=1e-12)
        assert_array_equal(group["target"][part], batch.targets[:, 0])
        assert_array_equal(group["counted"][part], np.arange(16) >= 2)
    assert group["channel"].asstr()[()].tolist() == ["u 2 steps ago"]


def test_windows_of_a_series_go_on_and_their_error_is_the_test_loss(tmp_path):
    """All of the test part is shown: the mean squared error is the loss of the last epoch."""
    _, file, _ = run(tmp_path, MACKEY_GLASS)
    group = file["sequence"]
    assert group["output"].shape == (100, 1)
    error = np.mean((group["output"][()] - group["target"][()]) ** 2)
    assert error == pytest.approx(file["train/test_loss"][-1], rel=1e-12)


@pytest.mark.parametrize(("steps", "shown"), [(130, 390), (700, 500)])
def test_no_more_than_500_steps_are_written(tmp_path, steps, shown):
    """Whole windows as long as they fit, and otherwise the beginning of the first."""
    data = f"data={{set: mackey_glass, length: 700, test_length: 700, steps: {steps}}}"
    _, file, _ = run(tmp_path, data, "analysis.epochs=1")
    assert len(file["sequence/time"]) == shown == len(file["sequence/state"])


def test_the_temperature_is_written_in_kelvin(tmp_path):
    """The target of the first hour of the test part is the measured temperature a day later."""
    _, file, dataset = run(tmp_path, "data={set: weather, ahead: 24}", "analysis.epochs=1", "analysis.train_limit=2")
    group, kelvin = file["sequence"], read_weather().columns["temperature"]
    first = len(kelvin) - round(0.2 * len(kelvin))
    assert group["target"].attrs["units"] == group["output"].attrs["units"] == "K"
    assert_allclose(group["target"][:, 0], kelvin[first + 24 : first + 24 + 336])
    outputs = rollout(file["circuit/parameters"], dataset.batch("test", 0, 1).inputs[:, 0])[1]
    scale, offset = (dataset.attributes[f"target_{name}_kelvin"] for name in ("scale", "offset"))
    assert_allclose(group["output"][:168], outputs * scale + offset)


def test_columns_of_a_file_are_written_as_they_were(tmp_path):
    """Two targets, scaled for the circuit and scaled back for the result."""
    rows = np.random.default_rng(1).normal([3.0, -50.0], [2.0, 10.0], (200, 2))
    (tmp_path / "two.csv").write_text("a,b\n" + "\n".join(f"{a:.17g},{b:.17g}" for a, b in rows))
    data = f"data={{set: series, path: {tmp_path}/two.csv, inputs: [a], targets: [b, a], steps: 20, scaling: standard}}"
    _, file, _ = run(tmp_path, data, "analysis.optimizer.rate=0.001")
    assert_allclose(file["sequence/target"], rows[160:, ::-1])


def test_correlations_are_those_of_the_untrained_and_the_trained_network(tmp_path):
    """From all 31 sequences that fit into 500 steps, with D the identity before and what was learnt after."""
    _, file, dataset = run(tmp_path, DECORRELATED)
    group = file["decorrelation"]
    assert_array_equal(file["circuit/initial/D"], np.eye(10))
    assert not np.array_equal(file["circuit/parameters/D"], np.eye(10))
    for stage, parameters in enumerate((file["circuit/initial"], file["circuit/parameters"])):
        inputs = (dataset.batch("test", number, 1).inputs[:, 0] for number in range(31))
        states = np.concatenate([rollout(parameters, u)[0] for u in inputs])
        assert_allclose(group["correlation"][stage], np.corrcoef(states.T), atol=1e-10)
        assert_allclose(group["variance"][stage], states.var(axis=0), rtol=1e-10)


def test_a_resumed_run_still_knows_the_untrained_network(tmp_path):
    """Stopped in the second epoch, when D has changed, it ends with the same correlations as a whole run."""
    _, whole, _ = run(tmp_path, DECORRELATED, name="whole.h5")
    outcome, part, _ = run(tmp_path, DECORRELATED, name="part.h5", progress=Silent(stop_after=30))
    assert outcome.status is Status.INTERRUPTED
    part.close()
    _, part, _ = run(tmp_path, DECORRELATED, name="part.h5")
    for name in ("decorrelation/correlation", "sequence/output"):
        assert_array_equal(part[name], whole[name])


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ("rule={type: bptt}", {"sequence", "components"}),
        ("rule={type: node_perturbation, perturb: weights, credit: step}", {"sequence", "components"}),
        (DECORRELATED, {"sequence", "components", "correlation"}),
    ],
)
def test_a_training_can_be_drawn(tmp_path, change, kinds):
    """Every rule gives the pictures of its signals; correlations only where there is a D to learn."""
    _, file, _ = run(tmp_path, change)
    assert set(available(file)) - {"training", "learning_curve", "conductances"} == kinds
    assert all(isinstance(draw_figure(file, kind), Figure) for kind in kinds)


def test_a_long_pause_of_which_no_step_counts(tmp_path):
    """The first 500 of 540 steps are before the recall: the picture says so instead of an error."""
    data = "data={set: copying, symbols: 2, length: 20, delay: 500, sequences: 1, test_sequences: 1}"
    _, file, _ = run(tmp_path, data, "analysis.epochs=1")
    assert len(file["sequence/time"]) == 500
    titles = [axes.get_title(loc="left") for axes in draw_figure(file, "sequence").axes[:4]]
    assert all(title.endswith(": none of these steps counts") for title in titles), titles


def test_lines_in_pictures_of_several_sequences_are_explained(tmp_path):
    """Three lists of symbols: the recall begins at a line, and the next list at another."""
    data = "data={set: copying, symbols: 3, length: 5, delay: 4, sequences: 1, test_sequences: 4}"
    _, file, _ = run(tmp_path, data, "analysis.epochs=1")
    figure = draw_figure(file, "sequence")
    assert [line.get_xdata()[0] for line in figure.axes[0].lines] == [8.5, 13.5, 22.5, 27.5, 36.5]
    assert "lines: where the error begins to count, and ceases to" in figure.get_suptitle().replace("\n", " ")


def test_answers_that_are_not_finite_are_not_written(tmp_path):
    """A rate of decorrelation that blows D up: the run says that it diverged, and the file has no sequence."""
    progress = Silent()
    rule = "rule={type: node_perturbation, decorrelation: {rate: 1.0e+4}}"
    outcome, file, _ = run(tmp_path, rule, progress=progress)
    assert outcome.status is Status.DIVERGED
    assert "the answers to the test sequences are not finite, or too large to square; no /sequence" in progress.notes
    with pytest.raises(SimulationError, match="there is no sequence"):
        draw_figure(file, "sequence")
