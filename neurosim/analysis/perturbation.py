"""Analysis `perturbation`: cosine and length of the updates of noisy copies beside the exact gradients.

Two references, because there are two targets: back-propagation through time, and the same truncated to one step, which
is all that per-step losses can know. The cosine between the two is the ceiling of per-step rules (truncated credit); a
cosine that stops growing with K below one shows a bias (colouring, for activity perturbation); what still grows with K
is variance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.analysis.run import Outcome, Session
from neurosim.analysis.setup import SequenceExperiment, build_recurrent
from neurosim.datasets.sequences import Sequences
from neurosim.dynamics.status import Status
from neurosim.learning.alignment import cosine
from neurosim.learning.exact.through_time import ThroughTime
from neurosim.learning.sequences.estimator import Estimator
from neurosim.noise.paths import Shown, first_path

Array = npt.NDArray[Any]

PERTURBED = {"np": "nodes", "anp": "activity", "wp": "weights"}
REFERENCES = ("bptt", "one_step")


def estimate(estimator: Estimator, batch: Sequences, path: int = 0) -> Array:
    """Return the gradient of a whole batch, flat, in double precision."""
    estimator.present(batch.inputs, batch.targets, batch.counted, False, path)
    estimator.learn(0, len(batch.inputs))
    return estimator.gradient.flat.astype(np.float64)


def run(experiment: SequenceExperiment, session: Session) -> Outcome:
    """Measure every rule on every network, and write /perturbation."""
    scenario, dataset = experiment.scenario, experiment.dataset
    chosen, rows = scenario.analysis, scenario.data.batch
    shape = (len(chosen.rules), chosen.networks, len(chosen.samples))
    cosines, ratios = (np.full((len(REFERENCES), *shape), np.nan) for _ in range(2))
    ceilings, finished = np.full(chosen.networks, np.nan), True
    session.progress.begin(int(np.prod(shape)), "updates")
    for i in range(chosen.networks):
        network = build_recurrent(scenario, dataset, scenario.dtype, i)
        batch = dataset.batch("train", i, rows)
        exact = build_recurrent(scenario, dataset, "float64", i)
        exact.parameters.flat[:] = network.parameters.flat
        references = [estimate(ThroughTime(exact, rows, one), batch) for one in (False, True)]
        ceilings[i] = cosine(*references)
        for j, name in enumerate(chosen.rules):
            kind, credit = name.split("_")
            for k, samples in enumerate(chosen.samples):
                changes = {"perturb": PERTURBED[kind], "credit": credit, "samples": samples, "updates": "sequence"}
                rule = experiment.rule.model_copy(update=changes)
                path = first_path(Shown.ALIGNMENT, (i * len(chosen.samples) + k) * rows)
                update = estimate(rule.estimator(network, rows, scenario.seed), batch, path)
                for m, reference in enumerate(references):
                    cosines[m, j, i, k] = cosine(update, reference)
                    ratios[m, j, i, k] = np.linalg.norm(update) / np.linalg.norm(reference)
                session.progress.advance()
        if session.interruption.wanted:
            finished = False
            break
    _write(session, chosen, cosines, ratios, ceilings)
    if not finished:
        return Outcome(Status.INTERRUPTED, f"interrupted after {i + 1} of {chosen.networks} networks")
    if not np.isfinite(cosines).all():
        return Outcome(Status.DIVERGED, "an update or a gradient is zero or not finite, and has no angle")
    return Outcome(Status.FINISHED, _told(chosen, cosines, ceilings))


def _told(chosen: Any, cosines: Array, ceilings: Array) -> str:
    means = cosines.mean(axis=2)[:, :, -1]
    told = (f"{name} {means[0, j]:.3f}/{means[1, j]:.3f}" for j, name in enumerate(chosen.rules))
    return (
        f"cosine with the exact gradient/with its one-step part, K {chosen.samples[-1]}: {', '.join(told)}; "
        f"of these two with each other {ceilings.mean():.3f}"
    )


def _write(session: Session, chosen: Any, cosines: Array, ratios: Array, ceilings: Array) -> None:
    writer, group = session.writer, "perturbation"
    writer.dimension(group, "reference", list(REFERENCES), "exact gradient: through time, or through one step of it")
    writer.dimension(group, "rule", list(chosen.rules), "rule: what is perturbed, and its credit")
    writer.dimension(group, "network", np.arange(chosen.networks), "network")
    writer.dimension(group, "samples", list(chosen.samples), "noisy copies K")
    axes = ("reference", "rule", "network", "samples")
    writer.variable(group, "cosine", axes, cosines, "cosine of the update with the reference", "1")
    writer.variable(group, "norm_ratio", axes, ratios, "norm of the update over that of the reference", "1")
    what = "cosine of the gradient through time with its one-step part"
    writer.variable(group, "reference_cosine", ("network",), ceilings, what, "1")
