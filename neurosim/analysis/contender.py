"""One variant of a comparison: a training, on attacked batches where asked, and what is found of its circuit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.analysis.robustness_settings import RobustnessAnalysis
from neurosim.analysis.run import Session
from neurosim.analysis.setup import Experiment, build_model
from neurosim.analysis.train import TEST_BATCH, Training
from neurosim.analysis.train_log import GOOD, Tally
from neurosim.datasets.dataset import Samples
from neurosim.dynamics.polished import settling
from neurosim.learning.attacks import CostAndSlope, fgsm, pgd
from neurosim.learning.exact.input_slope import InputSlope, input_slope
from neurosim.learning.exact.objective import has_objective, penalty, saddle_objective
from neurosim.learning.protocol import run_phases
from neurosim.learning.rules.dual_propagation import DualPropagation
from neurosim.noise.paths import Shown, paths
from neurosim.physics.model import PhysicalModel
from neurosim.physics.names import CostName

Array = npt.NDArray[Any]

PROBE_SAMPLES = 500  # test samples on which gradients and the objective are measured
ATTACKS = ("fgsm", "pgd")

Attack = Callable[[CostAndSlope, Array], Array]
"""From a cost with its slope, and clean inputs, to attacked ones."""


@dataclass(frozen=True)
class Findings:
    """What is found of a trained circuit.

    Parameters
    ----------
    clean : Tally
        The test as it is.
    attacked : dict of (str, float) to Tally
        The test under each attack, by kind and size.
    figures : dict of str to float
        Norms, gradients and objective, by their names in the result; NaN where there is none.
    relaxed : Tally
        How all relaxations behind these figures ended; slopes of a feed-forward circuit need none.
    """

    clean: Tally
    attacked: dict[tuple[str, float], Tally] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    relaxed: Tally = field(default_factory=Tally)


class StoppedError(Exception):
    """The user asked to stop between two attacks."""


class Contender(Training):
    """A training whose circuit is attacked when it is done.

    Parameters
    ----------
    experiment : Experiment
        Circuit, solver, rule, data.
    session : Session
        Threads, progress, where checkpoints go.
    adversarial : float
        Size of the FGSM attack on every training batch, in units of the inputs; 0: none.
    """

    def __init__(self, experiment: Experiment, session: Session, adversarial: float = 0.0) -> None:
        super().__init__(experiment, session)
        self.chosen: RobustnessAnalysis = self.settings
        self.adversarial = adversarial
        self._attacks_made = 0
        self._attacked_model = self._with_cost(self.chosen.attack_cost)

    def _with_cost(self, name: CostName | None) -> PhysicalModel:
        """Return the circuit itself, or one with the same conductances and another cost for attacks to raise."""
        scenario = self.experiment.scenario
        if name is None or name == scenario.circuit.cost:
            return self.model
        circuit = scenario.circuit.model_copy(update={"cost": name})
        return build_model(scenario.model_copy(update={"circuit": circuit}))

    def presented(self, inputs: Array, targets: Array) -> Array:
        """Return the batch, attacked at the present conductances where the training is adversarial."""
        if not self.adversarial:
            return inputs
        relaxed = Tally()
        attacked = fgsm(self._slope_against(targets, relaxed), inputs, self.adversarial, self.chosen.input_range)
        self.log.count(relaxed)
        return attacked

    def attacks(self) -> Iterator[tuple[str, float, Attack]]:
        """Yield kind, size and function of every attack that is asked for."""
        chosen = self.chosen
        for size in chosen.fgsm:
            yield "fgsm", size, partial(fgsm, size=size, allowed=chosen.input_range)
        share = 2.5 / chosen.pgd_steps if chosen.pgd_step is None else chosen.pgd_step
        for size in chosen.pgd:
            steps, step = chosen.pgd_steps, share * size
            yield "pgd", size, partial(pgd, size=size, steps=steps, step=step, allowed=chosen.input_range)

    @property
    def work(self) -> int:
        """Batches to train and parts of the test to attack."""
        parts = -(-len(self.test) // TEST_BATCH)
        return self.chosen.epochs * self.batches + parts * sum(1 for _ in self.attacks())

    def examine(self) -> Findings:
        """Test the trained circuit as it is and under every attack, and measure it.

        Raises
        ------
        StoppedError
            If the user asks to stop.
        """
        found = Findings(self.evaluate(self.test))
        found.relaxed.merge(found.clean)
        for kind, size, attack in self.attacks():
            found.attacked[kind, size] = self._under(attack, found.relaxed)
        found.figures.update(self._figures(found.relaxed))
        return found

    def _under(self, attack: Attack, relaxed: Tally) -> Tally:
        """Let the free circuit answer the whole test under an attack."""
        total, test = Tally(), self.test
        before = self._attacks_made * len(test)
        self._attacks_made += 1
        for first in range(0, len(test), TEST_BATCH):
            if self.session.interruption.wanted:
                raise StoppedError
            part = slice(first, first + TEST_BATCH)
            targets = test.targets[part]
            attacked = attack(self._slope_against(targets, relaxed), test.inputs[part])
            seen = paths(Shown.ATTACK, before + first, len(targets))
            outcome = self.learner.predict(attacked, targets, seen)
            total.add(outcome, None if test.labels is None else test.labels[part])
            self.session.progress.advance()
        relaxed.merge(total)
        return total

    def _slope_against(self, targets: Array, relaxed: Tally) -> CostAndSlope:
        """Return what attacks raise, with its slope, as a function of the inputs of a batch with these targets."""
        model = self._attacked_model
        if model is not self.model:
            model.follow(self.model)

        def cost_and_slope(inputs: Array) -> tuple[Array, Array]:
            slope = self._slope(model, inputs, targets, relaxed)
            return slope.costs, slope.gradient

        return cost_and_slope

    def _slope(self, model: PhysicalModel, inputs: Array, targets: Array, relaxed: Tally) -> InputSlope:
        slope = input_slope(model, self.learner.solver, self.session.workers, inputs, targets)
        if not model.feed_forward:
            relaxed.add_codes(slope.codes)
        return slope

    def _figures(self, relaxed: Tally) -> dict[str, float]:
        probe = self.test.head(PROBE_SAMPLES)
        slope = self._slope(self.model, probe.inputs, probe.targets, relaxed)
        names = [*(f"W_{k}" for k in range(len(self.model.blocks))), "R"]
        acting = self.model.conductances
        matrices = [acting[name].astype(np.float64) for name in names if name in acting]
        product = np.linalg.multi_dot(matrices) if len(matrices) > 1 else matrices[0]
        rule = self.experiment.rule
        figures = {
            "product_norm": float(np.linalg.norm(product, 2)),
            "norm_product": float(np.prod([np.linalg.norm(matrix, 2) for matrix in matrices])),
            "gradient_penalty": float(slope.error_squares.mean()),
            "input_gradient": float(np.abs(slope.gradient).sum(axis=1).mean()),
            "objective_excess": float("nan"),
            "expected_excess": float("nan"),
        }
        if isinstance(rule, DualPropagation) and has_objective(self.model):
            figures["objective_excess"] = self._objective_excess(rule, probe, relaxed)
            figures["expected_excess"] = 1.0 - 2.0 * rule.alpha
        return figures

    def _objective_excess(self, rule: DualPropagation, probe: Samples, relaxed: Tally) -> float:
        """Return (J - C) / ((beta/2) P), sums over the samples that settle under the nudge; NaN if none does.

        Without noise: it is a property of the equilibria.
        """
        system, solver = self.model.system(len(probe)), settling(self.learner.solver)
        system.silence()
        system.present(probe.inputs, probe.targets)
        with np.errstate(over="ignore", invalid="ignore"):  # what diverges says so in its status
            nudged = run_phases(system, solver, rule.phases(self.learner.start))["nudged"]
            objective = saddle_objective(system, nudged.state, rule.strength)
        relaxed.add_codes(nudged.codes)
        settled = GOOD[nudged.codes]
        cost, size = penalty(self.model, probe.inputs, probe.targets)
        total = float(size[settled].sum())
        return float((objective - cost)[settled].sum()) / (rule.strength / 2 * total) if total else float("nan")
