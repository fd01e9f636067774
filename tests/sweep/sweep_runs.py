"""Sweeps of points that take milliseconds: an exclusive-or circuit of a handful of units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurosim.scenario.load import LoadedScenario, load_scenario
from neurosim.sweep.plan import Plan
from neurosim.sweep.run import SweepOptions, SweepOutcome, execute_sweep

TINY = """\
schema: 1
name: tiny
seed: 5
dtype: float64
circuit: {layers: [2, 4, 2], activation: tanh}
data: {set: xor}
rule: {type: dual_propagation, alpha: 0.0, beta: 0.1}
dynamics: {solver: sweeps, max_steps: 200, tolerance: 1.0e-10}
analysis: {type: bias, samples: 4}
"""
TRAIN = "analysis={type: train, epochs: 3, optimizer: {type: sgd, rate: 0.1}}"
BETAS = "rule.beta=log:1e-3:0.1:6"
ALPHAS = "rule.alpha=0.0,0.5,1.0"
TIMES = ("seconds", "created", "command", "wall")


class Watcher:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.total = self.done = self.failed = 0
        self.notes: list[str] = []

    def begin(self, total: int, unit: str, done: int = 0) -> None:
        self.total, self.done = total, done

    def advance(self, amount: int = 1) -> None:
        self.done += amount

    def note(self, text: str) -> None:
        self.notes.append(text)

    def fail(self, amount: int = 1) -> None:
        self.failed += amount


def load(folder: Path, *grid: str, sets: tuple[str, ...] = (), text: str = TINY) -> LoadedScenario:
    """Write a scenario to `folder` and load it with keys of a grid."""
    (folder / "tiny.yaml").write_text(text)
    return load_scenario(str(folder / "tiny.yaml"), sets, grid)


def plan(folder: Path, *grid: str, **options: Any) -> Plan:
    return Plan(load(folder, *grid, **options))


def sweep(
    folder: Path, *grid: str, sets: tuple[str, ...] = (), text: str = TINY, into: str = "s", **options: Any
) -> tuple[SweepOutcome, Watcher]:
    """Run a sweep into ``folder/into``, in this process unless `workers` says otherwise."""
    watcher = Watcher()
    chosen = SweepOptions(**{"progress": watcher, "folder": folder / into, "workers": 1, **options})
    return execute_sweep(load(folder, *grid, sets=sets, text=text), chosen), watcher


def contents(path: Path) -> dict[str, Any]:
    """Return every array of a file, and the names of its dimensions, but those that measure wall time."""
    found: dict[str, Any] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not any(word in name for word in TIMES):
            found[name] = item[()]
            found[f"{name} dims"] = [[scale.name for scale in dims.values()] for dims in item.dims]

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def assert_same(first: Path, second: Path) -> None:
    """Every array bit for bit, NaN in the same places."""
    mine, theirs = contents(first), contents(second)
    assert mine.keys() == theirs.keys()
    for name in mine:
        np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)


def run_ids(folder: Path) -> list[str]:
    """Return the run id of every result in a folder of runs, as often as it is there."""
    found: list[str] = []
    for path in folder.glob("*.h5"):
        with h5py.File(path) as file:
            found += file["run_id"].asstr()[:].tolist() if path.name.startswith("task-") else [file.attrs["run_id"]]
    return found
