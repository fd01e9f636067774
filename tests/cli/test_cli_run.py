"""neurosim run: results, exit statuses, refusals, interruption and resumption."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def figures(path: Path) -> dict[str, np.ndarray]:
    """Return every array of a result but those that measure wall time."""
    arrays = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) and "seconds" not in name else None
            )
        )
    return arrays


def assert_same(first: Path, second: Path) -> None:
    ours, theirs = figures(first), figures(second)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


def test_the_last_line_is_the_result(shell):
    """A run prints the path of its result last, on stdout, and ends with status 0."""
    done = shell("run", shell.write())
    assert done.returncode == 0, done.stderr
    path = shell.folder / done.stdout.splitlines()[-1]
    assert path.parent.name == "results"
    assert path.name.startswith("tiny-")
    with h5py.File(path) as file:
        assert file.attrs["status"] == "settled"
        assert file["train/test_error"].shape == (2,)
    assert "epoch 2" in done.stderr


def test_quiet_says_nothing_else(shell):
    """With --quiet the path is all there is."""
    done = shell("run", shell.write(), "--quiet", "-o", "a.h5")
    assert done.stdout == "a.h5\n"
    assert done.stderr == ""


def test_an_existing_result_is_not_touched_without_force(shell):
    """An existing file is refused with status 2 and keeps every byte; --force replaces it."""
    scenario = shell.write()
    target = shell.folder / "a.h5"
    target.write_bytes(b"precious")
    refused = shell("run", scenario, "-o", "a.h5")
    assert refused.returncode == 2
    assert "exists already" in refused.stderr
    assert "--force" in refused.stderr
    assert target.read_bytes() == b"precious"
    assert shell("run", scenario, "-o", "a.h5", "--force").returncode == 0
    assert h5py.is_hdf5(target)


def test_divergence_has_status_3_and_finite_conductances(shell):
    """A run that diverges writes what it has, says so, and ends with status 3."""
    scenario = shell.write(
        circuit={"layers": [64, 32, 32, 10], "init": {"gain": 3.0}},
        rule={"variant": "original", "alpha": 0.0, "beta": 5.0},
        dynamics={"max_steps": 300},
    )
    done = shell("run", scenario, "-o", "a.h5")
    assert done.returncode == 3
    assert "diverged" in done.stderr
    assert done.stdout.splitlines()[-1] == "a.h5"
    with h5py.File(shell.folder / "a.h5") as file:
        assert file.attrs["status"] == "diverged"
        for name, values in file["circuit/parameters"].items():
            assert np.isfinite(values[()]).all(), name


def test_unsettled_relaxations_fail_the_run_unless_they_are_allowed(shell):
    """Too few sweeps: status 3; with dynamics.unsettled_limit: 1 the same run is good, and says how many there were."""
    scenario = shell.write(dynamics={"max_steps": 1})
    failed = shell("run", scenario, "-o", "a.h5")
    assert failed.returncode == 3
    assert "did not settle" in failed.stderr
    allowed = shell("run", scenario, "-o", "b.h5", "--set", "dynamics.unsettled_limit=1.0")
    assert allowed.returncode == 0
    assert "within dynamics.unsettled_limit" in allowed.stderr


def test_threads_do_not_change_a_number(shell):
    """One thread and three give the same result, bit for bit; batches of 100 rows are shared among threads."""
    scenario = shell.write(data={"batch": 100})
    for threads in ("1", "3"):
        assert shell("run", scenario, "-o", f"{threads}.h5", "--threads", threads).returncode == 0
    assert_same(shell.folder / "1.h5", shell.folder / "3.h5")


def start(shell, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "neurosim", *arguments]
    return subprocess.Popen(command, cwd=shell.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_resumes_to_the_same_numbers(shell, how):
    """Stopped by Ctrl-C (status 130, a usable result) or killed outright: the same command ends as if never stopped."""
    scenario = shell.write(analysis={"epochs": 100, "train_limit": 150})
    running = start(shell, "run", scenario, "-o", "a.h5")
    checkpoint = shell.folder / "a.checkpoint.h5"
    while not checkpoint.exists():
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)
    running.send_signal(how)
    stdout, stderr = running.communicate(timeout=60)
    if how is signal.SIGINT:
        assert running.returncode == 130, stderr
        assert stdout.splitlines()[-1] == "a.h5"
        assert "run the same command again to resume" in stderr
        with h5py.File(shell.folder / "a.h5") as file:
            assert file.attrs["status"] == "interrupted"
            assert 0 < len(file["train/epoch"]) < 100
    else:
        assert not (shell.folder / "a.h5").exists()
    resumed = shell("run", scenario, "-o", "a.h5")
    assert resumed.returncode == 0, resumed.stderr
    assert "resuming after" in resumed.stderr
    assert not checkpoint.exists()
    assert shell("run", scenario, "-o", "b.h5").returncode == 0
    assert_same(shell.folder / "a.h5", shell.folder / "b.h5")


def test_the_main_job_learns(shell):
    """`neurosim run dyad_digits`, whole: at most 3 % test error, every relaxation settled."""
    done = shell("run", "dyad_digits", "-o", "a.h5", "--plot")
    assert done.returncode == 0, done.stderr
    with h5py.File(shell.folder / "a.h5") as file:
        assert file["train/test_error"][-1] <= 0.03
        assert file["train/unsettled_fraction"][:].max() == 0
    assert (shell.folder / "a.png").stat().st_size > 10_000


def test_dyad_relaxation_tells_what_its_header_says(shell):
    """All samples settle, and differences reach each layer later than the one above it."""
    assert shell("run", "dyad_relaxation", "-o", "a.h5").returncode == 0
    with h5py.File(shell.folder / "a.h5") as file:
        relax = file["relax"]
        assert np.all(relax["status"][()] == 0)
        assert relax["final_rate"][()].max() < 1e-6
        half_times = []
        for layer in (1, 2, 3):
            states = relax[f"state_layer_{layer}"][1]
            size = np.sqrt(np.mean((states[:, :, 0] - states[:, :, 1]) ** 2, axis=(1, 2)))
            half_times.append(relax["time"][np.argmax(size > size[-1] / 2)])
    assert half_times == sorted(half_times, reverse=True)
    assert len(set(half_times)) == 3


@pytest.mark.parametrize("scenario", ["dyad_mnist", "dyad_fashion"])
def test_image_scenarios_learn(shell, scenario):
    """One epoch of 2000 images: far better than chance, where the data are."""
    if not SHARED.exists():
        pytest.skip(f"no image files at {SHARED}")
    changes = ["--set", "analysis.epochs=1", "--set", "analysis.train_limit=2000", "--set", "analysis.test_limit=500"]
    done = shell("run", scenario, "-o", "a.h5", "--data-dir", str(SHARED), *changes)
    assert done.returncode == 0, done.stderr
    with h5py.File(shell.folder / "a.h5") as file:
        assert file.attrs["status"] == "finished"
        assert file["train/test_error"][-1] < 0.4


def test_ep_digits_tells_what_its_header_says(shell):
    """A loop learns the digits by equilibrium propagation, and every relaxation settles."""
    assert shell("run", "ep_digits", "-o", "a.h5").returncode == 0
    with h5py.File(shell.folder / "a.h5") as file:
        assert file.attrs["status"] == "settled"
        assert file["train/test_error"][-1] <= 0.03


def test_bias_dyad_tells_what_its_header_says(shell):
    """The figures of the header, and which change makes which term small."""

    def terms(*changes: str) -> dict[str, float]:
        name = f"{len(list(shell.folder.iterdir()))}.h5"
        options = [text for change in changes for text in ("--set", change)]
        assert shell("run", "bias_dyad", "-o", name, *options).returncode == 0
        with h5py.File(shell.folder / name) as file:
            at = [block.decode() for block in file["bias/block"]].index("all")
            return {t.decode(): file["bias/relative_norm"][i, at] for i, t in enumerate(file["bias/term"])}

    told = {"asymmetry": 0.43, "nudge": 0.025, "settling": 0.009}
    found = terms()
    assert {name: found[name] for name in told} == pytest.approx(told, rel=0.05)
    assert terms("rule.alpha=0.5")["nudge"] == pytest.approx(0.0007, rel=0.1)
    assert terms("dynamics.t_end=16.0")["settling"] == pytest.approx(1e-5, rel=0.1)
    assert terms("circuit.imperfections={}")["asymmetry"] < 1e-12


@pytest.mark.slow
def test_two_tales_tells_what_its_header_says(shell):
    """The figures of the header, and the order that the gradient penalty predicts."""
    assert shell("run", "two_tales", "-o", "a.h5").returncode == 0
    with h5py.File(shell.folder / "a.h5") as file:
        group = file["robustness"]
        names = [name.decode() for name in group["variant"]]
        assert names == ["back-propagation", "alpha 0", "alpha 1/2", "alpha 1", "adversarial"]
        sizes, pgd = group["epsilon"][:].tolist(), group["attacked_error"][:, 1]
        clean = group["clean_error"][:]
        told = np.array([[1.1, 40, 86], [1.7, 37, 78], [1.4, 41, 87], [0.8, 51, 93], [1.9, 17, 39]])
        found = 100 * np.column_stack([clean, pgd[:, sizes.index(0.1)], pgd[:, sizes.index(0.15)]])
        np.testing.assert_allclose(found, told, atol=1.0)
        plain, low, even, high, hardened = pgd[:, sizes.index(0.1)]
        assert hardened < low < min(plain, even) <= max(plain, even) < high
        np.testing.assert_allclose(group["product_norm"][:], [2.3, 2.4, 2.3, 2.5, 1.9], atol=0.06)
        np.testing.assert_allclose(group["objective_excess"][1:4], [1.6, 0.0, -0.5], atol=0.1)


def test_two_tales_runs_on_mnist(shell):
    """Two epochs of 500 images for each variant, where the data are: every attack does harm."""
    if not SHARED.exists():
        pytest.skip(f"no image files at {SHARED}")
    limits = ("epochs=2", "train_limit=500", "test_limit=100", "fgsm=[0.1]", "pgd=[0.1]", "pgd_steps=5")
    changes = [text for limit in limits for text in ("--set", f"analysis.{limit}")]
    done = shell("run", "two_tales_mnist", "-o", "a.h5", "--data-dir", str(SHARED), "--plot", *changes)
    assert done.returncode == 0, done.stderr
    with h5py.File(shell.folder / "a.h5") as file:
        group = file["robustness"]
        assert np.all(group["attacked_error"][:, :, 0] > group["clean_error"][:][:, None])
    told = shell("inspect", "a.h5").stdout
    assert "alpha 1/2         test error " in told
    assert "; norm of the product " in told
