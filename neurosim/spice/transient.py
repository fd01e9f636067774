"""The transient of a test bench as neurosim integrates it: Radau IIA of order 5, far more exact than ngspice.

A ramp moves the nodes that follow an input, and a capacitor between such a node and a free one then carries
C d(V_held)/dt, which the drift of a circuit with constant inputs does not have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp

from neurosim.errors import SimulationError
from neurosim.physics.resistive.element_settings import Capacitor
from neurosim.physics.resistive.model import ResistiveNetwork
from neurosim.physics.resistive.system import ResistiveSystem
from neurosim.spice.bench import Bench, Transient

Array = npt.NDArray[Any]

RTOL, ATOL = 1e-8, 1e-11  # V


def integrate(model: ResistiveNetwork, bench: Bench, system: ResistiveSystem, start: Array, times: Array) -> Array:
    """Return the voltages of the free nodes at `times`, (times, free), from `start` on.

    Parameters
    ----------
    model : ResistiveNetwork
        The circuit, in double precision.
    bench : Bench
        With a transient.
    system : ResistiveSystem
        One row with the nudge of the bench.
    start : ndarray (free,)
        Operating point before the ramp.
    times : ndarray
        Ascending, in s.

    Raises
    ------
    SimulationError
        If the integration fails.
    """
    assert bench.transient is not None
    begin, end = bench.transient.ramp
    unit = bench.inputs @ model.netlist.input_gains
    through = _capacitor_currents(model, unit / (end - begin)) * system.rates

    def rate(t: float, v: Array, extra: Array) -> Array:
        system.fixed[0] = model.netlist.offsets + unit * np.clip((t - begin) / (end - begin), 0.0, 1.0)
        return np.asarray(system.rate(v)) + extra

    def jacobian(t: float, v: Array, extra: Array) -> Array:
        rate(t, v, extra)
        return np.asarray(system.linearise(v).matrices()[0])

    saved, v, none = np.empty((times.size, start.size)), start, np.zeros_like(through)
    for left, right, extra in ((0.0, begin, none), (begin, end, through), (end, bench.transient.end, none)):
        done = solve_ivp(
            rate, (left, right), v, "Radau", dense_output=True, args=(extra,), jac=jacobian, rtol=RTOL, atol=ATOL,
            first_step=bench.transient.step * 1e-3,
        )  # fmt: skip
        if not done.success:
            raise SimulationError(f"the integration of the transient failed: {done.message}")
        here = (times >= left) & ((times <= right) | (right == bench.transient.end))
        if here.any():
            saved[here] = done.sol(np.minimum(times[here], right)).T
        v = done.y[:, -1]
    return saved


def _capacitor_currents(model: ResistiveNetwork, slope: Array) -> Array:
    """Return the current into every free node while held nodes rise by `slope` (nodes,), in V/s."""
    net, into = model.netlist, np.zeros(model.netlist.free)
    number = {node: i for i, node in enumerate(net.nodes)}
    for element in model.settings.elements.values():
        if isinstance(element, Capacitor):
            a, b = (number[node] for node in element.nodes)
            current = element.farads * (slope[a] - slope[b])
            for node, sign in ((a, -1.0), (b, 1.0)):
                if net.roots[node] >= 0:
                    into[net.roots[node]] += sign * net.weights[node] * current
    return into


def default_transient(system: ResistiveSystem, state: Array) -> Transient:
    """Return forty times the slowest time constant at `state`, in two thousand steps.

    Raises
    ------
    SimulationError
        If the operating point is not stable.
    """
    rates = np.linalg.eigvals(system.linearise(state).matrices()[0]).real
    if rates.max() >= 0:
        raise SimulationError("the operating point is not stable, so no transient leads to it.")
    length = float(f"{40.0 / -rates.max():.1e}")
    return Transient(length / 2000, length)
