"""Ctrl-C as a wish, not an accident: the first is obeyed at the next safe place, the second at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


def never() -> bool:
    """Return False: nobody else wants to stop."""
    return False


class Interruption:
    """Context manager that notes SIGINT and SIGTERM; only in the main thread, elsewhere no signal arrives.

    Parameters
    ----------
    asked : callable
        Whether someone else wants the run to stop: the driver of a sweep. Signals are then left alone, so that a driver
        can end a worker that does not listen.
    """

    def __init__(self, asked: Callable[[], bool] = never) -> None:
        self._signalled = False
        self._asked = asked
        self._before: dict[int, Any] = {}

    @property
    def wanted(self) -> bool:
        """Whether the user has asked to stop."""
        return self._signalled or self._asked()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._signalled:
            raise KeyboardInterrupt
        self._signalled = True

    def __enter__(self) -> Interruption:
        if self._asked is never and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back to whom they belonged."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
