"""Analysis `robustness`: what it writes, what every variant shares, what goes wrong, and how it resumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from analysis_runs import Silent, arrays, assert_same, attributes, run

from neurosim.analysis.contender import Contender, Findings
from neurosim.analysis.train_log import Tally
from neurosim.datasets.digits import load as load_digits
from neurosim.datasets.settings import DigitsData
from neurosim.dynamics.status import Status
from neurosim.errors import ResultFileError, ScenarioError

TINY = """\
schema: 1
name: attacked
seed: 5
dtype: float32
circuit:
  layers: [64, 12, 10]
  activation: relu
data: {set: digits, batch: 20}
rule: {type: backprop}
dynamics: {solver: sweeps, max_steps: 100, tolerance: 1.0e-5}
analysis:
  type: robustness
  epochs: 2
  train_limit: 100
  test_limit: 40
  optimizer: {type: adam, rate: 0.01}
  variants:
    - {name: plain}
    - {name: dual, rule: {type: dual_propagation, variant: original, alpha: 0.0, beta: 0.01}}
    - {name: hardened, adversarial: 0.2}
  fgsm: [0.05, 0.2]
  pgd: [0.1, 0.2]
  pgd_steps: 5
"""
BATCHES = 5
ALL_WORK = 3 * (2 * BATCHES + 4)
# Original dyads, a strong nudge and large conductances: an unstable loop from the first batch on.
UNSTABLE = (
    "circuit.layers=[64, 20, 20, 10]", "circuit.init={gain: 3.0}", "dtype=float64",
    "analysis.variants.1.rule={type: dual_propagation, variant: original, alpha: 0.0, beta: 5.0}",
)  # fmt: skip
ALONE = "analysis.variants=[]"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, outcome = run(tmp_path_factory.mktemp("whole"), text=TINY)
    assert outcome.status is Status.SETTLED, outcome.message
    return path


def opened(path: Path, group: str = "robustness") -> xr.Dataset:
    return xr.open_dataset(path, group=group, engine="h5netcdf")


def test_the_result_has_named_dimensions(whole: Path):
    found = opened(whole)
    assert found.variant.values.tolist() == ["plain", "dual", "hardened"]
    assert found.attack.values.tolist() == ["fgsm", "pgd"]
    assert found.epsilon.values.tolist() == [0.05, 0.1, 0.2]
    assert found.clean_error.dims == found.product_norm.dims == found.status.dims == ("variant",)
    for name in ("attacked_error", "attacked_loss"):
        assert found[name].dims == ("variant", "attack", "epsilon")
        asked = np.array([[True, False, True], [False, True, True]])
        np.testing.assert_array_equal(np.isfinite(found[name].values), np.broadcast_to(asked, (3, 2, 3)))
    assert found.adversarial.values.tolist() == [0.0, 0.0, 0.2]
    assert found.epoch_test_error.dims == ("variant", "epoch")
    np.testing.assert_array_equal(found.epoch_test_error[:, -1], found.clean_error)
    assert not found.status.values.any()
    for variable in found.data_vars.values():
        assert variable.attrs["long_name"]
    assert opened(whole, "robustness/parameters").W_0.dims == ("variant", "unit_0", "unit_1")


def test_the_message_tells_every_variant(whole: Path):
    found = opened(whole)
    expected = "test error in percent (clean, fgsm 0.2, pgd 0.2): " + "; ".join(
        f"{name} {100 * float(clean):.1f}, {100 * float(fgsm):.1f}, {100 * float(pgd):.1f}"
        for name, clean, (fgsm, pgd) in zip(
            found.variant.values, found.clean_error, found.attacked_error.sel(epsilon=0.2).values, strict=True
        )
    )
    assert attributes(whole)["message"] == expected


def test_attacks_hurt_and_projected_ones_hurt_more(whole: Path):
    """PGD starts from the clean input and keeps the highest cost, so its loss is never below the clean one."""
    found = opened(whole)
    assert np.all(found.attacked_loss.sel(attack="fgsm").dropna("epsilon") > found.clean_loss)
    assert np.all(found.attacked_loss.sel(attack="pgd").dropna("epsilon") > found.clean_loss)
    strong = found.attacked_loss.sel(epsilon=0.2)
    assert np.all(strong.sel(attack="pgd") >= strong.sel(attack="fgsm"))
    assert np.all(found.attacked_error.sel(attack="pgd", epsilon=0.2) > found.clean_error + 0.1)


def test_the_fgsm_errors_are_those_of_plain_numpy(whole: Path):
    """The attack written out for 64-12-10 rectified units with half squared error, on the stored conductances."""
    found, p = opened(whole), opened(whole, "robustness/parameters")
    test = load_digits(DigitsData(set="digits"), "float64", 0, ()).test.head(40)
    for i in range(3):
        W0, W1, b1, b2 = (p[name].values[i].astype(float) for name in ("W_0", "W_1", "b_1", "b_2"))
        a = test.inputs @ W0 + b1
        slope = ((np.maximum(a, 0) @ W1 + b2 - test.targets) @ W1.T * (a > 0)) @ W0.T
        for size in (0.05, 0.2):
            x = np.clip(test.inputs + size * np.sign(slope), 0, 1)
            answer = np.maximum(x @ W0 + b1, 0) @ W1 + b2
            at = found.sel(attack="fgsm", epsilon=size)
            assert float(at.attacked_error[i]) == pytest.approx(np.mean(answer.argmax(axis=1) != test.labels))
            expected = np.mean(np.sum((answer - test.targets) ** 2, axis=1) / 2)
            assert float(at.attacked_loss[i]) == pytest.approx(expected, rel=1e-3)


def test_the_figures_are_those_of_the_conductances(whole: Path):
    found, conductances = opened(whole), opened(whole, "robustness/parameters")
    for i in range(3):
        W = [conductances[f"W_{k}"].values[i].astype(float) for k in range(2)]
        assert float(found.product_norm[i]) == pytest.approx(np.linalg.norm(W[0] @ W[1], 2), rel=1e-6)
        assert float(found.norm_product[i]) == pytest.approx(np.prod([np.linalg.norm(w, 2) for w in W]), rel=1e-6)
        assert found.product_norm[i] <= found.norm_product[i]
    np.testing.assert_array_equal(found.expected_excess, [np.nan, 1.0, np.nan])
    assert float(found.objective_excess[1]) == pytest.approx(1.0, abs=0.05)
    assert np.isnan(found.objective_excess[[0, 2]]).all()


def test_first_order_the_loss_rises_by_the_input_gradient(tmp_path: Path):
    """The mean of |dC/dx|_1 is what FGSM gains per unit of a small size."""
    path, _ = run(tmp_path, ALONE, "analysis.fgsm=[1.0e-6]", "analysis.pgd=[]", "dtype=float64",
                  "analysis.input_range=null", text=TINY)  # fmt: skip
    found = opened(path)
    rise = (found.attacked_loss.sel(attack="fgsm").squeeze() - found.clean_loss.squeeze()) / 1e-6
    assert float(rise) == pytest.approx(float(found.input_gradient.squeeze()), rel=1e-3)


def test_variants_start_alike_and_train_as_train_does(whole: Path, tmp_path: Path):
    """The plain variant is what analysis train makes of the same scenario, bit for bit."""
    train = (
        "analysis={type: train, epochs: 2, train_limit: 100, test_limit: 40, optimizer: {type: adam, rate: 0.01}}",
    )
    trained = arrays(run(tmp_path, *train, text=TINY)[0])
    compared = arrays(whole)
    for name in ("W_0", "b_1", "W_1", "b_2"):
        np.testing.assert_array_equal(compared[f"robustness/initial/{name}"], trained[f"circuit/initial/{name}"])
        stacked = compared[f"robustness/parameters/{name}"]
        np.testing.assert_array_equal(stacked[0], trained[f"circuit/parameters/{name}"])
        assert np.all([np.any(stacked[0] != stacked[i]) for i in (1, 2)])
    np.testing.assert_array_equal(compared["robustness/epoch_loss"][0], trained["train/loss"])


def test_attacks_may_raise_another_cost(tmp_path: Path, whole: Path):
    """The circuit and its own losses stay, and the attacks differ."""
    path, _ = run(tmp_path, "analysis.attack_cost=cross_entropy", text=TINY)
    found, own = opened(path), opened(whole)
    np.testing.assert_array_equal(found.clean_loss[:2], own.clean_loss[:2])
    np.testing.assert_array_equal(found.gradient_penalty[:2], own.gradient_penalty[:2])
    assert np.all(found.attacked_loss[:2].sel(epsilon=0.2) < own.attacked_loss[:2].sel(epsilon=0.2))
    same, _ = run(tmp_path, "analysis.attack_cost=squared_error", text=TINY, name="same.h5")
    assert_same(same, whole)


def test_without_variants_the_rule_of_the_scenario_is_attacked(tmp_path: Path, whole: Path):
    path, outcome = run(tmp_path, ALONE, "analysis.pgd=[]", text=TINY)
    found = opened(path)
    assert outcome.status is Status.SETTLED
    assert found.variant.values.tolist() == ["backprop"]
    np.testing.assert_array_equal(found.attacked_error[0, 0], opened(whole).attacked_error[0, 0].dropna("epsilon"))
    assert np.isnan(found.attacked_error.sel(attack="pgd")).all()


def test_threads_do_not_change_a_bit(tmp_path: Path):
    changes = ("data.batch=70", "analysis.test_limit=300")
    first, _ = run(tmp_path, *changes, name="1.h5", threads=1, text=TINY)
    assert_same(run(tmp_path, *changes, name="3.h5", threads=3, text=TINY)[0], first)


@pytest.mark.parametrize("stop", [1, BATCHES, 2 * BATCHES, 2 * BATCHES + 1, 2 * BATCHES + 7, ALL_WORK - 2])
def test_stopped_anywhere_and_resumed_is_uninterrupted(whole: Path, tmp_path: Path, stop: int):
    """In an epoch, between epochs, between attacks: a usable result, and the same numbers in the end."""
    path, outcome = run(tmp_path, text=TINY, progress=Silent(stop_after=stop))
    assert outcome.status is Status.INTERRUPTED
    assert "run the same command again to resume" in outcome.message
    found = opened(path)
    finished = stop // (2 * BATCHES + 4)
    assert np.isfinite(found.clean_error.values).sum() == finished
    meanings = found.status.attrs["flag_meanings"].split()
    expected = ["settled"] * finished + ["interrupted"] * (3 - finished)
    assert [meanings[code] for code in found.status.values] == expected
    assert (tmp_path / "a.checkpoint.h5").exists()
    found.close()
    watched = Silent()
    path, outcome = run(tmp_path, text=TINY, progress=watched)
    assert outcome.status is Status.SETTLED
    assert any(note.startswith("resuming after") for note in watched.notes)
    assert_same(path, whole)
    assert attributes(path)["message"] == attributes(whole)["message"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "tiny.yaml"]


def test_progress_counts_what_is_announced(tmp_path: Path):
    watched = Silent()
    run(tmp_path, text=TINY, progress=watched)
    assert watched.begun == (ALL_WORK, "batches", 0)
    assert watched.batches == ALL_WORK


def test_the_checkpoint_of_a_training_is_refused(tmp_path: Path):
    """Same name of the result, another analysis: neither used nor thrown away."""
    run(tmp_path, text=TINY, progress=Silent(stop_after=3))
    (tmp_path / "a.h5").unlink()
    with pytest.raises(ResultFileError, match="is the checkpoint of run"):
        run(tmp_path, "seed=6", text=TINY)
    assert (tmp_path / "a.checkpoint.h5").exists()


def test_a_variant_that_diverges_fails_the_run_and_not_the_others(tmp_path: Path):
    path, outcome = run(tmp_path, *UNSTABLE, text=TINY)
    assert outcome.status is Status.DIVERGED
    assert outcome.message.startswith(f"dual: epoch 1, batch 1 of {BATCHES}: ")
    assert "; test error in percent (clean" in outcome.message
    found = opened(path)
    assert np.isfinite(found.clean_error).values.tolist() == [True, False, True]
    assert np.isfinite(found.product_norm).values.tolist() == [True, False, True]
    meanings = found.status.attrs["flag_meanings"].split()
    assert [meanings[code] for code in found.status.values] == ["settled", "diverged", "settled"]
    kept = opened(path, "robustness/parameters").W_1.values[1]
    np.testing.assert_array_equal(kept, opened(path, "robustness/initial").W_1.values)


def test_what_does_not_settle_is_told_by_name(tmp_path: Path):
    path, outcome = run(tmp_path, "dynamics.max_steps=1", text=TINY)
    assert outcome.status is Status.MAX_STEPS
    assert outcome.message.startswith("dual: ")
    assert "relaxations did not settle" in outcome.message
    assert opened(path).status.values.tolist() == [0, Status.MAX_STEPS.code, 0]


LOOP = (
    "circuit={use: equilibrium_mlp, layers: [64, 12, 10]}", "rule={type: recurrent_backprop}", "dtype=float64",
    "dynamics={solver: exponential_euler, dt: 0.5, t_end: 400.0, tolerance: 1.0e-6}", "analysis.pgd_steps=3",
    "analysis.variants=[{name: gradient}, {name: nudged, rule: {type: equilibrium, beta: 0.05}}, "
    "{name: hardened, adversarial: 0.2}]",
)  # fmt: skip


def test_circuits_with_loops_are_attacked_through_their_equilibria(tmp_path: Path):
    path, outcome = run(tmp_path, *LOOP, text=TINY)
    assert outcome.status is Status.SETTLED, outcome.message
    found = opened(path)
    assert np.all(found.attacked_loss.sel(attack="pgd").dropna("epsilon") > found.clean_loss)
    assert np.isnan(found.objective_excess).all()


def test_relaxations_of_attacks_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Per sample of a loop: the clean answer, two FGSM (slope, answer), two PGD (4 slopes, answer), and the probe."""
    examine, found = Contender.examine, []

    def examined(self: Contender) -> Findings:
        found.append(examine(self))
        return found[-1]

    monkeypatch.setattr(Contender, "examine", examined)
    _, outcome = run(tmp_path, *LOOP, "analysis.variants=[]", text=TINY)
    assert outcome.status is Status.SETTLED
    assert found[-1].relaxed.samples == 40 * (1 + 2 * 2 + 2 * 5 + 1)
    assert found[-1].relaxed.unsettled == 0
    run(tmp_path, "analysis.variants=[]", text=TINY, name="dyads.h5")
    assert found[-1].relaxed.samples == 40 * (1 + 2 + 2)  # slopes of dyads need no relaxation


@pytest.mark.parametrize("worse", ["training", "attacks"])
def test_attacks_are_judged_beside_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worse: str):
    """Two unsettled relaxations of 200 or 280 are more than half a percent, whatever the other part has."""
    examine = Contender.examine

    def examined(self: Contender) -> Findings:
        found = examine(self)
        tally = Tally(samples=0, unsettled=2, worst=Status.MAX_STEPS.code)
        if worse == "attacks":
            found.relaxed.merge(tally)
        else:
            self.log.count(tally)
        return found

    monkeypatch.setattr(Contender, "examine", examined)
    _, outcome = run(tmp_path, "analysis.variants=[]", "dynamics.unsettled_limit=0.005", text=TINY)
    assert outcome.status is Status.MAX_STEPS
    relaxations = {"attacks": 40 * 5, "training": 2 * 140}[worse]
    assert f"of {relaxations} relaxations did not settle (allowed: 0.5 %" in outcome.message


def test_data_without_classes_are_refused(tmp_path: Path):
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "mine.npz", inputs=draw.random((30, 64)), targets=draw.random((30, 10)))
    with pytest.raises(ScenarioError, match=r"analysis\.type: robustness counts wrong classes; mine has regression"):
        run(tmp_path, f"data={{set: file, path: {tmp_path}/mine.npz}}", text=TINY)
    assert not (tmp_path / "a.h5").exists()


def test_inputs_outside_of_the_range_are_refused(tmp_path: Path):
    clouds = ("data={set: gaussian, features: 64, classes: 10}",)
    with pytest.raises(ScenarioError, match=r"inputs of gaussian lie between -\d.* and \d.*, outside of 0 to 1\. Give"):
        run(tmp_path, *clouds, text=TINY)
    path, _ = run(tmp_path, *clouds, "analysis.input_range=null", ALONE, text=TINY)
    assert opened(path).clean_error.shape == (1,)
