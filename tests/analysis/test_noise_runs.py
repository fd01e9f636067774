"""Runs of noisy circuits: the same numbers whatever the threads and stops, fresh noise at every presentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from analysis_runs import RELAX, Silent, arrays, assert_same, attributes, load, run

from neurosim.analysis.run import Session
from neurosim.analysis.setup import build
from neurosim.analysis.train import Training
from neurosim.dynamics.status import Status
from neurosim.workers import Workers

NOISE = "circuit.imperfections={state_noise: {sd: 0.05}}"
SOLVER = "dynamics={solver: euler_maruyama, dt: 0.25, t_end: 6, average: 2}"
NOISY = (NOISE, SOLVER)
LOOP = (
    "circuit={layers: [64, 12, 10], neuron: point, activation: tanh, init: {gain: 0.4}}",
    "rule={type: equilibrium, beta: 0.2}",
)
COLOURED = "circuit.imperfections={state_noise: {sd: 0.05, correlation_time: 0.5}}"


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, outcome = run(tmp_path_factory.mktemp("whole"), *NOISY)
    assert outcome.status is Status.FINISHED
    return path


def test_a_noisy_training_has_other_numbers_than_a_silent_one(uninterrupted: Path, tmp_path: Path):
    """A check of the checks below: the noise has a part in every figure."""
    silent = arrays(run(tmp_path, SOLVER)[0])
    noisy = arrays(uninterrupted)
    assert np.all(noisy["train/loss"] != silent["train/loss"])
    assert np.abs(noisy["circuit/parameters/W_1"] - silent["circuit/parameters/W_1"]).max() > 1e-3
    np.testing.assert_array_equal(noisy["circuit/initial/W_1"], silent["circuit/initial/W_1"])


@pytest.mark.parametrize("noise", [NOISE, COLOURED], ids=["white", "coloured"])
def test_threads_do_not_change_a_bit(tmp_path: Path, noise: str):
    changes = (
        noise, SOLVER, "data.batch=100", "analysis.train_limit=250", "analysis.test_limit=130", "analysis.epochs=2",
        "analysis.log_gradient_alignment=true",
    )  # fmt: skip
    first, _ = run(tmp_path, *changes, name="1.h5", threads=1)
    assert_same(run(tmp_path, *changes, name="2.h5", threads=2)[0], first)


@pytest.mark.parametrize("batches", [2, 9])
def test_interrupted_and_resumed_is_uninterrupted(uninterrupted: Path, tmp_path: Path, batches: int):
    _, outcome = run(tmp_path, *NOISY, progress=Silent(stop_after=batches))
    assert outcome.status is Status.INTERRUPTED
    path, outcome = run(tmp_path, *NOISY)
    assert outcome.status is Status.FINISHED
    assert_same(path, uninterrupted)


def test_continuous_plasticity_under_noise(tmp_path: Path):
    """Conductances that follow noisy states all the time: the same again, and resumed."""
    changes = (
        NOISE, "dynamics={solver: euler_maruyama, dt: 0.25, t_end: 3}",
        "analysis.plasticity=continuous", "analysis.optimizer={type: sgd, rate: 0.02}", "analysis.epochs=2",
    )  # fmt: skip
    whole, outcome = run(tmp_path, *changes, name="whole.h5")
    assert outcome.status is Status.FINISHED
    assert run(tmp_path, *changes, progress=Silent(stop_after=4))[1].status is Status.INTERRUPTED
    assert_same(run(tmp_path, *changes)[0], whole)


def test_every_presentation_has_noise_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Paths count presentations, in training and in tests, and no two of them ever meet."""
    loaded = load(tmp_path, *NOISY, "analysis.log_gradient_alignment=true", "analysis.epochs=2")
    seen: list[np.ndarray] = []
    with Workers(1) as workers:
        quiet: Any = Silent()
        session = Session(None, workers, quiet, type("Never", (), {"wanted": False})(), tmp_path / "checkpoint.h5")
        training = Training(build(loaded), session, log_alignment=True)
        relax = training.learner._relax

        def watched(bench: Any, inputs: Any, targets: Any, paths: Any, one_block: Any) -> float:
            seen.append(paths.copy())
            return relax(bench, inputs, targets, paths, one_block)

        monkeypatch.setattr(training.learner, "_relax", watched)
        assert training.run_epoch()
        assert training.run_epoch()
    everything = np.concatenate(seen)
    assert len(everything) == 2 * (110 + 40 + 110)
    assert len(np.unique(everything)) == len(everything)
    learning = everything[everything < 1 << 44]
    assert learning.tolist() == list(range(220))


def test_bias_of_a_noisy_rule(tmp_path: Path):
    """The measured rung is of draws of the noise, finished; the others are those of the silent circuit, settled."""
    bias, quiet = "analysis={type: bias, samples: 4}", SOLVER.replace(", average: 2", "")
    noisy, outcome = run(tmp_path, *NOISY, *LOOP, NOISE, bias, "dtype=float64", name="noisy.h5")
    assert outcome.status is Status.FINISHED
    silent, outcome = run(tmp_path, quiet, *LOOP, bias, "dtype=float64", name="silent.h5")
    assert outcome.status is Status.FINISHED
    mine, theirs = arrays(noisy)["bias/relative_norm"], arrays(silent)["bias/relative_norm"]
    with h5py.File(noisy) as file:
        terms = [term.decode() for term in file["bias/term"][:]]
        finished, settled = file["bias/measured_status"][:], file["bias/settled_status"][:]
    assert np.all(finished == Status.FINISHED.code)
    assert np.all(settled == Status.SETTLED.code)
    for term in ("nudge", "asymmetry"):
        np.testing.assert_allclose(mine[terms.index(term)], theirs[terms.index(term)], rtol=1e-6, atol=1e-10)
    assert np.all(mine[terms.index("noise")] > 1e-3)
    assert np.all(theirs[terms.index("noise")] == 0)


def test_relax_of_a_noisy_circuit(tmp_path: Path):
    """Trajectories with noise, the calculus in the attributes, and a rate that says it is without the noise."""
    path, outcome = run(tmp_path, *NOISY, RELAX)
    assert outcome.status is Status.FINISHED
    assert attributes(path)["stochastic_calculus"] == "Ito"
    with h5py.File(path) as file:
        assert file["relax/rms_rate"].attrs["long_name"] == "RMS of tau d(state)/dt over all samples, without the noise"
        late = file["relax/state_layer_2"][0, -20:]
    assert np.all(late.std(axis=0) > 1e-3)
    path, _ = run(tmp_path, RELAX, name="sweeps.h5")
    assert "stochastic_calculus" not in attributes(path)


@pytest.mark.parametrize("correction", ["none", "asymmetric", "dyadic"])
def test_rules_of_loops_learn_under_noise(tmp_path: Path, correction: str):
    changes = (
        *LOOP, "circuit.feedback=independent", f"rule.correction={correction}", *NOISY, "analysis.epochs=1",
        "analysis.train_limit=60",
    )  # fmt: skip
    path, outcome = run(tmp_path, *changes)
    assert outcome.status is Status.FINISHED
    assert np.isfinite(arrays(path)["train/loss"]).all()


@pytest.mark.parametrize("drive", ["rotating", "cosine"])
def test_an_oscillating_nudge_under_noise(tmp_path: Path, drive: str):
    changes = (
        "circuit={layers: [64, 12, 10], neuron: point, activation: tanh, init: {gain: 0.4}}", NOISE,
        "dynamics={solver: stochastic_heun, dt: 0.25, t_end: 6}",
        f"rule={{type: oscillating, drive: {drive}, beta: 0.2, period: 10}}", "analysis.epochs=1",
        "analysis.train_limit=40",
    )  # fmt: skip
    assert run(tmp_path, *changes)[1].status is Status.FINISHED


def test_robustness_of_a_noisy_loop(tmp_path: Path):
    """Attacks follow the slopes of the silent circuit at its equilibrium; the attacked circuit answers with noise."""
    changes = (
        *LOOP, *NOISY,
        "analysis={type: robustness, epochs: 1, train_limit: 40, test_limit: 20, fgsm: [0.05, 0.1], "
        "optimizer: {type: sgd, rate: 0.05}}",
    )  # fmt: skip
    path, outcome = run(tmp_path, *changes)
    assert outcome.status is Status.FINISHED, outcome.message
    assert_same(run(tmp_path, *changes, name="b.h5", threads=2)[0], path)
