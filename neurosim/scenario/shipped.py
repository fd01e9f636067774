"""Scenarios and circuits that are shipped with neurosim, and the way from what a user wrote to a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from neurosim.errors import ScenarioError, UnknownNameError, nearest
from neurosim.scenario.source import read_file

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Library:
    """A folder of YAML files that are known by name.

    Parameters
    ----------
    kind : str
        What the files are, in the singular, for messages.
    folder_name : str
        Folder at the top of the repository; ``neurosim.<folder_name>`` where neurosim is installed.
    """

    kind: str
    folder_name: str

    def folder(self) -> Path:
        """Return the folder: the installed data package, or in a bare checkout the folder beside ``neurosim/``."""
        try:
            return Path(str(resources.files(f"neurosim.{self.folder_name}")))
        except ModuleNotFoundError:
            return Path(__file__).resolve().parents[2] / self.folder_name

    def names(self) -> tuple[str, ...]:
        """Return the names of the shipped files, sorted."""
        return tuple(sorted(path.stem for path in self.folder().glob("*.yaml")))

    def summaries(self) -> dict[str, str]:
        """Return one line per name: the first sentence of the file's opening comment, or its description."""
        folder = self.folder()
        return {name: _summary(folder / f"{name}.yaml") for name in self.names()}

    def find(self, name: str, beside: Path | None = None) -> Path:
        """Return the file that a name or a path stands for.

        Parameters
        ----------
        name : str
            Anything with a separator or the ending .yaml or .yml is a path, anything else the name of a shipped file.
        beside : Path, optional
            The folder that a relative path starts from; default: the working folder.

        Raises
        ------
        UnknownNameError
            If no shipped file has this name.
        ScenarioError
            If there is no file at this path.
        """
        if not is_path(name):
            return self._shipped(name)
        path = Path(name).expanduser()
        if beside is not None:
            path = beside / path
        if not path.exists():
            siblings = [other.name for other in sorted(path.parent.glob("*.y*ml"))]
            raise ScenarioError(f"there is no file '{show(path)}'.{nearest(path.name, siblings)}")
        return path

    def _shipped(self, name: str) -> Path:
        known = self.names()
        if name in known:
            return self.folder() / f"{name}.yaml"
        hint = nearest(name, known)
        for suffix in _SUFFIXES:
            if Path(name + suffix).is_file():
                hint = f" For your own file write '{name}{suffix}'."
        raise UnknownNameError(f"unknown {self.kind} '{name}'.{hint} Known: {', '.join(known)}; or give a path.")


SCENARIOS = Library("scenario", "scenarios")
CIRCUITS = Library("circuit", "circuits")


def is_path(name: str) -> bool:
    """Whether what a user wrote is a path rather than the name of a shipped file."""
    separators = {"/", os.sep, os.altsep or os.sep}
    return name.endswith(_SUFFIXES) or any(separator in name for separator in separators)


def show(path: Path) -> str:
    """Return a path as messages name it: from the working folder where it lies below, otherwise in full."""
    full = Path(os.path.abspath(path))  # not resolve(): a user who goes through a link knows the link
    try:
        return str(full.relative_to(Path.cwd()))
    except ValueError:
        return str(full)


def _summary(path: Path) -> str:
    comment: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("#").strip())
    sentence, dot, _ = " ".join(comment).partition(". ")
    if sentence:
        return sentence + dot.strip()
    root, _ = read_file(path, show(path))
    description = root.child("description")
    return "" if description is None else str(description.value or "")
