"""Equilibrium propagation beside recurrent back-propagation of the same network on Fashion-MNIST: a README table.

    python tests/benchmarks/equilibrium_on_fashion.py --data-dir DIR [--epochs 10] [--jobs 2] [--keep FOLDER]

784-256-256-10 shifted sigmoids, half squared error, the shipped scenario ep_fashion; every run has one thread.
Reciprocal conductances first, then feedback that starts at 90 degrees. Results that are already in the folder are not
computed again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
from matplotlib.figure import Figure

UNRELATED = ("circuit.feedback=independent", "circuit.imperfections={asymmetry: {angle_deg: 90}}")
HOMEOSTASIS = "rule.homeostasis={weight: 1.0, draws: 5}"
EXACT = "rule={type: recurrent_backprop, solve: iterative}"
BY_EULER = ("dynamics={solver: euler, dt: 1.0, t_end: 150, tolerance: 3.0e-5, unsettled_limit: 0.05}",)
DYADS = "circuit.layers=[784, 256, 256, 10]"  # of scenario dyad_fashion
RULES = {
    "reciprocal, N = 2": ("rule.points=2",),
    "reciprocal, N = 4": (),
    "reciprocal, recurrent back-propagation": (EXACT,),
    "90 degrees, N = 2": ("rule.points=2", *UNRELATED),
    "90 degrees, N = 2, homeostasis": ("rule.points=2", *UNRELATED, HOMEOSTASIS),
    "90 degrees, N = 2, Kolen-Pollack": (
        "rule.points=2", *UNRELATED, "rule.feedback_learning=kolen_pollack", "analysis.optimizer.weight_decay=1e-4",
    ),
    "90 degrees, N = 2, asymmetric correction": ("rule.points=2", *UNRELATED, "rule.correction=asymmetric"),
    "90 degrees, dyadic correction": ("rule={type: equilibrium, correction: dyadic}", *UNRELATED, *BY_EULER),
    "90 degrees, recurrent back-propagation": (EXACT, *UNRELATED),
    "dyads, dual propagation": (DYADS,),
    "90 degrees, vanishing nudge": ("rule={type: equilibrium, nudging: vanishing}", *UNRELATED),
}  # fmt: skip


def run(rule: str, arguments: argparse.Namespace, folder: Path) -> Path:
    """Run one training unless its result is there; return the result."""
    result = folder / f"{''.join(c for c in rule if c.isalnum())}-{arguments.epochs}.h5"
    if not result.exists():
        changes = [*RULES[rule], f"analysis.epochs={arguments.epochs}"]
        options = [text for change in changes for text in ("--set", change)]
        scenario = "dyad_fashion" if rule.startswith("dyads") else "ep_fashion"
        command = [sys.executable, "-m", "neurosim", "run", scenario, "-o", str(result), "--quiet", "--threads", "1"]
        command += ["--data-dir", str(arguments.data_dir), *options]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", default="", help="only rules whose name contains this")
    arguments = parser.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    rules = [rule for rule in RULES if arguments.only in rule]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(lambda rule: run(rule, arguments, folder), rules))
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="test error (%)", ylim=(10.0, 20.0))
    for i, (rule, result) in enumerate(zip(rules, results, strict=True)):
        with h5py.File(result) as file:
            train = file["train"]
            errors, seconds = 100 * train["test_error"][:], train["seconds"][:]
            unsettled, told = train["unsettled_fraction"][:].max(), file.attrs["status"]
        last = f"{errors[-1]:6.2f} % (best {errors.min():.2f}) after {len(errors)}" if len(errors) else "no epoch"
        axes.plot(range(1, len(errors) + 1), errors, color=f"C{i % 10}", linestyle="-" if i < 10 else "--", label=rule)
        print(f"{rule:<42} {last}   {seconds.mean():5.1f} s per epoch   unsettled at most {unsettled:.1e}   {told}")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", frameon=False)
    figure.savefig(folder / "curves.png", dpi=150)
    print(folder / "curves.png")


if __name__ == "__main__":
    main()
