"""Deep resistive networks on MNIST with published settings: test error and seconds per epoch, several seeds.

    python tests/benchmarks/deep_resistive_on_mnist.py --data-dir DIR [--scenario drn_xs_mnist] [--epochs 10]
        [--seeds 7 8 9]

Every run has one thread, kernels from the cache. The last line is the general path, one batch after the other, on the
first 4000 samples: what fused plasticity saves.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np


def run(arguments: argparse.Namespace, result: Path, *changes: str) -> tuple[np.ndarray, np.ndarray]:
    """Run one training; return test errors in percent, and seconds, per epoch."""
    command = [sys.executable, "-m", "neurosim", "run", arguments.scenario, "-o", str(result), "--quiet"]
    command += ["--threads", "1", "--data-dir", str(arguments.data_dir)]
    command += [text for change in changes for text in ("--set", change)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with h5py.File(result) as file:
        return 100 * file["train/test_error"][:], file["train/seconds"][:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--scenario", default="drn_xs_mnist")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(arguments, Path(folder) / "warm.h5", "analysis.epochs=1", "analysis.train_limit=400")
        for seed in arguments.seeds:
            changes = (f"seed={seed}", f"analysis.epochs={arguments.epochs}")
            errors, seconds = run(arguments, Path(folder) / f"{seed}.h5", *changes)
            print(
                f"seed {seed}: test error {errors[0]:.2f} % after 1 epoch, {errors[-1]:.2f} % after {len(errors)} "
                f"(best {errors.min():.2f}); seconds per epoch: best {seconds.min():.2f}, mean {seconds.mean():.2f}"
            )
        few = ("analysis.epochs=1", "analysis.train_limit=4000", "analysis.test_limit=100")
        per_batch = []
        for name, change in (("fused", "seed=7"), ("general", "analysis.plasticity=per_batch")):
            _, seconds = run(arguments, Path(folder) / f"{name}.h5", *few, change)
            per_batch.append(1e6 * seconds[0] / 1000)
        print(f"1000 batches: {per_batch[0]:.0f} us per batch fused, {per_batch[1]:.0f} us on the general path")


if __name__ == "__main__":
    main()
