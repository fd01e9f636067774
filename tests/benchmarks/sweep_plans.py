"""How long the parts of a large sweep take beside the work itself: expanding the plan, resuming, collecting.

A hundred thousand points on a grid of 400 x 250; the results are synthetic, 200 points in a file, 30 numbers each.

    python tests/benchmarks/sweep_plans.py [POINTS]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from neurosim.results.memory import MemoryResult
from neurosim.results.stack import write_stack
from neurosim.scenario.load import load_scenario
from neurosim.sweep.collect import collect
from neurosim.sweep.folder import SweepFolder
from neurosim.sweep.plan import Plan

TEXT = """\
schema: 1
name: synthetic
circuit: {layers: [2, 4, 2], activation: tanh, feedback: independent, imperfections: {asymmetry: {angle_deg: 0.0}}}
data: {set: xor}
rule: {type: dual_propagation}
dynamics: {solver: sweeps}
analysis: {type: bias}
"""
PER_FILE = 200


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long something takes, and the most memory there was until then."""
    began = time.perf_counter()
    yield
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:<34}{time.perf_counter() - began:8.2f} s   {most:6.0f} MB at most so far")


def result(draw: np.random.Generator) -> MemoryResult:
    """Return figures in the shape of those of analysis bias."""
    made = MemoryResult()
    made.dimension("bias", "term", ["settling", "nudge", "asymmetry", "total"], "term")
    made.dimension("bias", "block", ["W_0", "b_1", "W_1", "b_2", "all"], "block")
    made.variable("bias", "relative_norm", ("term", "block"), draw.random((4, 5)), "norm", "1")
    made.variable("bias", "cosine", ("block",), draw.random(5), "cosine", "1")
    made.variable("bias", "reference_norm", ("block",), draw.random(5), "norm", "1")
    return made


def write_runs(folder: SweepFolder, plan: Plan) -> None:
    """Write result files as tasks would."""
    draw = np.random.default_rng(0)
    for first in range(0, len(plan), PER_FILE):
        places = range(first, min(first + PER_FILE, len(plan)))
        results = [result(draw) for _ in places]
        columns = {
            "run_id": ([plan.ids[place] for place in places], "identity", None, {}),
            "status": (np.zeros(len(places), np.int8), "status", None, {}),
            "wall_seconds": (np.full(len(places), 0.01), "wall time", "s", {}),
        }
        attributes = {"neurosim_version": "synthetic", "status": "settled", "shape": results[0].shape_digest()}
        write_stack(folder.runs / f"task-{first:012x}.h5", attributes, list(places), columns, results, {})


def main() -> None:
    """Measure."""
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    angles = max(2, points // 400)
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "synthetic.yaml"
        file.write_text(TEXT)
        grid = ("rule.beta=log:1e-3:1:400", f"circuit.imperfections.asymmetry.angle_deg=lin:0:90:{angles}")
        with timed(f"expand {400 * angles} points"):
            plan = Plan(load_scenario(str(file), (), grid))
        folder = SweepFolder(Path(name) / "sweep")
        folder.make()
        with timed("write the plan"):
            folder.adopt(plan)
        with timed("write synthetic runs"):
            write_runs(folder, plan)
        with timed("resume: read the plan"):
            folder.adopt(plan)
        with timed("resume: find what is done"):
            assert folder.done() == set(plan.ids)
        with timed("collect sweep.h5"):
            counts = collect(plan, folder, "")
        assert counts.good
        print(f"sweep.h5: {folder.result.stat().st_size / 2**20:.1f} MB; {counts}")


if __name__ == "__main__":
    main()
