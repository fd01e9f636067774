"""Analysis `robustness`: the same circuit trained in several ways, and test error under attacks on the inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from neurosim.analysis.contender import ATTACKS, Contender, Findings, StoppedError
from neurosim.analysis.robustness_results import write_comparison
from neurosim.analysis.robustness_settings import Variant
from neurosim.analysis.run import Outcome, Session
from neurosim.analysis.setup import Experiment, build_model
from neurosim.analysis.train import judge
from neurosim.dynamics.status import Status
from neurosim.errors import ResultFileError, ScenarioError
from neurosim.results.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

Array = npt.NDArray[Any]

NOT_RUN = Outcome(Status.INTERRUPTED, "not trained: the run was stopped before")


class Study:
    """All variants of a comparison, and the one checkpoint of their run.

    Parameters
    ----------
    experiment : Experiment
        Circuit, solver, rule, data; a variant may replace the rule.
    session : Session
        Threads, progress, where the checkpoint goes.
    """

    def __init__(self, experiment: Experiment, session: Session) -> None:
        scenario = experiment.scenario
        self.experiment, self.session = experiment, session
        self.variants: tuple[Variant, ...] = scenario.analysis.variants or (Variant(name=scenario.rule.type),)
        self.contenders = [
            Contender(_with_rule(experiment, variant), session, variant.adversarial) for variant in self.variants
        ]
        self.outcomes = [NOT_RUN] * len(self.variants)
        self.findings: list[Findings | None] = [None] * len(self.variants)

    def resume(self) -> bool:
        """Take up a checkpoint of this run if there is one."""
        if self.session.checkpoint is None:
            return False
        checkpoint = load_checkpoint(self.session.checkpoint, self.experiment.loaded.run_id)
        if checkpoint is None:
            return False
        try:
            for i, contender in enumerate(self.contenders):
                contender.restore(_own(checkpoint.numbers, i), _own(checkpoint.arrays, i))
        except (KeyError, ValueError) as error:
            raise ResultFileError(
                f"{self.session.checkpoint}: is not a whole checkpoint ({error}). "
                "Remove it, or give --force to start over."
            ) from error
        return True

    def save(self) -> None:
        """Write a checkpoint of the present place of every variant, unless the run is too short for one."""
        if self.session.checkpoint is None:
            return
        numbers: dict[str, float] = {}
        arrays: dict[str, Array] = {}
        for i, contender in enumerate(self.contenders):
            own_numbers, own_arrays = contender.state()
            numbers |= {f"{_prefix(i)}{name}": value for name, value in own_numbers.items()}
            arrays |= {f"{_prefix(i)}{name}": value for name, value in own_arrays.items()}
        save_checkpoint(self.session.checkpoint, Checkpoint(self.experiment.loaded.run_id, numbers, arrays))

    def run(self) -> None:
        """Train and examine one variant after the other; what diverges is told, and the others go on."""
        for i, (variant, contender) in enumerate(zip(self.variants, self.contenders, strict=True)):
            self.session.progress.note(f"{variant.name}:")
            ended = contender.run_epochs(self.save)
            if ended is None:
                self.outcomes[i] = self._examine(i)
            else:
                self.outcomes[i] = ended
            if self.outcomes[i].status is Status.INTERRUPTED:
                return

    def _examine(self, i: int) -> Outcome:
        """Attack a trained circuit; its training is saved first, so that a stop here costs no epoch."""
        contender = self.contenders[i]
        self.save()
        try:
            found = contender.examine()
        except StoppedError:
            return Outcome(Status.INTERRUPTED, "interrupted between attacks; run the same command again to resume")
        self.findings[i] = found
        self.session.progress.note(_described(found))
        examined = replace(contender.log, relaxations=0, unsettled=0, worst=0)
        examined.count(found.relaxed)
        # Each by itself: many relaxations of attacks must not outweigh those of the training, nor the other way round.
        verdicts = [judge(log, self.experiment.scenario.dynamics) for log in (contender.log, examined)]
        return Outcome(*max(verdicts, key=lambda verdict: verdict[0].code))

    def outcome(self) -> Outcome:
        """Return the worst that happened to any variant, with every variant that it happened to by name."""
        told = {variant.name: outcome for variant, outcome in zip(self.variants, self.outcomes, strict=True)}
        for name, outcome in told.items():
            if outcome.status is Status.INTERRUPTED:
                return Outcome(Status.INTERRUPTED, f"{name}: {outcome.message}")
        worst = max((outcome.status for outcome in told.values()), key=lambda status: status.code)
        bad = [f"{name}: {outcome.message}" for name, outcome in told.items() if not outcome.status.good]
        return Outcome(worst, "; ".join([*bad, self._summary()]), obsolete=self.session.checkpoint)

    def _summary(self) -> str:
        """Return test errors, clean and under an attack of middle size of each kind, as a line for people."""
        chosen = self.experiment.scenario.analysis
        shown = [(kind, sizes[len(sizes) // 2]) for kind in ATTACKS if (sizes := getattr(chosen, kind))]
        columns = ", ".join(["clean", *(f"{kind} {size:g}" for kind, size in shown)])
        lines = []
        for variant, found in zip(self.variants, self.findings, strict=True):
            if found is not None:
                errors = [found.clean, *(found.attacked[attack] for attack in shown)]
                lines.append(f"{variant.name} {', '.join(f'{100 * error.fraction_wrong:.1f}' for error in errors)}")
        return f"test error in percent ({columns}): {'; '.join(lines)}" if lines else "no variant was trained"


def run(experiment: Experiment, session: Session) -> Outcome:
    """Train and attack every variant, and write /robustness (see the contract).

    Raises
    ------
    ScenarioError
        If the data have no classes, or inputs outside of the range to which attacked inputs are clipped.
    """
    _check_data(experiment)
    study, progress = Study(experiment, session), session.progress
    done = 0
    if study.resume():
        done = sum(contender.done for contender in study.contenders)
        progress.note(f"resuming after {done} batches; attacks are computed anew")
    progress.begin(sum(contender.work for contender in study.contenders), "batches", done)
    study.run()
    write_comparison(session.writer, study.variants, study.contenders, study.findings, study.outcomes)
    return study.outcome()


def _check_data(experiment: Experiment) -> None:
    loaded, data, allowed = experiment.loaded, experiment.dataset, experiment.scenario.analysis.input_range
    if data.test.labels is None:
        raise ScenarioError(
            loaded.problem("analysis.type", f"robustness counts wrong classes; {data.name} has regression targets.")
        )
    if allowed is None:
        return
    parts = (data.train.inputs, data.test.inputs)
    low, high = min(float(part.min()) for part in parts), max(float(part.max()) for part in parts)
    if low < allowed[0] or high > allowed[1]:
        raise ScenarioError(
            loaded.problem(
                "analysis.input_range",
                f"inputs of {data.name} lie between {low:.4g} and {high:.4g}, outside of {allowed[0]:g} to "
                f"{allowed[1]:g}. Give their range, or null for attacks that are not clipped.",
            )
        )


def _with_rule(experiment: Experiment, variant: Variant) -> Experiment:
    """Return the experiment with the rule of a variant, and a circuit of its own with the same initial conductances."""
    scenario = experiment.scenario
    if variant.rule is not None:
        scenario = scenario.model_copy(update={"rule": variant.rule})
    loaded = replace(experiment.loaded, scenario=scenario)
    return replace(experiment, loaded=loaded, model=build_model(scenario), rule=scenario.rule)


def _prefix(i: int) -> str:
    return f"variant_{i}_"


def _own(named: Mapping[str, Any], i: int) -> dict[str, Any]:
    """Return what belongs to one variant, by its own names."""
    prefix = _prefix(i)
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}


def _described(found: Findings) -> str:
    """Return the findings as a line for people."""
    attacked = (f"{kind} {size:g} {100 * tally.fraction_wrong:.1f} %" for (kind, size), tally in found.attacked.items())
    return f"test error {', '.join([f'{100 * found.clean.fraction_wrong:.1f} %', *attacked])}"
