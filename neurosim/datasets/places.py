"""Where data files may lie: `data.path`, --data-dir, $NEUROSIM_DATA, and folders of the system, in this order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurosim.errors import DataError

VARIABLE = "NEUROSIM_DATA"
"""Name of the environment variable that holds the user's data folder."""


@dataclass(frozen=True)
class Place:
    """A folder in which to look, and who named it.

    Parameters
    ----------
    folder : Path
        The folder; it need not exist.
    origin : str
        ``data.path``, ``--data-dir``, ``$NEUROSIM_DATA`` or ``system``.
    """

    folder: Path
    origin: str

    def __str__(self) -> str:
        note = "" if self.folder.is_dir() else "; no such folder"
        return f"{self.folder} ({self.origin}{note})"


def data_places(
    path: str | None, folders: Iterable[Path], subfolders: Sequence[str] = (), system: Iterable[Path] = ()
) -> tuple[Place, ...]:
    """Return the folders in which to look, in order.

    Parameters
    ----------
    path : str or None
        `data.path`, where it names a folder.
    folders : iterable of Path
        What --data-dir named.
    subfolders : sequence of str
        Looked into before the folder itself, so that one folder can hold several sets whose files have the same names.
    system : iterable of Path
        Folders that packages of the operating system fill; looked into last, without sub-folders.
    """
    roots = [] if path is None else [Place(Path(path).expanduser(), "data.path")]
    roots += [Place(folder.expanduser(), "--data-dir") for folder in folders]
    if value := os.environ.get(VARIABLE):
        roots.append(Place(Path(value).expanduser(), f"${VARIABLE}"))
    nested = [Place(root.folder / name, root.origin) for root in roots for name in (*subfolders, "")]
    return (*nested, *(Place(folder, "system") for folder in system))


def find_file(path: str, folders: Iterable[Path]) -> Path:
    """Return the file that `data.path` names; a relative one is also sought in --data-dir and $NEUROSIM_DATA.

    Raises
    ------
    DataError
        If there is no such file; the message lists every place looked at.
    """
    given = Path(path).expanduser()
    candidates = [(Path.cwd() / given, "data.path")]
    if not given.is_absolute():
        candidates += [(place.folder / given, place.origin) for place in data_places(None, folders)]
    for candidate, _ in candidates:
        if candidate.is_file():
            return candidate
    looked = "".join(f"\n  {candidate} ({origin})" for candidate, origin in candidates)
    raise DataError(f"data.path: there is no file '{path}'. Looked at:{looked}")
