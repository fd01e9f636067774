"""One process at a time in a folder. The system takes the lock back when its holder ends, however it ends."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from types import TracebackType

from neurosim.errors import ResultFileError


class FolderLock:
    """Keeps other sweeps out of a folder. Use as a context manager.

    Parameters
    ----------
    path : Path
        The lock file; it stays behind, empty of meaning, when the lock is given back.

    Raises
    ------
    ResultFileError
        On entering, if another process holds the lock, or the file system knows no locks.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> FolderLock:
        self._file = self.path.open("a+")
        try:
            _lock(self._file.fileno())
        except BlockingIOError as error:
            self._file.seek(0)
            holder = self._file.read().strip() or "another process"
            self._file.close()
            raise ResultFileError(
                f"{self.path.parent}: {holder} is running a sweep here. Wait for it, or choose another folder with -o."
            ) from error
        except OSError as error:
            self._file.close()
            raise ResultFileError(
                f"{self.path}: cannot be locked ({error.strerror}). Choose a folder on a file system with locks."
            ) from error
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {platform.node()}")
        self._file.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lock back."""
        self._file.truncate(0)
        self._file.close()


def _lock(number: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        try:
            os.lseek(number, 1 << 30, os.SEEK_SET)  # beyond the text, which others may read
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
    else:
        import fcntl

        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
