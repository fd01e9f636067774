"""Sweeps from plan to sweep.h5 in one process: numbers, resumption, failures, layout."""

from __future__ import annotations

import errno
import json

import h5py
import numpy as np
import pytest
import xarray
from sweep_runs import ALPHAS, BETAS, TINY, TRAIN, assert_same, contents, load, plan, run_ids, sweep

from neurosim.analysis.run import Options, execute
from neurosim.errors import DiskFullError, ResultFileError
from neurosim.results.writer import ResultWriter
from neurosim.scenario.load import load_scenario
from neurosim.sweep import batches, run, task
from neurosim.sweep.points import told


def test_a_grid_has_the_figures_of_single_runs(tmp_path):
    """Every point equals `neurosim run` with the same keys, bit for bit, wherever it was computed."""
    outcome, _ = sweep(tmp_path, BETAS, ALPHAS)
    assert outcome.good
    made = plan(tmp_path, BETAS, ALPHAS)
    names = {path.name.startswith("task-") for path in (tmp_path / "s" / "runs").iterdir()}
    assert names == {True, False}
    with h5py.File(outcome.path) as file:
        assert file["bias/relative_norm"].shape == (6, 3, 6, 5)
        for index in range(len(made)):
            changes = made.point(index).changes
            single = load_scenario(str(tmp_path / "tiny.yaml"), [str(change) for change in changes])
            assert single.run_id == made.ids[index]
            alone = execute(single, Options(output=tmp_path / f"{index}.h5", threads=1))[0]
            at = np.unravel_index(index, made.shape)
            with h5py.File(alone) as other:
                for name in ("relative_norm", "alignment", "cosine", "reference_check", "error_cosine"):
                    np.testing.assert_array_equal(
                        file["bias"][name][at], other["bias"][name][()], err_msg=told(changes)
                    )


def test_how_points_are_grouped_changes_nothing(tmp_path, monkeypatch):
    """All in tasks of one, which write ordinary results, and all in one stack."""
    monkeypatch.setattr(batches, "TASK_SECONDS", 0.0)
    alone = sweep(tmp_path, BETAS, ALPHAS, into="alone")[0]
    monkeypatch.setattr(batches, "TASK_SECONDS", 1e9)
    monkeypatch.setattr(batches, "GROWTH", 10**6)
    together = sweep(tmp_path, BETAS, ALPHAS, into="together")[0]
    assert not list((tmp_path / "alone" / "runs").glob("task-*"))
    assert len(list((tmp_path / "together" / "runs").glob("task-*"))) > 0
    assert_same(alone.path, together.path)


def test_trainings_keep_the_last_and_the_best_epoch(tmp_path):
    outcome, _ = sweep(tmp_path, "seed=lin:1:8:8", sets=(TRAIN,))
    single = execute(load(tmp_path, sets=(TRAIN, "seed=3")), Options(output=tmp_path / "a.h5", threads=1))[0]
    with h5py.File(outcome.path) as file, h5py.File(single) as other:
        assert file["train/final_loss"].shape == (8,)
        assert file["train/final_loss"][2] == other["train/loss"][-1]
        assert file["train/best_test_error"][2] == other["train/test_error"][:].min()
        assert "best_seconds" not in file["train"]
        assert "epoch" not in file["train"]


def test_xarray_opens_every_group(tmp_path):
    """Named dimensions, coordinates, and the dotted key behind each."""
    path = sweep(tmp_path, BETAS, ALPHAS)[0].path
    root = xarray.open_dataset(path, engine="h5netcdf")
    assert dict(root.sizes) == {"beta": 6, "alpha": 3}
    assert root["alpha"].values.tolist() == [0.0, 0.5, 1.0]
    assert root["alpha"].attrs["key"] == "rule.alpha"
    assert root["status"].dims == ("beta", "alpha")
    group = xarray.open_dataset(path, engine="h5netcdf", group="bias")
    assert group["relative_norm"].dims == ("beta", "alpha", "term", "block")
    tree = xarray.open_datatree(path, engine="h5netcdf")
    assert np.isfinite(tree["bias"]["relative_norm"].sel(alpha=0.5, term="nudge", block="all")).all()


def test_random_points_have_one_dimension_and_their_keys_on_it(tmp_path):
    text = (
        TINY + "sweep: {grid: {rule.alpha: [0.0, 1.0]}, lhs: {points: 5, keys: {rule.beta: {low: 0.01, high: 0.1}}}}\n"
    )
    outcome, _ = sweep(tmp_path, text=text)
    root = xarray.open_dataset(outcome.path, engine="h5netcdf")
    assert dict(root.sizes) == {"alpha": 2, "point": 5}
    assert root["beta"].dims == ("point",)
    assert root["beta"].attrs["key"] == "rule.beta"
    assert root.attrs["sweep_dimensions"] == "alpha point"


def test_words_and_sections_are_text(tmp_path):
    grid = ("rule.variant=original,transposed", "circuit.layers=[2, 3, 2],[2, 3, 3, 2]")
    with h5py.File(sweep(tmp_path, *grid)[0].path) as file:
        assert file["variant"].asstr()[:].tolist() == ["original", "transposed"]
        assert file["layers"].asstr()[:].tolist() == ["[2, 3, 2]", "[2, 3, 3, 2]"]
        blocks = file["bias/block"].asstr()[:].tolist()
        assert blocks == ["W_0", "b_1", "W_1", "b_2", "W_2", "b_3", "all"]
        norms = file["bias/reference_norm"][0]
        assert np.isnan(norms[0, blocks.index("W_2")])
        assert np.isfinite(norms[1]).all()
        assert np.isfinite(norms[:, blocks.index("all")]).all()


def test_a_dimension_of_the_results_keeps_its_name(tmp_path):
    """Analysis nudges has a dimension beta, so the swept beta has a longer name."""
    sets = ("analysis={type: nudges, samples: 2, betas: [0.01, 0.02]}",)
    with h5py.File(sweep(tmp_path, "rule.beta=0.1,0.2", "circuit.tau=1,2", sets=sets)[0].path) as file:
        assert file.attrs["sweep_dimensions"] == "rule_beta tau"
        assert file["nudges/error"].shape == (2, 2, 1, 2)
        assert file["nudges/status"].dtype == np.int8


def test_a_finished_sweep_is_collected_again_without_computing(tmp_path, monkeypatch):
    first = sweep(tmp_path, BETAS)[0]
    before = contents(first.path)
    first.path.unlink()
    monkeypatch.setattr(run, "make_engine", lambda *_: pytest.fail("nothing is left to run"))
    again, watcher = sweep(tmp_path, BETAS)
    assert again.good
    assert watcher.notes == ["resuming: 6 of 6 points done, 0 failed before"]
    np.testing.assert_equal(contents(again.path), before)


def test_a_part_of_the_files_is_enough_to_go_on(tmp_path):
    """Some runs are taken away; the second call computes them, and the result is that of one go."""
    whole = sweep(tmp_path, BETAS, ALPHAS, into="whole")[0]
    part = sweep(tmp_path, BETAS, ALPHAS, into="part")[0]
    lost = sorted((tmp_path / "part" / "runs").iterdir())[::2]
    for path in lost:
        path.unlink()
    part.path.unlink()
    sweep(tmp_path, BETAS, ALPHAS, into="part")
    assert sorted(run_ids(tmp_path / "part" / "runs")) == sorted(plan(tmp_path, BETAS, ALPHAS).ids)
    assert_same(whole.path, part.path)


def test_the_order_of_keys_does_not_matter(tmp_path):
    sweep(tmp_path, BETAS, ALPHAS)
    again, watcher = sweep(tmp_path, ALPHAS, BETAS)
    assert watcher.notes == ["resuming: 18 of 18 points done, 0 failed before"]
    assert again.good


def test_a_failed_point_is_recorded_and_the_others_go_on(tmp_path):
    """Half of the combinations are invalid: each value is good beside others."""
    grid = ("circuit.neuron=dyad,point", "rule={type: dual_propagation},{type: equilibrium, beta: 0.1}")
    outcome, watcher = sweep(tmp_path, *grid)
    assert not outcome.good
    assert outcome.message == "tiny: 2 of 4 points done, 2 failed"
    assert (watcher.failed, watcher.done) == (2, 2)
    records = [json.loads(path.read_text()) for path in sorted((tmp_path / "s" / "failed").iterdir())]
    assert {record["kind"] for record in records} == {"ScenarioError"}
    assert any("Use circuit.neuron: dyad" in record["reason"] for record in records)
    assert records[0]["overrides"].keys() == {"circuit.neuron", "rule"}
    with h5py.File(outcome.path) as file:
        meanings = file["status"].attrs["flag_meanings"].split()
        told_statuses = [[meanings[code] for code in row] for row in file["status"][:].tolist()]
        assert told_statuses == [["settled", "failed"], ["failed", "settled"]]
        assert np.isnan(file["wall_seconds"][0, 1])


def test_errors_of_a_simulation_have_a_traceback_and_can_be_tried_again(tmp_path, monkeypatch):
    true = task.analyse

    def moody(experiment, session):
        if experiment.scenario.rule.beta > 0.09:
            raise FloatingPointError("beta is beyond me")
        return true(experiment, session)

    monkeypatch.setattr(task, "analyse", moody)
    monkeypatch.setattr("neurosim.analysis.run.analyse", moody)
    outcome, watcher = sweep(tmp_path, BETAS)
    assert outcome.counts.failed == 1
    assert watcher.notes == ["point 5 failed: beta is beyond me"]
    (record,) = (tmp_path / "s" / "failed").iterdir()
    assert "FloatingPointError: beta is beyond me" in json.loads(record.read_text())["traceback"]
    monkeypatch.undo()
    assert sweep(tmp_path, BETAS)[0].counts.failed == 1
    assert sweep(tmp_path, BETAS, retry_failed=True)[0].good
    assert_same(outcome.path, sweep(tmp_path, BETAS, into="whole")[0].path)


def test_a_bad_status_counts(tmp_path):
    outcome, _ = sweep(tmp_path, "dynamics.max_steps=1,200", "rule.alpha=0.5,0.6")
    assert outcome.counts.unsettled == 2
    assert not outcome.good
    assert outcome.message == "tiny: 4 of 4 points done, 2 with a bad status"


def test_random_points_that_are_the_same_share_a_run(tmp_path):
    text = TINY + "sweep: {random: {points: 9, keys: {analysis.samples: {low: 1, high: 2, integer: true}}}}\n"
    outcome, watcher = sweep(tmp_path, text=text)
    assert outcome.counts.done == 9
    assert watcher.total == 2
    with h5py.File(outcome.path) as file:
        ids, norms = file["run_id"].asstr()[:], file["bias/relative_norm"][:]
        assert len(set(ids)) == 2
        np.testing.assert_array_equal(norms[ids == ids[0]], np.broadcast_to(norms[0], norms[ids == ids[0]].shape))


@pytest.mark.parametrize("seconds", [0.0, 1.5], ids=["single files", "stacks"])
def test_a_full_disk_stops_the_sweep_and_nothing_is_lost(tmp_path, monkeypatch, seconds):
    """The third file finds no room. Afterwards a second call goes on, and equals an undisturbed sweep."""
    monkeypatch.setattr(batches, "TASK_SECONDS", seconds)
    monkeypatch.setattr(batches, "LARGEST_TASK", 3)
    true, left = ResultWriter.finish, [2]

    def finish(self, attributes):
        if not left[0]:
            (self.path.parent / "0123456789ab.other.part.h5").touch()  # of a worker that could not even clear up
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        true(self, attributes)

    monkeypatch.setattr(ResultWriter, "finish", finish)
    with pytest.raises(DiskFullError, match=r"s: the disk is full .*run the same command again to go on"):
        sweep(tmp_path, BETAS, ALPHAS)
    runs = tmp_path / "s" / "runs"
    assert len(list(runs.iterdir())) == 2
    monkeypatch.setattr(ResultWriter, "finish", true)
    resumed = sweep(tmp_path, BETAS, ALPHAS)[0]
    assert_same(resumed.path, sweep(tmp_path, BETAS, ALPHAS, into="whole")[0].path)
    assert not list(runs.glob("*.part*"))


def test_a_damaged_run_is_named(tmp_path):
    sweep(tmp_path, BETAS)
    victim = next((tmp_path / "s" / "runs").glob("[0-9a-f]*.h5"))
    victim.write_bytes(victim.read_bytes()[:100])
    with pytest.raises(ResultFileError, match=f"{victim.name}: is not a whole HDF5 file"):
        sweep(tmp_path, BETAS)
