"""Progress of a sweep: as for a run, with points per second and the number of failures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import Progress as Bar

from neurosim.cli.progress import BarProgress, LineProgress, bar_on_stderr
from neurosim.sweep.driver import SweepProgress


class SweepBar(BarProgress):
    """A bar whose label counts failures."""

    def __init__(self, bar: Bar) -> None:
        super().__init__(bar)
        self._failed = 0

    def fail(self, amount: int = 1) -> None:
        """Count failures, and move the bar: nothing more will come of these points."""
        self._failed += amount
        if amount:
            self.describe(f"points, {self._failed} failed")
            self.advance(amount)


class SweepLines(LineProgress):
    """Lines that count failures."""

    def __init__(self) -> None:
        super().__init__()
        self._failed = 0

    def fail(self, amount: int = 1) -> None:
        """Count failures: nothing more will come of these points."""
        self._failed += amount
        if amount:
            self.advance(amount)

    def line(self, left: str, rate: float) -> str:
        """Return how far it is."""
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{super().line(left, rate)}, {rate:.3g} per second{failed}"


class SweepSilence:
    """Progress that nobody watches."""

    def begin(self, total: int, unit: str, done: int = 0) -> None:
        """Ignore."""

    def advance(self, amount: int = 1) -> None:
        """Ignore."""

    def note(self, text: str) -> None:
        """Ignore."""

    def fail(self, amount: int = 1) -> None:
        """Ignore."""


@contextmanager
def sweep_shown(quiet: bool) -> Iterator[SweepProgress]:
    """Yield progress that people can see, unless they want quiet."""
    if quiet:
        yield SweepSilence()
    elif sys.stderr.isatty():
        with bar_on_stderr() as bar:
            yield SweepBar(bar)
    else:
        yield SweepLines()
