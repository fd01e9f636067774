"""Equilibrium propagation: the response of the equilibrium to a nudge of the outputs is the error signal.

    free:    F(s0) = 0                     nudged:   F(s) = beta dC/ds,   from the free state
    one-sided   dhat = (s0 - s(beta)) / beta            symmetric   dhat = (s(-beta) - s(beta)) / (2 beta)
    dC/dW_k ~ s0_k x dhat_{k+1},   dC/dB_k ~ s0_{k+1} x dhat_k

The vector-field form: post error times pre activity, defined for conductances that are not reciprocal as well. The
error of dhat falls with beta for one-sided nudging and with beta^2 for symmetric nudging; where the conductances are
not reciprocal, a part of it stays.

References
----------
B. Scellier, Y. Bengio, Frontiers in Computational Neuroscience 11 (2017) 24, arXiv 1602.05179.  B. Scellier, A. Goyal,
J. Binas, T. Mesnard, Y. Bengio, arXiv 1808.04873 (2018): the vector-field form.  A. Laborieux, M. Ernoult, B. Scellier,
Y. Bengio, J. Grollier, D. Querlioz, Frontiers in Neuroscience 15 (2021) 633674: symmetric nudging.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from neurosim.learning.protocol import FREE, Phase, run_phases
from neurosim.learning.rule import Reading, Rule, Start
from neurosim.physics.layered.compartments import POINT, Compartments
from neurosim.settings import Sections

if TYPE_CHECKING:
    from neurosim.dynamics.solver import Solver
    from neurosim.physics.model import System


class Equilibrium(Rule):
    """Two or three relaxations: free, nudged down the cost, and, for symmetric nudging, up the cost."""

    type: Literal["equilibrium"]
    nudging: Literal["one_sided", "symmetric"] = Field(
        "symmetric", description="Compare with the free state, or with the opposite nudge."
    )
    beta: float = Field(0.1, gt=0.0, description="Nudging strength, relative to the curvature of the cost.")

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield what the circuit cannot do for this rule."""
        yield from super().check(scenario)
        if getattr(scenario.circuit, "neuron", None) != "point":
            yield (
                "rule.type",
                "equilibrium nudges one compartment after the other, in phases; dyads have both at once. "
                "Use circuit.neuron: point, or rule dual_propagation.",
            )
        linear = scenario.circuit.cost == "squared_error" and scenario.circuit.output_activation == "identity"
        if self.nudging == "symmetric" and linear and self.beta >= 1.0:
            # Pushed up a parabola of curvature one, a linear output has an equilibrium only while its leak is stronger.
            yield (
                "rule.beta",
                f"symmetric nudging of identity outputs with squared_error needs beta < 1, found {self.beta:g}. "
                "Use a smaller beta, or nudging: one_sided.",
            )

    def compartments(self) -> Compartments:
        """Return the tables of point neurons."""
        return POINT

    def phases(self, start: Start) -> tuple[Phase, ...]:
        """Return the free phase and the nudged ones."""
        down, up = Phase("nudged", self.beta, start), Phase("opposite", -self.beta, start)
        return (FREE, down, up) if self.nudging == "symmetric" else (FREE, down)

    @property
    def response_weights(self) -> tuple[float, ...]:
        """The error signal is the response itself: dhat = -ds/dbeta."""
        return (-1.0,)

    def read(self, system: System, solver: Solver, start: Start, reading: Reading) -> int:
        """Relax through all phases; read activities at the free state, and the response to the nudge."""
        results = run_phases(system, solver, self.phases(start), own_states=start == "rest", keep_free=True)
        weight = system.forward_weights
        system.read(results["free"].state, weight, reading.source)
        other, distance = ("opposite", 2.0 * self.beta) if self.nudging == "symmetric" else ("free", self.beta)
        per_nudge = reading.scale / distance
        system.read(results[other].state, tuple(per_nudge * w for w in weight), reading.error)
        reading.error.add(system.read_anew(results["nudged"].state, tuple(-per_nudge * w for w in weight)))
        reading.prediction[:] = system.prediction(results["free"].state)
        reading.take_statuses(results.values())
        return sum(relaxation.steps for relaxation in results.values())
