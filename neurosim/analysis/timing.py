"""What the user should know about times that are allowed, but hardly meant."""

from __future__ import annotations

import numpy as np

from neurosim.analysis.setup import Experiment
from neurosim.dynamics.linear import DENSE_UNTIL
from neurosim.dynamics.polished import EQUILIBRIUM
from neurosim.dynamics.status import Status
from neurosim.physics.system import System


def slowest_time_constant(system: System) -> float:
    """Return the slowest time constant of a free circuit around its equilibrium, in seconds.

    -1 over the spectral abscissa of the Jacobian, the slowest row of all; infinite where an equilibrium is not stable.
    Of circuits that are too large for a dense Jacobian, or have no equilibrium, the slowest leak alone.
    """
    leak = 1.0 / float(system.leak_rates.min())
    state = system.rest()
    if system.size // system.rows > DENSE_UNTIL or EQUILIBRIUM.relax(system, state).status is not Status.SETTLED:
        return leak
    abscissa = float(np.linalg.eigvals(system.linearise(state).matrices()).real.max())
    return max(leak, -1.0 / abscissa) if abscissa < 0 else float("inf")


def timing_warning(experiment: Experiment) -> str | None:
    """Return a warning if the circuit cannot follow what it is shown, None if it can."""
    scenario, solver = experiment.scenario, experiment.solver
    hold = getattr(scenario.analysis, "showing", lambda dynamics: None)(scenario.dynamics)
    period = getattr(experiment.rule, "period", None) if solver.has_time else None
    if hold is None and period is None:
        return None
    sample = experiment.dataset.test.head(1)
    system = experiment.model.twin("float64").system(1)
    system.present(sample.inputs.astype(np.float64), sample.targets.astype(np.float64))
    slowest = slowest_time_constant(system)
    slowest_but = slowest * (1 - 1e-6)  # a time constant may miss its own value by rounding
    if hold is not None and hold < slowest_but:
        return (
            f"warning: every batch is shown for {hold:g} s, shorter than the slowest time constant of the circuit, "
            f"{slowest:.3g} s; most of what synapses read comes from the batch before"
        )
    if period is not None and period < slowest_but:
        return (
            f"warning: the nudge oscillates with a period of {period:g} s, shorter than the slowest time constant of "
            f"the circuit, {slowest:.3g} s; the circuit cannot follow it, and the error signals are mostly lag"
        )
    return None
