"""How an analysis tells what it is doing. Library code never prints; the command line does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Receives progress while an analysis runs."""

    def begin(self, total: int, unit: str, done: int = 0) -> None:
        """Say how much there is to do, in what unit, and how much of it is done already."""

    def advance(self, amount: int = 1) -> None:
        """Say that `amount` more is done."""

    def note(self, text: str) -> None:
        """Say something worth a line: the figures of an epoch, where a run resumes."""


class Silence:
    """Progress that nobody watches."""

    @staticmethod
    @contextmanager
    def watch() -> Iterator[Silence]:
        """Yield silence, where others yield a bar."""
        yield Silence()

    def begin(self, total: int, unit: str, done: int = 0) -> None:
        """Ignore."""

    def advance(self, amount: int = 1) -> None:
        """Ignore."""

    def note(self, text: str) -> None:
        """Ignore."""
