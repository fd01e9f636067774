"""Analysis `bias`: the distance between the update of a rule and the exact gradient, imperfection by imperfection."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.analysis.beta_search import BetaSearch
from neurosim.analysis.ladder import RUNGS, TERMS, AdriftError, Climb, Ladder
from neurosim.analysis.parameters import snapshot, write_parameters
from neurosim.analysis.run import Outcome, Session
from neurosim.analysis.scatter import flat
from neurosim.analysis.setup import Experiment
from neurosim.dynamics.status import Status, count, flags, worst
from neurosim.learning.rule import NudgedRule
from neurosim.results.sink import ResultSink

Array = npt.NDArray[Any]

ROUNDING = 1e-14  # a term that is smaller, beside the gradient, is not worth telling


def run(experiment: Experiment, session: Session) -> Outcome:
    """Climb the ladder on the first test samples and write /bias (see the contract) and /circuit."""
    writer = session.writer
    samples = experiment.dataset.test.head(experiment.scenario.analysis.samples)
    session.progress.begin(1, "ladders")
    writer.dimension("bias", "sample", np.arange(len(samples)), "test sample")
    writer.variable("bias", "sample_index", ("sample",), np.arange(len(samples)), "place in the test set", "1")
    for name, values, what in (("input", samples.inputs, "inputs"), ("output", samples.targets, "targets")):
        writer.dimension("bias", name, np.arange(values.shape[1]), name)
        writer.variable("bias", what, ("sample", name), values, what, "1")
    write_parameters(writer, experiment.model, snapshot(experiment.model))
    repeats = experiment.scenario.analysis.noise_repeats
    found: BetaSearch | None = None
    try:
        rungs = session.memory.recall(
            shared_key(experiment), lambda: Climb(experiment, session.workers, samples, repeats)
        )
        rungs.experiment = experiment
        if isinstance(experiment.rule, NudgedRule) and experiment.rule.beta == "auto":
            found = BetaSearch(rungs, experiment.rule)
            chosen = found.run()
            write_search(writer, found, experiment.model.nudge_unit)
            if not np.isfinite(chosen.error):
                return Outcome(chosen.status, "no strength of the nudge gives an update")
            rungs.experiment = replace(experiment, rule=found.with_beta(chosen.beta))
        ladder = rungs.ladder()
    except AdriftError as event:
        _write_status(writer, "settled_status", event.codes, "how the search for the equilibria of each sample ended")
        told = ", ".join(f"{number} {key}" for key, number in count(event.codes).items())
        return Outcome(Status.DIVERGED, f"there is no equilibrium to measure from (samples: {told})")
    session.progress.advance()
    _write(writer, ladder)
    _write_errors(writer, ladder, [block.name for block in experiment.model.blocks])
    outcome = _judge(experiment.scenario.dynamics.unsettled_limit, ladder)
    return outcome if found is None else replace(outcome, message=f"{told_of(found)}; {outcome.message}")


def shared_key(experiment: Experiment) -> str:
    """Return what the rungs that know no nudge depend on: everything but its strength."""
    resolved = {key: value for key, value in experiment.loaded.resolved.items() if key not in ("name", "description")}
    rule = {key: value for key, value in resolved["rule"].items() if key != "beta"}
    return json.dumps({**resolved, "rule": rule}, sort_keys=True)


def write_search(writer: ResultSink, found: BetaSearch, unit: str) -> None:
    """Write the strengths that were tried, in `unit`: beta, beta_error[beta], beta_bias[beta], beta_spread[beta]."""
    trials = found.trials
    writer.dimension("bias", "beta", [trial.beta for trial in trials], "nudging strength beta", unit)
    for name, what in (
        ("error", "root mean square distance of an update from the exact gradient, over its norm"),
        ("bias", "distance of the mean update from the exact gradient, over its norm"),
        ("spread", "scatter of the update, over the norm of the exact gradient"),
    ):
        values = [getattr(trial, name) for trial in trials]
        writer.variable("bias", f"beta_{name}", ("beta",), np.where(np.isfinite(values), values, np.nan), what, "1")
    writer.variable("bias", "best_beta", (), found.best.beta, "nudging strength with the smallest error", unit)


def told_of(found: BetaSearch) -> str:
    """Say which strength was chosen, and what that means."""
    best = found.best
    what = f"beta {best.beta:.3g} has the smallest error, {best.error:.3g} of the gradient"
    parts = f"bias {best.bias:.3g}, noise {best.spread:.3g}"
    where = "" if found.inside else ", at the end of what could be tried"
    return f"{what} ({parts}{where})"


def _write(writer: ResultSink, ladder: Ladder) -> None:
    blocks, terms = [*ladder.exact, "all"], [*TERMS, "total"]
    writer.dimension("bias", "block", blocks, "parameter block")
    writer.dimension("bias", "term", terms, "term of the ladder")
    moments = ladder.scatter
    norms, alignments = np.full((2, len(terms), len(blocks)), np.nan)
    cosines, references, spreads, doubts, errors = np.full((5, len(blocks)), np.nan)
    for j, block in enumerate(blocks):
        exact = flat(ladder.exact, block)
        references[j] = np.linalg.norm(exact)
        cosines[j] = moments.cosine[block]
        if references[j] > 0:
            for i, term in enumerate(ladder.terms(block).values()):
                norms[i, j] = np.linalg.norm(term) / references[j]
                alignments[i, j] = term @ exact / references[j] ** 2
            sizes = moments.spread[block], moments.standard_error(block), moments.error[block]
            spreads[j], doubts[j], errors[j] = np.array(sizes) / references[j]
    axes = ("term", "block")
    writer.variable("bias", "relative_norm", axes, norms, "norm of the term over that of the exact gradient", "1")
    what = "projection of the term on the exact gradient, over its squared norm"
    writer.variable("bias", "alignment", axes, alignments, what, "1")
    for name, values, what in (
        ("cosine", cosines, "cosine of an update with the exact gradient, mean over the repeats"),
        ("noise_spread", spreads, "root of the trace of the covariance of the update, over the norm of the gradient"),
        ("noise_error", doubts, "standard error of the noise term, over the norm of the gradient"),
        ("update_error", errors, "root mean square distance of an update from the exact gradient, over its norm"),
    ):
        writer.variable("bias", name, ("block",), values, what, "1")
    writer.variable("bias", "noise_repeats", (), moments.repeats, "how often the update was measured", "1")
    writer.variable("bias", "reference_norm", ("block",), references, "norm of the exact gradient", "1")
    what = "exact gradient against central finite differences, relative"
    writer.variable("bias", "reference_check", (), ladder.reference_check, what, "1")
    if ladder.radius is not None:
        what = "radius of convergence of the equilibrium as a power series in the nudge"
        writer.variable("bias", "radius", ("sample",), ladder.radius, what, "1")
    _write_status(writer, "measured_status", ladder.measured_codes, "how the relaxations of each sample ended")
    _write_status(writer, "settled_status", ladder.settled_codes, "how the search for its equilibria ended")


def _write_errors(writer: ResultSink, ladder: Ladder, layers: list[str]) -> None:
    writer.dimension("bias", "rung", list(RUNGS[:-1]), "rung of the ladder")
    writer.dimension("bias", "layer", layers, "layer")
    what = "cosine of the error vectors with the exact ones, mean over the samples that have an angle"
    writer.variable("bias", "error_cosine", ("rung", "layer"), ladder.error_cosines(), what, "1")


def _write_status(writer: ResultSink, name: str, codes: npt.NDArray[np.int8], what: str) -> None:
    writer.variable("bias", name, ("sample",), codes, what, attributes=flags())


def _judge(limit: float, ladder: Ladder) -> Outcome:
    sizes = {name: float(np.linalg.norm(term)) for name, term in ladder.terms("all").items()}
    reference = float(np.linalg.norm(flat(ladder.exact, "all")))
    at_work = {name: size for name, size in sizes.items() if size > ROUNDING * reference}
    told = ", ".join(f"{name} {size / reference if reference else float('nan'):.3g}" for name, size in at_work.items())
    if ladder.scatter.repeats > 1 and reference:
        spread, doubt = ladder.scatter.spread["all"], ladder.scatter.standard_error("all")
        told += f"; noise spread {spread / reference:.3g}, standard error of the noise term {doubt / reference:.2g}"
    summary = f"relative to the gradient: {told}; check of the gradient {ladder.reference_check:.1e}"
    lost = worst(ladder.settled_codes)
    if not lost.good:
        numbers = ", ".join(f"{number} {key}" for key, number in count(ladder.settled_codes).items())
        return Outcome(lost, f"equilibria behind the ladder were not found (samples: {numbers}); {summary}")
    status = worst(ladder.measured_codes)
    unsettled = [code for code in ladder.measured_codes.tolist() if not list(Status)[code].good]
    if status.good or (status is not Status.DIVERGED and len(unsettled) <= limit * len(ladder.measured_codes)):
        return Outcome(status if status.good else Status.SETTLED, summary)
    return Outcome(
        status,
        f"{len(unsettled)} of {len(ladder.measured_codes)} samples: {status.value}; {status.advice}; {summary}",
    )
