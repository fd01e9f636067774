"""Back-propagation of errors: the exact gradient at the free state, as a rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from neurosim.learning.protocol import FREE, Phase
from neurosim.learning.rule import Reading, Rule, Start
from neurosim.physics.layered.compartments import Compartments, dyad
from neurosim.settings import Sections

if TYPE_CHECKING:
    from neurosim.dynamics.solver import Solver
    from neurosim.physics.system import System


class Backprop(Rule):
    """The reference: exact gradient descent on the cost of the free prediction."""

    type: Literal["backprop"]

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield why the prediction of the circuit is not feed-forward."""
        yield from super().check(scenario)
        if scenario.circuit.kind == "resistive":
            yield (
                "rule.type",
                "backprop needs a feed-forward prediction, and a netlist settles as a whole. "
                "Use rule recurrent_backprop.",
            )
        elif getattr(scenario.circuit, "neuron", None) != "dyad":
            yield (
                "rule.type",
                "backprop needs a feed-forward prediction; point neurons with feedback give none. "
                "Use circuit.neuron: dyad.",
            )

    def compartments(self) -> Compartments:
        """Return the tables of a symmetric dyad; unnudged, it is a feed-forward network."""
        return dyad(0.5, transposed=True)

    def phases(self, start: Start) -> tuple[Phase, ...]:
        """Return the free phase: there is no nudge."""
        return (FREE,)

    def read(self, system: System, solver: Solver, start: Start, reading: Reading) -> int:
        """Compute activities and errors layer by layer; the solver is not used, nothing relaxes."""
        from neurosim.learning.exact.backprop import forward_and_errors  # NumPy is not needed to validate a scenario

        activities, errors, prediction = forward_and_errors(system.model, system.inputs, system.targets)
        for i, activity in enumerate(activities[1:]):
            reading.source.block(i)[:] = activity
        for i, error in enumerate(errors):
            reading.error.block(i)[:] = reading.scale * error
        reading.prediction[:] = prediction
        reading.codes[:] = 0
        return 0
