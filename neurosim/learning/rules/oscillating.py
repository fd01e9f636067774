"""Always-on equilibrium propagation: an oscillating teacher, and synapses that demodulate; no phases.

    rotating   beta(t) = beta e^{i omega t}    dhat = -(1/(beta T)) int_0^T Re[s e^{-i omega t}] dt
    cosine     beta(t) = beta cos(omega t)     dhat = -(2/(beta T)) int_0^T s cos(omega t) dt
    dC/dW_k ~ mean(s_k) x dhat_{k+1}

Nothing waits for convergence: what the circuit lags behind the teacher is an error of order (omega tau)^2 in dhat. A
rotation is the contour of all its points at once; a cosine is what a real circuit can do, and leaves (3/4) c_3 beta^2.
With a solver that finds equilibria (sweeps, newton) the teacher is infinitely slow.

References
----------
A. Laborieux, F. Zenke, Holomorphic equilibrium propagation computes exact gradients through finite size oscillations,
NeurIPS 2022, arXiv 2209.00530.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from neurosim.learning.protocol import Phase
from neurosim.learning.rule import NudgedRule, Reading, Start, not_holomorphic, pushed_too_far
from neurosim.physics.layered.compartments import POINT, Compartments
from neurosim.settings import Sections

if TYPE_CHECKING:
    from neurosim.dynamics.solver import Solver
    from neurosim.physics.system import System

SLOW_POINTS = 16  # of an infinitely slow oscillation


class Oscillating(NudgedRule):
    """One continuous run under an oscillating nudge; every synapse averages over the last of its periods."""

    type: Literal["oscillating"]
    drive: Literal["rotating", "cosine"] = Field(
        "rotating", description="Nudge beta e^{i omega t} of complex states, or beta cos(omega t) of real ones."
    )
    period: float = Field(gt=0.0, description="Period of the oscillation, in seconds.")
    periods: int = Field(3, ge=1, description="Periods that every batch is presented.")
    lock_in: int = Field(1, ge=1, description="Periods, the last ones, over which the synapses average.")

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield what the circuit or the solver cannot do for this rule."""
        yield from super().check(scenario)
        circuit = scenario.circuit
        if circuit.kind == "resistive":
            yield "rule.type", "oscillating is for layers of point neurons; a netlist has phases. Use rule equilibrium."
            return
        if getattr(circuit, "neuron", None) != "point":
            yield "rule.type", "oscillating is for point neurons with feedback. Use circuit.neuron: point."
            return
        if self.drive == "rotating":
            for sentence in not_holomorphic(circuit, "a rotating nudge", "drive: cosine"):
                yield "rule.drive", sentence
        for sentence in pushed_too_far(circuit, self.beta, "an oscillating nudge", ""):
            yield "rule.beta", sentence
        imperfections = getattr(circuit, "imperfections", None)
        for key in ("read_noise", "nudge_noise"):
            chosen = getattr(imperfections, key, None)
            if chosen is not None and chosen.sd:
                yield (
                    f"circuit.imperfections.{key}",
                    "it is drawn once per read and phase, and a nudge that never rests has neither. Use state_noise, "
                    "or rule equilibrium.",
                )
        if self.lock_in > self.periods:
            yield "rule.lock_in", f"found {self.lock_in} periods, but a presentation has rule.periods: {self.periods}."
        dt = getattr(scenario.dynamics, "dt", None)
        steps = self.period / dt if dt else 1.0
        if abs(steps - round(steps)) > 1e-6 * steps or steps < 1 - 1e-6:
            yield (
                "rule.period",
                f"found {self.period:g} s, which is {steps:.6g} steps of dynamics.dt = {dt:g} s; it has to be a whole "
                "number of them.",
            )
        if scenario.dynamics.solver == "radau":
            yield (
                "dynamics.solver",
                "radau relaxes to equilibria, one sample at a time; an oscillating nudge has none. Use a fixed step, "
                "tsit5, or sweeps or newton for an infinitely slow oscillation.",
            )

    def compartments(self) -> Compartments:
        """Return the tables of point neurons."""
        return POINT

    def phases(self, start: Start) -> tuple[Phase, ...]:
        """Return the one run there is."""
        return (Phase("oscillating", self.strength),)

    def relaxing(self, system: System) -> System:
        """Return the circuit under the oscillating nudge."""
        return system.oscillating(self.drive == "rotating", self.period)

    @property
    def duration(self) -> float:
        """All periods of a presentation."""
        return self.periods * self.period

    @property
    def response_weights(self) -> tuple[float, ...]:
        """The error signal is the response itself: dhat = -ds/dbeta."""
        return (-1.0,)

    @property
    def complex_nudge(self) -> float | None:
        """Radius of the circle on which the nudge rotates."""
        return self.strength if self.drive == "rotating" else None

    def read(self, system: System, solver: Solver, start: Start, reading: Reading) -> int:
        """Run through all periods; read what the integrals of the synapses gained over the last ones.

        Of coloured state noise, what it was at the beginning of the last periods is not remembered there.
        """
        if not solver.has_time:
            return self._read_slowly(system, solver, start, reading)
        driven = system.oscillating(self.drive == "rotating", self.period)
        driven.nudge(self.strength)
        state, steps, ends = driven.rest(), 0, []
        for part, periods in enumerate((self.periods - self.lock_in, self.lock_in)):
            before = state.copy()
            if periods:
                driven.noise_stream = part  # one run, whose noise does not repeat itself
                relaxation = solver.lasting(periods * self.period).relax(driven, state)
                steps += relaxation.steps
                ends.append(relaxation)
        system.nudge(0.0)
        gain = (state - before) / self.lock_in
        driven.read_integral(gain, 0, reading.source)
        driven.read_integral(gain, 1, reading.error)
        reading.error.scale(reading.scale)
        reading.prediction[:] = system.model.prediction_of(reading.source.block(len(reading.source.widths) - 1))
        reading.take_statuses(ends)
        return steps

    def _read_slowly(self, system: System, solver: Solver, start: Start, reading: Reading) -> int:
        """Read the mean over one infinitely slow oscillation, from equilibria at some of its points."""
        import numpy as np

        from neurosim.learning.contour import Contour
        from neurosim.learning.protocol import FREE, run_phases

        free = run_phases(system, solver, (FREE,), own_states=False)["free"]
        system.read(free.state, system.forward_weights, reading.source)
        reading.prediction[:] = system.prediction(free.state)
        reading.codes[:] = free.codes
        steps = free.steps
        if self.drive == "rotating":
            contour = Contour(self.strength, SLOW_POINTS)
            codes, taken = contour.relax(system, solver, free.state, start, reading.source, reading.error)
            reading.codes[:] = reading.codes.clip(min=codes)
            steps += taken
        else:
            reading.error.clear()
            reading.source.clear()
            for k in range(SLOW_POINTS):
                phase = float(np.cos(2 * np.pi * (k + 0.5) / SLOW_POINTS))
                system.nudge(self.strength * phase)
                end = solver.relax(system, free.state.copy() if start == "free" else system.rest())
                reading.codes[:] = reading.codes.clip(min=end.codes)
                steps += end.steps
                s = system.read_anew(end.state, system.forward_weights)
                s.scale(1.0 / SLOW_POINTS)
                reading.source.add(s)
                s.scale(-2.0 * phase / self.strength)
                reading.error.add(s)
            system.nudge(0.0)
        reading.error.scale(reading.scale)
        return steps
