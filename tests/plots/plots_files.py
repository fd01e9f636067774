"""Small result files with known curves, as the analyses write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.dynamics.status import Status
from neurosim.results.writer import ResultWriter

MEANINGS = " ".join(status.key for status in Status)
BETA = 0.1
FORWARD = (0.25, 0.75)


def attributes(analysis: str, **more: Any) -> dict[str, Any]:
    return {"neurosim_version": "0", "name": "small", "run_id": "0123456789ab", "analysis": analysis, **more}


def amplitudes(units: int) -> Any:
    """Final states: alternating signs, the later the larger."""
    return np.arange(1, units + 1) / units * np.where(np.arange(units) % 2, -1.0, 1.0)


def write_relax(
    path: Path,
    *,
    layers: Sequence[int] = (12, 3),
    compartments: int = 2,
    phases: Sequence[tuple[str, float]] = (("free", 0.0), ("nudged", BETA)),
    times: Any = None,
    saves: Sequence[int] | None = None,
    units: str = "s",
    samples: int = 2,
    codes: Any = None,
    rates: Any = None,
    targets: Any = None,
    dynamics: str = "{solver: rk4, dt: 0.1, t_end: 4.0, tolerance: 1.0e-6}",
) -> Path:
    """Write a relaxation: the free phase charges units with time constant 1, the nudge pulls compartments apart."""
    times = np.linspace(0.0, 4.0, 41) if times is None else np.asarray(times, float)
    saves = [len(times)] * len(phases) if saves is None else saves
    codes = np.zeros((len(phases), samples), np.int8) if codes is None else np.asarray(codes, np.int8)
    with ResultWriter(path, attributes("relax", scenario=f"schema: 1\ndynamics: {dynamics}\n")) as writer:
        group = "relax"
        writer.dimension(group, "phase", [name for name, _ in phases], "phase of the rule")
        writer.variable(group, "nudge", ("phase",), [nudge for _, nudge in phases], "nudging strength", "1")
        writer.dimension(group, "time", times, "time since the phase began", units)
        writer.dimension(group, "sample", np.arange(samples), "test sample")
        writer.dimension(group, "compartment", np.arange(compartments), "compartment of a neuron")
        forward = FORWARD if compartments == 2 else (1.0,)
        writer.variable(group, "forward_weight", ("compartment",), forward, "weight in the mean sent forward", "1")
        for k, count in enumerate(layers, start=1):
            states = np.full((len(phases), len(times), samples, compartments, count), np.nan, np.float32)
            for phase, (_, nudge) in enumerate(phases):
                rise = (1.0 - np.exp(-times))[: saves[phase], None, None]
                mean = (rise if phase == 0 else 1.0) * amplitudes(count) * (1.0 + np.arange(samples)[:, None])
                pull = rise * nudge * amplitudes(count)[::-1] if phase else 0.0
                for c, share in enumerate((0.75, -0.25)[:compartments]):
                    states[phase, : saves[phase], :, c] = mean + (share * pull if compartments == 2 else 0.0)
            writer.dimension(group, f"unit_layer_{k}", np.arange(count), f"unit of layer_{k}")
            dimensions = ("phase", "time", "sample", "compartment", f"unit_layer_{k}")
            writer.variable(group, f"state_layer_{k}", dimensions, states, f"state of layer_{k}", "1")
        if rates is None:
            rates = np.full((len(phases), len(times)), np.nan)
            for phase, count in enumerate(saves):
                rates[phase, :count] = 10.0**-phase * np.exp(-times[:count])
        writer.variable(group, "rms_rate", ("phase", "time"), rates, "RMS of tau d(state)/dt over all samples", "1")
        targets = np.eye(layers[-1])[np.arange(samples) % layers[-1]] if targets is None else np.asarray(targets)
        writer.dimension(group, "output", np.arange(layers[-1]), "output")
        writer.variable(group, "targets", ("sample", "output"), targets, "targets", "1")
        flags = {"flag_values": np.arange(len(Status), dtype=np.int8), "flag_meanings": MEANINGS}
        writer.variable(group, "status", ("phase", "sample"), codes, "how it ended", attributes=flags)
        writer.finish({"status": list(Status)[codes.max()].key, "message": ""})
    return path


def write_bias(
    path: Path,
    *,
    blocks: Sequence[str] = ("W_0", "b_1", "W_1", "b_2", "B_1", "all"),
    norms: Any = None,
    alignments: Any = None,
    angles: Any = ((32.0, 20.0, 0.0), (31.0, 20.0, 0.0), (30.0, 20.0, 0.0)),
    cosine: Any = 0.98,
    status: str = "settled",
    message: str = "",
) -> Path:
    """Write a bias ladder; the terms of a block are powers of ten, all of them against the gradient."""
    terms = ["settling", "nudge", "asymmetry", "total"]
    if norms is None:
        norms = 10.0 ** -(np.arange(4.0)[:, None] + 0.3 * np.arange(len(blocks)))
    if alignments is None:
        parts = -0.3 * np.asarray(norms)[:3]
        alignments = np.concatenate([parts, parts.sum(axis=0, keepdims=True)])
    angles = np.asarray(angles, float)
    with ResultWriter(path, attributes("bias")) as writer:
        writer.dimension("bias", "block", list(blocks), "parameter block")
        writer.dimension("bias", "term", terms, "term")
        writer.variable("bias", "relative_norm", ("term", "block"), norms, "norm", "1")
        writer.variable("bias", "alignment", ("term", "block"), alignments, "projection", "1")
        writer.variable("bias", "cosine", ("block",), np.full(len(blocks), cosine), "cosine", "1")
        writer.dimension("bias", "rung", ["measured", "settled", "limit"], "rung of the ladder")
        writer.dimension("bias", "layer", [f"layer_{k + 1}" for k in range(angles.shape[1])], "layer")
        writer.variable("bias", "error_cosine", ("rung", "layer"), np.cos(np.radians(angles)), "cosine", "1")
        writer.finish({"status": status, "message": message})
    return path


def write_train(
    path: Path,
    *,
    train_error: Sequence[float] | None = (0.8, 0.2, 0.04, 0.02),
    test_error: Sequence[float] | None = (0.5, 0.1, 0.05, 0.03),
    loss: Sequence[float] = (0.9, 0.5, 0.4, 0.35),
    test_loss: Sequence[float] = (0.6, 0.5, 0.45, 0.4),
    cosines: dict[str, Sequence[float]] | None = None,
    unsettled: Sequence[float] = (0.0, 0.0, 0.0, 0.0),
    status: str = "settled",
    message: str = "",
    plasticity: str = "per_batch",
) -> Path:
    """Write a training run."""
    columns = {"loss": loss, "test_loss": test_loss, "unsettled_fraction": unsettled}
    columns |= {} if train_error is None else {"train_error": train_error}
    columns |= {} if test_error is None else {"test_error": test_error}
    with ResultWriter(path, attributes("train")) as writer:
        writer.dimension("train", "epoch", np.arange(1, len(loss) + 1), "epoch")
        writer.set_attributes("train", {"plasticity": plasticity})
        for name, values in columns.items():
            writer.variable("train", name, ("epoch",), np.array(values)[: len(loss)], name, "1")
        if cosines:
            writer.dimension("train", "block", list(cosines), "parameter block")
            values = np.array(list(cosines.values())).T
            writer.variable("train", "gradient_cosine", ("epoch", "block"), values, "cosine", "1")
        writer.finish({"status": status, "message": message})
    return path


def write_robustness(
    path: Path,
    *,
    variants: Sequence[str] = ("plain", "alpha 0", "hardened"),
    epsilons: Sequence[float] = (0.05, 0.1, 0.2),
    fgsm: Sequence[bool] = (True, False, True),
    pgd: Sequence[bool] = (False, True, True),
    finished: int | None = None,
    unsettled: float = 0.0,
    status: str = "settled",
    message: str = "",
) -> Path:
    """Write attacked circuits: errors grow with the size of the attack and fall from variant to variant."""
    count, finished = len(variants), len(variants) if finished is None else finished
    there = np.where(np.arange(count) < finished, 1.0, np.nan)
    worth = there * (1.0 - 0.2 * np.arange(count) / count)
    errors = worth[:, None, None] * np.array([[2.0], [3.0]]) * np.asarray(epsilons)
    errors = np.where(np.array([fgsm, pgd]), errors, np.nan)
    with ResultWriter(path, attributes("robustness")) as writer:
        writer.dimension("robustness", "variant", list(variants), "variant")
        writer.dimension("robustness", "attack", ["fgsm", "pgd"], "kind of attack")
        writer.dimension("robustness", "epsilon", list(epsilons), "size", "1")
        writer.dimension("robustness", "epoch", [1, 2], "epoch")
        writer.variable("robustness", "attacked_error", ("variant", "attack", "epsilon"), errors, "error", "1")
        writer.variable("robustness", "clean_error", ("variant",), 0.02 * there, "clean", "1")
        writer.variable("robustness", "product_norm", ("variant",), 2.0 * worth, "norm of the product", "1")
        writer.variable("robustness", "norm_product", ("variant",), 7.0 * worth, "product of the norms", "1")
        fractions = np.full((count, 2), unsettled) * there[:, None]
        writer.variable("robustness", "epoch_unsettled_fraction", ("variant", "epoch"), fractions, "unsettled", "1")
        writer.finish({"status": status, "message": message})
    return path
