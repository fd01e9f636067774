"""The figures of all points while they are collected: in pieces as files have them, then each as one array."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import ResultFileError
from neurosim.sweep.figures import Figure, Labels

Array = npt.NDArray[Any]
Piece = tuple[Array, Figure, Array]  # places of points, the figure with the labels of its file, values


class Table:
    """Points of a plan and what is known of them.

    Parameters
    ----------
    ids : sequence of str
        Run id of every point; several points may share one.

    Attributes
    ----------
    known : ndarray of bool, shape (points,)
        Which points have a result.
    status : ndarray of int8, shape (points,)
        Their status codes.
    seconds : ndarray of float64, shape (points,)
        Their wall times; NaN where there is no result.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self._places: dict[str, list[int]] = {}
        for place, run_id in enumerate(ids):
            self._places.setdefault(run_id, []).append(place)
        self.known = np.zeros(len(ids), bool)
        self.status = np.zeros(len(ids), np.int8)
        self.seconds = np.full(len(ids), np.nan)
        self._here: tuple[Array, Array] = (np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._pieces: dict[tuple[str, str], list[Piece]] = {}
        self._labels: dict[tuple[str, str], Labels] = {}

    def places(self, ids: Iterable[str]) -> list[int]:
        """Return the places of runs in the plan; runs that are not in it have none."""
        return [place for run_id in ids for place in self._places.get(run_id, ())]

    def add(self, ids: Sequence[str], status: Array, seconds: Array) -> None:
        """Take in the points of a file; those that are known already, or not in the plan, are passed over."""
        rows, places = [], []
        for row, run_id in enumerate(ids):
            for place in self._places.get(run_id, ()):
                if not self.known[place]:
                    rows.append(row)
                    places.append(place)
        self._here = np.array(rows, np.int64), np.array(places, np.int64)
        of, at = self._here
        self.known[at] = True
        self.status[at], self.seconds[at] = status[of], seconds[of]

    def add_figures(self, values: Iterable[tuple[Figure, Array]]) -> None:
        """Take in the figures of the points that were added last.

        Raises
        ------
        ResultFileError
            If a figure has other dimensions than in an earlier file.
        """
        rows, places = self._here
        if not len(rows):
            return
        for figure, array in values:
            pieces = self._pieces.setdefault((figure.group, figure.name), [])
            if pieces and pieces[0][1].dimensions != figure.dimensions:
                raise ResultFileError(
                    f"/{figure.group}/{figure.name}: has the dimensions {', '.join(figure.dimensions)} in one run and "
                    f"{', '.join(pieces[0][1].dimensions)} in another, so they do not go into one array."
                )
            pieces.append((places, figure, array[rows]))
            for name, labels in figure.labels.items():
                known = self._labels.get((figure.group, name))
                if known is None:
                    self._labels[figure.group, name] = labels
                elif known.values != labels.values:
                    values_of_both = merged(known.values, labels.values)
                    self._labels[figure.group, name] = Labels(values_of_both, labels.long_name, labels.units)

    def figures(self) -> list[Figure]:
        """Return every figure once, as the first file has it."""
        return [pieces[0][1] for pieces in self._pieces.values()]

    def labels(self, group: str, dimension: str) -> Labels:
        """Return all labels that any point has along a dimension."""
        return self._labels[group, dimension]

    def values(self, figure: Figure, missing: int) -> Array:
        """Return a figure of all points, of shape (points, ...); statuses that are not there are `missing`."""
        labels = [self.labels(figure.group, name) for name in figure.dimensions]
        shape = (len(self.known), *(len(each.values) for each in labels))
        out = np.full(shape, missing, np.int8) if figure.flags else np.full(shape, np.nan)
        for places, own, values in self._pieces[figure.group, figure.name]:
            steps = [
                np.array([every.values.index(value) for value in own.labels[name].values], np.int64)
                for name, every in zip(figure.dimensions, labels, strict=True)
            ]
            out[np.ix_(places, *steps)] = values
        return out


def merged(first: tuple[Any, ...], second: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the labels of both: numbers sorted; words in the order of the first, new ones before what they precede."""
    if all(isinstance(value, int | float) for value in (*first, *second)):
        return tuple(sorted({*first, *second}))
    joined = list(first)
    for i, value in enumerate(second):
        if value not in joined:
            follower = next((later for later in second[i + 1 :] if later in joined), None)
            joined.insert(len(joined) if follower is None else joined.index(follower), value)
    return tuple(joined)
