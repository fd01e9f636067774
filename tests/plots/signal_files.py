"""Result files of small recurrent networks, computed here with plain NumPy, as analyses of signals write them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from plots_files import attributes

from neurosim.analysis.signal_results import write_decorrelation, write_sequence
from neurosim.datasets.load import load_dataset
from neurosim.datasets.sequence_settings import CopyingData, MackeyGlassData
from neurosim.results.writer import ResultWriter

RULES = ("np_step", "anp_step", "np_causal", "anp_causal")
SAMPLES = (1, 3, 10, 30, 100)


def network(seed: int, units: int, inputs: int = 1, outputs: int = 1) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(seed)
    shapes = ((units, inputs), (units, units), (outputs, units))
    return tuple(random.normal(0, np.sqrt(2 / sum(shape)), shape) for shape in shapes)


def rollout(A: Any, R: Any, B: Any, u: Any, xi: Any = None, zeta: Any = None, copies: int = 1) -> tuple[Any, Any, Any]:
    """Return currents, states and outputs of `copies` networks, each (steps, copies, ...)."""
    h, every = np.zeros((copies, len(R))), []
    for t in range(len(u)):
        a = A @ u[t] + h @ R.T + (0 if xi is None else xi[t])
        h = np.tanh(a)
        every.append((a, h, h @ B.T + (0 if zeta is None else zeta[t])))
    return tuple(np.array(values) for values in zip(*every, strict=True))


def exact(A: Any, R: Any, B: Any, u: Any, y: Any, full: bool) -> Any:
    """Return the gradient of the summed squared error, through time or one step deep, flat."""
    _, h, o = rollout(A, R, B, u)
    h, back = h[:, 0], 2 * (o[:, 0] - y)
    e = (back @ B) * (1 - h**2)
    for t in range(len(u) - 2, -1, -1) if full else ():
        e[t] += (e[t + 1] @ R) * (1 - h[t] ** 2)
    earlier = np.vstack([0 * h[:1], h[:-1]])
    return np.concatenate([np.ravel(G) for G in (e.T @ u, e.T @ earlier, back.T @ h)])


def estimates(A: Any, R: Any, B: Any, u: Any, y: Any, copies: int, seed: int, size: float = 1e-3) -> dict[str, Any]:
    """Return the mean update of every rule over the first K copies, for all K of `SAMPLES` that are there."""
    random, (N, M) = np.random.default_rng(seed), (len(R), len(B))
    xi, zeta = (size * random.standard_normal((len(u), copies, n)) for n in (N, M))
    a0, h0, o0 = rollout(A, R, B, u)
    a1, _, o1 = rollout(A, R, B, u, xi, zeta, copies)
    dl = ((o1 - y[:, None]) ** 2).sum(2) - ((o0 - y[:, None]) ** 2).sum(2)
    da, do = a1 - a0, o1 - o0
    credits, norms = {"step": dl, "causal": dl[::-1].cumsum(0)[::-1]}, (da**2).sum(2) + (do**2).sum(2)
    earlier = np.vstack([0 * h0[:1, 0], h0[:-1, 0]])
    found = {}
    for rule in RULES:
        kind, credit = rule.split("_")
        c = credits[credit]
        if kind == "np":
            e, eo = c[..., None] * xi / size**2, dl[..., None] * zeta / size**2
        else:
            scale = 1 / norms if credit == "step" else len(u) / norms.sum(0)
            e, eo = ((N + M) * (scale * c)[..., None] * d for d in (da, do))
        means = [(e[:, :K].mean(1), eo[:, :K].mean(1)) for K in SAMPLES]
        found[rule] = [
            np.concatenate([np.ravel(G) for G in (e.T @ u, e.T @ earlier, eo.T @ h0[:, 0])]) for e, eo in means
        ]
    return found


@cache
def cosines(networks: int = 6, units: int = 30, steps: int = 40) -> tuple[Any, Any]:
    """Return cosine (2, rules, networks, K) with both gradients, and of these with each other."""
    task = load_dataset(MackeyGlassData(set="mackey_glass", length=steps), "float64", 1).batch("train", 0, 1)
    u, y = task.inputs[:, 0], task.targets[:, 0]
    cosine, ceiling = np.empty((2, len(RULES), networks, len(SAMPLES))), np.empty(networks)
    for n in range(networks):
        weights = network(n, units)
        gradients = [exact(*weights, u, y, full) for full in (True, False)]
        ceiling[n] = alike(*gradients)
        for i, updates in enumerate(estimates(*weights, u, y, max(SAMPLES), n).values()):
            cosine[:, i, n] = [[alike(update, gradient) for update in updates] for gradient in gradients]
    return cosine, ceiling


def alike(a: Any, b: Any) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def write_sequence_file(
    path: Path,
    *,
    task: str = "mackey_glass",
    units: int = 20,
    steps: int = 150,
    state: Any = None,
    units_of_target: str = "1",
    time_units: str = "1",
) -> Path:
    """Write the run of a random network whose readout was fitted by least squares on the same steps."""
    if task == "copying":
        dataset = load_dataset(CopyingData(set="copying", length=5, delay=4), "float64", 1)
    else:
        dataset = load_dataset(MackeyGlassData(set="mackey_glass", task="recall", length=steps), "float64", 1)
    batch = dataset.batch("test", 0, 1)
    u, y = batch.inputs[:, 0], batch.targets[:, 0]
    A, R, B = network(2, units, dataset.inputs, dataset.outputs)
    h = rollout(A, R, B, u)[1][:, 0]
    output = h @ np.linalg.lstsq(h, y, rcond=1e-3)[0]
    counted = np.arange(len(u)) >= 15 if task == "recall" else batch.counted
    arrays = {"time": np.arange(len(u)), "target": y, "output": output, "counted": counted, "state": h}
    arrays |= {} if state is None else {"state": state}
    with ResultWriter(path, attributes("train")) as writer:
        write_sequence(writer, **arrays, channels=dataset.target_names, units=units_of_target, time_units=time_units)
        writer.finish({"status": "finished", "message": ""})
    return path


def write_perturbation_file(
    path: Path, *, rules: Sequence[str] = RULES, cosine: Any = None, with_ceiling: bool = True
) -> Path:
    """Write cosines of updates of random networks on Mackey-Glass."""
    values, ceiling = cosines()
    values = values if cosine is None else cosine
    with ResultWriter(path, attributes("perturbation")) as writer:
        group = "perturbation"
        writer.dimension(group, "reference", ["bptt", "one_step"], "exact gradient")
        writer.dimension(group, "rule", list(rules), "rule")
        writer.dimension(group, "network", np.arange(values.shape[2]), "network")
        writer.dimension(group, "samples", SAMPLES[: values.shape[3]], "noisy copies K")
        writer.variable(group, "cosine", ("reference", "rule", "network", "samples"), values, "cosine", "1")
        if with_ceiling:
            writer.variable(group, "reference_cosine", ("network",), ceiling, "cosine of the gradients", "1")
        writer.finish({"status": "finished", "message": ""})
    return path


def write_decorrelation_file(path: Path, *, shrink: float = 1.0, still: int = 0) -> Path:
    """Write the correlations of 12 mixed signals, and of the same after they were whitened, and shrunk."""
    random = np.random.default_rng(3)
    before = random.standard_normal((400, 12)) @ (np.eye(12) + 0.35 * random.standard_normal((12, 12)))
    values, vectors = np.linalg.eigh(np.cov(before.T))
    white = (before - before.mean(axis=0)) @ (vectors / np.sqrt(values)) @ vectors.T
    after = shrink * (0.85 * white * before.std() + 0.15 * before)
    after[:, :still] = 0.5
    with ResultWriter(path, attributes("train")) as writer:
        write_decorrelation(writer, before, after)
        writer.finish({"status": "finished", "message": ""})
    return path
