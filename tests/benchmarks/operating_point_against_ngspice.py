"""Operating points of layered nets with junctions, and a transient, beside ngspice: medians of interleaved runs.

Ours is the search from rest without building the netlist, as the analysis time of ngspice is without parsing. Dense
bipartite nets with one node per source are the worst case of ngspice; the ratios are for such nets.

    python tests/benchmarks/operating_point_against_ngspice.py [RUNS]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "spice"))
from spice_nets import bench, layered, model_of

from neurosim.dynamics.polished import EQUILIBRIUM
from neurosim.spice.verify import operating_point, verify_operating_point, verify_transient

SIZES = ((64, 32, 10), (256, 64, 10), (784, 100, 10))
OURS_PER_RUN = 20


def main(runs: int) -> None:
    """Print one line per net: times in s, ratios, and the largest difference of node voltages."""
    print("net          resistors  ours        ngspice analysis  ratio  process   ratio  difference")
    for sizes in SIZES:
        circuit = layered(sizes, "si")
        model = model_of(circuit)
        on = bench(model)
        system, _ = operating_point(model, on)
        ours, analysis, process, apart = [], [], [], []
        for _ in range(runs):
            for _ in range(OURS_PER_RUN):
                state = system.rest()
                start = time.perf_counter()
                EQUILIBRIUM.relax(system, state)
                ours.append(time.perf_counter() - start)
            found = verify_operating_point(model, on, 600.0)
            analysis.append(found.answer.analysis_seconds)
            process.append(found.answer.process_seconds)
            apart.append(found.difference)
        a, b, c = np.median(ours), np.median(analysis), np.median(process)
        name, resistors = "-".join(map(str, sizes)), sizes[1] * (sizes[0] + sizes[2])
        ratios = f"{b:>16.3f}  {b / a:>5.0f}  {c:>7.3f}  {c / a:>6.0f}"
        print(f"{name:<12} {resistors:>9}  {a:.2e}  {ratios}  {max(apart):.1e} V")
    model = model_of(layered((64, 32, 10), "si"))
    start = time.perf_counter()
    found = verify_transient(model, bench(model), 600.0)
    both = time.perf_counter() - start
    theirs = found.answer.process_seconds
    print(
        f"transient of 64-32-10: {found.times} times, ours {both - theirs:.2f} s, ngspice {theirs:.2f} s, difference "
        f"{found.difference:.1e} V, bound {found.bound:.1e} V"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
