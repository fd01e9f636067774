"""Progress on stderr: plain lines where it is no terminal, a bar where it is one."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console
from rich.progress import Progress as Bar

from neurosim.cli import progress as module
from neurosim.cli.progress import BarProgress, LineProgress, shown


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def test_lines_come_now_and_then_with_the_time_left(clock: Clock, capsys: pytest.CaptureFixture[str]):
    """80 pieces of 1 s: a line every ten seconds, and the estimates are right."""
    lines = LineProgress()
    lines.begin(80, "batches")
    for _ in range(80):
        clock.now += 1.0
        lines.advance()
    told = capsys.readouterr()
    assert told.out == ""
    estimates = [(int(line.split()[0]), int(line.split()[-3])) for line in told.err.splitlines()]
    assert len(estimates) in (7, 8)
    assert all(done + left == 80 for done, left in estimates)
    assert "batches, about" in told.err


def test_a_quick_run_tells_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]):
    lines = LineProgress()
    lines.begin(3, "batches")
    for _ in range(3):
        clock.now += 1.0
        lines.advance()
    assert capsys.readouterr().err == ""


def test_a_resumed_run_is_not_praised_for_what_was_done_before(clock: Clock, capsys: pytest.CaptureFixture[str]):
    """900 of 1000 done before, one piece per 11 s: the estimate is about those that are left."""
    lines = LineProgress()
    lines.begin(1000, "batches", done=900)
    for _ in range(3):
        clock.now += 11.0
        lines.advance()
    assert capsys.readouterr().err.splitlines()[-1] == "903 of 1000 batches, about 18 min left"


@pytest.mark.parametrize(
    ("seconds", "told"), [(4.4, "4 s"), (89.0, "89 s"), (100.0, "2 min"), (5000.0, "83 min"), (7200.0, "2.0 h")]
)
def test_spans_are_for_people(seconds: float, told: str):
    assert module._span(seconds) == told


def test_lines_where_it_is_no_terminal(capsys: pytest.CaptureFixture[str]):
    with shown() as progress:
        assert isinstance(progress, LineProgress)
        progress.note("epoch 1: [brackets] stay")
    assert capsys.readouterr() == ("", "epoch 1: [brackets] stay\n")


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The choice is that of stderr; stdout stays empty for the path of the result."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with shown() as progress:
        assert isinstance(progress, BarProgress)
        progress.begin(10, "batches", 4)
        progress.advance(3)
    assert capsys.readouterr().out == ""


def test_the_bar_moves_and_notes_are_printed_as_they_are():
    """Markup is not interpreted: a message may contain brackets."""
    written = io.StringIO()
    with Bar(console=Console(file=written, force_terminal=False, width=100)) as bar:
        progress = BarProgress(bar)
        progress.advance()  # before there is anything to do
        progress.begin(10, "batches", done=4)
        progress.advance(3)
        progress.note("epoch 1: loss [bold]0.5[/bold]")
        assert bar.tasks[0].completed == 7
        assert bar.tasks[0].total == 10
    assert "epoch 1: loss [bold]0.5[/bold]" in written.getvalue()
