"""A run that fails says how, keeps finite conductances, and writes its result all the same."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import xarray
from analysis_runs import BATCHES, Silent, arrays, attributes, run

from neurosim.dynamics.status import Status

# Original dyads, a strong nudge and large conductances: an unstable loop from the first batch on.
UNSTABLE = (
    "circuit.layers=[64, 20, 20, 10]",
    "circuit.init={gain: 3.0}",
    "rule={type: dual_propagation, variant: original, alpha: 0.0, beta: 5.0}",
    "dynamics.max_steps=300",
    "dtype=float64",
)
# A rate at which the second batch meets conductances of 1e6.
LARGE_STEPS = ("dtype=float64", "analysis.optimizer={type: sgd, rate: 1.0e+6}", "circuit.layers=[64, 20, 20, 10]")


def test_divergence_in_the_first_batch(tmp_path: Path):
    """Status diverged, where and how much of the batch; no epoch, no NaN, conductances as they were."""
    path, outcome = run(tmp_path, *UNSTABLE)
    assert outcome.status is Status.DIVERGED
    assert f"epoch 1, batch 1 of {BATCHES}: " in outcome.message
    assert "of 20 samples diverged; the conductances are those before that batch" in outcome.message
    assert attributes(path)["status"] == "diverged"
    assert attributes(path)["message"] == outcome.message
    stored = arrays(path)
    for name in ("W_0", "b_1", "W_1", "B_1"):
        np.testing.assert_array_equal(stored[f"circuit/parameters/{name}"], stored[f"circuit/initial/{name}"])
        assert np.isfinite(stored[f"circuit/parameters/{name}"]).all()
    assert stored["train/epoch"].tolist() == []
    with xarray.open_dataset(path, group="train", engine="h5netcdf") as train:
        assert train.sizes["epoch"] == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "tiny.yaml"]


def test_divergence_with_alignment_logged(tmp_path: Path):
    """No finished epoch: a cosine array without rows, and every group still opens."""
    path, outcome = run(tmp_path, *UNSTABLE, "analysis.log_gradient_alignment=true")
    assert outcome.status is Status.DIVERGED
    with h5py.File(path) as file:
        assert file["train/gradient_cosine"].shape == (0, 7)


def test_divergence_after_some_learning(tmp_path: Path):
    """The conductances kept are those after the last good batch, finite, and the same as if stopped there."""
    path, outcome = run(tmp_path, *LARGE_STEPS)
    assert outcome.status is Status.DIVERGED
    assert f"batch 2 of {BATCHES}" in outcome.message
    stopped, _ = run(tmp_path, *LARGE_STEPS, name="stopped.h5", progress=Silent(stop_after=1))
    diverged, before = arrays(path), arrays(stopped)
    for name, values in before.items():
        if name.startswith("circuit/"):
            np.testing.assert_array_equal(diverged[name], values)
            assert np.isfinite(values).all()
    assert np.abs(diverged["circuit/parameters/W_1"]).max() > 1e3


def test_divergence_in_single_precision_is_silent(tmp_path: Path):
    """The status says what happened; NumPy's overflow warnings on stderr add nothing."""
    rule = "rule={type: dual_propagation, alpha: 0.5, beta: 0.1}"
    _, outcome = run(tmp_path, *LARGE_STEPS, rule, "dtype=float32", "analysis.optimizer.rate=1.0e+12")
    assert outcome.status is Status.DIVERGED


def test_relaxations_that_do_not_settle_fail_the_run(tmp_path: Path):
    """One sweep is not enough: the worst status, the fraction, the key to change and what else might help."""
    path, outcome = run(tmp_path, "dynamics.max_steps=1")
    assert outcome.status is Status.MAX_STEPS
    assert "relaxations did not settle" in outcome.message
    assert "dynamics.unsettled_limit" in outcome.message
    assert attributes(path)["status"] == "max_steps"
    figures = arrays(path)
    # 110 nudged relaxations that do not settle, and 40 free ones of the test that do.
    np.testing.assert_allclose(figures["train/unsettled_fraction"], 110 / 150, rtol=1e-12)
    assert np.isfinite(figures["train/loss"]).all()


def test_too_short_a_time_is_not_settled(tmp_path: Path):
    _, outcome = run(tmp_path, "dynamics={solver: heun, dt: 0.25, t_end: 2.0, tolerance: 1.0e-5}", "analysis.epochs=1")
    assert outcome.status is Status.NOT_SETTLED
    assert "100 % of 150 relaxations did not settle" in outcome.message


def test_the_limit_is_honoured(tmp_path: Path):
    """110 of 150 do not settle: a limit just above forgives that and says so, one just below does not."""
    for limit, status in ((0.74, Status.SETTLED), (0.73, Status.MAX_STEPS)):
        _, outcome = run(tmp_path, "dynamics.max_steps=1", f"dynamics.unsettled_limit={limit}", name=f"{limit}.h5")
        assert outcome.status is status
        assert "73.3 % of 450 relaxations did not settle" in outcome.message
        assert ("within dynamics.unsettled_limit" in outcome.message) == (status is Status.SETTLED)


def test_without_tolerance_nothing_can_fail_to_settle(tmp_path: Path):
    """tolerance null: a fixed number of sweeps is what was asked for."""
    path, outcome = run(tmp_path, "dynamics={solver: sweeps, max_steps: 1, tolerance: null}")
    assert outcome.status is Status.FINISHED
    assert arrays(path)["train/unsettled_fraction"].tolist() == [0.0] * 3


def test_a_resumed_run_remembers_what_did_not_settle(tmp_path: Path):
    """The verdict is on the whole run: with the limit met before and after an interruption together."""
    changes = ("dynamics.max_steps=1",)
    _, whole = run(tmp_path, *changes, name="whole.h5")
    run(tmp_path, *changes, progress=Silent(stop_after=2 * BATCHES + 1))
    _, resumed = run(tmp_path, *changes)
    assert resumed.status is whole.status is Status.MAX_STEPS
    assert resumed.message == whole.message
