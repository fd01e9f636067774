"""Names that ngspice can tell apart: it does not know case, and reads the kind of an element off its first letter."""

from __future__ import annotations

import re

from neurosim.physics.resistive.quantity import GROUND

RESERVED = {GROUND, "gnd"}  # ngspice joins both to ground


class Names:
    """Gives every name of a netlist one of its own, as close to the written one as can be."""

    def __init__(self) -> None:
        self._nodes: dict[str, str] = {GROUND: GROUND}
        self._taken_nodes: set[str] = set(RESERVED)
        self._taken_elements: set[str] = set()

    def node(self, name: str) -> str:
        """Return the node of ngspice for a node of the netlist; the same for the same name."""
        if name not in self._nodes:
            self._nodes[name] = _unique(_plain(name), self._taken_nodes)
        return self._nodes[name]

    def new_node(self, near: str) -> str:
        """Return a node that the netlist does not have."""
        return _unique(_plain(near), self._taken_nodes)

    def element(self, letter: str, name: str) -> str:
        """Return the name of an element whose kind is `letter`."""
        plain = _plain(name)
        return _unique(plain if plain.startswith(letter) else f"{letter}_{plain}", self._taken_elements)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9_]", "_", name.lower())


def _unique(wanted: str, taken: set[str]) -> str:
    found, number = wanted, 2
    while found in taken:
        found, number = f"{wanted}_{number}", number + 1
    taken.add(found)
    return found
