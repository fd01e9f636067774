"""``--set KEY=VALUE`` and ``--grid KEY=VALUES``: values from the command line on top of those from the file."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.errors import ScenarioError
from neurosim.scenario.source import parse
from neurosim.scenario.tree import Location, Node


@dataclass(frozen=True)
class Override:
    """One value from the command line.

    Parameters
    ----------
    text : str
        What the user wrote, for messages: ``"--set rule.beta=0.1"``.
    key : str
        Dotted key; list items count by their index, from 0.
    node : Node
        The value, with ``--set KEY`` as its place.
    """

    text: str
    key: str
    node: Node


def read_override(text: str) -> Override:
    """Split ``KEY=VALUE`` and read VALUE as YAML.

    Parameters
    ----------
    text : str
        For instance ``"rule.beta=1e-3"``, ``"circuit.layers=[64, 10]"`` or ``"rule={type: backprop}"``.

    Raises
    ------
    ScenarioError
        If there is no ``=``, the key has an empty part, or the value is not YAML.
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals:
        raise ScenarioError(f"--set {text}: found no '='; write KEY=VALUE, for instance rule.beta=0.1.")
    if not all(key.split(".")):
        raise ScenarioError(f"--set {text}: the key '{key}' has an empty part; write for instance rule.beta=0.1.")
    node = _read(value, f"--set {text}")
    return Override(f"--set {text}", key, node.moved_to(Location(f"--set {key}")))


def read_grid(text: str) -> Override:
    """Split ``KEY=VALUES`` of a sweep.

    Parameters
    ----------
    text : str
        ``"rule.beta=0.1,0.2"``, ``"rule.beta=log:1e-3:1:4"``, or with a list of YAML,
        ``"circuit.layers=[[64, 10], [64, 32, 10]]"``. What lies between commas is YAML.

    Raises
    ------
    ScenarioError
        If there is no ``=``, the key or the values are empty, or a value is not YAML.
    """
    key, equals, values = text.partition("=")
    key, values = key.strip(), values.strip()
    if not equals or not key or not values:
        raise ScenarioError(
            f"--grid {text}: write KEY=VALUES, for instance rule.beta=0.1,0.2 or rule.beta=log:1e-3:1:4."
        )
    if values.startswith(("lin:", "log:")):
        return Override(f"--grid {text}", key, Node(values, Location(f"--grid {key}")))
    node = _read(f"[{values}]", f"--grid {text}")
    assert isinstance(node.value, list)  # it was wrapped in brackets
    if len(node.value) == 1 and isinstance(node.value[0].value, list):
        node = node.value[0]
    return Override(f"--grid {text}", key, node.moved_to(Location(f"--grid {key}")))


def put_grid(root: Node, override: Override) -> Node:
    """Return `root` with a key of ``sweep.grid`` added or replaced; the dots of the key are part of it."""
    if not isinstance(root.value, dict):
        return root
    sweep = root.child("sweep")
    old = sweep.value if sweep is not None and isinstance(sweep.value, dict) else {}
    grid = old.get("grid")
    values = grid.value if grid is not None and isinstance(grid.value, dict) else {}
    where = override.node.where
    new = Node({**values, override.key: override.node}, where if grid is None else grid.where)
    return Node(
        {**root.value, "sweep": Node({**old, "grid": new}, where if sweep is None else sweep.where)}, root.where
    )


def _read(value: str, shown: str) -> Node:
    node, problems = parse(value, shown, lines=False)
    if problems:
        raise ScenarioError(*(str(problem) for problem in problems))
    return node


def apply(root: Node, override: Override) -> Node:
    """Return `root` with one value replaced; mappings on the way to it are created where they are missing.

    Parameters
    ----------
    root : Node
        The scenario; it stays as it is.
    override : Override
        Where to put what. A mapping takes the place of the old one: it is not joined with it.

    Raises
    ------
    ScenarioError
        If the key leads into a single value, or to an item that a list does not have.
    """
    return _put(root, override.key.split("."), 0, override)


def _put(node: Node, parts: list[str], depth: int, override: Override) -> Node:
    if depth == len(parts):
        return override.node
    part = parts[depth]
    if node.value is None:
        node = Node({}, override.node.where)
    if isinstance(node.value, dict):
        below = node.value.get(part, Node(None, override.node.where))
        return Node({**node.value, part: _put(below, parts, depth + 1, override)}, node.where)
    at = ".".join(parts[:depth])
    if isinstance(node.value, list):
        if node.child(part) is None:
            raise ScenarioError(f"{override.text}: {_no_item(at, part, len(node.value))}")
        items = list(node.value)
        items[int(part)] = _put(items[int(part)], parts, depth + 1, override)
        return Node(items, node.where)
    raise ScenarioError(f"{override.text}: '{at}' is the single value {node.value!r}; it has no key '{part}'.")


def _no_item(at: str, part: str, length: int) -> str:
    if length == 0:
        return f"the list '{at}' is empty; there is no item '{part}'."
    return f"the list '{at}' has the items 0 to {length - 1}; there is no item '{part}'."
