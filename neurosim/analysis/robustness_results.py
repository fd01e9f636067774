"""How a comparison of trained circuits goes into the result file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.analysis.contender import ATTACKS, Contender, Findings
from neurosim.analysis.robustness_settings import Variant
from neurosim.analysis.run import Outcome
from neurosim.dynamics.status import flags
from neurosim.results.sink import ResultSink

Array = npt.NDArray[Any]

GROUP = "robustness"

# name: long name; all are dimensionless, costs and gradients in units of the cost
FIGURES = {
    "product_norm": "spectral norm of W_0 W_1 ... W_{L-1}, and R of a readout: the steepest slope if units were linear",
    "norm_product": "product of the spectral norms of these, a Lipschitz bound where f' <= 1 and nothing feeds back",
    "gradient_penalty": "mean over test samples of sum_k |dC/d(current of layer k)|^2",
    "input_gradient": "mean over test samples of the sum of |dC/d(input)|",
    "objective_excess": "(J - C) / ((beta/2) P), settled and nudged, with the penalty P = sum_k dC/da_k . dC/ds_k",
    "expected_excess": "what the excess tends to as beta vanishes, 1 - 2 alpha",
}
# Columns of the training log that say how a variant came about.
EPOCHS = {
    "epoch_loss": ("loss", "mean training cost during the epoch"),
    "epoch_train_error": ("train_error", "fraction of training samples misclassified during the epoch"),
    "epoch_test_error": ("test_error", "fraction of test samples misclassified after the epoch, without an attack"),
    "epoch_unsettled_fraction": ("unsettled_fraction", "fraction of relaxations that did not settle"),
}


def write_comparison(
    writer: ResultSink,
    variants: Sequence[Variant],
    contenders: Sequence[Contender],
    findings: Sequence[Findings | None],
    outcomes: Sequence[Outcome],
) -> None:
    """Write /robustness: what was found of every variant, NaN where there was nothing to find, and its conductances.

    Parameters
    ----------
    writer : ResultSink
        Where to.
    variants, contenders, findings, outcomes : sequences of equal length
        What was asked, the trained circuits, what was found of them and how each run ended.
    """
    chosen = contenders[0].chosen
    writer.dimension(GROUP, "variant", [variant.name for variant in variants], "variant")
    _write_errors(writer, chosen.fgsm, chosen.pgd, findings)
    for name, what in FIGURES.items():
        values = [np.nan if found is None else found.figures[name] for found in findings]
        writer.variable(GROUP, name, ("variant",), values, what, "1")
    adversarial = [variant.adversarial for variant in variants]
    what = "size of the FGSM attack on every training batch"
    writer.variable(GROUP, "adversarial", ("variant",), adversarial, what, "1")
    codes = np.array([outcome.status.code for outcome in outcomes], np.int8)
    writer.variable(GROUP, "status", ("variant",), codes, "how each variant ended", attributes=flags())
    _write_epochs(writer, contenders)
    _write_conductances(writer, contenders)


def _write_errors(
    writer: ResultSink, fgsm: Sequence[float], pgd: Sequence[float], findings: Sequence[Findings | None]
) -> None:
    sizes = sorted({*fgsm, *pgd})
    writer.dimension(GROUP, "attack", list(ATTACKS), "kind of attack")
    writer.dimension(GROUP, "epsilon", sizes, "largest change of an input", "1")
    attacked = np.full((2, len(findings), len(ATTACKS), len(sizes)), np.nan)
    clean = np.full((2, len(findings)), np.nan)
    for i, found in enumerate(findings):
        if found is None:
            continue
        clean[:, i] = found.clean.fraction_wrong, found.clean.mean_loss
        for (kind, size), tally in found.attacked.items():
            attacked[:, i, ATTACKS.index(kind), sizes.index(size)] = tally.fraction_wrong, tally.mean_loss
    error, loss = "fraction of test samples misclassified", "mean test cost"
    axes = ("variant", "attack", "epsilon")
    writer.variable(GROUP, "clean_error", ("variant",), clean[0], f"{error}, without an attack", "1")
    writer.variable(GROUP, "clean_loss", ("variant",), clean[1], f"{loss}, without an attack", "1")
    writer.variable(GROUP, "attacked_error", axes, attacked[0], f"{error} under the attack", "1")
    writer.variable(GROUP, "attacked_loss", axes, attacked[1], f"{loss} under the attack", "1")


def _write_epochs(writer: ResultSink, contenders: Sequence[Contender]) -> None:
    epochs = int(contenders[0].settings.epochs)
    writer.dimension(GROUP, "epoch", np.arange(1, epochs + 1), "epoch")
    for name, (column, what) in EPOCHS.items():
        values = np.full((len(contenders), epochs), np.nan)
        for row, contender in zip(values, contenders, strict=True):
            logged = contender.log.columns.get(column, [])
            row[: len(logged)] = logged
        writer.variable(GROUP, name, ("variant", "epoch"), values, what, "1")


def _write_conductances(writer: ResultSink, contenders: Sequence[Contender]) -> None:
    """Write /robustness/parameters, one array for all variants, and /robustness/initial, which they share."""
    models = [contender.model for contender in contenders]
    for model in models:
        model.synchronise()
    made: set[str] = set()
    for block in models[0].parameters.blocks:
        names = models[0].parameter_dimensions(block.name)
        for name, size in zip(names, block.shape, strict=True):
            if name not in made:
                writer.dimension(GROUP, name, np.arange(size), name.replace("_", " of layer "))
                made.add(name)
        stacked = np.stack([model.parameters[block.name] for model in models])
        writer.variable(f"{GROUP}/parameters", block.name, ("variant", *names), stacked, block.long_name, block.unit)
        first = contenders[0].initial[block.name]
        writer.variable(f"{GROUP}/initial", block.name, names, first, block.long_name, block.unit)
