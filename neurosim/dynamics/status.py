"""How a relaxation ended. The value of each status is the sentence that people read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt


class Status(Enum):
    """How a relaxation ended, from best to worst."""

    SETTLED = "settled: the rate fell below the tolerance"
    FINISHED = "finished: ran to its end; no tolerance was asked for"
    NOT_SETTLED = "not settled: the end time came before the rate fell below the tolerance"
    MAX_STEPS = "max_steps: the budget of steps ran out before the relaxation ended"
    STEP_TOO_SMALL = "step_too_small: the step shrank to rounding before the errors became acceptable"
    OFF_BRANCH = "off_branch: the nudge is so large that the states no longer continue the free equilibrium"
    DIVERGED = "diverged: the state left the finite range"
    INTERRUPTED = "interrupted: stopped from outside before the end"

    @property
    def key(self) -> str:
        """The short name, as in result files: ``settled``, ``max_steps``."""
        return self.name.lower()

    @property
    def code(self) -> int:
        """Place in the order from best to worst, as in arrays of statuses."""
        return _ORDER[self]

    @property
    def advice(self) -> str:
        """What the user may change, as the end of a sentence; empty where nothing is wrong."""
        return _ADVICE.get(self, "")

    @property
    def good(self) -> bool:
        """Whether the relaxation did what was asked."""
        return self in (Status.SETTLED, Status.FINISHED)


_ADVICE = {
    Status.NOT_SETTLED: "give more time, a larger tolerance, or tolerance: null for a fixed time",
    Status.MAX_STEPS: "give more steps (dynamics.max_steps), or a larger tolerance",
    Status.STEP_TOO_SMALL: "use larger rtol and atol, or solver radau",
    Status.OFF_BRANCH: "use a smaller rule.beta",
    Status.DIVERGED: "use a smaller step, or a smaller rule.beta",
}
_ORDER = {status: code for code, status in enumerate(Status)}
_BY_CODE = tuple(Status)


def flags(*further: str) -> dict[str, Any]:
    """Return the attributes that say what codes mean in a result file; `further` names follow those of the statuses."""
    meanings = (*(status.key for status in Status), *further)
    return {"flag_values": np.arange(len(meanings), dtype=np.int8), "flag_meanings": " ".join(meanings)}


def worst(codes: npt.NDArray[np.int8]) -> Status:
    """Return the worst status in an array of codes."""
    return _BY_CODE[int(codes.max())]


def count(codes: npt.NDArray[np.int8]) -> dict[str, int]:
    """Return how many of `codes` there are of each status, by key, without the zeros."""
    return {_BY_CODE[code].key: number for code, number in sorted(Counter(codes.tolist()).items())}


def judge(
    rates: npt.NDArray[np.float64], tolerance: float | None, limit: float, otherwise: Status
) -> npt.NDArray[np.int8]:
    """Return the status code of each row.

    Parameters
    ----------
    rates : ndarray, shape (rows,)
        Final RMS rate of each row.
    tolerance : float or None
        At or below it a row has settled.
    limit : float
        Above it, or not finite, a row has diverged.
    otherwise : Status
        What the other rows are.
    """
    codes = np.full(rates.shape, otherwise.code, np.int8)
    if tolerance is not None:
        codes[rates <= tolerance] = Status.SETTLED.code
    codes[~(rates <= limit)] = Status.DIVERGED.code
    return codes


def statuses(codes: Iterable[Any]) -> list[Status]:
    """Return the statuses behind a sequence of codes."""
    return [_BY_CODE[int(code)] for code in codes]
