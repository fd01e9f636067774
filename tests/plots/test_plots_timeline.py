"""The time axis of a relaxation."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.dynamics.status import Status
from neurosim.errors import SimulationError
from neurosim.plots.timeline import draw_timeline, read_timeline

NOT_SETTLED, MAX_STEPS, DIVERGED = (status.code for status in (Status.NOT_SETTLED, Status.MAX_STEPS, Status.DIVERGED))


def test_phases_follow_each_other(relax):
    first, second = read_timeline(relax()).spans
    assert (first.start, second.start) == (0.0, 4.0)
    assert first.times[0] == 0.0
    assert first.times[-1] == second.times[0] == 4.0
    assert second.times[-1] == 8.0


def test_a_phase_lasts_to_its_end_time_even_if_that_was_not_saved(relax):
    timeline = read_timeline(relax(times=[0.0, 1.0, 2.0]))
    assert timeline.spans[1].start == 4.0
    assert timeline.end == 6.0


@pytest.mark.parametrize(("code", "start"), [(NOT_SETTLED, 4.0), (MAX_STEPS, 2.0), (DIVERGED, 2.0)])
def test_a_phase_that_was_cut_short_lasts_as_far_as_it_came(relax, code, start):
    file = relax(saves=(21, 41), codes=[[code, 0], [0, 0]])
    assert read_timeline(file).spans[1].start == start


def test_the_empty_tail_of_a_short_phase_is_cut(relax):
    file = relax(times=np.arange(6.0), units="1", saves=(2, 6))
    assert [len(span.times) for span in read_timeline(file).spans] == [2, 6]
    assert read_timeline(file).spans[1].times.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_the_start_of_sweeps_counts_although_it_has_no_rate(relax):
    rates = [[np.nan, 0.0, np.nan], [np.nan, 0.1, 0.01]]
    file = relax(times=np.arange(3.0), units="1", saves=(2, 3), rates=rates)
    assert [len(span.times) for span in read_timeline(file).spans] == [2, 3]


def test_a_phase_without_saves_is_left_out(relax):
    timeline = read_timeline(relax(saves=(41, 0)))
    assert [span.name for span in timeline.spans] == ["free"]


def test_nothing_saved_is_refused(relax):
    with pytest.raises(SimulationError, match="stopped before any state was saved"):
        read_timeline(relax(saves=(0, 0)))


@pytest.mark.parametrize(
    ("units", "scale", "label"),
    [("s", 1.0, "time (s)"), ("s", 1e-3, "time (ms)"), ("s", 2e-6, "time (µs)"), ("1", 1.0, "iteration")],
)
def test_the_label_has_the_unit(relax, axes, units, scale, label):
    times = scale * np.arange(5.0)
    file = relax(times=times, units=units, dynamics=f"{{t_end: {times[-1]}}}")
    draw_timeline(axes, read_timeline(file))
    assert axes.get_xlabel() == label
    assert axes.get_xlim()[1] == pytest.approx(8.0 * max(1.0, scale * 1e6 if scale < 1e-3 else 1.0), rel=0.03)


@pytest.mark.parametrize(
    ("nudges", "events"),
    [
        ((0.0, 0.1), ["nudge on, β = 0.1"]),
        ((0.0, 0.1, -0.1), ["β = 0.1", "β = −0.1"]),
        ((0.1,), ["nudged from the start, β = 0.1"]),
        ((0.1, 0.0), ["nudged from the start, β = 0.1", "nudge off"]),
        ((0.0,), []),
        ((0.0, 0.0), []),
    ],
)
def test_changes_of_the_nudge_are_named(relax, axes, nudges, events):
    file = relax(phases=[(f"phase {i}", nudge) for i, nudge in enumerate(nudges)])
    draw_timeline(axes, read_timeline(file))
    assert [text.get_text() for text in axes.texts] == events
    assert len(axes.lines) == len(nudges) - 1


def test_a_thin_line_stands_where_the_nudge_is_switched_on(relax, axes):
    draw_timeline(axes, read_timeline(relax()))
    (line,) = axes.lines
    assert set(line.get_xdata()) == {4.0}
    assert line.get_linewidth() < 1.0


def test_few_saves_are_points_and_many_are_a_curve(relax):
    assert read_timeline(relax(times=[0.0, 1.0, 2.0])).marker == "o"
    assert read_timeline(relax()).marker is None
