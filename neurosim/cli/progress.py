"""Progress on stderr: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from neurosim.analysis.progress import Progress

SECONDS_BETWEEN_LINES = 10.0


class BarProgress:
    """A bar with elapsed and remaining time; notes scroll above it."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task: TaskID | None = None

    def begin(self, total: int, unit: str, done: int = 0) -> None:
        """Show the bar."""
        self._task = self._bar.add_task(unit, total=total, completed=done)

    def advance(self, amount: int = 1) -> None:
        """Move the bar."""
        if self._task is not None:
            self._bar.advance(self._task, amount)

    def describe(self, text: str) -> None:
        """Change the label of the bar."""
        if self._task is not None:
            self._bar.update(self._task, description=text)

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(text, highlight=False, markup=False)


class LineProgress:
    """Lines of text: every note, and now and then how far it is and how long it will take."""

    def __init__(self) -> None:
        self._total, self._unit, self._done = 0, "", 0
        self._told = time.monotonic()
        self._first: tuple[float, int] | None = None  # when the first piece was done; it may have waited for a compiler

    def begin(self, total: int, unit: str, done: int = 0) -> None:
        """Remember how much there is to do."""
        self._total, self._unit, self._done = total, unit, done
        self._told, self._first = time.monotonic(), None

    def advance(self, amount: int = 1) -> None:
        """Print a line if the last one is some seconds old."""
        self._done += amount
        now = time.monotonic()
        if self._first is None:
            self._first = (now, self._done)
        elif now - self._told >= SECONDS_BETWEEN_LINES and self._done < self._total:
            self._told = now
            began, before = self._first
            rate = (self._done - before) / (now - began)
            self.note(self.line(_span((self._total - self._done) / rate), rate))

    def line(self, left: str, rate: float) -> str:
        """Return how far it is, with the time that is `left`; `rate` is in pieces per second."""
        return f"{self._done} of {self._total} {self._unit}, about {left} left"

    def note(self, text: str) -> None:
        """Print a line."""
        print(text, file=sys.stderr, flush=True)


@contextmanager
def shown() -> Iterator[Progress]:
    """Yield progress that people can see."""
    if not sys.stderr.isatty():
        yield LineProgress()
        return
    with bar_on_stderr() as bar:
        yield BarProgress(bar)


def bar_on_stderr() -> Bar:
    """Return a bar with numbers and times, for a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    return Bar(*columns, console=Console(stderr=True), transient=True)


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
