"""Analysis `nudges`: the error of a rule at its equilibria against the size of its nudge.

    error(beta) = |settled(beta) - exact| / |exact|         floor = |limit - exact| / |exact|
    nudge error = |settled(beta) - limit| / |exact|   ~   beta^order, while beta lies inside the radius of convergence

settled, limit and exact are rungs of the bias ladder; everything is computed in double precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.analysis.parameters import snapshot, write_parameters
from neurosim.analysis.run import Outcome, Session
from neurosim.analysis.rungs import convergence_radius, exact_rung, limit_rung, taught_rung
from neurosim.analysis.scatter import flat
from neurosim.analysis.setup import Experiment
from neurosim.dynamics.linear import InverseJacobian
from neurosim.dynamics.polished import PolishedSolver
from neurosim.dynamics.status import Status, flags, worst
from neurosim.learning.learner import Learner
from neurosim.learning.protocol import FREE, run_phases

Array = npt.NDArray[Any]

FITTED = 3  # points of the fit of the order: the smallest nudges whose error stands above rounding
ROUNDING = 1e-11


def run(experiment: Experiment, session: Session) -> Outcome:
    """Vary the nudge on the first test samples and write /nudges and /circuit.

    Raises
    ------
    SimulationError
        If an equilibrium has no response: its Jacobian cannot be inverted.
    """
    scenario, settings, writer = experiment.scenario, experiment.scenario.analysis, session.writer
    samples = experiment.dataset.test.head(settings.samples)
    inputs, targets = samples.inputs.astype(np.float64), samples.targets.astype(np.float64)
    model, solver = experiment.model.twin("float64"), PolishedSolver(experiment.solver)
    variants = [variant for _, variant in settings.rules(experiment.rule)]
    names = [str(nudging) for nudging in settings.nudgings or ("rule",)]
    shape = (len(names), len(settings.betas))
    session.progress.begin(len(variants), "nudges")
    write_parameters(writer, experiment.model, snapshot(experiment.model))

    system = experiment.model.twin("float64", ideal=True).system(len(samples))
    system.present(inputs, targets)
    free = run_phases(system, solver, (FREE,))["free"]
    if free.status is Status.DIVERGED:
        return Outcome(Status.DIVERGED, "there is no free equilibrium to measure from")
    inverse = InverseJacobian(system, free.state)
    wanted, weights = model.wanted_gradient, variants[0].response_weights
    exact = wanted(exact_rung(system, free.state, inverse)[0])
    limit = exact if weights is None else wanted(limit_rung(system, free.state, inverse, weights)[0])
    reference = float(np.linalg.norm(flat(exact, "all"))) or float("nan")  # nothing is relative to a gradient of zero
    radius = None
    if any(variant.complex_nudge is not None for variant in variants):
        radius = convergence_radius(system, free.state, variants[0].transposes)

    errors, nudge_errors = np.full((2, len(variants)), np.nan)
    codes = np.full(len(variants), Status.INTERRUPTED.code, np.int8)
    for i, rule in enumerate(variants):
        if session.interruption.wanted:
            break
        learner = Learner(model, solver, rule, scenario.dynamics.start, session.workers)
        outcome = learner.learn(inputs, targets)
        taught = taught_rung(outcome)[0]
        measured = np.concatenate([flat(taught, name) for name in exact])
        errors[i] = np.linalg.norm(measured - flat(exact, "all")) / reference
        nudge_errors[i] = np.linalg.norm(measured - flat(limit, "all")) / reference
        codes[i] = max(outcome.codes.max(), free.codes.max())
        if radius is not None and rule.complex_nudge is not None and (radius <= rule.complex_nudge).any():
            codes[i] = max(codes[i], Status.OFF_BRANCH.code)
        session.progress.advance()

    nudge_errors, codes = nudge_errors.reshape(shape), codes.reshape(shape)
    orders = np.array([fitted_order(np.array(settings.betas), row) for row in nudge_errors])
    unit = experiment.model.nudge_unit
    writer.dimension("nudges", "beta", np.array(settings.betas), "nudging strength beta", unit)
    writer.dimension("nudges", "nudging", names, "protocol")
    axes = ("nudging", "beta")
    what = "distance of the update from the exact gradient, over the norm of the gradient"
    writer.variable("nudges", "error", axes, errors.reshape(shape), what, "1")
    what = "part of it that vanishes with the nudge"
    writer.variable("nudges", "nudge_error", axes, nudge_errors, what, "1")
    writer.variable("nudges", "order", ("nudging",), orders, "fitted order of that part in beta", "1")
    floor = float(np.linalg.norm(flat(limit, "all") - flat(exact, "all"))) / reference
    writer.variable("nudges", "asymmetry", (), floor, "part that does not vanish with the nudge", "1")
    writer.variable("nudges", "status", axes, codes, "worst status of any sample", attributes=flags())
    if radius is not None:
        writer.dimension("nudges", "sample", np.arange(len(samples)), "test sample")
        what = "radius of convergence of the equilibrium as a power series in the nudge"
        writer.variable("nudges", "radius", ("sample",), radius, what, "1")
    return _judge(names, orders, floor, codes)


def fitted_order(betas: Array, errors: Array) -> float:
    """Return d log(error) / d log(beta) by least squares over the smallest nudges with an error above rounding.

    NaN where fewer than two are.
    """
    usable = np.flatnonzero(np.isfinite(errors) & (errors > ROUNDING))[:FITTED]
    if len(usable) < 2:
        return float("nan")
    return float(np.polyfit(np.log(betas[usable]), np.log(errors[usable]), 1)[0])


def _judge(names: list[str], orders: Array, floor: float, codes: npt.NDArray[np.int8]) -> Outcome:
    told = ", ".join(f"{name} {order:.3g}" for name, order in zip(names, orders, strict=True))
    summary = f"order in beta: {told}; asymmetry {floor:.3g} of the gradient"
    status = worst(codes)
    if status.good:
        return Outcome(status, summary)
    bad = int(np.count_nonzero([not list(Status)[code].good for code in codes.ravel().tolist()]))
    return Outcome(status, f"{bad} of {codes.size} nudges: {status.value}; {summary}")
