"""What users read when something is wrong: where, what was found, what is allowed; and nothing on disk is lost."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

WRONG = [
    ({"rule": {"betta": 0.1}}, r"tiny\.yaml:\d+: rule\.betta: unknown key\. Did you mean 'beta'\?"),
    ({"circuit": {"layers": [64, "many", 10]}}, r"tiny\.yaml:\d+: circuit\.layers\.1: found 'many' \(text\)"),
    ({"circuit": {"layers": [63, 16, 10]}}, r"tiny\.yaml:\d+: circuit\.layers\.0: found 63 inputs, .* needs 64"),
    ({"rule": {"beta": 0}}, r"tiny\.yaml:\d+: rule\.beta: found 0, must be greater than 0"),
    ({"rule": {"alpha": 1.5}}, r"tiny\.yaml:\d+: rule\.alpha: found 1\.5, must be at most 1"),
    ({"rule": {"alpha": -0.1}}, r"tiny\.yaml:\d+: rule\.alpha: found -0\.1, must be at least 0"),
    ({"dynamics": {"solver": "sweep"}}, r"unknown solver 'sweep'\. Did you mean 'sweeps'\?"),
    ({"circuit": {"neuron": "point"}}, r"dual_propagation needs two compartments per neuron"),
]


def assert_refused(done, pattern: str) -> None:
    """The command ended with status 2, one clear message, and no traceback."""
    import re

    assert done.returncode == 2, done.stdout + done.stderr
    assert re.search(pattern, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("changes", "pattern"), WRONG, ids=[pattern[-30:] for _, pattern in WRONG])
def test_a_wrong_scenario_is_refused(shell, changes, pattern):
    """run refuses, says where and why, and writes nothing."""
    assert_refused(shell("run", shell.write(**changes)), pattern)
    assert not (shell.folder / "results").exists()


def test_all_errors_at_once(shell):
    """validate names every error of a file and counts them."""
    name = shell.write(rule={"betta": 1, "alpha": 2.0}, circuit={"layers": [63, 16, 9]}, seed="x")
    done = shell("validate", name)
    assert_refused(done, r"rule\.betta.*")
    for key in ("rule.alpha", "circuit.layers.0", "circuit.layers.2", "seed"):
        assert f": {key}: " in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].endswith("errors; nothing was run.")


def test_a_missing_scenario(shell):
    """A name that nobody knows gets the nearest one; a path that does not exist is named."""
    assert_refused(shell("run", "dyad_digitz"), "Did you mean 'dyad_digits'")
    assert_refused(shell("run", "nowhere/x.yaml"), "nowhere/x.yaml")


def test_missing_images_say_where_it_looked_and_how_to_get_them(shell, monkeypatch):
    """MNIST is not shipped: the message lists the places and the ways to name another."""
    monkeypatch.delenv("NEUROSIM_DATA", raising=False)
    (shell.folder / "empty").mkdir()
    done = shell("run", "dyad_mnist", "--data-dir", "empty")
    assert_refused(done, "train-images-idx3-ubyte")
    assert "empty" in done.stderr
    for way in ("--data-dir", "NEUROSIM_DATA", "data.path"):
        assert way in done.stderr


def test_damaged_images(shell):
    """A damaged IDX file is named, with what was found."""
    folder = shell.folder / "images"
    folder.mkdir()
    for stem, header in (("train", (60000, 28, 28)), ("t10k", (10000, 28, 28))):
        content = struct.pack(">IIII", 0x803, *header) + b"\0" * 100
        (folder / f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(content))
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, header[0]))
    assert_refused(shell("run", "dyad_mnist", "--data-dir", "images"), "images-idx3-ubyte")


def test_nan_in_the_data(shell):
    """NaN in a user's arrays is refused with the array and the row."""
    inputs = np.zeros((20, 5))
    inputs[7, 2] = np.nan
    np.savez(shell.folder / "mine.npz", inputs=inputs, targets=np.arange(20) % 3)
    name = shell.write(circuit={"layers": [5, 4, 3]})
    done = shell("run", name, "--set", "data={set: file, path: mine.npz}")
    assert_refused(done, r"array 'inputs'.*NaN.*row 7")


def test_sizes_that_do_not_fit_a_file(shell):
    """Where the sizes stand in the data file, the message still points at the line of the scenario."""
    np.savez(shell.folder / "mine.npz", inputs=np.zeros((20, 5)), targets=np.arange(20) % 3)
    name = shell.write(circuit={"layers": [6, 4, 3]}, data={"set": "file", "path": "mine.npz"})
    assert_refused(shell("run", name), r"tiny\.yaml:\d+: circuit\.layers: the first layer has 6 units, .* 5 inputs")


def test_unwritable_output(shell):
    """An output below a file cannot be written; the file stays as it is."""
    (shell.folder / "file").write_text("mine")
    assert_refused(shell("run", shell.write(), "-o", "file/a.h5"), "cannot be written")
    assert (shell.folder / "file").read_text() == "mine"


@pytest.mark.parametrize("command", ["inspect", "plot"])
def test_truncated_and_foreign_results(shell, command):
    """A result cut short, a text file, somebody else's HDF5 and a missing file: one clear message each."""
    import h5py

    assert shell("run", shell.write(), "-o", "a.h5", "-q").returncode == 0
    whole = (shell.folder / "a.h5").read_bytes()
    (shell.folder / "cut.h5").write_bytes(whole[: len(whole) // 2])
    (shell.folder / "text.h5").write_text("hello")
    with h5py.File(shell.folder / "foreign.h5", "w") as file:
        file["x"] = 1.0
    assert_refused(shell(command, "cut.h5"), "damaged or was cut short")
    assert_refused(shell(command, "text.h5"), "not a whole HDF5 file")
    assert_refused(shell(command, "foreign.h5"), "not a result of neurosim")
    assert_refused(shell(command, "missing.h5"), "no such file")


def test_damaged_checkpoint(shell):
    """A checkpoint that cannot be read stops the run instead of being thrown away."""
    (shell.folder / "a.checkpoint.h5").write_text("not a checkpoint")
    assert_refused(shell("run", shell.write(), "-o", "a.h5"), "not a whole checkpoint.*--force")
    assert (shell.folder / "a.checkpoint.h5").read_text() == "not a checkpoint"
    assert shell("run", shell.write(), "-o", "a.h5", "--force").returncode == 0
