"""Test error of dual propagation beside back-propagation on MNIST and Fashion-MNIST: the table of the README.

    python tests/benchmarks/rules_on_images.py --data-dir DIR [--seeds 3] [--epochs 10] [--jobs 2] [--keep FOLDER]

784-512-512-10 rectified units, half squared error, Adam 1e-3, batch 100, float32, the shipped scenarios dyad_mnist and
dyad_fashion with the transposed variant, beta = 0.1. For alpha 0 and 1 one backward sweep is exact; for alpha 1/2 the
sweeps go on until every sample has settled. Results that are already in the folder are not computed again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np

SETTLED = ("dynamics.max_steps=50", "dynamics.tolerance=1e-4", "dynamics.unsettled_limit=0.001")
RULES = {
    "back-propagation": ("rule={type: backprop}",),
    "alpha 0": ("rule.alpha=0.0",),
    "alpha 1/2": ("rule.alpha=0.5", *SETTLED),
    "alpha 1": ("rule.alpha=1.0",),
}
SCENARIOS = {"MNIST": "dyad_mnist", "Fashion-MNIST": "dyad_fashion"}


def run(scenario: str, rule: str, seed: int, arguments: argparse.Namespace, folder: Path) -> Path:
    """Run one training unless its result is there; return the result."""
    result = folder / f"{scenario}-{rule.replace(' ', '_').replace('/', '')}-{seed}.h5"
    if not result.exists():
        changes = [*RULES[rule], f"seed={seed}", f"analysis.epochs={arguments.epochs}"]
        options = [text for change in changes for text in ("--set", change)]
        command = [sys.executable, "-m", "neurosim", "run", scenario, "-o", str(result), "--quiet", "--threads", "1"]
        command += ["--data-dir", str(arguments.data_dir), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [(s, rule, seed) for seed in range(arguments.seeds) for s in SCENARIOS.values() for rule in RULES]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        results = dict(zip(tasks, pool.map(lambda task: run(*task, arguments, folder), tasks), strict=True))
    print(f"test error after {arguments.epochs} epochs, mean and standard deviation of {arguments.seeds} seeds")
    for data, scenario in SCENARIOS.items():
        for rule in RULES:
            errors, unsettled = [], []
            for seed in range(arguments.seeds):
                with h5py.File(results[scenario, rule, seed]) as file:
                    errors.append(100 * file["train/test_error"][-1])
                    unsettled.append(file["train/unsettled_fraction"][:].max())
            spread = np.std(errors, ddof=1) if len(errors) > 1 else float("nan")
            told = f"{np.mean(errors):6.2f} +- {spread:.2f} %"
            print(f"{data:<14} {rule:<17} {told}   unsettled at most {max(unsettled):.1e}")


if __name__ == "__main__":
    main()
