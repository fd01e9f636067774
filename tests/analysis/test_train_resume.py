"""The same numbers whatever the threads, however often a run is stopped, and by whom."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from analysis_runs import BATCHES, RELAX, TINY, Silent, arrays, assert_same, attributes, load, run

from neurosim.analysis.interruption import Interruption
from neurosim.analysis.run import Options, execute
from neurosim.analysis.train import Training
from neurosim.dynamics.status import Status
from neurosim.errors import DataError, ResultFileError

LOGGED = "analysis.log_gradient_alignment=true"


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("whole"), LOGGED)[0]


def test_a_second_run_gives_the_same(uninterrupted: Path, tmp_path: Path):
    assert_same(run(tmp_path, LOGGED)[0], uninterrupted)


def test_another_seed_gives_another_circuit(uninterrupted: Path, tmp_path: Path):
    """Everything random follows from the seed: conductances and the order of samples."""
    other = arrays(run(tmp_path, LOGGED, "seed=6")[0])
    assert np.all(other["circuit/initial/W_0"] != arrays(uninterrupted)["circuit/initial/W_0"])


@pytest.mark.parametrize(
    "solver", ["{solver: sweeps, max_steps: 20}", "{solver: euler, dt: 0.25, t_end: 10, tolerance: null}"]
)
def test_threads_do_not_change_a_bit(tmp_path: Path, solver: str):
    """Serial and threaded runs: batches of 100 rows are shared, the figures are the same."""
    changes = ("data.batch=100", "analysis.train_limit=250", "analysis.test_limit=130", f"dynamics={solver}", LOGGED)
    first, _ = run(tmp_path, *changes, name="1.h5", threads=1)
    for threads in (2, 3):
        assert_same(run(tmp_path, *changes, name=f"{threads}.h5", threads=threads)[0], first)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("batches", [1, 3, BATCHES, BATCHES + 2, 3 * BATCHES], ids="after {} batches".format)
def test_interrupted_and_resumed_is_uninterrupted(uninterrupted: Path, tmp_path: Path, batches: int, how: int):
    """Stopped in the middle of an epoch, at the end of one, or in the very last batch: bit for bit the same in the end.

    In between there is a result that says so, with what was finished, and a checkpoint beside it.
    """
    watched = Silent(stop_after=batches, how=how)
    path, outcome = run(tmp_path, LOGGED, progress=watched)
    assert outcome.status is Status.INTERRUPTED
    assert "run the same command again to resume" in outcome.message
    assert watched.batches == batches, "it stops at the next safe place"
    assert attributes(path)["status"] == "interrupted"
    epochs = (batches - 1) // BATCHES
    assert arrays(path)["train/epoch"].tolist() == list(range(1, epochs + 1))
    for name, values in arrays(path).items():
        if name.startswith("train/") and len(values) == epochs > 0 and name != "train/epoch":
            np.testing.assert_array_equal(values, arrays(uninterrupted)[name][:epochs])
    assert (tmp_path / "a.checkpoint.h5").exists()

    resumed = Silent()
    path, outcome = run(tmp_path, LOGGED, progress=resumed)
    assert outcome.status is Status.SETTLED
    assert resumed.begun == (3 * BATCHES, "batches", batches)
    assert resumed.notes[0].startswith("resuming after")
    assert_same(path, uninterrupted)
    assert attributes(path)["message"] == attributes(uninterrupted)["message"]
    assert not (tmp_path / "a.checkpoint.h5").exists()


def test_interrupted_while_testing(uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Asked to stop between the last batch of an epoch and its figures: the epoch is finished first."""
    evaluate = Training.evaluate

    def stop_then_evaluate(self: Training, samples: object) -> object:
        signal.raise_signal(signal.SIGINT)
        return evaluate(self, samples)

    monkeypatch.setattr(Training, "evaluate", stop_then_evaluate)
    path, outcome = run(tmp_path, LOGGED)
    assert outcome.status is Status.INTERRUPTED
    assert arrays(path)["train/epoch"].tolist() == [1]
    monkeypatch.undo()
    assert_same(run(tmp_path, LOGGED)[0], uninterrupted)


@pytest.mark.parametrize(
    "optimizer", ["{type: momentum, rate: 0.02, decay: 0.9}", "{type: adamw, rate: 0.01, weight_decay: 0.1}"]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_stopped_again_and_again(tmp_path: Path, optimizer: str, dtype: str):
    """Every four batches, in every kind of memory and precision: nothing is lost and nothing is done twice."""
    changes = (LOGGED, f"analysis.optimizer={optimizer}", f"dtype={dtype}")
    whole, _ = run(tmp_path, *changes, name="whole.h5")
    stops = 0
    while (outcome := run(tmp_path, *changes, progress=Silent(stop_after=4))[1]).status is Status.INTERRUPTED:
        stops += 1
    assert outcome.status is Status.SETTLED
    assert stops == 3 * BATCHES // 4
    assert_same(tmp_path / "a.h5", whole)


def test_seconds_are_those_of_all_parts(tmp_path: Path):
    """Wall times are kept across an interruption: one positive figure per epoch."""
    run(tmp_path, progress=Silent(stop_after=BATCHES + 2))
    path, _ = run(tmp_path)
    seconds = arrays(path, leave_out="nothing")["train/seconds"]
    assert seconds.shape == (3,)
    assert np.all(seconds > 0)


def test_interrupted_with_one_number_of_threads_resumed_with_another(tmp_path: Path):
    changes = ("data.batch=70", LOGGED)
    whole, _ = run(tmp_path, *changes, name="whole.h5", threads=2)
    run(tmp_path, *changes, threads=3, progress=Silent(stop_after=1))
    assert_same(run(tmp_path, *changes, threads=1)[0], whole)


def test_imperfections_are_drawn_by_place_in_the_training_and_not_by_what_ran_before(tmp_path: Path):
    """Noise of reads, nudges, writes and devices: interrupted, resumed, on other threads, it is the same draw."""
    wrong = (
        "circuit.imperfections={read_noise: {sd: 0.01}, nudge_noise: {sd: 0.05}, mismatch: {gain_sd: 0.05}, "
        "devices: {programming_sd: 0.05, read_sd: 0.02, range: [-1, 1], levels: 200, stuck_fraction: 0.02}}"
    )
    changes = ("data.batch=70", LOGGED, wrong)
    whole, _ = run(tmp_path, *changes, name="whole.h5", threads=2)
    run(tmp_path, *changes, threads=1, progress=Silent(stop_after=BATCHES // 2))
    assert_same(run(tmp_path, *changes, threads=1)[0], whole)
    quiet, _ = run(tmp_path, "data.batch=70", LOGGED, name="quiet.h5")
    assert not np.array_equal(arrays(quiet)["train/loss"], arrays(whole)["train/loss"])


def test_force_starts_over(uninterrupted: Path, tmp_path: Path):
    """--force: the checkpoint is not used, the interrupted result is replaced, the numbers are the same."""
    run(tmp_path, LOGGED, progress=Silent(stop_after=4))
    watched = Silent()
    path, _ = run(tmp_path, LOGGED, force=True, progress=watched)
    assert watched.begun == (3 * BATCHES, "batches", 0)
    assert_same(path, uninterrupted)


KILLED = """
import os, signal, sys
from pathlib import Path
from neurosim.analysis.progress import Silence
from neurosim.analysis.run import Options, execute
from neurosim.scenario.load import load_scenario

class Killer(Silence):
    batches = 0
    def advance(self, amount=1):
        Killer.batches += amount
        if Killer.batches == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)

loaded = load_scenario("tiny.yaml", sys.argv[2:])
execute(loaded, Options(output=Path("a.h5"), threads=1, progress=Killer()))
"""


@pytest.mark.parametrize("every", [1, 2])
def test_killed_and_run_again_is_uninterrupted(uninterrupted: Path, tmp_path: Path, every: int):
    """SIGKILL in the third epoch: the next run starts from the last checkpoint and ends with the same numbers."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    changes = (LOGGED, f"analysis.checkpoint_every={every}")
    command = [sys.executable, "-c", KILLED, str(2 * BATCHES + 3), *changes]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "a.h5").exists(), "half a result is no result"
    watched = Silent()
    path, outcome = run(tmp_path, *changes, progress=watched)
    assert outcome.status is Status.SETTLED
    assert watched.begun == (3 * BATCHES, "batches", 2 * BATCHES)
    assert_same(path, uninterrupted)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "tiny.yaml"]


def refused(folder: Path, match: str, *changes: str) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ResultFileError, match=match):
        run(folder, *changes)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_checkpoint_of_another_run_is_refused(tmp_path: Path):
    """Same file name, another seed: neither used nor thrown away."""
    path, _ = run(tmp_path, progress=Silent(stop_after=4))
    path.unlink()
    theirs = load(tmp_path).run_id
    refused(tmp_path, rf"a\.checkpoint\.h5: is the checkpoint of run {theirs}, not of .*--force", "seed=6")
    assert run(tmp_path)[1].status is Status.SETTLED


def test_the_interrupted_result_of_another_run_is_refused(tmp_path: Path):
    """An interrupted result may be completed by its own scenario, and by no other."""
    run(tmp_path, progress=Silent(stop_after=4))
    refused(tmp_path, r"a\.h5: exists already", "seed=6")


def test_a_finished_result_is_refused(tmp_path: Path):
    run(tmp_path)
    refused(tmp_path, r"a\.h5: exists already\. Give another name with -o, or --force")


def test_a_damaged_checkpoint_is_refused(tmp_path: Path):
    """Cut short or nonsense: told, not thrown away; --force gets on."""
    path, _ = run(tmp_path, progress=Silent(stop_after=8))
    checkpoint = tmp_path / "a.checkpoint.h5"
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: len(whole) // 2])
    refused(tmp_path, r"a\.checkpoint\.h5: is not a whole checkpoint")
    path.unlink()
    refused(tmp_path, r"a\.checkpoint\.h5: is not a whole checkpoint")
    assert run(tmp_path, force=True)[1].status is Status.SETTLED


def test_a_checkpoint_that_lacks_something_is_refused(tmp_path: Path):
    """Of this run, whole HDF5, but not all there: a clear word as for any other damage."""
    run(tmp_path, progress=Silent(stop_after=8))
    with h5py.File(tmp_path / "a.checkpoint.h5", "r+") as file:
        del file["parameters"]
    refused(tmp_path, "not a whole checkpoint")


def test_a_refused_run_keeps_the_checkpoint_even_with_force(tmp_path: Path):
    """--force with data that are not there: nothing runs, so nothing may be lost."""
    run(tmp_path, progress=Silent(stop_after=8))
    (tmp_path / "a.h5").unlink()
    with pytest.raises(DataError, match="there is no file"):
        run(tmp_path, "data={set: file, path: missing.npz}", force=True)
    assert (tmp_path / "a.checkpoint.h5").exists()


def test_another_analysis_does_not_remove_the_checkpoint(tmp_path: Path):
    """A relaxation under the name of a killed training: the training can still be resumed."""
    run(tmp_path, progress=Silent(stop_after=8))
    (tmp_path / "a.h5").unlink()
    with suppress(ResultFileError):
        run(tmp_path, RELAX)
    assert (tmp_path / "a.checkpoint.h5").exists()


def test_the_second_ctrl_c_is_obeyed_at_once(tmp_path: Path):
    """KeyboardInterrupt, no half result; what the last checkpoint holds can be resumed."""

    class Impatient(Silent):
        def advance(self, amount: int = 1) -> None:
            super().advance(amount)
            if self.batches == BATCHES + 1:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, progress=Impatient())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.checkpoint.h5", "tiny.yaml"]
    watched = Silent()
    assert run(tmp_path, progress=watched)[1].status is Status.SETTLED
    assert watched.begun == (3 * BATCHES, "batches", BATCHES)


def test_signals_are_given_back():
    """Whoever handled them before handles them again, also after an error."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGTERM)
        assert interruption.wanted
    with pytest.raises(ZeroDivisionError), Interruption() as interruption:
        interruption.wanted //= 0
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_outside_the_main_thread_it_runs_without_signals(tmp_path: Path):
    """A notebook or a worker may run an analysis in a thread."""
    loaded = load(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        _, outcome = pool.submit(execute, loaded, Options(output=tmp_path / "a.h5", threads=1)).result()
    assert outcome.status is Status.SETTLED
