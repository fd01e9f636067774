"""Coupled learning: resistors compare the free circuit with one whose outputs are held nearer to their targets.

    free:    F(v_f) = 0, outputs at u_f              clamped:   F(v_c) = 0, outputs held at u_c = u_f + eta (y - u_f)
    dg ~ -(S_c - S_f) / eta,    S = (V_a - V_b)^2 / 2 at the two ends of every resistor

In a reciprocal netlist, with its co-content J and with u_c held, this is the exact gradient of (J_c - J_f) / eta. As
eta vanishes it tends to the gradient of e^T G e / 2, with the error e = y - u and with the conductance matrix G of the
outputs held as well: not that of the squared error, whose direction is left by as much as G differs from a multiple of
the unit matrix. It has the unit V^2 where the gradient of the squared error has V^2 / S: in the bias ladder, where the
term ``nudge`` says what the clamp does in place of a small nudge, only angles can be compared.

References
----------
M. Stern, D. Hexner, J. W. Rocks, A. J. Liu, Supervised learning in physical networks: from machine learning to learning
machines, Phys. Rev. X 11 (2021) 021045, arXiv 2011.03861.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from neurosim.learning.protocol import FREE, Phase, run_phases
from neurosim.learning.rule import Reading, Rule, Start
from neurosim.physics.layered.compartments import POINT, Compartments
from neurosim.settings import Sections

if TYPE_CHECKING:
    from neurosim.dynamics.solver import Solver
    from neurosim.physics.system import System


class ClampedRule(Rule):
    """A rule that compares the free circuit with one whose outputs are held."""

    @property
    @abstractmethod
    def fraction(self) -> float:
        """How far on the way to their targets the outputs are held, in (0, 1]."""

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield why the outputs of the circuit cannot be held."""
        yield from super().check(scenario)
        circuit = scenario.circuit
        if circuit.kind != "resistive":
            yield (
                "rule.type",
                f"{scenario.rule.type} holds the voltages of output nodes, and a circuit of kind {circuit.kind} has "
                "none. Use circuit.kind: resistive, or rule equilibrium.",
            )

    def compartments(self) -> Compartments:
        """Return the tables of point neurons."""
        return POINT

    def phases(self, start: Start) -> tuple[Phase, ...]:
        """Return the free phase and the clamped one."""
        return (FREE, Phase("clamped", 0.0, start, clamp=self.fraction))

    @property
    def response_weights(self) -> tuple[float, ...]:
        """The limit of a small nudge current, beside which the ladder puts what the clamp makes of it."""
        return (-1.0,)

    def read(self, system: System, solver: Solver, start: Start, reading: Reading) -> int:
        """Relax the free circuit, then the clamped one; read the mean of the two, and their difference."""
        free = run_phases(system, solver, (FREE,), own_states=False)["free"]
        weight = system.forward_weights
        system.read(free.reading, weight, reading.source)
        reading.prediction[:] = system.prediction(free.reading)
        clamped = system.clamped_at(free.reading, self.fraction)
        clamped.enter_phase(1)
        begin = clamped.place(free.state.copy()) if start == "free" else clamped.rest()
        held = solver.relax(clamped, begin)
        reading.error.clear()
        reading.error.add(reading.source)
        answer = clamped.read_anew(held.reading, weight)
        reading.error.add(answer, -1.0)
        reading.source.add(answer)
        reading.source.scale(0.5)
        reading.error.scale(reading.scale / self.fraction)
        reading.take_statuses((free, held))
        return free.steps + held.steps


class Coupled(ClampedRule):
    """Coupled learning: the outputs are held a fraction eta of the way to their targets."""

    type: Literal["coupled"]
    eta: float = Field(0.1, gt=0.0, le=1.0, description="Fraction of the way from the free outputs to their targets.")

    @property
    def fraction(self) -> float:
        """Eta."""
        return self.eta
