"""From a scenario to a result file: build, analyse, write, and say how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from neurosim import __version__
from neurosim.analysis.interruption import Interruption, never
from neurosim.analysis.memory import Memory
from neurosim.analysis.progress import Progress, Silence
from neurosim.analysis.setup import Experiment, SequenceExperiment, build
from neurosim.analysis.timing import timing_warning
from neurosim.dynamics.status import Status
from neurosim.errors import ResultFileError
from neurosim.jit import compile_seconds
from neurosim.registry import ANALYSES
from neurosim.results.checkpoint import checkpoint_path
from neurosim.results.provenance import provenance
from neurosim.results.reader import open_result
from neurosim.results.sink import ResultSink
from neurosim.results.writer import SCHEMA, ResultWriter, check_free, check_writable
from neurosim.scenario.load import LoadedScenario
from neurosim.workers import Workers


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what: nothing here changes a number in the result.

    Parameters
    ----------
    output : Path, optional
        The result file; default ``results/<name>-<run id>.h5``.
    force : bool
        Replace an existing result and ignore a checkpoint.
    data_folders : tuple of Path
        Where data files may be.
    threads : int, optional
        Threads; default: all processors.
    command : str
        The command as it was typed, for the record.
    progress : Progress
        Who watches.
    checkpoint : Path, optional
        Where a checkpoint goes; default: beside the result.
    stop : callable
        Whether someone other than the user at the keyboard wants the run to stop.
    """

    output: Path | None = None
    force: bool = False
    data_folders: tuple[Path, ...] = ()
    threads: int | None = None
    command: str = ""
    progress: Progress = field(default_factory=Silence)
    checkpoint: Path | None = None
    stop: Callable[[], bool] = never


@dataclass(frozen=True)
class Outcome:
    """How an analysis ended.

    Parameters
    ----------
    status : Status
        The worst that happened.
    message : str
        What happened, as a sentence for people.
    obsolete : Path, optional
        A checkpoint that nobody needs once the result is in place.
    """

    status: Status
    message: str
    obsolete: Path | None = None


@dataclass(frozen=True)
class Session:
    """What an analysis gets beside its experiment.

    Parameters
    ----------
    writer : ResultSink
        Where results go.
    workers : Workers
        Threads.
    progress : Progress
        Who watches.
    interruption : Interruption
        Whether the user wants it to stop.
    checkpoint : Path, optional
        Where a checkpoint goes, and where one may be; None for runs that are too short for one.
    memory : Memory
        What runs before this one have left, in a sweep.
    """

    writer: ResultSink
    workers: Workers
    progress: Progress
    interruption: Interruption
    checkpoint: Path | None
    memory: Memory = field(default_factory=Memory)


class Analysis(Protocol):
    """An analysis: computes, writes through the session, and says how it ended."""

    def __call__(self, experiment: Any, session: Session) -> Outcome:
        """Analyse `experiment`."""


def result_path(loaded: LoadedScenario, output: Path | None) -> Path:
    """Return where the result of a scenario goes."""
    return output or Path("results") / f"{loaded.scenario.name}-{loaded.run_id}.h5"


def execute(loaded: LoadedScenario, options: Options) -> tuple[Path, Outcome]:
    """Run a scenario and write its result file.

    Returns
    -------
    path : Path
        The result file; it exists whatever the outcome.
    outcome : Outcome
        How the run ended.

    Raises
    ------
    ScenarioError, DataError
        If circuit, data and files do not fit together; nothing has been written then.
    ResultFileError
        If the result cannot be written, or exists and may not be replaced.
    """
    path = result_path(loaded, options.output)
    checkpoint = options.checkpoint or checkpoint_path(path)
    replace = options.force or _is_interrupted(path, loaded.run_id)
    check_free(path, replace)
    began, compiled = time.perf_counter(), compile_seconds()
    experiment = build(loaded, options.data_folders)
    check_writable(path, replace)
    if options.force:
        checkpoint.unlink(missing_ok=True)
    with Workers(options.threads) as workers, ResultWriter(path, _attributes(loaded, options)) as writer:
        if experiment.calculus is not None:
            writer.set_attributes("/", {"stochastic_calculus": experiment.calculus})
        writer.set_attributes("/provenance", provenance(workers.threads))
        with Interruption(options.stop) as interruption:
            session = Session(writer, workers, options.progress, interruption, checkpoint)
            outcome, warning = analyse(experiment, session)
        writer.finish(
            {
                "status": outcome.status.key,
                "message": outcome.message,
                "warning": warning,
                "wall_seconds": time.perf_counter() - began,
                "compile_seconds": compile_seconds() - compiled,
            }
        )
    if outcome.obsolete is not None:
        outcome.obsolete.unlink(missing_ok=True)
    return path, outcome


def analyse(experiment: Experiment | SequenceExperiment, session: Session) -> tuple[Outcome, str]:
    """Run the analysis that a scenario asks for.

    Returns
    -------
    outcome : Outcome
        How it ended.
    warning : str
        What the user should know about the times of the scenario; empty if there is nothing.
    """
    analysis: Analysis = ANALYSES.load(experiment.scenario.analysis.type)
    warning = "" if isinstance(experiment, SequenceExperiment) else timing_warning(experiment) or ""
    if warning:
        session.progress.note(warning)
    return analysis(experiment, session), warning


def _is_interrupted(path: Path, run_id: str) -> bool:
    """Say whether `path` holds the interrupted first part of this very run, which a second run may complete."""
    if not path.is_file():
        return False
    try:
        with open_result(path) as file:
            return bool(file.attrs["status"] == Status.INTERRUPTED.key and file.attrs["run_id"] == run_id)
    except ResultFileError:
        return False  # not a result, and so nothing of this run


def _attributes(loaded: LoadedScenario, options: Options) -> dict[str, Any]:
    return {
        "neurosim_version": __version__,
        "schema": SCHEMA,
        "name": loaded.scenario.name,
        "run_id": loaded.run_id,
        "scenario": loaded.to_yaml(),
        "seed": loaded.scenario.seed,
        "analysis": loaded.scenario.analysis.type,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": options.command,
    }
