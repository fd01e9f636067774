"""Small scenarios for the tests of analyses: written to a file, loaded and run as the command line does it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurosim.analysis.run import Options, Outcome, execute
from neurosim.scenario.load import LoadedScenario, load_scenario

TINY = """\
schema: 1
name: tiny
seed: 5
dtype: float32
circuit:
  layers: [64, 12, 10]
  activation: relu
data: {set: digits, batch: 20}
rule: {type: dual_propagation, alpha: 0.0, beta: 0.01}
dynamics: {solver: sweeps, max_steps: 20, tolerance: 1.0e-5}
analysis:
  type: train
  epochs: 3
  train_limit: 110
  test_limit: 40
  optimizer: {type: adam, rate: 0.01}
"""
RELAX = "analysis={type: relax, samples: 3}"
BATCHES = 6  # per epoch; the last one has 10 samples


class Silent:
    """Progress that counts, and asks to stop after some batches as Ctrl-C does."""

    def __init__(self, stop_after: int | None = None, how: int = signal.SIGINT) -> None:
        self.stop_after, self.how = stop_after, how
        self.batches = 0
        self.begun: tuple[int, str, int] | None = None
        self.notes: list[str] = []

    def begin(self, total: int, unit: str, done: int = 0) -> None:
        self.begun = (total, unit, done)

    def advance(self, amount: int = 1) -> None:
        self.batches += amount
        if self.batches == self.stop_after:
            os.kill(os.getpid(), self.how)

    def note(self, text: str) -> None:
        self.notes.append(text)


def load(folder: Path, *changes: str, text: str = TINY) -> LoadedScenario:
    """Write a scenario to `folder` and load it, changed as with --set."""
    (folder / "tiny.yaml").write_text(text)
    return load_scenario(str(folder / "tiny.yaml"), changes)


def run(folder: Path, *changes: str, name: str = "a.h5", text: str = TINY, **options: Any) -> tuple[Path, Outcome]:
    """Run a scenario into ``folder/name``."""
    return execute(load(folder, *changes, text=text), Options(output=folder / name, **{"threads": 1, **options}))


def arrays(path: Path, leave_out: str = "/seconds") -> dict[str, np.ndarray]:
    """Return every array of a result, those that measure wall time left out."""
    found: dict[str, np.ndarray] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and leave_out not in f"/{name}":
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def attributes(path: Path) -> dict[str, Any]:
    with h5py.File(path) as file:
        return dict(file.attrs)


def assert_same(first: Path, second: Path) -> None:
    """Every array bit for bit, NaN in the same places."""
    mine, theirs = arrays(first), arrays(second)
    assert mine.keys() == theirs.keys()
    for name in mine:
        assert mine[name].dtype == theirs[name].dtype
        np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)
