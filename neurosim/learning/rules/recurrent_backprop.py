"""Recurrent back-propagation: the exact gradient at the free equilibrium, as a rule.

    J^T lambda = -dC/dy,   dC/dtheta = lambda^T dF/dtheta,   J = dF/dy

The linear system is solved directly, or by the circuit that gave the method its name: the adjoint, which relaxes as
tau dv/dt = tau J^T v + dC/dy with lambda = tau v, and settles wherever the circuit itself does.

References
----------
L. Almeida, A learning rule for asynchronous perceptrons with feedback in a combinatorial environment, ICNN 1987.
F. Pineda, Generalization of back-propagation to recurrent neural networks, Phys. Rev. Lett. 59 (1987) 2229.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from neurosim.learning.protocol import FREE, Phase, run_phases
from neurosim.learning.rule import Reading, Rule, Start
from neurosim.physics.imperfection_settings import noisy
from neurosim.physics.layered.compartments import POINT, Compartments
from neurosim.settings import Sections

if TYPE_CHECKING:
    from neurosim.dynamics.solver import Solver
    from neurosim.physics.system import System


class RecurrentBackprop(Rule):
    """The reference for circuits with loops: gradient descent on the cost of the free equilibrium."""

    type: Literal["recurrent_backprop"]
    solve: Literal["direct", "iterative"] = Field(
        "direct",
        description="Solve the linear system for the errors, or let the adjoint circuit relax to them as the circuit "
        "itself relaxes, to the tolerance of dynamics: what pays for large circuits.",
    )

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield why another rule is meant."""
        yield from super().check(scenario)
        if scenario.circuit.kind in ("resistive", "deep_resistive"):
            if self.solve == "iterative":
                yield "rule.solve", "a resistive circuit has no adjoint circuit to relax. Use solve: direct."
        elif getattr(scenario.circuit, "neuron", None) != "point":
            yield (
                "rule.type",
                "recurrent_backprop is for point neurons with feedback. Use circuit.neuron: point, or rule backprop.",
            )
        if noisy(scenario.circuit):
            yield (
                "rule.type",
                "recurrent_backprop linearises at an equilibrium, and with circuit.imperfections.state_noise there is "
                "none. Use rule equilibrium, or leave the noise out.",
            )

    def compartments(self) -> Compartments:
        """Return the tables of point neurons."""
        return POINT

    def phases(self, start: Start) -> tuple[Phase, ...]:
        """Return the free phase: there is no nudge."""
        return (FREE,)

    def read(self, system: System, solver: Solver, start: Start, reading: Reading) -> int:
        """Relax the free circuit; solve for the errors there, or relax to them."""
        # NumPy and SciPy are not needed to validate a scenario.
        from neurosim.dynamics.status import Status
        from neurosim.learning.exact.implicit import implicit_reading, relaxed_reading

        relaxations = [run_phases(system, solver, (FREE,), own_states=False)["free"]]
        free = relaxations[0]
        reading.prediction[:] = system.prediction(free.state)
        if free.status is not Status.DIVERGED:
            if self.solve == "direct":
                implicit_reading(system, free.state, reading.source, reading.error)
            else:
                relaxations.append(relaxed_reading(system, free.state, solver, reading.source, reading.error))
            reading.error.scale(reading.scale)
        reading.take_statuses(relaxations)
        if any(relaxation.status is Status.DIVERGED for relaxation in relaxations):
            reading.error.clear()  # there is no equilibrium to linearise at, or no error, and the status says so
        return sum(relaxation.steps for relaxation in relaxations)
