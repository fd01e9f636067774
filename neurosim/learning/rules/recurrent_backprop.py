"""Recurrent back-propagation: the exact gradient at the free equilibrium, as a rule.

    J^T lambda = -dC/dy,   dC/dtheta = lambda^T dF/dtheta

References
----------
L. Almeida, A learning rule for asynchronous perceptrons with feedback in a combinatorial environment, ICNN 1987.
F. Pineda, Generalization of back-propagation to recurrent neural networks, Phys. Rev. Lett. 59 (1987) 2229.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from neurosim.learning.protocol import FREE, Phase, run_phases
from neurosim.learning.rule import Reading, Rule, Start
from neurosim.physics.layered.compartments import POINT, Compartments
from neurosim.settings import Sections

if TYPE_CHECKING:
    from neurosim.dynamics.solver import Solver
    from neurosim.physics.model import System


class RecurrentBackprop(Rule):
    """The reference for circuits with loops: gradient descent on the cost of the free equilibrium."""

    type: Literal["recurrent_backprop"]

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield why another rule is meant."""
        yield from super().check(scenario)
        if getattr(scenario.circuit, "neuron", None) != "point":
            yield (
                "rule.type",
                "recurrent_backprop is for point neurons with feedback. Use circuit.neuron: point, or rule backprop.",
            )

    def compartments(self) -> Compartments:
        """Return the tables of point neurons."""
        return POINT

    def phases(self, start: Start) -> tuple[Phase, ...]:
        """Return the free phase: there is no nudge."""
        return (FREE,)

    def read(self, system: System, solver: Solver, start: Start, reading: Reading) -> int:
        """Relax the free circuit and solve for the errors there."""
        # NumPy and SciPy are not needed to validate a scenario.
        from neurosim.dynamics.status import Status
        from neurosim.learning.exact.implicit import implicit_reading

        relaxation = run_phases(system, solver, (FREE,), own_states=False)["free"]
        reading.prediction[:] = system.prediction(relaxation.state)
        reading.take_statuses((relaxation,))
        if relaxation.status is Status.DIVERGED:
            reading.error.clear()  # there is no equilibrium to linearise at, and the status says so
        else:
            implicit_reading(system, relaxation.state, reading.source, reading.error)
            reading.error.scale(reading.scale)
        return relaxation.steps
