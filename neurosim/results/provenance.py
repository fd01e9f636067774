"""Where a result comes from: versions, host, threads."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("numpy", "scipy", "numba", "h5py")


def provenance(threads: int) -> dict[str, str | int]:
    """Return what it takes to know how a result was made.

    Parameters
    ----------
    threads : int
        Threads that the run used.
    """
    facts: dict[str, str | int] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "host": platform.node(),
        "processors": os.cpu_count() or 1,
        "threads": threads,
    }
    return facts | {library: _version(library) for library in LIBRARIES}


@cache  # reading the metadata of a package takes two milliseconds, and a sweep has many results
def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "unknown"
