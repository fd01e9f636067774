"""What a training run writes: the layout of the contract, and figures that can be computed again from the file."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray
from analysis_runs import BATCHES, Silent, arrays, attributes, load, run

from neurosim import __version__
from neurosim.analysis.train import Training
from neurosim.datasets.load import load_dataset
from neurosim.dynamics.status import Status

COLUMNS = ("loss", "train_error", "test_loss", "test_error", "seconds", "mean_steps", "unsettled_fraction")
PARAMETERS = {"W_0": (64, 12), "b_1": (12,), "W_1": (12, 10), "b_2": (10,), "B_1": (10, 12)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three epochs on 110 digits, with gradient alignment."""
    folder = tmp_path_factory.mktemp("trained")
    path, outcome = run(folder, "analysis.log_gradient_alignment=true", command="neurosim run tiny.yaml")
    assert outcome.status is Status.SETTLED
    return path


def forward(path: Path, inputs: np.ndarray, group: str = "parameters") -> np.ndarray:
    """Return the prediction of the circuit in a file, in NumPy: rectified hidden layer, linear outputs."""
    with h5py.File(path) as file:
        p = {name: values[()].astype(np.float64) for name, values in file[f"circuit/{group}"].items()}
    return np.maximum(inputs @ p["W_0"] + p["b_1"], 0.0) @ p["W_1"] + p["b_2"]


def test_the_root_says_what_was_run(trained: Path):
    """Provenance, seed, status and message; the scenario in the file is the resolved one and runs again."""
    loaded = load(trained.parent, "analysis.log_gradient_alignment=true")
    root = attributes(trained)
    assert root["neurosim_version"] == __version__
    assert root["schema"] == 1
    assert root["name"] == "tiny"
    assert root["run_id"] == loaded.run_id
    assert root["scenario"] == loaded.to_yaml()
    assert root["seed"] == 5
    assert root["status"] == "settled"
    assert root["analysis"] == "train"
    assert root["command"] == "neurosim run tiny.yaml"
    assert root["message"].startswith("epoch 3: loss ")
    assert root["wall_seconds"] > 0
    assert root["compile_seconds"] >= 0
    assert root["created"].endswith("+00:00")
    with h5py.File(trained) as file:
        assert {"numpy", "host", "threads"} <= set(file["provenance"].attrs)
        assert set(file) == {"train", "circuit", "provenance"}


def test_train_has_the_layout_of_the_contract(trained: Path):
    """One float64 figure per epoch and column; the cosine per epoch and block; units and long names everywhere."""
    with h5py.File(trained) as file:
        train = file["train"]
        assert set(train) == {*COLUMNS, "epoch", "block", "gradient_cosine"}
        assert train["epoch"][:].tolist() == [1, 2, 3]
        assert [name.decode() for name in train["block"][:]] == ["W_0", "b_1", "W_1", "b_2", "all"]
        for name in (*COLUMNS, "gradient_cosine"):
            assert train[name].dtype == np.float64, name
            assert train[name].attrs["units"] == ("s" if name == "seconds" else "1"), name
            assert train[name].attrs["long_name"], name
            assert train[name].dims[0][0].name == "/train/epoch", name
        assert train["gradient_cosine"].shape == (3, 5)


def test_circuit_has_the_layout_of_the_contract(trained: Path):
    """W_k (n_k, n_k+1), B_k (n_k+1, n_k), b_k; parameters and initial; B = W^T where the circuit is reciprocal."""
    with h5py.File(trained) as file:
        for group in ("parameters", "initial"):
            stored = file["circuit"][group]
            assert {name: values.shape for name, values in stored.items()} == PARAMETERS
            assert all(values.dtype == np.float32 for values in stored.values())
            np.testing.assert_array_equal(stored["B_1"][:], stored["W_1"][:].T)
        assert not file["circuit/initial/b_1"][:].any()
        assert np.abs(file["circuit/parameters/W_0"][:] - file["circuit/initial/W_0"][:]).max() > 1e-3


def test_netcdf_readers_open_every_group(trained: Path):
    """xarray with h5netcdf, group by group, with named dimensions."""
    with xarray.open_dataset(trained, group="train", engine="h5netcdf") as train:
        assert train["gradient_cosine"].dims == ("epoch", "block")
        assert all(train[name].dims == ("epoch",) for name in COLUMNS)
        assert train["gradient_cosine"].sel(block="all").shape == (3,)
    for group in ("parameters", "initial"):
        with xarray.open_dataset(trained, group=f"circuit/{group}", engine="h5netcdf") as circuit:
            assert circuit["W_0"].dims == ("unit_0", "unit_1")
            assert circuit["B_1"].dims == ("unit_2", "unit_1")
            assert circuit["b_2"].dims == ("unit_2",)
    for group in (None, "circuit", "provenance"):
        with xarray.open_dataset(trained, group=group, engine="h5netcdf"):
            pass


def test_the_conductances_give_the_test_error_again(trained: Path):
    """A feed-forward pass in NumPy with what the file holds: the last test error exactly, the test loss to rounding."""
    loaded = load(trained.parent)
    test = load_dataset(loaded.scenario.data, "float32", 5).test.head(40)
    prediction = forward(trained, test.inputs)
    figures = arrays(trained)
    assert np.mean(prediction.argmax(axis=1) != test.labels) == figures["train/test_error"][-1]
    losses = 0.5 * np.sum((prediction - test.targets) ** 2, axis=1)
    assert losses.mean() == pytest.approx(figures["train/test_loss"][-1], rel=1e-5)


def test_the_training_loss_is_that_of_the_samples_as_they_came(tmp_path: Path):
    """One batch of everything, alpha = 0: the first loss and error are those of the initial conductances."""
    path, _ = run(tmp_path, "data.batch=110", "analysis.epochs=1")
    train = load_dataset(load(tmp_path).scenario.data, "float32", 5).train.head(110)
    prediction = forward(path, train.inputs, "initial")
    figures = arrays(path)
    losses = 0.5 * np.sum((prediction - train.targets) ** 2, axis=1)
    assert losses.mean() == pytest.approx(figures["train/loss"][0], rel=1e-5)
    assert np.mean(prediction.argmax(axis=1) != train.labels) == figures["train/train_error"][0]


def test_one_step_of_gradient_descent_is_the_gradient(tmp_path: Path):
    """Double precision, small nudge, one batch: W moves by minus rate times the derivative of the mean loss."""
    path, _ = run(
        tmp_path, "data.batch=110", "analysis.epochs=1", "dtype=float64", "rule.beta=1e-4",
        "analysis.optimizer={type: sgd, rate: 0.5}",
    )  # fmt: skip
    train = load_dataset(load(tmp_path).scenario.data, "float64", 5).train.head(110)
    stored = arrays(path)
    before, after = ({n: stored[f"circuit/{g}/{n}"] for n in PARAMETERS} for g in ("initial", "parameters"))
    hidden = np.maximum(train.inputs @ before["W_0"] + before["b_1"], 0.0)
    error = (hidden @ before["W_1"] + before["b_2"] - train.targets) / 110
    below = (error @ before["W_1"].T) * (hidden > 0)
    gradient = {"W_1": hidden.T @ error, "b_2": error.sum(0), "W_0": train.inputs.T @ below, "b_1": below.sum(0)}
    for name, expected in gradient.items():
        np.testing.assert_allclose(
            (before[name] - after[name]) / 0.5, expected, rtol=0, atol=2e-4 * np.abs(expected).max()
        )


def test_updates_point_along_the_gradient(trained: Path):
    """A nudge of 0.01: the cosine with the exact gradient is above 0.99 in every block, after every epoch."""
    cosines = arrays(trained)["train/gradient_cosine"]
    assert cosines.min() > 0.99
    assert cosines.max() <= 1.0 + 1e-12


def test_it_learns(trained: Path):
    figures = arrays(trained)
    assert figures["train/loss"][-1] < 0.8 * figures["train/loss"][0]
    assert figures["train/test_loss"][-1] < 0.9 * figures["train/test_loss"][0]
    assert figures["train/train_error"][-1] < figures["train/train_error"][0]
    assert figures["train/unsettled_fraction"].tolist() == [0.0] * 3
    assert np.all(figures["train/mean_steps"] >= 2), "one pass for the free phase, and at least one sweep"


def test_every_epoch_shows_every_sample_once_in_an_order_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Batches are a permutation of the samples; another one in every epoch, and another one for another seed."""
    seen: list[np.ndarray] = []
    learn = Training.learn

    def watched(self: Training, rows: np.ndarray, epoch: int) -> None:
        seen.append(rows.copy())
        learn(self, rows, epoch)

    monkeypatch.setattr(Training, "learn", watched)
    for seed in (5, 6):
        run(tmp_path, f"seed={seed}", name=f"{seed}.h5")
    assert [len(rows) for rows in seen] == [20, 20, 20, 20, 20, 10] * 6
    orders = [np.concatenate(seen[i : i + BATCHES]).tolist() for i in range(0, len(seen), BATCHES)]
    assert all(sorted(order) == list(range(110)) for order in orders)
    assert len({tuple(order) for order in orders}) == 6


def test_limits_and_batches_are_counted(tmp_path: Path):
    """Progress: batches of all epochs, the last of each smaller; a note per epoch with its errors."""
    watched = Silent()
    run(tmp_path, progress=watched)
    assert watched.begun == (3 * BATCHES, "batches", 0)
    assert watched.batches == 3 * BATCHES
    assert [note.split(":")[0] for note in watched.notes] == ["epoch 1", "epoch 2", "epoch 3"]
    assert all("test error" in note for note in watched.notes)


def test_limits_beyond_the_data_take_all_of_it(tmp_path: Path):
    """1437 training digits in batches of 500: three batches, whatever the limit says."""
    watched = Silent()
    run(tmp_path, "analysis.train_limit=100000", "analysis.epochs=1", "data.batch=500", progress=watched)
    assert watched.batches == 3


def test_regression_has_no_errors_to_count(tmp_path: Path):
    """Float targets of a user's file: losses, and no column that speaks of classes."""
    draw = np.random.default_rng(0)
    inputs = draw.standard_normal((60, 5))
    np.savez(tmp_path / "mine.npz", inputs=inputs, targets=np.tanh(inputs[:, :2]))
    watched = Silent()
    path, outcome = run(
        tmp_path, f"data={{set: file, path: {tmp_path}/mine.npz, batch: 16}}", "circuit.layers=[5, 8, 2]",
        "analysis.train_limit=null", "analysis.epochs=20", progress=watched,
    )  # fmt: skip
    assert outcome.status is Status.SETTLED
    figures = arrays(path)
    assert not [name for name in figures if "error" in name]
    assert figures["train/test_loss"][-1] < figures["train/test_loss"][0]
    assert "error" not in outcome.message + "".join(watched.notes)


@pytest.mark.parametrize(
    "change",
    [
        "circuit.cost=cross_entropy",
        "circuit.coordinates=membrane",
        "circuit.activation=silu",
        "circuit.layers=[64, 10]",
        "circuit.layers=[64, 8, 7, 10]",
        "circuit.feedback=independent",
        "rule={type: backprop}",
        "rule={type: dual_propagation, variant: damped, beta: 0.1}",
        "rule={type: dual_propagation, cost_gradient: frozen, beta: 0.1}",
        "dynamics={solver: sweeps, start: rest, max_steps: 40}",
        "dynamics={solver: tsit5, t_end: 60.0, tolerance: 1.0e-4}",
        "dynamics={solver: exponential_euler, dt: 0.5, t_end: 100.0, tolerance: 1.0e-4}",
        "analysis.optimizer={type: momentum, rate: 0.05, decay: 0.9}",
        "analysis.optimizer={type: adamw, rate: 0.01, weight_decay: 0.01}",
    ],
)
def test_every_choice_learns(tmp_path: Path, change: str):
    """Circuits, rules, solvers and optimizers with the rest as it is: settled, finite, and the loss falls."""
    path, outcome = run(tmp_path, "rule.beta=0.1", change)
    figures = arrays(path)
    assert outcome.status is Status.SETTLED, outcome.message
    assert figures["train/loss"][-1] < figures["train/loss"][0]
    assert all(np.isfinite(values).all() for name, values in figures.items() if values.dtype.kind == "f")


def test_independent_feedback_stays_where_it_was(tmp_path: Path):
    """Conductances of its own, 30 degrees away from W^T, that no rule trains: the same after learning as before."""
    path, _ = run(
        tmp_path, "circuit.feedback=independent", "circuit.imperfections={asymmetry: {angle_deg: 30.0}}",
        "dynamics.max_steps=100",
    )  # fmt: skip
    stored = arrays(path)
    np.testing.assert_array_equal(stored["circuit/parameters/B_1"], stored["circuit/initial/B_1"])
    b, w = stored["circuit/initial/B_1"].ravel(), stored["circuit/initial/W_1"].T.ravel()
    assert np.degrees(np.arccos(b @ w / np.linalg.norm(b) / np.linalg.norm(w))) == pytest.approx(30.0, abs=6.0)
