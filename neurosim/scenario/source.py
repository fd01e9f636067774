"""Reading YAML 1.2 with the line of every key. Duplicate keys and everything that is not plain data are errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from neurosim.errors import ScenarioError
from neurosim.scenario.tree import Location, Node, Problem, Scalar

_TAG = "tag:yaml.org,2002:"

# A complaint of the parser that a user can act on, for those that name only what the parser saw.
_SYNTAX = {
    "'\\t'": "found a tab where YAML takes only spaces",
    "mapping values are not allowed here": (
        "there cannot be another ':' here; on this line or the one before, a ':' may lack the space after it, "
        "text with ': ' in it may lack quotes, or the indentation may be off"
    ),
    "could not find expected ':'": "the line before has no ': ' between a key and its value",
    "got '<stream end>'": "a bracket or brace that is opened here is never closed",
    "found '<stream end>'": "the text ends where a value or a closing bracket is still expected",
    "unexpected end of stream": "a quote that is opened here is never closed",
    "another document": "a file holds one document; remove the line with ---",
    "cannot start any token": "a value cannot start with this character; put it in quotes",
    "expected the node content": "expected a value, found a stray bracket, brace or comma",
    "expected <block end>": "this does not go with what is above; check the indentation and the quotes",
}


def read_file(path: Path, shown: str) -> tuple[Node, list[Problem]]:
    """Read a file whose top level is a mapping.

    Parameters
    ----------
    path : Path
        The file.
    shown : str
        How messages name it.

    Returns
    -------
    root : Node
        The content; of a key that occurs twice, the first.
    problems : list of Problem
        What is wrong in a file that can be read all the same.

    Raises
    ------
    ScenarioError
        If the file cannot be read, is not YAML, or holds no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ScenarioError(f"{shown}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{shown}: is not text in UTF-8, so it cannot be YAML.") from error
    root, problems = parse(text, shown, lines=True)
    if root.value is None:
        raise ScenarioError(f"{shown}: the file is empty; it should hold keys such as 'name: value'.")
    if not isinstance(root.value, dict):
        kind = "a list" if isinstance(root.value, list) else "a single value"
        raise ScenarioError(f"{shown}:{root.where.line}: found {kind}, expected keys such as 'name: value'.")
    return root, problems


def parse(text: str, shown: str, *, lines: bool) -> tuple[Node, list[Problem]]:
    """Parse YAML text of any kind.

    Parameters
    ----------
    text : str
        The YAML text.
    shown : str
        How locations and messages name its source.
    lines : bool
        Whether locations have line numbers: yes for files, no for values from the command line.

    Returns
    -------
    root : Node
        The content; None inside where the text is empty.
    problems : list of Problem
        Duplicate keys and values that are not plain data.

    Raises
    ------
    ScenarioError
        If the text is not YAML.
    """
    yaml = YAML(typ="safe", pure=True)
    # YAML 1.2 lets an anchor be used again; the parser would warn about it on stderr.
    yaml.composer.warn_double_anchors = False
    try:
        tree = yaml.compose(text)
        builder = _Builder(yaml, shown, lines)
        if tree is None:
            return Node(None, builder.place(None)), []
        return builder.node(tree, builder.place(tree), "", ()), builder.problems
    except MarkedYAMLError as error:
        where = Location(shown, _line(error, text) if lines else None)
        raise ScenarioError(f"{where}: not valid YAML: {_explain(error)}.") from error
    except YAMLError as error:
        raise ScenarioError(_unreadable(error, text, shown, lines)) from error
    except RecursionError as error:
        raise ScenarioError(f"{shown}: lists or mappings are nested too deeply.") from error


class _Builder:
    """Turns the nodes of the parser into ours."""

    def __init__(self, yaml: YAML, shown: str, lines: bool) -> None:
        self._construct = yaml.constructor
        self._shown = shown
        self._lines = lines
        self.problems: list[Problem] = []

    def place(self, node: Any) -> Location:
        if not self._lines:
            return Location(self._shown)
        return Location(self._shown, 1 if node is None else node.start_mark.line + 1)

    def node(self, node: Any, where: Location, key: str, above: tuple[Any, ...]) -> Node:
        """Convert one node; `where` is the line of its dotted `key`, `above` are the nodes that it lies in."""
        if any(node is outer for outer in above):
            self._complain(where, key, "this alias contains itself.")
            return Node(None, where)
        above = (*above, node)
        if isinstance(node, MappingNode) and self._is(node, "map"):
            return Node(self._mapping(node, key, above), where)
        if isinstance(node, SequenceNode) and self._is(node, "seq"):
            items = enumerate(node.value)
            return Node([self.node(item, self.place(item), _join(key, str(i)), above) for i, item in items], where)
        if isinstance(node, ScalarNode):
            return Node(self._scalar(node, where, key), where)
        self._complain(where, key, f"found the tag {_short(node)}; only plain keys, lists and values are allowed.")
        return Node(None, where)

    def _mapping(self, node: MappingNode, key: str, above: tuple[Any, ...]) -> dict[str, Node]:
        children: dict[str, Node] = {}
        for name, value in node.value:
            where = self.place(name)
            if not isinstance(name, ScalarNode):
                self._complain(where, key, "a key must be a word, not a list or a mapping.")
            elif name.value == "<<":
                self._complain(where, key, "merge keys ('<<') are not part of YAML 1.2; write the keys out.")
            elif name.value in children:
                first = children[name.value].where.line
                beside = "" if first is None else f"; it stands on line {first} already"
                self._complain(where, _join(key, name.value), f"this key is given twice{beside}.")
            else:
                children[name.value] = self.node(value, where, _join(key, name.value), above)
        return children

    def _scalar(self, node: ScalarNode, where: Location, key: str) -> Scalar:
        if any(self._is(node, tag) for tag in ("null", "bool", "int", "float")):
            try:
                value: Scalar = self._construct.construct_object(node)
            except (YAMLError, ValueError, KeyError):
                self._complain(where, key, f"'{node.value}' does not fit its tag {_short(node)}.")
                return None
            return value
        # Dates are text here: YAML 1.2 knows none, and no key takes one.
        if not any(self._is(node, tag) for tag in ("str", "timestamp", "value", "merge")):
            self._complain(where, key, f"found the tag {_short(node)}; only plain values are allowed.")
        return str(node.value)

    def _complain(self, where: Location, key: str, message: str) -> None:
        self.problems.append(Problem(where, key, message))

    @staticmethod
    def _is(node: Any, tag: str) -> bool:
        return str(node.tag) == _TAG + tag


def _short(node: Any) -> str:
    return str(node.tag).replace(_TAG, "!!")


def _join(key: str, part: str) -> str:
    return f"{key}.{part}" if key else part


def _line(error: MarkedYAMLError, text: str) -> int | None:
    """Return where the user should look: what was never closed is best seen where it was opened."""
    mark = error.context_mark if "stream" in str(error.problem) and error.context_mark else error.problem_mark
    last = text.rstrip().count("\n") + 1
    return None if mark is None else min(int(mark.line) + 1, last)


def _explain(error: MarkedYAMLError) -> str:
    problem = str(error.problem or error.context)
    for clue, explanation in _SYNTAX.items():
        if clue in problem:
            return explanation
    return problem


def _unreadable(error: YAMLError, text: str, shown: str, lines: bool) -> str:
    position = getattr(error, "position", None)
    if not isinstance(position, int):
        return f"{shown}: not valid YAML: {error}."
    where = Location(shown, text.count("\n", 0, position) + 1 if lines else None)
    return f"{where}: not valid YAML: the character {text[position]!r} is not allowed; is this a text file?"
