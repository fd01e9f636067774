"""Who holds which node: every node follows at most one free node, v = gain v_root + offset.

Voltage sources, inputs and amplifiers define nodes. Nodes joined by voltage sources move together; what defines one of
them defines all. Currents go the other way: what leaves a node leaves its root, times `weight`, 1 through voltage
sources and kappa through an amplifier. Without amplifiers gain = weight, and the reduced circuit is reciprocal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from neurosim.physics.resistive.element_settings import Amplifier, Capacitor, CurrentSource, VoltageSource
from neurosim.physics.resistive.quantity import GROUND

Problem = tuple[str, str]


@dataclass(frozen=True)
class Held:
    """How the voltage of a node follows: v = gain v_root + offset + input_gain v_input.

    Parameters
    ----------
    root : str or None
        The free node that it follows; itself where it is free. None where nothing free moves it.
    gain : float
        Of the voltage of the root.
    weight : float
        Of a current that leaves the node, in the current that leaves the root.
    source : str or None
        The input that it follows.
    input_gain : float
        Of the voltage of that input.
    offset : float
        In V.
    """

    root: str | None
    gain: float = 1.0
    weight: float = 1.0
    source: str | None = None
    input_gain: float = 0.0
    offset: float = 0.0

    def amplified(self, gain: float, weight: float, offset: float) -> Held:
        """Return how a node follows that has `gain` times this voltage and `offset`."""
        return Held(
            self.root, gain * self.gain, weight * self.weight, self.source, gain * self.input_gain,
            gain * self.offset + offset,
        )  # fmt: skip


@dataclass
class Topology:
    """The nodes of a netlist and how they follow each other.

    Attributes
    ----------
    nodes : tuple of str
        All nodes but ground, in the order of the file.
    held : dict of str to Held
        By node, ground among them; of nodes that could be resolved.
    problems : list of (str, str)
        Key below the circuit, and what is wrong.
    """

    nodes: tuple[str, ...]
    held: dict[str, Held] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def free(self) -> tuple[str, ...]:
        """The free nodes, whose voltages are the state."""
        return tuple(node for node in self.nodes if self.held[node].root == node)


def resolve(inputs: Sequence[str], elements: Mapping[str, Any]) -> Topology:
    """Return how the nodes of a netlist follow each other, and what is wrong with it."""
    names = [*inputs, *(node for element in elements.values() for node in element.nodes)]
    topology = Topology(tuple(dict.fromkeys(node for node in names if node != GROUND)))
    groups = _Groups((GROUND, *topology.nodes))
    drivers: dict[str, str] = {GROUND: "ground"} | {node: f"input '{node}'" for node in inputs}
    amplifiers: dict[str, tuple[str, Amplifier]] = {}
    for name, element in elements.items():
        if isinstance(element, VoltageSource):
            a, b = element.nodes
            if groups.joined(a, b):
                told = f"{name} closes a loop of voltage sources between '{a}' and '{b}'. Take one of them out"
                topology.problems.append((f"elements.{name}", told + "."))
            else:
                groups.join(a, b, element.volts)
        elif isinstance(element, Amplifier):
            w = element.nodes[1]
            if w in drivers:
                told = f"amplifier {name} drives node '{w}', which is held by {drivers[w]} already."
                topology.problems.append((f"elements.{name}", told))
            else:
                drivers[w], amplifiers[w] = f"amplifier {name}", (name, element)
    _resolve_groups(topology, groups, drivers, amplifiers)
    if not topology.problems:
        topology.problems += _floating(topology, elements)
        topology.problems += _open_capacitors(topology, elements)
    return topology


class _Groups:
    """Nodes joined by voltage sources, with the voltage of each against the first of its group."""

    def __init__(self, nodes: Sequence[str]) -> None:
        self.group = {node: [node] for node in nodes}
        self.height = dict.fromkeys(nodes, 0.0)

    def joined(self, a: str, b: str) -> bool:
        """Say whether voltage sources join two nodes."""
        return self.group[a] is self.group[b]

    def join(self, a: str, b: str, volts: float) -> None:
        """Join the groups of two nodes with v_a - v_b = volts."""
        kept, moved = self.group[a], self.group[b]
        shift = self.height[a] - volts - self.height[b]
        for node in moved:
            self.height[node] += shift
            self.group[node] = kept
        kept.extend(moved)


def _resolve_groups(
    topology: Topology,
    groups: _Groups,
    drivers: Mapping[str, str],
    amplifiers: Mapping[str, tuple[str, Amplifier]],
) -> None:
    driver_of: dict[int, str] = {}
    for node in drivers:
        group = id(groups.group[node])
        if group in driver_of:
            told = f"{drivers[driver_of[group]]} and {drivers[node]} are joined by voltage sources: two sources"
            topology.problems.append(("elements", f"{told} on one node."))
        driver_of.setdefault(group, node)
    resolving: set[int] = set()

    def hold(node: str) -> Held | None:
        group = groups.group[node]
        if node in topology.held:
            return topology.held[node]
        if id(group) in resolving:
            return None
        resolving.add(id(group))
        order = {name: i for i, name in enumerate((GROUND, *topology.nodes))}
        first = driver_of.get(id(group), min(group, key=order.__getitem__))
        base: Held | None
        if first in amplifiers:
            name, amplifier = amplifiers[first]
            before = hold(amplifier.nodes[0])
            if before is None:
                told = f"{name} is in a loop of amplifiers that drive each other; its voltage is not defined."
                topology.problems.append((f"elements.{name}", told))
                return None
            gain, shift = amplifier.gain, amplifier.shift
            base = before.amplified(gain, amplifier.kappa, shift * (1.0 - gain) + gain * amplifier.offset)
        elif first == GROUND:
            base = Held(None)
        elif first in drivers:
            base = Held(None, source=first, input_gain=1.0)
        else:
            base = Held(first)
        for member in group:
            topology.held[member] = base.amplified(1.0, 1.0, groups.height[member] - groups.height[first])
        return topology.held[node]

    for node in (GROUND, *topology.nodes):
        hold(node)


def _floating(topology: Topology, elements: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield free nodes from which no conducting element leads to a node that is held."""
    beside: dict[str, set[str]] = {node: set() for node in topology.free}
    reached: set[str] = set()
    for element in elements.values():
        if isinstance(element, VoltageSource | CurrentSource | Capacitor | Amplifier):
            continue
        a, b = (topology.held[node].root for node in element.nodes)
        for one, other in ((a, b), (b, a)):
            if one is not None and other is None:
                reached.add(one)
            elif one is not None and other is not None:
                beside[one].add(other)
    waiting = list(reached)
    while waiting:
        for node in beside[waiting.pop()] - reached:
            reached.add(node)
            waiting.append(node)
    for node in topology.free:
        if node not in reached:
            touching = next(name for name, element in elements.items() if node in element.nodes)
            told = f"node '{node}' is floating: no resistor or diode leads from it to ground, an input or a source."
            yield f"elements.{touching}", told


def _open_capacitors(topology: Topology, elements: Mapping[str, Any]) -> Iterator[Problem]:
    for name, element in elements.items():
        if isinstance(element, Capacitor) and all(topology.held[node].root is not None for node in element.nodes):
            told = "a capacitor joins a node to ground, or to one that a source or an input holds."
            yield f"elements.{name}", f"{told} '{element.nodes[0]}' and '{element.nodes[1]}' are both free."
