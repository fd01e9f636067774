"""ngspice and neurosim on the same circuit: operating point and transient, node by node."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.polished import EQUILIBRIUM
from neurosim.dynamics.status import Status
from neurosim.errors import SimulationError
from neurosim.physics.resistive.model import ResistiveNetwork
from neurosim.physics.resistive.system import ResistiveSystem
from neurosim.spice.bench import Bench, Transient
from neurosim.spice.export import export
from neurosim.spice.names import Names
from neurosim.spice.ngspice import RAW_FILE, Answer, run_ngspice
from neurosim.spice.transient import default_transient, integrate

Array = npt.NDArray[Any]

OPERATING_POINT_BOUND = 1e-6  # V
TRANSIENT_BOUND = 1e-4  # of the signal range


@dataclass(frozen=True)
class Comparison:
    """How far two programs are apart.

    Parameters
    ----------
    difference : float
        Largest difference of node voltages, in V.
    node : str
        Where it is.
    bound : float
        What it may be, in V.
    nodes, times : int
        How much was compared.
    answer : Answer
        What ngspice said.
    """

    difference: float
    node: str
    bound: float
    nodes: int
    times: int
    answer: Answer

    @property
    def good(self) -> bool:
        """Whether the difference is within the bound; not where it is not a number."""
        return self.difference <= self.bound


def operating_point(model: ResistiveNetwork, bench: Bench) -> tuple[ResistiveSystem, Array]:
    """Return a system of one row with the bench on its terminals, and its state at rest.

    Raises
    ------
    SimulationError
        If there is none, or none was found.
    """
    system = model.system(1)
    system.present(bench.inputs[None], bench.targets[None])
    system.nudge(bench.beta)
    state = system.rest()
    relaxed = EQUILIBRIUM.relax(system, state)
    if relaxed.status is not Status.SETTLED:
        raise SimulationError(f"neurosim found no operating point: {relaxed.status.value}.")
    return system, state


def verify_operating_point(model: ResistiveNetwork, bench: Bench, timeout: float) -> Comparison:
    """Compare operating points.

    Parameters
    ----------
    model : ResistiveNetwork
        The circuit, in double precision.
    bench : Bench
        What lies on its terminals; a transient is left out.
    timeout : float
        Longest time of ngspice, in s.

    Raises
    ------
    SimulationError
        If either program finds none.
    """
    _, state = operating_point(model, bench)
    answer = run_ngspice(export(model, replace(bench, transient=None), RAW_FILE), timeout)
    return _compare(model, _voltages(model, answer), state[None], OPERATING_POINT_BOUND, answer)


def verify_transient(
    model: ResistiveNetwork, bench: Bench, timeout: float, transient: Transient | None = None
) -> Comparison:
    """Compare what a ramp of the inputs from 0 V does, at every time that ngspice has saved.

    Parameters
    ----------
    model, bench, timeout
        As for the operating point.
    transient : Transient, optional
        Step and length; default: from the slowest time constant.

    Raises
    ------
    SimulationError
        If either program fails.
    """
    if transient is None:
        transient = bench.transient or default_transient(*operating_point(model, bench))
    bench = replace(bench, transient=transient)
    system, start = operating_point(model, replace(bench, inputs=np.zeros_like(bench.inputs)))
    answer = run_ngspice(export(model, bench, RAW_FILE), timeout)
    theirs = _voltages(model, answer)
    ours = integrate(model, bench, system, start, answer.vectors["time"])
    span = max(float(np.ptp(ours)), float(np.ptp(np.append(bench.inputs, 0.0))))
    return _compare(model, theirs, ours, TRANSIENT_BOUND * span, answer)


def _voltages(model: ResistiveNetwork, answer: Answer) -> Array:
    """Return the voltages of the free nodes that ngspice found, (times, free)."""
    names, net = Names(), model.netlist
    return np.stack([answer.vectors[f"v({names.node(node)})"] for node in net.nodes[1 : 1 + net.free]], axis=1)


def _compare(model: ResistiveNetwork, theirs: Array, ours: Array, bound: float, answer: Answer) -> Comparison:
    apart = np.abs(theirs - ours).max(axis=0)
    worst = int(np.argmax(apart))
    node = model.netlist.nodes[1 + worst]
    return Comparison(float(apart[worst]), node, bound, len(apart), len(ours), answer)
