"""Dual propagation: each neuron is a dyad, and the difference of its two compartments is its error.

Nudged dynamics lower the cost: s+ feels +beta, s- feels -beta, e = s+ - s-, and dhat = (s- - s+)/beta estimates dC/da.

    dC/dW_k  ~  (alpha s+_k + (1 - alpha) s-_k)  x  (s-_{k+1} - s+_{k+1}) / beta

References
----------
R. Hoier, D. Staudt, C. Zach, Dual propagation: accelerating contrastive Hebbian learning with dyadic neurons, ICML
2023, arXiv 2302.01228.  R. Hoier, C. Zach, Two tales of single-phase contrastive Hebbian learning, ICML 2024, arXiv
2402.08573.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from neurosim.learning.protocol import FREE, Phase, run_phases
from neurosim.learning.rule import AlwaysOn, NudgedRule, Reading, Start
from neurosim.physics.layered.compartments import Compartments, dyad
from neurosim.physics.names import CLIPPED_IDENTITIES
from neurosim.settings import Sections

if TYPE_CHECKING:
    from neurosim.dynamics.solver import Solver
    from neurosim.physics.system import System


class DualPropagation(NudgedRule):
    """Single-phase learning with dyads.

        source_k = alpha s+_k + (1 - alpha) s-_k,      error_k = (s-_k - s+_k) / beta

    Each synapse of W_k reads the mean of the dyad below it and the difference of the dyad above it, and nothing else.
    """

    type: Literal["dual_propagation"]
    variant: Literal["original", "transposed", "damped"] = Field(
        "transposed",
        description="Which compartment gets which share of the feedback; damped: original with damped sweeps.",
    )
    alpha: float = Field(0.5, ge=0.0, le=1.0, description="Weight of s+ in the mean that is sent forward.")
    output: Literal["linearised", "prox"] = Field(
        "linearised", description="Cost gradient at the output current, or at each compartment itself (implicit)."
    )
    cost_gradient: Literal["live", "frozen"] = Field(
        "live", description="Cost gradient at the present output, or held at the free prediction."
    )

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield what the circuit or the solver cannot do for this rule."""
        yield from super().check(scenario)
        circuit = scenario.circuit
        if circuit.kind != "layered":
            yield (
                "rule.type",
                f"dual_propagation needs dyads, and a {circuit.kind} circuit has none. Use rule equilibrium.",
            )
            return
        if circuit.neuron != "dyad":
            yield "rule.type", "dual_propagation needs two compartments per neuron. Use circuit.neuron: dyad."
        if self.variant == "damped" and circuit.activation not in CLIPPED_IDENTITIES:
            yield (
                "rule.variant",
                f"damping would move the fixed points of '{circuit.activation}' units. "
                f"Use circuit.activation {', '.join(CLIPPED_IDENTITIES)}, or another variant.",
            )
        if self.output != "prox":
            return
        if circuit.output_activation != "identity" and scenario.dynamics.solver == "sweeps":
            yield (
                "rule.output",
                f"prox with output_activation {circuit.output_activation} has no closed form, which solver sweeps "
                "needs. Use output: linearised, or an ODE solver.",
            )
        if circuit.cost == "squared_error" and self.beta != "auto":
            # The compartment that is pushed up the cost has a minimum only while its nudge is weaker than the cost.
            share, symbol = (self.alpha, "alpha") if self.variant == "transposed" else (1.0 - self.alpha, "(1 - alpha)")
            if share * self.strength >= 1.0:
                yield (
                    "rule.beta",
                    f"output prox with squared_error needs {symbol} beta < 1 for variant {self.variant}, "
                    f"found {share * self.strength:g}. Use a smaller beta, or output: linearised.",
                )
        elif circuit.cost == "cross_entropy" and scenario.dynamics.solver == "sweeps":
            yield (
                "rule.output",
                "prox with cross_entropy has no closed form, which solver sweeps needs. "
                "Use output: linearised, or an ODE solver.",
            )

    def compartments(self) -> Compartments:
        """Return the tables of a dyad with this rule's share of feedback for each compartment."""
        return dyad(
            self.alpha,
            transposed=self.variant == "transposed",
            damped=self.variant == "damped",
            gradient_at="compartment" if self.output == "prox" else "current",
        )

    def phases(self, start: Start) -> tuple[Phase, ...]:
        """Return the nudged phase, after a free one where it starts from there or needs the free prediction."""
        nudged = Phase("nudged", self.strength, start, self.cost_gradient)
        return (FREE, nudged) if start == "free" or self.cost_gradient == "frozen" else (nudged,)

    @property
    def response_weights(self) -> tuple[float, ...]:
        """The error signal is the difference of the compartments: dhat = (s- - s+) / beta."""
        return (-1.0, 1.0)

    @property
    def always_on(self) -> AlwaysOn:
        """Both numbers of a synapse are there at every moment: the nudged phase without its end."""
        return AlwaysOn(self.strength, (self.alpha, 1.0 - self.alpha), (-1.0 / self.strength, 1.0 / self.strength))

    def read(self, system: System, solver: Solver, start: Start, reading: Reading) -> int:
        """Relax under the nudge; read means and differences of the dyads."""
        results = run_phases(system, solver, self.phases(start), own_states=False)
        settled = results["nudged"].reading
        reads = self.always_on
        system.read(settled, reads.source, reading.source)
        system.read(settled, tuple(reading.scale * weight for weight in reads.error), reading.error)
        reading.prediction[:] = system.prediction(settled)
        reading.take_statuses(results.values())
        return sum(relaxation.steps for relaxation in results.values())
