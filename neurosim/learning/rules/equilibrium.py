"""Equilibrium propagation: the response of the equilibrium to a nudge of the outputs is the error signal.

    free:    F(s0) = 0                     nudged:   F(s) = beta dC/ds,   from the free state
    one-sided   dhat = (s0 - s(beta)) / beta            symmetric   dhat = (s(-beta) - s(beta)) / (2 beta)
    contour     dhat = -(1/N) sum_k Re[s(beta_k) / beta_k],   beta_k = beta e^(2 pi i k / N)
    vanishing   dhat = -ds/dbeta at beta = 0, by a linear system: what the others tend to
    dC/dW_k ~ s0_k x dhat_{k+1},   dC/dB_k ~ s0_{k+1} x dhat_k

The vector-field form: post error times pre activity, defined for conductances that are not reciprocal as well. The
error of dhat falls with beta for one-sided nudging, with beta^2 for symmetric nudging and with beta^N for N points on a
contour; where the conductances are not reciprocal, a part of it stays, unless it is corrected for:

    asymmetric  the nudged circuit sends its signals the other way around its loops, G s0 + G^T (s - s0)
    dyadic      every unit has two compartments, whose mean settles freely and whose difference is the error signal

References
----------
B. Scellier, Y. Bengio, Frontiers in Computational Neuroscience 11 (2017) 24, arXiv 1602.05179.  B. Scellier, A. Goyal,
J. Binas, T. Mesnard, Y. Bengio, arXiv 1808.04873 (2018): the vector-field form.  A. Laborieux, M. Ernoult, B. Scellier,
Y. Bengio, J. Grollier, D. Querlioz, Frontiers in Neuroscience 15 (2021) 633674: symmetric nudging.  A. Laborieux,
F. Zenke, NeurIPS 2022, arXiv 2209.00530: the contour.  A. E. Scurria, D. Vanden Abeele, B. M. Mognetti, S. Massar,
2026, arXiv 2602.03670: the corrections.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from neurosim.learning.protocol import FREE, Phase, run_phases
from neurosim.learning.rule import NudgedRule, Reading, Start, not_holomorphic, pushed_too_far
from neurosim.physics.imperfection_settings import noisy
from neurosim.physics.layered.compartments import POINT, Compartments
from neurosim.settings import Sections

if TYPE_CHECKING:
    from neurosim.dynamics.solver import Relaxation, Solver
    from neurosim.physics.system import System


class Equilibrium(NudgedRule):
    """A free relaxation and nudged ones: down the cost, up the cost, or around a circle in the complex plane."""

    type: Literal["equilibrium"]
    nudging: Literal["one_sided", "symmetric", "contour", "vanishing"] = Field(
        "symmetric",
        description="Compare with the free state, with the opposite nudge, around a circle of complex nudges, or take "
        "the limit of them all, the linear response (a reference: it is solved for, nothing relaxes).",
    )
    points: int | None = Field(None, description="Nudges on the contour, at least 2; only with nudging: contour.")
    correction: Literal["none", "asymmetric", "dyadic"] = Field(
        "none",
        description="How a circuit that is not reciprocal is made exact: nudged phases with transposed loops, or dyads "
        "that relax once, state and error together.",
    )

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield what the circuit cannot do for this rule."""
        yield from super().check(scenario)
        circuit = scenario.circuit
        if circuit.kind == "resistive":
            yield from self._check_netlist(scenario)
            return
        if circuit.kind == "deep_resistive":
            yield from self._check_deep_resistive()
            return
        if getattr(circuit, "neuron", None) != "point":
            yield (
                "rule.type",
                "equilibrium nudges one compartment after the other, in phases; dyads have both at once. "
                "Use circuit.neuron: point, or rule dual_propagation.",
            )
            return
        yield from self._check_contour(circuit)
        yield from self._check_noise(circuit)
        if self.correction != "dyadic" and self.nudging in ("symmetric", "contour"):
            for sentence in pushed_too_far(circuit, self.beta, f"{self.nudging} nudging", ", or nudging: one_sided"):
                yield "rule.beta", sentence
        if self.correction == "dyadic" and self.nudging != "symmetric":
            yield (
                "rule.correction",
                "dyads relax once, under a real nudge, and are exact for every beta. Leave nudging and points out.",
            )
        if self.correction == "dyadic" and scenario.dynamics.solver == "sweeps":
            yield (
                "dynamics.solver",
                "dyads that carry state and error have no closed-form sweeps. Use newton, or an ODE solver.",
            )
        if self.correction != "none" and self.nudging == "vanishing":
            yield (
                "rule.correction",
                "a corrected circuit answers a vanishing nudge with the exact gradient. Use rule recurrent_backprop.",
            )
        if self.correction != "none" and circuit.feedback == "reciprocal":
            yield (
                "rule.correction",
                "a reciprocal circuit has no asymmetry to correct. Use circuit.feedback: independent, or leave it out.",
            )

    def _check_netlist(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        if self.nudging == "contour":
            yield "rule.nudging", "a netlist has no complex states. Use nudging: one_sided or symmetric."
        if self.points is not None and self.nudging != "contour":
            yield "rule.points", "points belong to nudging: contour. Leave them out."
        if self.correction == "dyadic" and self.nudging != "symmetric":
            yield (
                "rule.correction",
                "dyads relax once, under a real nudge, and are exact for every beta. Leave nudging and points out.",
            )
        if self.correction == "dyadic" and scenario.dynamics.solver == "radau":
            yield (
                "dynamics.solver",
                "radau needs a Jacobian, and dyads of a netlist have none. Use newton, or an explicit ODE solver.",
            )
        if self.correction == "asymmetric" and self.nudging == "vanishing":
            yield (
                "rule.correction",
                "a corrected circuit answers a vanishing nudge with the exact gradient. Use rule recurrent_backprop.",
            )

    def _check_deep_resistive(self) -> Iterator[tuple[str, str]]:
        if self.nudging == "contour":
            yield "rule.nudging", "ideal diodes have no complex states. Use nudging: one_sided or symmetric."
        elif self.points is not None:
            yield "rule.points", "points belong to nudging: contour. Leave them out."
        if self.correction != "none":
            yield "rule.correction", "resistors are reciprocal, there is no asymmetry to correct. Leave it out."

    def _check_noise(self, circuit: Any) -> Iterator[tuple[str, str]]:
        if not noisy(circuit):
            return
        if self.nudging == "vanishing":
            yield (
                "rule.nudging",
                "vanishing linearises at an equilibrium, and with circuit.imperfections.state_noise there is none. "
                "Use nudging: one_sided or symmetric.",
            )
        if self.nudging == "contour" and self.contour_size > 2:
            yield (
                "rule.nudging",
                "half of a contour is the mirror image of the other half, which state_noise is not. Use nudging: "
                "one_sided or symmetric.",
            )

    def _check_contour(self, circuit: Any) -> Iterator[tuple[str, str]]:
        if self.nudging != "contour":
            if self.points is not None:
                yield "rule.points", "points belong to nudging: contour. Leave them out, or use nudging: contour."
            return
        if self.points is None:
            yield "rule.points", "a contour needs its number of points. Give points: N, at least 2."
        elif self.points < 2:
            yield (
                "rule.points",
                f"a contour needs at least 2 points, found {self.points}; one point is nudging: one_sided.",
            )
        if self.points == 2:
            return  # two opposite real nudges
        for sentence in not_holomorphic(circuit, "contour nudging", "nudging: symmetric"):
            yield "rule.nudging", sentence

    def compartments(self) -> Compartments:
        """Return the tables of point neurons."""
        return POINT

    @property
    def contour_size(self) -> int:
        """Number of points on the contour; symmetric nudging has two."""
        return 2 if self.points is None else self.points

    def phases(self, start: Start) -> tuple[Phase, ...]:
        """Return the free phase and the nudged ones; of a contour those of its upper half."""
        from neurosim.learning.contour import contour_points

        swapped = self.correction == "asymmetric"
        if self.correction == "dyadic":
            return (Phase("dyadic", self.strength),)
        if self.nudging == "vanishing":
            return (FREE,)
        if self.nudging == "one_sided":
            return (FREE, Phase("nudged", self.strength, start, transposed=swapped))
        names = ["nudged", "opposite"]
        if self.nudging == "contour":
            names = [f"point_{k}" for k in range(self.contour_size // 2 + 1)]
        betas = contour_points(self.strength, self.contour_size)
        nudged = (Phase(name, beta, start, transposed=swapped) for name, beta in zip(names, betas, strict=True))
        return (FREE, *nudged)

    def relaxing(self, system: System) -> System:
        """Return the system that the phases relax: complex states for a contour, dyads for that correction."""
        if self.correction == "dyadic":
            return system.dyads()
        return system.complex_copies(1) if self.nudging == "contour" and self.contour_size > 2 else system

    @property
    def response_weights(self) -> tuple[float, ...] | None:
        """The error signal is the response itself: dhat = -ds/dbeta. With a correction it tends to the exact one."""
        return (-1.0,) if self.correction == "none" else None

    @property
    def complex_nudge(self) -> float | None:
        """Radius of the contour, where it leaves the real axis."""
        return self.strength if self.nudging == "contour" and self.contour_size > 2 else None

    @property
    def transposes(self) -> bool:
        """Whether the nudged circuit sends its signals the other way around its loops."""
        return self.correction == "asymmetric"

    def read(self, system: System, solver: Solver, start: Start, reading: Reading) -> int:
        """Relax through all phases; read activities at the free state, and the response to the nudge."""
        if self.correction == "dyadic":
            return self._read_dyads(system, solver, reading)
        from neurosim.learning.contour import Contour

        free = run_phases(system, solver, (FREE,), own_states=False)["free"]
        weight = system.forward_weights
        system.read(free.reading, weight, reading.source)
        reading.prediction[:] = system.prediction(free.reading)
        if self.nudging == "vanishing":
            self._read_response(system, free, reading)
            return free.steps
        nudged = system.transposed_at(free.reading) if self.correction == "asymmetric" else system
        if self.nudging == "one_sided":
            nudged.nudge(self.strength)
            nudged.enter_phase(1)
            relaxation = solver.relax(nudged, free.state.copy() if start == "free" else nudged.rest())
            system.read(free.reading, weight, reading.error)
            answer = nudged.read_anew(relaxation.reading, tuple(-w for w in weight))
            reading.error.add(answer)
            if system.model.compares_squares:
                reading.source.add(answer, -1.0)
                reading.source.scale(0.5)
            reading.error.scale(1.0 / self.strength)
            codes, steps = relaxation.codes, relaxation.steps
        else:
            contour = Contour(self.strength, self.contour_size)
            codes, steps = contour.relax(nudged, solver, free.state, start, reading.source, reading.error)
        reading.error.scale(reading.scale)
        reading.codes[:] = free.codes.clip(min=codes)
        return free.steps + steps

    def _read_response(self, system: System, free: Relaxation, reading: Reading) -> None:
        """Solve for the linear response at the free state; there is none where a sample has diverged."""
        from neurosim.dynamics.status import Status
        from neurosim.learning.exact.implicit import response_reading

        reading.take_statuses((free,))
        if free.status is Status.DIVERGED:
            reading.error.clear()
        else:
            response_reading(
                system, free.state, tuple(-w for w in system.forward_weights), reading.source, reading.error
            )
            reading.error.scale(reading.scale)

    def _read_dyads(self, system: System, solver: Solver, reading: Reading) -> int:
        """Relax state and error together; read the mean and the difference of the compartments."""
        dyads = system.dyads()
        relaxation = run_phases(dyads, solver, self.phases("rest"), own_states=False)["dyadic"]
        per_nudge = reading.scale / self.strength
        dyads.read(relaxation.reading, (0.5, 0.5), reading.source)
        dyads.read(relaxation.reading, (-per_nudge, per_nudge), reading.error)
        reading.prediction[:] = dyads.prediction(relaxation.reading)
        reading.codes[:] = relaxation.codes
        return relaxation.steps
