"""Long series as sequences: consecutive windows, streamed as views, with the state carried over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neurosim.datasets.dataset import Floats
from neurosim.datasets.sequences import PARTS, Part, SequenceDataset, Sequences, target_variance
from neurosim.errors import DataError


@dataclass(frozen=True)
class Series:
    """One stretch of time: what is measured, and what is to be told.

    Parameters
    ----------
    inputs : array of float, shape (length, n_in)
        What is measured.
    values : array of float, shape (length, n_out)
        The quantities whose future or past is the target.
    """

    inputs: Floats
    values: Floats


class WindowedSeries(SequenceDataset):
    """A long series per part, cut into consecutive windows of `steps`.

    With n windows in a part and batches of `rows`, each row runs through its own stretch of n // rows windows; row r of
    batch b continues row r of batch b - 1, up to the end of the epoch. Windows that are left over, and steps after the
    last whole window, are not used. Inputs and targets are views of the series.

    Parameters
    ----------
    name : str
        For messages.
    parts : mapping of str to Series
        One for train, validation and test.
    steps : int
        Length of a window.
    ahead : int
        The target at a step is `values` so many steps later; negative: earlier, of what was measured.
    input_names, target_names : tuple of str
        Names of the columns.

    Raises
    ------
    DataError
        If a part is shorter than one window.
    """

    def __init__(
        self,
        name: str,
        parts: Mapping[Part, Series],
        steps: int,
        ahead: int,
        input_names: tuple[str, ...],
        target_names: tuple[str, ...],
    ) -> None:
        self.name, self.steps, self.ahead = name, steps, ahead
        self.input_names, self.target_names = input_names, target_names
        self.inputs, self.outputs = len(input_names), len(target_names)
        self.target_scale, self.target_offset = (1.0,) * self.outputs, (0.0,) * self.outputs
        self.attributes = {}
        self._now, self._targets, self._present = {}, {}, {}
        self._counted = np.ones(steps, np.bool_)
        for part in PARTS:
            series = parts[part]
            usable = len(series.inputs) - abs(ahead)
            if usable < steps:
                raise DataError(
                    f"{name}: part '{part}' has {len(series.inputs)} rows, {max(usable, 0)} with a target {ahead} rows "
                    f"away; a sequence needs {steps}. Lower data.steps."
                )
            early, late = slice(None, usable), slice(abs(ahead), None)
            now, then = (early, late) if ahead >= 0 else (late, early)
            self._now[part], self._present[part] = series.inputs[now], series.values[now]
            self._targets[part] = series.values[then]

    def count(self, part: Part) -> int:
        """Return the number of whole windows in a part."""
        return len(self._now[part]) // self.steps

    def batch(self, part: Part, number: int, rows: int) -> Sequences:
        """Return the windows of a batch, as views; see `SequenceDataset.batch`."""
        self.check_batch(part, number, rows)
        each = self.count(part) // rows
        index = number % each

        def windows(series: Floats) -> Floats:
            stretches = series[: rows * each * self.steps].reshape(rows, each, self.steps, series.shape[1])
            return stretches[:, index].transpose(1, 0, 2)

        return Sequences(windows(self._now[part]), windows(self._targets[part]), self._counted, continues=index > 0)

    def baselines(self) -> dict[str, float]:
        """Return variance and, where the target lies at another time, persistence over the windows of the test part."""
        used = self.count("test") * self.steps
        targets = np.asarray(self._targets["test"][:used], np.float64)
        errors = {"variance": target_variance(targets)}
        if self.ahead:
            errors["persistence"] = float(np.mean((targets - self._present["test"][:used]) ** 2))
        return errors
