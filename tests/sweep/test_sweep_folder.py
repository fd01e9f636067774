"""The folder of a sweep: whose it is, what may be deleted, who is in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from sweep_runs import BETAS, plan, sweep

from neurosim.errors import ResultFileError
from neurosim.sweep import folder as module
from neurosim.sweep.axes import coordinate, short_names
from neurosim.sweep.folder import SweepFolder
from neurosim.sweep.lock import FolderLock
from neurosim.sweep.table import merged


def adopted(tmp_path, *grid: str, **options) -> SweepFolder:
    folder = SweepFolder(tmp_path / "s")
    folder.make()
    folder.adopt(plan(tmp_path, *grid, **options))
    return folder


def test_another_plan_is_refused_with_the_differences(tmp_path):
    adopted(tmp_path, BETAS)
    told = (
        r"holds another sweep:\n"
        r"  scenario.rule.alpha: 0.0 in the folder, 0.5 now\n"
        r"  sweep.grid.circuit.tau: nothing in the folder, \[1, 2\] now\n"
        r"  sweep.grid.rule.beta: \[0.001, .* in the folder, \[0.1, 0.2\] now\n"
        r"Give another folder with -o, or --restart"
    )
    with pytest.raises(ResultFileError, match=told):
        adopted(tmp_path, "rule.beta=0.1,0.2", "circuit.tau=1,2", sets=("rule.alpha=0.5",))


def test_another_version_is_another_plan(tmp_path, monkeypatch):
    adopted(tmp_path, BETAS)
    monkeypatch.setattr(module, "__version__", "99.0")
    with pytest.raises(ResultFileError, match=r'neurosim_version: "[\d.]+" in the folder, "99.0" now'):
        adopted(tmp_path, BETAS)


def test_many_differences_are_cut_short(tmp_path):
    adopted(tmp_path, BETAS)
    sets = tuple(f"{key}={value}" for key, value in [
        ("seed", 1), ("dtype", "float32"), ("circuit.tau", 2), ("circuit.layers", [2, 2]), ("circuit.init.gain", 2),
        ("circuit.activation", "relu"), ("rule.alpha", 1), ("rule.variant", "original"), ("dynamics.max_steps", 1),
        ("dynamics.tolerance", 1), ("analysis.samples", 1), ("name", "other"),
    ])  # fmt: skip
    with pytest.raises(ResultFileError, match=r"  and 2 more\n"):
        adopted(tmp_path, BETAS, sets=sets)


def test_a_plan_that_is_no_yaml_is_refused(tmp_path):
    folder = adopted(tmp_path, BETAS)
    folder.plan.write_text("{")
    with pytest.raises(ResultFileError, match=r"plan.yaml:1: not valid YAML.*Give another folder"):
        adopted(tmp_path, BETAS)


def test_runs_without_a_plan_are_refused(tmp_path):
    folder = adopted(tmp_path, BETAS)
    folder.plan.unlink()
    (folder.runs / "model.h5").write_text("not of a sweep")
    adopted(tmp_path, BETAS)
    folder.plan.unlink()
    (folder.runs / "0123456789ab.h5").write_text("a run")
    with pytest.raises(ResultFileError, match=r"has runs, but no plan.yaml that says of what"):
        adopted(tmp_path, BETAS)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "s").write_text("mine")
    with pytest.raises(ResultFileError, match=r"s: cannot be made"):
        SweepFolder(tmp_path / "s").make()


def test_restart_deletes_what_a_sweep_wrote_and_nothing_else(tmp_path):
    sweep(tmp_path, BETAS)
    (tmp_path / "s" / "notes.txt").write_text("mine")
    (tmp_path / "s" / "runs" / "model.h5").write_text("mine too")
    outcome, watcher = sweep(tmp_path, "rule.beta=0.1,0.2", restart=True)
    assert outcome.counts.points == outcome.counts.done == 2
    assert [note.rpartition("/")[2].split()[0] for note in watcher.notes[:4]] == [
        "runs",
        "failed",
        "plan.yaml",
        "sweep.h5",
    ]
    assert (tmp_path / "s" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "s" / "runs" / "model.h5").read_text() == "mine too"


def test_leftovers_of_dead_workers_are_swept_up(tmp_path):
    folder = adopted(tmp_path, BETAS)
    for name in ("0123.host-1.part.h5", "0123.host-1.part.h5.tmp"):
        (folder.runs / name).write_bytes(b"half")
    (folder.runs / "0123.checkpoint.h5").write_bytes(b"a place to go on from")
    adopted(tmp_path, BETAS)
    assert [path.name for path in folder.runs.iterdir()] == ["0123.checkpoint.h5"]
    assert folder.done() == set()


def test_two_sweeps_do_not_share_a_folder(tmp_path):
    (tmp_path / "s").mkdir()
    with (
        FolderLock(tmp_path / "s" / ".lock"),
        pytest.raises(ResultFileError, match=rf"s: process {os.getpid()} on .* is running a sweep here. Wait for it"),
    ):
        sweep(tmp_path, BETAS)
    assert sweep(tmp_path, BETAS)[0].good


HOLD = """\
import sys, time
from pathlib import Path
from neurosim.sweep.lock import FolderLock
with FolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_of_a_dead_process_holds_nobody_up(tmp_path):
    path = tmp_path / ".lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(ResultFileError, match=f"process {holder.pid} on"), FolderLock(path):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with FolderLock(path):
        assert path.read_text().startswith(f"process {os.getpid()} on")
    assert path.read_text() == ""


def test_only_records_of_points_are_failures(tmp_path):
    """What else lies in the folder is neither read nor deleted."""
    folder = adopted(tmp_path, BETAS)
    (folder.failed / "0123456789ab.json").write_text("{}")
    (folder.failed / "why.json").write_text("mine")
    assert folder.failures() == {"0123456789ab"}
    folder.forget_failures()
    assert [path.name for path in folder.failed.iterdir()] == ["why.json"]


@pytest.mark.parametrize(
    ("keys", "taken", "expected"),
    [
        (["rule.beta", "circuit.tau"], set(), ["beta", "tau"]),
        (["rule.beta", "analysis.beta"], set(), ["rule_beta", "analysis_beta"]),
        (["a.b.c", "d.b.c", "c"], set(), ["a_b_c", "d_b_c", "c"]),
        (["rule.beta"], {"beta"}, ["rule_beta"]),
        (["seed"], {"seed"}, ["swept_seed"]),
    ],
)
def test_names_are_as_short_as_they_can_be(keys, taken, expected):
    assert list(short_names(keys, taken).values()) == expected


def test_coordinates_are_numbers_or_text():
    assert coordinate([1, 2.5]).tolist() == [1, 2.5]
    assert coordinate([1, 2]).dtype.kind == "i"
    assert coordinate([None, 0.1]).tolist() == ["null", "0.1"]
    assert coordinate([True, False]).tolist() == ["true", "false"]
    assert coordinate(["a", {"b": 1}]).tolist() == ["a", '{"b": 1}']


def test_labels_of_circuits_of_different_depth_join_in_order():
    assert merged(("W_0", "b_1", "all"), ("W_0", "b_1", "W_1", "b_2", "all")) == ("W_0", "b_1", "W_1", "b_2", "all")
    assert merged((0.1, 0.3), (0.2, 0.3)) == (0.1, 0.2, 0.3)
    assert merged(("a",), ("b",)) == ("a", "b")
