"""``use: NAME`` in a circuit: the keys of a circuit file, with the keys beside `use` on top of them."""

from __future__ import annotations

from pathlib import Path

from neurosim.errors import ScenarioError, UnknownNameError
from neurosim.scenario.shipped import CIRCUITS, show
from neurosim.scenario.source import read_file
from neurosim.scenario.tree import Node, Problem, merge
from neurosim.scenario.wording import found


def without_use(circuit: Node, file: Path, key: str) -> tuple[Node, list[Problem]]:
    """Replace `use` by what it stands for.

    Mappings are joined key by key, lists and single values are replaced. A circuit file may use another one.

    Parameters
    ----------
    circuit : Node
        A circuit as it was written; anything that is not a mapping with the key `use` is returned as it is.
    file : Path
        The file that it was written in; a relative path starts from its folder, and one from --set from the working
        folder.
    key : str
        Dotted key of `use` for messages.

    Returns
    -------
    circuit : Node
        The circuit without `use`.
    problems : list of Problem
        What is wrong in the circuit files that could be read all the same.

    Raises
    ------
    ScenarioError
        If there is no such file or name, the file cannot be used, or a file uses itself.
    """
    return _resolve(circuit, file, key, (file.resolve(),))


def own_keys(circuit: Node) -> Node:
    """Return a circuit with the keys that stand beside `use`; without any if it is no mapping."""
    own = circuit.value if isinstance(circuit.value, dict) else {}
    return Node({key: child for key, child in own.items() if key != "use"}, circuit.where)


def _resolve(circuit: Node, file: Path, key: str, above: tuple[Path, ...]) -> tuple[Node, list[Problem]]:
    use = circuit.child("use")
    if use is None or not isinstance(circuit.value, dict):
        return circuit, []
    if not isinstance(use.value, str):
        message = f"found {found(use.plain())}, expected the name of a circuit or the path of a file."
        raise ScenarioError(str(Problem(use.where, key, message)))
    try:
        path = CIRCUITS.find(use.value, None if use.where.line is None else file.parent)
    except (ScenarioError, UnknownNameError) as error:
        raise ScenarioError(str(Problem(use.where, key, str(error)))) from error
    if path.resolve() in above:
        raise ScenarioError(str(Problem(use.where, key, f"'{show(path)}' uses itself.")))
    written, problems = read_file(path, show(path))
    base, more = _resolve(written, path, "use", (*above, path.resolve()))
    return merge(base, own_keys(circuit)), [*problems, *more]
