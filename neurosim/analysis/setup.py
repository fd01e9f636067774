"""From a validated scenario to the objects that do the work, through the registries; nothing else does this."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.datasets.dataset import Dataset
from neurosim.datasets.load import load_dataset
from neurosim.datasets.sequences import PARTS, SequenceDataset
from neurosim.dynamics.adaptive import AdaptiveSolver
from neurosim.dynamics.fixed_step import FixedStepSolver
from neurosim.dynamics.scheme import EmbeddedScheme, FixedScheme, StochasticScheme
from neurosim.dynamics.solver import Solver
from neurosim.dynamics.stochastic import StochasticSolver
from neurosim.errors import ScenarioError, nearest
from neurosim.learning.rule import Rule
from neurosim.learning.sequence_rule import SequenceRule
from neurosim.physics.model import PhysicalModel
from neurosim.physics.recurrent.network import RecurrentNetwork
from neurosim.registry import CIRCUIT_KINDS, SOLVERS
from neurosim.scenario.load import LoadedScenario


@dataclass(frozen=True)
class Experiment:
    """What an analysis works with.

    Parameters
    ----------
    loaded : LoadedScenario
        The scenario and where its keys were written.
    model : PhysicalModel
        The circuit.
    solver : Solver
        How it relaxes.
    rule : Rule or None
        How it learns, if the scenario says so.
    dataset : Dataset
        What lies on its terminals.
    """

    loaded: LoadedScenario
    model: PhysicalModel
    solver: Solver
    rule: Rule | None
    dataset: Dataset

    @property
    def scenario(self) -> Any:
        """The validated scenario."""
        return self.loaded.scenario

    @property
    def calculus(self) -> str | None:
        """What a stochastic solver takes its integrals for; None for others."""
        return self.solver.calculus


@dataclass(frozen=True)
class SequenceExperiment:
    """What an analysis of a recurrent circuit works with; it has no solver, because nothing relaxes.

    Parameters
    ----------
    loaded : LoadedScenario
        The scenario and where its keys were written.
    model : RecurrentNetwork
        The circuit.
    rule : SequenceRule
        How it learns.
    dataset : SequenceDataset
        The signals.
    """

    loaded: LoadedScenario
    model: RecurrentNetwork
    rule: SequenceRule
    dataset: SequenceDataset
    calculus: None = None

    @property
    def scenario(self) -> Any:
        """The validated scenario."""
        return self.loaded.scenario


def build_solver(settings: Any) -> Solver:
    """Return the solver that the `dynamics` section of a scenario describes."""
    target = SOLVERS.load(settings.solver)
    if isinstance(target, FixedScheme):
        return FixedStepSolver(target, settings)
    if isinstance(target, StochasticScheme):
        return StochasticSolver(target, settings)
    if isinstance(target, EmbeddedScheme):
        return AdaptiveSolver(target, settings)
    solver: Solver = target(settings)
    return solver


def build_model(scenario: Any) -> PhysicalModel:
    """Return the circuit of a scenario, wired the way its rule wants it."""
    make = CIRCUIT_KINDS.load(scenario.circuit.kind)
    model: PhysicalModel = make(scenario.circuit, scenario.rule, scenario.dtype, scenario.seed)
    return model


def build_recurrent(scenario: Any, dataset: SequenceDataset, dtype: str, index: int = 0) -> RecurrentNetwork:
    """Return a recurrent network of a scenario with the signals of a data set, the `index`-th of its seed."""
    make = CIRCUIT_KINDS.load(scenario.circuit.kind)
    model: RecurrentNetwork = make(scenario.circuit, dataset.inputs, dataset.outputs, dtype, scenario.seed, index)
    return model


def build(
    loaded: LoadedScenario, data_folders: tuple[Path, ...] = (), dataset: Dataset | SequenceDataset | None = None
) -> Experiment | SequenceExperiment:
    """Return everything that an analysis of a scenario works with.

    Parameters
    ----------
    loaded : LoadedScenario
        A valid scenario.
    data_folders : tuple of Path
        Where data files may be, before other places.
    dataset : Dataset, optional
        The data set of the scenario, if it has been loaded before.

    Raises
    ------
    ScenarioError
        If circuit and data do not fit together.
    DataError
        If data are missing or damaged.
    """
    scenario = loaded.scenario
    if dataset is None:
        dataset = load_dataset(scenario.data, scenario.dtype, scenario.seed, data_folders)
    if isinstance(dataset, SequenceDataset):
        _check_signals(loaded, dataset)
        network = build_recurrent(scenario, dataset, scenario.dtype)
        rule: Any = scenario.rule  # validation refuses a recurrent circuit without one
        return SequenceExperiment(loaded, network, rule, dataset)
    _check_fit(loaded, dataset)
    model = build_model(scenario)
    _check_rates(loaded, model)
    return Experiment(loaded, model, build_solver(scenario.dynamics), scenario.rule, dataset)


def _check_rates(loaded: LoadedScenario, model: PhysicalModel) -> None:
    known = [block.name for block in model.parameters.trained_blocks]
    rates = getattr(getattr(loaded.scenario.analysis, "optimizer", None), "rates", None)
    problems = [
        loaded.problem(
            f"analysis.optimizer.rates.{name}",
            f"unknown parameter block '{name}'.{nearest(name, known)} Known: {', '.join(known)}.",
        )
        for name in rates or ()
        if name not in known
    ]
    if problems:
        raise ScenarioError(*problems)


def _check_fit(loaded: LoadedScenario, dataset: Dataset) -> None:
    circuit, problems = loaded.scenario.circuit, []
    values_per_sample = ((dataset.features, "inputs"), (dataset.outputs, "targets"))
    for (key, has, units), (values, what) in zip(circuit.terminals(), values_per_sample, strict=True):
        if units != values:
            problems.append(
                loaded.problem(key, f"{has.format(units)}, but {dataset.name} has {values} {what} per sample.")
            )
    sums = dataset.train.targets.sum(axis=1)
    if circuit.cost == "cross_entropy" and not np.allclose(sums, 1.0, atol=1e-3):
        problems.append(
            loaded.problem(
                "circuit.cost", f"cross_entropy needs targets that sum to one; those of {dataset.name} do not."
            )
        )
    if problems:
        raise ScenarioError(*problems)


def _check_signals(loaded: LoadedScenario, dataset: SequenceDataset) -> None:
    circuit, problems = loaded.scenario.circuit, []
    for key, found, expected in (
        ("inputs", circuit.inputs, dataset.inputs),
        ("outputs", circuit.outputs, dataset.outputs),
    ):
        if found is not None and found != expected:
            problems.append(loaded.problem(f"circuit.{key}", f"found {found}, but {dataset.name} has {expected}."))
    rows = loaded.scenario.data.batch
    for part in PARTS:
        if rows > dataset.count(part):
            what = f"found {rows}, but part '{part}' of {dataset.name} has {dataset.count(part)} sequences."
            problems.append(loaded.problem("data.batch", what))
    if problems:
        raise ScenarioError(*problems)
