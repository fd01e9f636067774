"""Small sweep.h5 files with known numbers, in the layout of `neurosim.sweep.collect`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from plots_files import attributes

from neurosim.results.writer import ResultWriter
from neurosim.sweep.axes import coordinate, short_names
from neurosim.sweep.collect import FAILED, MEANINGS, MISSING

UNSETTLED, DIVERGED = MEANINGS.index("not_settled"), MEANINGS.index("diverged")
TERMS, BLOCKS = ("settling", "nudge", "asymmetry", "total"), ("W_0", "b_1", "all")
SHARES = np.outer([0.125, 0.25, 0.5, 1.0], [0.01, 0.1, 1.0])  # of a term and a block in the number of a point

BETAS, ANGLES = (0.001, 0.01, 0.1, 1.0), (0.0, 30.0, 60.0)
GRID = {"rule.beta": BETAS, "circuit.imperfections.asymmetry.angle_deg": ANGLES}


def growing(**keys: Any) -> Any:
    """A number that tells all places of a grid of numbers apart: larger along every key, later keys count more."""
    factors = [10.0 ** (k * (1 + _places(values))) for k, values in enumerate(keys.values(), 1)]
    return 1e-3 * np.prod(np.broadcast_arrays(*factors), axis=0)


def _places(values: Any) -> Any:
    known = sorted(set(np.ravel(values).tolist()))
    return np.vectorize(known.index)(values) / max(1, len(known))


def write_sweep(
    path: Path,
    *,
    grid: Mapping[str, Sequence[Any]] | None = None,
    points: Mapping[str, Sequence[Any]] | None = None,
    number: Callable[..., Any] = growing,
    cosine: Callable[..., Any] | None = None,
    noise: Callable[..., Any] | None = None,
    codes: Mapping[tuple[int, ...], int] | None = None,
    analysis: str = "bias",
) -> Path:
    """Write a sweep; `number`, `cosine` and `noise` are functions of all keys, by the names of their coordinates.

    `codes` gives statuses of some points; those that failed, are missing or diverged have no number.
    """
    grid = (GRID if points is None else {}) if grid is None else grid
    names = short_names([*grid, *(points or {})], {"point", "status", "bias", "train", "block", "term"})
    dimensions = tuple(names[key] for key in grid) + (("point",) if points else ())
    lengths = [len(values) for values in grid.values()] + ([len(next(iter(points.values())))] if points else [])
    status = np.zeros(lengths, np.int8)
    for place, code in (codes or {}).items():
        status[place] = code
    keys = {}
    for axis, (key, values) in enumerate([*grid.items(), *(points or {}).items()]):
        shape = [1] * len(lengths)
        shape[min(axis, len(lengths) - 1)] = -1
        keys[names[key]] = np.broadcast_to(np.asarray(coordinate(values)).reshape(shape), lengths)
    lost = np.isin(status, (DIVERGED, FAILED, MISSING))
    values = np.where(lost, np.nan, number(**keys))
    rows = [dict(zip(points or {}, row, strict=True)) for row in zip(*(points or {}).values(), strict=True)]
    section = {"grid": {key: len(column) for key, column in grid.items()}, "list": rows}
    root = {
        "sweep": json.dumps(section, default=float),
        "sweep_dimensions": " ".join(dimensions),
        "point_analysis": analysis,
        "status": "failed" if status.any() else "finished",
        "message": f"{np.count_nonzero(status < MISSING)} of {status.size} points done",
    }
    with ResultWriter(path, attributes("sweep", **root)) as writer:
        for key, column in grid.items():
            writer.dimension("/", names[key], coordinate(column), key, attributes={"key": key})
        if points:
            writer.dimension("/", "point", np.arange(lengths[-1]), "point of the sweep")
        for key, column in (points or {}).items():
            stored = coordinate(column)
            stored = stored.astype(object) if stored.dtype.kind == "U" else stored
            writer.variable("/", names[key], ("point",), stored, key, attributes={"key": key})
        flags = {"flag_values": np.arange(len(MEANINGS), dtype=np.int8), "flag_meanings": " ".join(MEANINGS)}
        writer.variable("/", "status", dimensions, status, "how each point ended", attributes=flags)
        writer.variable("/", "wall_seconds", dimensions, np.where(lost, np.nan, 2.0), "wall time of each point", "s")
        if analysis in ("bias", "train"):
            writer.dimension(analysis, "block", list(BLOCKS), "parameter block")
        if analysis == "bias":
            writer.dimension("bias", "term", list(TERMS), "term of the ladder")
            axes = (*dimensions, "term", "block")
            what = "norm of the term over that of the exact gradient"
            writer.variable("bias", "relative_norm", axes, values[..., None, None] * SHARES, what, "1")
        if analysis == "train":
            for which, share in (("test", 1.0), ("train", 0.5)):
                what = f"fraction of {which} samples misclassified after the epoch; after the last epoch"
                writer.variable("train", f"final_{which}_error", dimensions, share * values, what, "1")
            writer.variable("train", "final_loss", dimensions, values, "mean training cost", "1")
        group = "train/final_gradient_cosine" if analysis == "train" else "bias/cosine"
        if cosine is not None:
            projected = np.where(lost, np.nan, cosine(**keys))[..., None] * np.array([0.5, 0.9, 1.0])
            what = "cosine of the update with the exact gradient"
            writer.variable(*group.split("/"), (*dimensions, "block"), projected, what, "1")
        if noise is not None:
            scatter = np.where(lost, np.nan, noise(**keys))
            for name, numbers in (("noise_spread", scatter), ("update_error", np.hypot(scatter, values))):
                numbers = numbers[..., None] * np.array([0.01, 0.1, 1.0])
                writer.variable("bias", name, (*dimensions, "block"), numbers, name, "1")
        writer.finish({})
    return path
