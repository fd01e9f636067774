"""`neurosim inspect`: what is in a result, where it comes from, how it ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import h5py

ROOT = ("name", "run_id", "analysis", "seed", "created", "command", "neurosim_version")
SHOWN_VALUES = 8


def inspect(
    result: Annotated[Path, typer.Argument(help="A result file.")],
    scenario: Annotated[
        bool, typer.Option("--scenario", help="Print the resolved scenario, ready to run again.")
    ] = False,
) -> None:
    """Print what is in RESULT: status, provenance, key figures, arrays."""
    from neurosim.results.reader import open_result, text

    with open_result(result) as file:
        if scenario:
            typer.echo(text(file.attrs["scenario"]), nl=False)
            return
        typer.echo(f"{result}")
        told = [("status", text(file.attrs["status"])), ("message", text(file.attrs["message"]))]
        warning = text(file.attrs.get("warning", ""))
        _table([*told, ("warning", warning.removeprefix("warning: "))] if warning else told)
        _table([(name, text(file.attrs[name])) for name in ROOT if name in file.attrs])
        if text(file.attrs["analysis"]) == "sweep":
            _sweep(file)
            return
        seconds = [f"{file.attrs[f'{what}_seconds']:.2f} s {what}" for what in ("wall", "compile")]
        _table([("time", ", ".join(seconds))])
        typer.echo("provenance")
        _table([(name, text(value)) for name, value in sorted(file["provenance"].attrs.items())])
        typer.echo("key figures")
        _table(key_figures(file))
        typer.echo("arrays")
        _table(arrays(file))


def _sweep(file: h5py.File) -> None:
    """Print what varies in a sweep, how its points ended, and what arrays there are."""
    import numpy as np

    from neurosim.results.reader import text

    _table([("of each point", text(file.attrs["point_analysis"]))])
    typer.echo("keys")
    swept = [item for item in file.values() if "key" in item.attrs]
    _table([(text(item.attrs["key"]), f"{item.name[1:]}: {_values(item)}") for item in swept])
    typer.echo("points")
    codes, meanings = file["status"][...], text(file["status"].attrs["flag_meanings"]).split()
    numbers = np.bincount(codes.ravel(), minlength=len(meanings)).tolist()
    shape = " x ".join(str(length) for length in codes.shape)
    _table([("in all", f"{codes.size} ({shape})" if codes.ndim > 1 else str(codes.size))])
    _table([(name, str(number)) for name, number in zip(meanings, numbers, strict=True) if number])
    seconds = file["wall_seconds"][...]
    if np.isfinite(seconds).any():
        _table([("wall time", f"{np.nansum(seconds):.4g} s in all, at most {np.nanmax(seconds):.3g} s")])
    typer.echo("arrays")
    _table(arrays(file))


def _values(item: h5py.Dataset) -> str:
    """Return the values of a key in one line: all of a few, the range of many numbers, the first of many texts."""
    from neurosim.results.reader import texts

    number = item.dtype.kind in "fiu"
    values = [f"{value:g}" for value in item[...].tolist()] if number else texts(item)
    if len(values) <= SHOWN_VALUES:
        return ", ".join(values)
    if number:
        return f"{len(values)} values from {item[...].min():g} to {item[...].max():g}"
    return f"{len(values)} values: {', '.join(values[:SHOWN_VALUES])}, ..."


def key_figures(file: h5py.File) -> list[tuple[str, str]]:
    """Return the figures that say most about a run, each with its name."""
    from neurosim.results.reader import texts

    rows = []
    if "train" in file:
        train = file["train"]
        for name in ("loss", "train_error", "test_loss", "test_error", "unsettled_fraction", "mean_steps", "seconds"):
            if name in train and len(train[name]):
                rows.append((name, f"{train[name][-1]:.6g} after epoch {len(train[name])}"))
        if "test_error" in train and len(train["test_error"]):
            values = train["test_error"][:]
            rows.append(("best test_error", f"{values.min():.6g} after epoch {int(values.argmin()) + 1}"))
        if "gradient_cosine" in train and len(train["gradient_cosine"]):
            last = zip(texts(train["block"]), train["gradient_cosine"][-1], strict=True)
            rows.append(("gradient_cosine", ", ".join(f"{block} {value:.6f}" for block, value in last)))
        if "baseline_loss" in train:
            losses = zip(texts(train["baseline"]), train["baseline_loss"][:], strict=True)
            rows.append(("test_loss to beat", ", ".join(f"{name} {value:.6g}" for name, value in losses)))
    if "perturbation" in file:
        group = file["perturbation"]
        for reference, cosine in zip(texts(group["reference"]), group["cosine"][:], strict=True):
            means = zip(texts(group["rule"]), cosine[:, :, -1].mean(axis=1), strict=True)
            rows.append((f"cosine {reference}", ", ".join(f"{rule} {value:.3f}" for rule, value in means)))
        rows.append(("noisy copies", f"{group['samples'][-1]}; means of {len(group['network'])} networks"))
    if "robustness" in file:
        group = file["robustness"]
        errors = group["attacked_error"][:]
        for i, variant in enumerate(texts(group["variant"])):
            told = [f"test error {group['clean_error'][i]:.6g}"]
            for j, attack in enumerate(texts(group["attack"])):
                asked = zip(group["epsilon"][:], errors[i, j], strict=True)
                told += [f"{attack} {size:g}: {error:.6g}" for size, error in asked if error == error]  # not NaN
            rows.append((variant, f"{', '.join(told)}; norm of the product {group['product_norm'][i]:.6g}"))
    if "relax" in file:
        relax = file["relax"]
        for i, phase in enumerate(texts(relax["phase"])):
            worst = relax["final_rate"][i].max()
            rows.append((f"phase {phase}", f"{relax['steps'][i]} steps, final RMS rate at most {worst:.3g}"))
        if "energy" in relax:
            energies, phase = relax["energy"][0], texts(relax["phase"])[0]
            span = f"mean of {len(energies)} samples over phase {phase}"
            rows.append(("energy per inference", f"{energies.mean():.4g} J, {span}"))
    return rows


def arrays(file: h5py.File) -> list[tuple[str, str]]:
    """Return the arrays of a file: path; shape, meaning and unit."""
    import h5py

    from neurosim.results.reader import text

    rows: list[tuple[str, str]] = []

    def visit(name: str, item: h5py.HLObject) -> None:
        if isinstance(item, h5py.Dataset):
            shape = " x ".join(str(n) for n in item.shape) or "scalar"
            units = text(item.attrs.get("units", ""))
            about = text(item.attrs.get("long_name", "")) + (f" [{units}]" if units not in ("", "1") else "")
            rows.append((f"/{name}", f"{shape}  {about}"))

    file.visititems(visit)
    return rows


def _table(rows: list[tuple[str, str]]) -> None:
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        typer.echo(f"  {name:<{width}}  {value}")
