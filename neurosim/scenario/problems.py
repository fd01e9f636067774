"""Collecting everything that goes wrong while a file is loaded, instead of stopping at the first error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from neurosim.errors import ScenarioError, UnknownNameError
from neurosim.scenario.overrides import Override, apply
from neurosim.scenario.shipped import show
from neurosim.scenario.source import read_file
from neurosim.scenario.tree import Node, Problem
from neurosim.scenario.use import without_use
from neurosim.scenario.wording import count

P = ParamSpec("P")
T = TypeVar("T")


class Problems:
    """What went wrong so far; steps that fail leave their lines here, and loading goes on as far as it can."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def attempt(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Run a step; where it fails, keep its lines and return None."""
        try:
            return step(*args, **kwargs)
        except ScenarioError as error:
            self.lines += error.problems
        except UnknownNameError as error:
            self.lines.append(str(error))
        return None

    def read(self, file: Path) -> Node | None:
        """Read a file; None if it cannot be used."""
        result = self.attempt(read_file, file, show(file))
        if result is None:
            return None
        self.lines += map(str, result[1])
        return result[0]

    def resolve(self, circuit: Node, file: Path, key: str) -> Node | None:
        """Resolve `use:`; None if a circuit file cannot be used."""
        result = self.attempt(without_use, circuit, file, key)
        if result is None:
            return None
        self.lines += map(str, result[1])
        return result[0]

    def change(self, root: Node, changes: Sequence[Override]) -> Node:
        """Apply the overrides one by one, leaving out those that cannot be applied."""
        for change in changes:
            root = self.attempt(apply, root, change) or root
        return root

    def complain(self, root: Node, complaints: Sequence[tuple[str, str]]) -> None:
        """Add complaints about keys, those of the scenario file first and in the order of its lines."""
        located = [Problem(root.locate(key), key, message) for key, message in complaints]
        own = root.where.source
        located.sort(key=lambda each: (each.where.source != own, each.where.source, each.where.line or 0))
        self.lines += map(str, located)

    def error(self) -> ScenarioError:
        """Return the error with every line once, and the last line that counts them."""
        lines = list(dict.fromkeys(self.lines))
        return ScenarioError(*lines, f"{count(len(lines), 'error')}; nothing was run.")
