"""The folder of a sweep: which plan it belongs to, which points are done, and which failed.

    plan.yaml                 base scenario, sweep, versions
    runs/<run id>.h5          result of one point, as `neurosim run` writes it
    runs/task-<digits>.h5     results of many short points, see `neurosim.results.stack`
    failed/<run id>.json      why a point has no result
    sweep.h5                  the figures of all points, see `neurosim.sweep.collect`

A file that exists is whole: each is written under another name and put in place by a rename.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from neurosim import __version__
from neurosim.errors import ResultFileError, ScenarioError
from neurosim.results.provenance import provenance
from neurosim.results.reader import open_result, texts
from neurosim.scenario.identity import to_yaml
from neurosim.scenario.source import read_file
from neurosim.scenario.wording import count
from neurosim.sweep.plan import Plan

SCHEMA = 1
TASK = "task-"
PART = ".part"
FINISHED = re.compile(r"(task-)?[0-9a-f]{12}\.h5")
OWN_FILE = re.compile(r"(task-)?[0-9a-f]{12}(\.[^/]*)?\.(h5|h5\.tmp|json|json\.part)")
SHOWN = 10  # differences between two plans


@dataclass(frozen=True)
class Failure:
    """Why a point has no result.

    Parameters
    ----------
    run_id : str
        Which point.
    index : int
        Its place in the plan.
    kind : str
        Class of the error, or ``"WorkerDied"``.
    reason : str
        What it says.
    traceback : str
        Where it happened; empty where nobody is left to tell.
    overrides : mapping
        How the point differs from the base.
    """

    run_id: str
    index: int
    kind: str
    reason: str
    traceback: str
    overrides: Mapping[str, Any]


class SweepFolder:
    """Reads and writes the files of a sweep.

    Parameters
    ----------
    path : Path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan, self.runs, self.failed = path / "plan.yaml", path / "runs", path / "failed"
        self.result, self.lock = path / "sweep.h5", path / ".lock"

    def make(self) -> None:
        """Make the folder itself.

        Raises
        ------
        ResultFileError
            If it cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultFileError(f"{self.path}: cannot be made: {error.strerror}. Give a folder with -o.") from error

    def adopt(self, plan: Plan) -> bool:
        """Make the folder that of a plan, or make sure that it is; return whether it was already.

        Raises
        ------
        ResultFileError
            If it holds another plan, with the differences; or files of a sweep without a plan.
        """
        if self.plan.exists():
            self._compare(plan)
        elif any(self._own_files(self.runs)):
            raise ResultFileError(
                f"{self.path}: has runs, but no plan.yaml that says of what. Give another folder with -o, or --restart."
            )
        known = self.plan.exists()
        self.runs.mkdir(exist_ok=True)
        self.failed.mkdir(exist_ok=True)
        self.remove_parts()
        if not known:
            replace_text(self.plan, _plan_text(plan))
        return known

    def remove_parts(self) -> None:
        """Remove what workers that died, or found no room, have left unfinished; no worker may be running."""
        for part in self.runs.glob(f"*{PART}*"):
            part.unlink()

    @staticmethod
    def _own_files(folder: Path) -> Iterator[Path]:
        """Yield the files in a folder that are named as those of a sweep."""
        return (path for path in folder.glob("*") if OWN_FILE.fullmatch(path.name))

    def clear(self) -> list[str]:
        """Delete the files that a sweep wrote, and no others; return what that was, for people."""
        told = []
        for folder in (self.runs, self.failed):
            mine = list(self._own_files(folder))
            for path in mine:
                path.unlink()
            if folder.is_dir():
                told.append(f"{folder} with {count(len(mine), 'file')}")
                with suppress(OSError):  # there is something in it that is not ours
                    folder.rmdir()
        for file in (self.plan, self.result):
            if file.exists():
                file.unlink()
                told.append(str(file))
        return told

    def run_files(self) -> Iterator[tuple[Path, bool]]:
        """Yield every finished file of runs, and whether it holds many points."""
        for entry in sorted(os.scandir(self.runs), key=lambda entry: entry.name):
            if FINISHED.fullmatch(entry.name):
                yield Path(entry.path), entry.name.startswith(TASK)

    def done(self) -> set[str]:
        """Return the run ids of all points that have a result."""
        found: set[str] = set()
        for path, many in self.run_files():
            if not many:
                found.add(path.stem)
                continue
            with open_result(path) as file:
                found.update(texts(file["run_id"]))
        return found

    def failures(self) -> set[str]:
        """Return the run ids of all points that failed."""
        return {path.stem for path in self._own_files(self.failed) if path.suffix == ".json"}

    def write_failure(self, failure: Failure) -> None:
        """Record why a point has no result."""
        text = json.dumps({**asdict(failure), "neurosim_version": __version__}, indent=2)
        replace_text(self.failed / f"{failure.run_id}.json", text + "\n")

    def forget_failures(self) -> None:
        """Remove the records of failed points, which then run again."""
        for run_id in self.failures():
            (self.failed / f"{run_id}.json").unlink()

    def _compare(self, plan: Plan) -> None:
        text = self.plan.read_text(encoding="utf-8")
        facts = dict(re.findall(r"^(sweep_id|neurosim_version): \"?([\w.+-]+)\"?$", text, re.MULTILINE))
        if facts == {"sweep_id": plan.sweep_id, "neurosim_version": __version__}:
            return
        try:
            there: Any = read_file(self.plan, str(self.plan))[0].plain()
        except ScenarioError as error:
            raise ResultFileError(f"{error} Give another folder with -o, or --restart.") from error
        old, new = _flat(_comparable(there)), _flat(_comparable(_plan_content(plan)))
        lines = [
            f"  {key}: {_shown(old, key)} in the folder, {_shown(new, key)} now"
            for key in sorted(old.keys() | new.keys())
            if old.get(key) != new.get(key)
        ]
        if len(lines) > SHOWN:
            lines = [*lines[:SHOWN], f"  and {len(lines) - SHOWN} more"]
        told = "\n".join(lines) or "  the order of numbers and keys alone"
        raise ResultFileError(
            f"{self.path}: holds another sweep:\n{told}\n"
            "Give another folder with -o, or --restart to delete what is there."
        )


def replace_text(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    temporary = path.with_name(path.name + PART)
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _plan_content(plan: Plan) -> dict[str, Any]:
    versions = {key: value for key, value in provenance(1).items() if key not in ("threads", "processors", "host")}
    return {
        "sweep_schema": SCHEMA,
        "sweep_id": plan.sweep_id,
        "neurosim_version": __version__,
        "versions": versions,
        "scenario": plan.base.resolved,
        "sweep": plan.written,
    }


def _plan_text(plan: Plan) -> str:
    content = _plan_content(plan)
    sweep = json.dumps(content.pop("sweep"))  # JSON is YAML, and a hundred thousand values of a list are quick to write
    return f"# The plan of a sweep, written by neurosim sweep.\n{to_yaml(content)}sweep: {sweep}\n"


def _comparable(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: content.get(key) for key in ("neurosim_version", "scenario", "sweep")}


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value:
        return {key: value}
    return {
        inner: leaf
        for name, child in value.items()
        for inner, leaf in _flat(child, f"{key}.{name}" if key else str(name)).items()
    }


def _shown(flat: Mapping[str, Any], key: str) -> str:
    if key not in flat:
        return "nothing"
    text = json.dumps(flat[key])
    return text if len(text) <= 60 else f"{text[:40]} ... {text[-15:]}"
