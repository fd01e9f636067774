"""Analysis `relax`: trajectories of a few samples through every phase of the rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.analysis.interruption import Interruption
from neurosim.analysis.parameters import snapshot, write_parameters
from neurosim.analysis.power import PowerRecorder, declare_power
from neurosim.analysis.run import Outcome, Session
from neurosim.analysis.rungs import radius_of
from neurosim.analysis.setup import Experiment
from neurosim.analysis.wiring import write_wiring
from neurosim.dynamics.status import Status, count, flags, worst
from neurosim.learning.protocol import FREE, Phase, run_phases
from neurosim.physics.oscillating import OscillatingSystem
from neurosim.physics.system import System
from neurosim.results.sink import GrowingArray, ResultSink

Array = npt.NDArray[Any]

DEFAULT_INTERVALS = 100


class StoppedError(Exception):
    """The user asked to stop in the middle of a relaxation."""


@dataclass
class _PhaseRecorder:
    """Writes the saved states of one phase into the arrays of the result as they come.

    Raises
    ------
    StoppedError
        Once the user has asked to stop; what came before has been written.
    """

    times: npt.NDArray[np.float64]
    system: System
    phase: int
    states: list[GrowingArray]
    rates: GrowingArray
    integrals: list[GrowingArray]
    power: PowerRecorder | None
    interruption: Interruption
    slot: int = 0

    def save(self, times: Array, states: Array, rates: Array) -> None:
        """Write states (saves, size) and the RMS rate over all samples."""
        for state, row_rates in zip(states, rates, strict=True):
            if self.slot < self.rates.shape[1]:
                for dataset, view in zip(self.states, self.system.views(state), strict=True):
                    dataset[self.phase, self.slot] = view.transpose(1, 0, 2)
                for dataset, values in zip(self.integrals, _error_integrals(self.system, state), strict=True):
                    dataset[self.phase, self.slot] = values
                if self.power is not None:
                    self.power.save(self.phase, self.slot, self.system, state)
                self.rates[self.phase, self.slot] = np.sqrt(np.mean(np.square(row_rates)))
            self.slot += 1
        if self.interruption.wanted:
            raise StoppedError


def run(experiment: Experiment, session: Session) -> Outcome:
    """Relax the first test samples and write /relax (see the contract) and /circuit."""
    scenario, solver, writer = experiment.scenario, experiment.solver, session.writer
    samples = experiment.dataset.test.head(scenario.analysis.samples)
    system = experiment.model.system(len(samples))
    system.present(samples.inputs, samples.targets)
    phases: tuple[Phase, ...] = (FREE,)
    if experiment.rule is not None:
        phases, system = experiment.rule.phases(scenario.dynamics.start), experiment.rule.relaxing(system)
    duration = None if experiment.rule is None else experiment.rule.duration
    if duration is not None:
        solver = solver.lasting(duration)
        writer.set_attributes("relax", {"duration": duration})
    times = (
        solver.save_times(_save_times(scenario, duration))
        if solver.has_time
        else np.arange(scenario.dynamics.max_steps + 1.0)
    )

    states, rates = _declare(writer, system, phases, times, solver.has_time)
    integrals, stop = _declare_integrals(writer, system), session.interruption
    power = declare_power(writer, system, len(phases)) if solver.has_time else None
    recorders = [_PhaseRecorder(times, system, i, states, rates, integrals, power, stop) for i in range(len(phases))]
    session.progress.begin(len(phases), "phases")
    try:
        results = run_phases(system, solver, phases, recorders, keep_free=True)
        codes = np.stack([results[phase.name].codes for phase in phases])
        final = np.stack([results[phase.name].rates for phase in phases])
        steps = np.array([results[phase.name].steps for phase in phases])
        powers = [system.power(results[phase.name].state) for phase in phases]
        wiring = system.wiring(results[phases[0].name].state)
    except StoppedError:
        codes = np.full((len(phases), system.rows), Status.INTERRUPTED.code, np.int8)
        final, steps = np.full(codes.shape, np.nan), np.zeros(len(phases), np.int64)
        powers, wiring = [], None
    session.progress.advance(len(phases))
    radius = radius_of(experiment, samples)
    if radius is not None and experiment.rule is not None:
        nudged = np.array([phase.nudge != 0 for phase in phases])
        beyond = nudged[:, None] & (radius <= (experiment.rule.complex_nudge or 0.0))
        codes[beyond] = codes[beyond].clip(min=Status.OFF_BRANCH.code)
        what = "radius of convergence of the equilibrium as a power series in the nudge"
        writer.variable("relax", "radius", ("sample",), radius, what, "1")
    if not solver.has_time:
        writer.cut("relax", "time", max(recorder.slot for recorder in recorders))

    what = "how the relaxation of each sample ended"
    writer.variable("relax", "status", ("phase", "sample"), codes, what, attributes=flags())
    writer.variable(
        "relax",
        "final_rate",
        ("phase", "sample"),
        final,
        "final RMS of tau d(state)/dt of each sample",
        system.blocks[0].unit,
    )
    writer.variable("relax", "steps", ("phase",), steps, "steps, sweeps or iterations taken", "1")
    if powers and powers[0] is not None:
        what = "power that resistors and diodes dissipate in the last state of each sample"
        writer.variable("relax", "power", ("phase", "sample"), np.array(powers), what, "W")
    if power is not None:
        power.write_energy(times)
    write_parameters(writer, experiment.model, snapshot(experiment.model))
    if wiring is not None:
        write_wiring(writer, wiring, phases[0].name)
    return _judge(scenario, phases, codes, final)


def _save_times(scenario: Any, duration: float | None) -> npt.NDArray[np.float64]:
    save, t_end = scenario.analysis.save, duration or scenario.dynamics.t_end
    if save is None:
        return np.linspace(0.0, t_end, DEFAULT_INTERVALS + 1)
    if save.at is not None:
        return np.asarray(save.at, np.float64)
    every: float = save.every
    # The last product may miss t_end by rounding, on either side.
    return np.asarray(np.minimum(np.arange(int(t_end / every * (1 + 1e-12)) + 1) * every, t_end), np.float64)


def _declare(
    writer: ResultSink, system: System, phases: tuple[Phase, ...], times: Array, has_time: bool
) -> tuple[list[GrowingArray], GrowingArray]:
    """Make the dimensions and empty arrays of /relax."""
    writer.dimension("relax", "phase", [phase.name for phase in phases], "phase of the rule")
    nudges = np.array([phase.nudge for phase in phases], complex)
    unit = system.model.nudge_unit
    writer.variable("relax", "nudge", ("phase",), nudges.real, "nudging strength beta", unit)
    if nudges.imag.any():
        writer.variable("relax", "nudge_imaginary", ("phase",), nudges.imag, "imaginary part of beta", unit)
    clamps = np.array([phase.clamp for phase in phases])
    if clamps.any():
        what = "fraction of the way to their targets at which outputs are held; 0: they are free"
        writer.variable("relax", "clamp", ("phase",), clamps, what, "1")
    if has_time:
        writer.dimension("relax", "time", times, "time since the phase began", "s", unlimited=True)
    else:
        writer.dimension("relax", "time", times, "iterations since the phase began", "1", unlimited=True)
    writer.dimension("relax", "sample", np.arange(system.rows), "test sample")
    writer.dimension("relax", "compartment", np.arange(system.blocks[0].planes), "compartment of a neuron")
    names = np.array(system.plane_names, dtype="S")
    writer.variable("relax", "compartment_name", ("compartment",), names, "what the compartments are")
    writer.variable(
        "relax", "forward_weight", ("compartment",), system.forward_weights, "weight in the mean sent forward", "1"
    )
    states = []
    for block in system.blocks:
        axis = f"unit_{block.name}"
        writer.dimension("relax", axis, np.arange(block.units), f"unit of {block.name}")
        if block.unit_names:
            names = np.array(block.unit_names, dtype="S")
            writer.variable("relax", f"name_{block.name}", (axis,), names, f"name of each unit of {block.name}")
        dimensions = ("phase", "time", "sample", "compartment", axis)
        name, what = f"state_{block.name}", f"state of {block.name}"
        dataset = writer.growing("relax", name, dimensions, system.dtype, what, block.unit)
        dataset.attrs["symbol"] = block.symbol
        states.append(dataset)
    what = "RMS of tau d(state)/dt over all samples" + (", without the noise" if system.noise is not None else "")
    unit = system.blocks[0].unit
    rates = writer.growing("relax", "rms_rate", ("phase", "time"), np.float64, what, unit)
    writer.dimension("relax", "input", np.arange(system.inputs.shape[1]), "input")
    writer.dimension("relax", "output", np.arange(system.targets.shape[1]), "output")
    writer.variable("relax", "inputs", ("sample", "input"), system.inputs, "inputs", unit)
    writer.variable("relax", "targets", ("sample", "output"), system.targets, "targets", unit)
    return states, rates


def _declare_integrals(writer: ResultSink, system: System) -> list[GrowingArray]:
    """Make the empty arrays of what synapses integrate under an oscillating nudge; none for other circuits."""
    if not isinstance(system, OscillatingSystem):
        return []
    writer.set_attributes("relax", {"period": system.period})
    what = "integral that the synapses keep of {}; over one period it gains the estimate of dC/d(current)"
    return [
        writer.growing(
            "relax", f"error_integral_{block.name}", ("phase", "time", "sample", f"unit_{block.name}"), system.dtype,
            what.format(block.name), "1",
        )
        for block in system.blocks
    ]  # fmt: skip


def _error_integrals(system: System, state: Array) -> list[Array]:
    if not isinstance(system, OscillatingSystem):
        return []
    out = system.signal()
    system.read_integral(state, 1, out)
    return out.blocks()


def _judge(scenario: Any, phases: tuple[Phase, ...], codes: Array, final: Array) -> Outcome:
    if worst(codes) is Status.INTERRUPTED:
        return Outcome(Status.INTERRUPTED, f"{Status.INTERRUPTED.value}; trajectories are written as far as they went")
    bad = [code for code in codes.ravel().tolist() if not list(Status)[code].good]
    status = worst(codes)
    allowed = len(bad) <= scenario.dynamics.unsettled_limit * codes.size and status is not Status.DIVERGED
    if status.good or allowed:
        status = status if status.good else Status.SETTLED
        rates = ", ".join(f"{p.name} {np.max(f):.2g}" for p, f in zip(phases, final, strict=True))
        return Outcome(status, f"{status.value}; final RMS rate: {rates}")
    told = "; ".join(
        f"{phase.name}: " + ", ".join(f"{number} {key}" for key, number in count(row).items())
        for phase, row in zip(phases, codes, strict=True)
    )
    return Outcome(status, f"{status.value} (samples by phase: {told}; final RMS rate up to {final.max():.2g})")
