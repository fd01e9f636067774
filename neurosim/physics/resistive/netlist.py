"""A netlist as arrays: nodes that follow free nodes, and branches that carry currents between nodes.

    node voltages   V = S v + T x + c,   S[i, root(i)] = gain_i           v free voltages, x inputs
    Kirchhoff       F = -P L(V),         P[root(i), i] = weight_i         L what leaves every node, F into the free ones

Node 0 is ground. See `neurosim.physics.resistive.topology` for roots, gains and weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import ScenarioError
from neurosim.physics.parameters import ParameterBlock
from neurosim.physics.resistive.element_settings import Capacitor, CurrentSource, Diode, Resistor
from neurosim.physics.resistive.laws.table import CURRENT_SOURCE, PIECEWISE_LINEAR, RESISTOR, SHOCKLEY
from neurosim.physics.resistive.quantity import GROUND

if TYPE_CHECKING:
    from neurosim.physics.resistive.settings import ResistiveCircuit

Array = npt.NDArray[Any]
Index = npt.NDArray[np.int64]

BOLTZMANN = 1.380649e-23  # J / K
CHARGE = 1.602176634e-19  # C


@dataclass(frozen=True)
class Netlist:
    """Everything about a netlist that learning does not change.

    Attributes
    ----------
    nodes : tuple of str
        All nodes, ground first, then the free ones in the order of the state, then the others.
    free : int
        How many are free: nodes 1 to `free`.
    roots : ndarray (nodes,)
        State index that a node follows, -1 where nothing free moves it.
    gains, weights, offsets : ndarray (nodes,)
        As above; offsets in V.
    input_gains : ndarray (inputs, nodes)
        T^T.
    branches : tuple of str
        Names of the elements that carry currents.
    codes, first, second, places : ndarray (branches,)
        Law, nodes, and where its numbers begin among trained parameters and `numbers`, one after the other.
    groups : dict of str to tuple of str
        Trained elements of every parameter block: resistors of ``g`` and ``g_<group>``, then current sources of ``I``
        and ``I_<group>``; groups in the order of their first elements.
    file_order : ndarray (trained,)
        Place of every trained value in the order of the file, resistors first: grouping does not change a draw.
    start : ndarray (trained,)
        Their values, group after group; NaN where they are drawn.
    bounds : ndarray (2, trained)
        Smallest and largest values.
    numbers : ndarray
        What the laws of all other branches read.
    capacitances : ndarray (free,)
        In F, as the free node feels them.
    outputs : ndarray (outputs,)
        Their nodes.
    """

    nodes: tuple[str, ...]
    free: int
    roots: Index
    gains: Array
    weights: Array
    offsets: Array
    input_gains: Array
    branches: tuple[str, ...]
    codes: Index
    first: Index
    second: Index
    places: Index
    groups: dict[str, tuple[str, ...]]
    file_order: Index
    start: Array
    bounds: Array
    numbers: Array
    capacitances: Array
    outputs: Index

    @property
    def parameter_blocks(self) -> tuple[ParameterBlock, ...]:
        """The trained parameters: conductances g and bias currents I, group by group, each in the order of the file."""
        kinds = {"g": ("conductances of the trained resistors", "S"), "I": ("currents of the trained sources", "A")}
        return tuple(
            ParameterBlock(name, (len(names),), f"{kinds[name[0]][0]} {_listed(names)}", unit=kinds[name[0]][1])
            for name, names in self.groups.items()
        )


def compile_netlist(settings: ResistiveCircuit) -> Netlist:
    """Return the arrays of a netlist.

    Raises
    ------
    ScenarioError
        If it has no meaning; see `ResistiveCircuit.problems`.
    """
    problems = [f"circuit.{key}: {message}" for key, message in settings.problems()]
    if problems:
        raise ScenarioError(*problems)
    topology = settings.topology
    free = topology.free
    nodes = (GROUND, *free, *(node for node in topology.nodes if node not in set(free)))
    number = {node: i for i, node in enumerate(nodes)}
    held = [topology.held[node] for node in nodes]
    input_gains = np.zeros((len(settings.inputs), len(nodes)))
    for i, how in enumerate(held):
        if how.source is not None:
            input_gains[settings.inputs.index(how.source), i] = how.input_gain
    elements = settings.elements
    groups = _groups(elements, "g", Resistor) | _groups(elements, "I", CurrentSource)
    trained = {name: i for i, name in enumerate(name for names in groups.values() for name in names)}
    kinds = (Resistor, CurrentSource)
    in_file = [name for kind in kinds for name, e in elements.items() if name in trained and isinstance(e, kind)]
    order = {name: i for i, name in enumerate(in_file)}
    begun = np.array([_start(elements[name]) for name in trained], np.float64).reshape(-1, 3)
    branches = {name: e for name, e in elements.items() if isinstance(e, Resistor | Diode | CurrentSource)}
    places: list[int] = []
    numbers: list[float] = []
    codes: list[int] = []
    for name, branch in branches.items():
        code, values = _law(branch, settings)
        codes.append(code)
        places.append(trained.get(name, len(trained) + len(numbers)))
        numbers += [] if name in trained else values
    capacitances = np.full(len(free), settings.capacitance)
    for element in elements.values():
        if isinstance(element, Capacitor):
            for how in (topology.held[node] for node in element.nodes):
                if how.root is not None:
                    capacitances[free.index(how.root)] += how.gain * how.weight * element.farads
    return Netlist(
        nodes=nodes,
        free=len(free),
        roots=np.array([-1 if how.root is None else free.index(how.root) for how in held]),
        gains=np.array([0.0 if how.root is None else how.gain for how in held]),
        weights=np.array([0.0 if how.root is None else how.weight for how in held]),
        offsets=np.array([how.offset for how in held]),
        input_gains=input_gains,
        branches=tuple(branches),
        codes=np.array(codes, np.int64),
        first=np.array([number[e.nodes[0]] for e in branches.values()], np.int64),
        second=np.array([number[e.nodes[1]] for e in branches.values()], np.int64),
        places=np.array(places, np.int64),
        groups=groups,
        file_order=np.array([order[name] for name in trained], np.int64),
        start=begun[:, 0],
        bounds=begun[:, 1:].T.copy(),
        numbers=np.array(numbers, np.float64),
        capacitances=capacitances,
        outputs=np.array([number[node] for node in settings.outputs], np.int64),
    )


def _groups(elements: dict[str, Any], block: str, kind: type[Any]) -> dict[str, tuple[str, ...]]:
    """Return the names of the trained elements of a kind by parameter block."""
    found: dict[str, list[str]] = {}
    for name, element in elements.items():
        if isinstance(element, kind) and element.trainable:
            found.setdefault(f"{block}_{element.group}" if element.group else block, []).append(name)
    return {block: tuple(names) for block, names in found.items()}


def _start(element: Any) -> tuple[float, float, float]:
    """Return the value of a trained element, NaN where it is drawn, and its bounds."""
    if isinstance(element, CurrentSource):
        return element.amps, -math.inf, math.inf
    low, high = element.bounds or (0.0, math.inf)
    return math.nan if element.conductance is None else element.conductance, low, high


def _law(element: Any, settings: ResistiveCircuit) -> tuple[int, list[float]]:
    """Return the law of an element and its numbers."""
    if isinstance(element, Resistor):
        return RESISTOR, [element.conductance or 0.0]
    if isinstance(element, CurrentSource):
        return CURRENT_SOURCE, [element.amps]
    if element.model == "shockley":
        volts = element.n * BOLTZMANN * settings.temperature / CHARGE
        return SHOCKLEY, [element.saturation, volts, settings.gmin]
    return PIECEWISE_LINEAR, [1.0 / element.ron, 1.0 / element.roff, element.vth]


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:8])
    return shown if len(names) <= 8 else f"{shown}, ... {names[-1]}"
