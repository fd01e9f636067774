"""Plain values that remember where they were written, so that every later message can name a file and a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
Plain: TypeAlias = "Scalar | list[Plain] | dict[str, Plain]"


@dataclass(frozen=True)
class Location:
    """Where a value was written.

    Parameters
    ----------
    source : str
        The file as the user knows it, or the command-line option, for instance ``"--set rule.beta"``.
    line : int, optional
        Line in the file, from 1; None where there are no lines.
    """

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, as one line of an error.

    Parameters
    ----------
    where : Location
        Where it was written.
    key : str
        Dotted key; empty where no key is concerned.
    message : str
        What was found and what is allowed.
    """

    where: Location
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.key}: {self.message}" if self.key else f"{self.where}: {self.message}"


@dataclass(frozen=True)
class Node:
    """A value of a YAML file with its place; the items of mappings and lists are nodes themselves.

    Parameters
    ----------
    value : scalar, list of Node, or dict of str to Node
        What was written. Nodes are never changed in place: `merge` and `neurosim.scenario.overrides.put` make new ones.
    where : Location
        The line of the key, or of the item in a list.
    """

    value: Scalar | list[Node] | dict[str, Node]
    where: Location

    def plain(self) -> Plain:
        """Return the value without its places."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def child(self, part: str) -> Node | None:
        """Return the item under a key or, in a list, under an index written as text; None if there is none."""
        if isinstance(self.value, dict):
            return self.value.get(part)
        if isinstance(self.value, list) and part.isdecimal() and int(part) < len(self.value):
            return self.value[int(part)]
        return None

    def locate(self, key: str) -> Location:
        """Return the place of a dotted key or, where it was not written, of the nearest key above it that was.

        A key may have dots itself, as those of a sweep: ``sweep.grid.rule.beta`` is the item ``rule.beta`` of a grid.
        """
        node, parts = self, key.split(".")
        while parts:
            heads = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
            head = next((head for head in heads if node.child(head) is not None), None)
            below = None if head is None else node.child(head)
            if head is None or below is None:
                break
            node, parts = below, parts[head.count(".") + 1 :]
        return node.where

    def moved_to(self, where: Location) -> Node:
        """Return the same value with everything in it placed at `where`."""
        if isinstance(self.value, dict):
            return Node({key: child.moved_to(where) for key, child in self.value.items()}, where)
        if isinstance(self.value, list):
            return Node([child.moved_to(where) for child in self.value], where)
        return Node(self.value, where)


def planted(value: Plain, where: Location) -> Node:
    """Return plain data as nodes that all lie at one place."""
    if isinstance(value, dict):
        return Node({key: planted(child, where) for key, child in value.items()}, where)
    if isinstance(value, list | tuple):
        return Node([planted(child, where) for child in value], where)
    return Node(value, where)


def merge(base: Node, over: Node) -> Node:
    """Lay `over` on top of `base`: mappings join key by key, anything else is replaced as a whole."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    joined = dict(base.value)
    for key, child in over.value.items():
        joined[key] = merge(joined[key], child) if key in joined else child
    return Node(joined, over.where)
