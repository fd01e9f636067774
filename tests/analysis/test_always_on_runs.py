"""Training with continuous plasticity: figures, resumption, warnings, and how it fails."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from analysis_runs import BATCHES, TINY, Silent, arrays, assert_same, attributes, load, run

from neurosim.analysis.setup import build
from neurosim.dynamics.status import Status
from neurosim.errors import ResultFileError
from neurosim.learning.learner import Learner
from neurosim.learning.optimizers import Optimizer
from neurosim.seeds import Purpose, generator
from neurosim.workers import Workers

ALWAYS_ON = (
    TINY.replace(
        "{solver: sweeps, max_steps: 20, tolerance: 1.0e-5}", "{solver: rk4, dt: 0.5, t_end: 8, tolerance: null}"
    )
    .replace("epochs: 3", "epochs: 2\n  plasticity: continuous")
    .replace("type: adam, rate: 0.01", "type: sgd, rate: 0.2, decay: 0.8, weight_decay: 1.0e-3")
)
LOGGED = "analysis.log_gradient_alignment=true"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, outcome = run(tmp_path_factory.mktemp("trained"), LOGGED, text=ALWAYS_ON)
    assert outcome.status is Status.FINISHED
    return path


def test_it_learns_and_says_how(trained: Path):
    """The costs fall; 16 steps per batch, no more and no fewer; nothing is called settled."""
    figures = arrays(trained)
    assert figures["train/loss"][-1] < 0.9 * figures["train/loss"][0]
    assert figures["train/test_loss"][-1] < figures["train/test_loss"][0]
    assert figures["train/mean_steps"].tolist() == [16.0, 16.0]
    assert figures["train/unsettled_fraction"].tolist() == [0.0, 0.0]
    assert attributes(trained)["status"] == "finished"
    assert np.all(figures["train/gradient_cosine"] > 0.5)
    np.testing.assert_array_equal(figures["circuit/parameters/B_1"], figures["circuit/parameters/W_1"].T)


@pytest.mark.parametrize(("plasticity", "when"), [("continuous", ", at the end of every hold"), ("per_batch", "")])
def test_the_file_says_when_training_figures_were_read(tmp_path: Path, plasticity: str, when: str):
    """A circuit that learns all the time has learnt from a batch when its cost is read."""
    path, _ = run(tmp_path, f"analysis.plasticity={plasticity}", text=ALWAYS_ON)
    with h5py.File(path) as file:
        assert file["train"].attrs["plasticity"] == plasticity
        assert file["train/loss"].attrs["long_name"] == "mean training cost during the epoch" + when
        assert file["train/test_loss"].attrs["long_name"] == "mean test cost after the epoch"


def test_the_file_can_be_told_from_the_equation(tmp_path: Path):
    """All of it again in NumPy, in double precision: Euler steps of the joint equation, and the test.

    The order of samples comes from the seed; the last batch has ten samples, and ten circuits wait.
    """
    changes = ("dtype=float64", "dynamics={solver: euler, dt: 0.5, t_end: 3.0, tolerance: null}", "analysis.hold=4.0")
    path, _ = run(tmp_path, *changes, text=ALWAYS_ON)
    data = build(load(tmp_path, *changes, text=ALWAYS_ON)).dataset
    train, test, written = data.train.head(110), data.test.head(40), arrays(path)
    W0, b1, W1, b2 = (written[f"circuit/initial/{name}"].copy() for name in ("W_0", "b_1", "W_1", "b_2"))
    beta, dt, hidden, output = 0.01, 0.5, np.zeros((2, 20, 12)), np.zeros((2, 20, 10))
    for epoch in range(2):
        order, rate, losses = generator(5, Purpose.SHUFFLE, epoch).permutation(110), 0.2 * 0.8**epoch, []
        for first in range(0, 110, 20):
            x, y = train.inputs[order[first : first + 20]], train.targets[order[first : first + 20]]
            n, h, s = len(x), hidden[:, : len(x)], output[:, : len(x)]
            for _ in range(8):
                # alpha = 0: s- is sent forward, and only s+ feels what comes back
                a, mean = x @ W0 + b1, h[1]
                e, p = (s[0] - s[1]) @ W1.T, mean @ W1 + b2
                dh = np.stack([np.maximum(a + e, 0), np.maximum(a, 0)]) - h
                ds = np.stack([p - beta * (p - y), p]) - s
                e_h, e_s = (h[1] - h[0]) / beta / n, (s[1] - s[0]) / beta / n
                changes_of = [x.T @ e_h, e_h.sum(0), mean.T @ e_s, e_s.sum(0)]
                h += dt * dh
                s += dt * ds
                for theta, change in zip((W0, b1, W1, b2), changes_of, strict=True):
                    theta -= dt * rate * (change + 1e-3 * theta)
            losses.append(0.5 * np.sum((h[1] @ W1 + b2 - y) ** 2, axis=1))
        assert written["train/loss"][epoch] == pytest.approx(np.concatenate(losses).mean(), rel=1e-9)
        # The test: the free circuit from zeros, held conductances, dynamics.t_end.
        h = np.zeros((40, 12))
        for _ in range(6):
            h += dt * (np.maximum(test.inputs @ W0 + b1, 0) - h)
        expected = (0.5 * np.sum((h @ W1 + b2 - test.targets) ** 2, axis=1)).mean()
        assert written["train/test_loss"][epoch] == pytest.approx(expected, rel=1e-9)
    for name, theta in zip(("W_0", "b_1", "W_1", "b_2"), (W0, b1, W1, b2), strict=True):
        np.testing.assert_allclose(written[f"circuit/parameters/{name}"], theta, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    "dynamics",
    ["{solver: rk4, dt: 0.5, t_end: 8, tolerance: null}", "{solver: tsit5, t_end: 8, rtol: 1.0e-4, tolerance: null}"],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_stopped_again_and_again(tmp_path: Path, dtype: str, dynamics: str):
    """Every four batches: compartments and conductances go on bit for bit where they were."""
    changes = (LOGGED, f"dtype={dtype}", f"dynamics={dynamics}")
    whole, _ = run(tmp_path, *changes, text=ALWAYS_ON, name="whole.h5")
    stops = 0
    while True:
        outcome = run(tmp_path, *changes, text=ALWAYS_ON, progress=Silent(stop_after=4))[1]
        if outcome.status is not Status.INTERRUPTED:
            break
        stops += 1
    assert stops == 2 * BATCHES // 4
    assert outcome.status is Status.FINISHED
    assert_same(tmp_path / "a.h5", whole)


def test_a_checkpoint_without_the_compartments_is_refused(tmp_path: Path):
    run(tmp_path, text=ALWAYS_ON, progress=Silent(stop_after=BATCHES + 2))
    with h5py.File(tmp_path / "a.checkpoint.h5", "r+") as file:
        del file["memory_compartments"]
    with pytest.raises(ResultFileError, match=r"not a whole checkpoint \('memory_compartments'\)"):
        run(tmp_path, text=ALWAYS_ON)


def test_threads_do_not_change_a_bit(tmp_path: Path):
    """A batch of 100 circuits is one differential equation: nothing is shared out, only the test is."""
    changes = ("data.batch=100", "analysis.test_limit=130")
    first, _ = run(tmp_path, *changes, text=ALWAYS_ON, name="1.h5", threads=1)
    assert_same(run(tmp_path, *changes, text=ALWAYS_ON, name="2.h5", threads=2)[0], first)


@pytest.mark.parametrize("batch", [1, 500])
def test_one_circuit_or_more_than_there_are_samples(tmp_path: Path, batch: int):
    path, outcome = run(tmp_path, f"data.batch={batch}", "analysis.epochs=1", text=ALWAYS_ON)
    assert outcome.status is Status.FINISHED
    assert np.isfinite(arrays(path)["train/loss"]).all()


def test_the_hold_is_t_end_unless_it_is_given(tmp_path: Path):
    path, _ = run(tmp_path, text=ALWAYS_ON)
    same, _ = run(tmp_path, "analysis.hold=8", text=ALWAYS_ON, name="same.h5")
    assert_same(path, same)
    longer, _ = run(tmp_path, "analysis.hold=16", text=ALWAYS_ON, name="longer.h5")
    assert arrays(longer)["train/mean_steps"].tolist() == [32.0, 32.0]


@pytest.mark.parametrize(("hold", "warned"), [(2.0, False), (1.99, True)])
def test_a_hold_shorter_than_the_circuit_is_slow_is_worth_a_line(tmp_path: Path, hold: float, warned: bool):
    watched = Silent()
    changes = ("circuit.tau=2.0", f"analysis.hold={hold}", "analysis.epochs=1")
    run(tmp_path, *changes, text=ALWAYS_ON, progress=watched)
    line = (
        "warning: every batch is shown for 1.99 s, shorter than the slowest time constant of the circuit, 2 s; "
        "most of what synapses read comes from the batch before"
    )
    assert (line in watched.notes) == warned
    assert len(watched.notes) == 1 + warned


def test_a_run_that_diverges_keeps_the_conductances_before_that_batch(tmp_path: Path):
    path, outcome = run(tmp_path, "analysis.optimizer.rate=1.0e+4", text=ALWAYS_ON)
    assert outcome.status is Status.DIVERGED
    assert f"epoch 1, batch 1 of {BATCHES}: " in outcome.message
    assert "the conductances are those before that batch" in outcome.message
    stored = arrays(path)
    for name in ("W_0", "b_1", "W_1", "b_2"):
        np.testing.assert_array_equal(stored[f"circuit/parameters/{name}"], stored[f"circuit/initial/{name}"])


def test_a_budget_of_steps_that_ends_a_hold_fails_the_run(tmp_path: Path):
    """Half of the time was not simulated: the status says so."""
    _, outcome = run(tmp_path, "dynamics.max_steps=8", text=ALWAYS_ON)
    assert outcome.status is Status.MAX_STEPS


def test_feedback_of_its_own_follows_by_kolen_and_pollack(tmp_path: Path):
    """The mismatch decays by rate and weight decay alone, through all batches: 2 epochs of 48 s, 5 times faster."""
    changes = (
        "circuit.feedback=independent",
        "circuit.imperfections={asymmetry: {angle_deg: 60}}",
        "rule.feedback_learning=kolen_pollack",
        "analysis.optimizer={type: sgd, rate: 0.05, weight_decay: 0.1}",
        "dtype=float64",
    )
    stored = arrays(run(tmp_path, *changes, text=ALWAYS_ON)[0])
    before, after = (stored[f"circuit/{g}/W_1"] - stored[f"circuit/{g}/B_1"].T for g in ("initial", "parameters"))
    np.testing.assert_allclose(after, np.exp(-0.05 * 0.1 * 2 * BATCHES * 8.0) * before, rtol=1e-9)


def test_it_learns_what_descent_by_the_same_products_learns(tmp_path: Path):
    """A slow circuit and one that settles for every batch: conductances within a few percent of how far they went."""
    changes = ("dtype=float64", "analysis.epochs=1", "analysis.optimizer={type: sgd, rate: 1.0e-4}", "analysis.hold=40")
    stored = arrays(run(tmp_path, *changes, text=ALWAYS_ON)[0])
    experiment = build(load(tmp_path, text=TINY.replace("float32", "float64")))
    model, train = experiment.model, experiment.dataset.train.head(110)
    with Workers(1) as workers:
        learner = Learner(model, experiment.solver, experiment.rule, "free", workers)
        chosen = load(tmp_path, "analysis.optimizer={type: sgd, rate: 4.0e-3}").scenario.analysis.optimizer
        optimizer = Optimizer(chosen, model.parameters.trained, workers)
        order = generator(5, Purpose.SHUFFLE, 0).permutation(110)
        for first in range(0, 110, 20):
            rows = order[first : first + 20]
            learner.adapt(train.inputs[rows], train.targets[rows], optimizer, 0)
    for name in ("W_0", "b_1", "W_1", "b_2"):
        went = model.parameters[name] - stored[f"circuit/initial/{name}"]
        apart = model.parameters[name] - stored[f"circuit/parameters/{name}"]
        assert np.linalg.norm(apart) < 0.1 * np.linalg.norm(went), name
