"""Signals: one number per unit and sample of a batch. Rules fill them from settled states, synapses multiply them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Signal:
    """One number per unit and sample; threads fill windows of rows, products are formed over all of them.

    Parameters
    ----------
    values : ndarray, shape (samples * sum of widths,)
        Flat; the state blocks of a circuit one after the other, each (samples, width).
    widths : tuple of int
        Units of every block.
    samples : int
        Samples in the whole batch.
    first, rows : int
        The window: `rows` samples from `first` on.
    """

    values: Array
    widths: tuple[int, ...]
    samples: int
    first: int
    rows: int

    @classmethod
    def zeros(cls, widths: tuple[int, ...], samples: int, dtype: npt.DTypeLike) -> Signal:
        """Return a signal of zeros over a whole batch."""
        return cls(np.zeros(samples * sum(widths), dtype), widths, samples, 0, samples)

    def window(self, part: slice) -> Signal:
        """Return some rows of a whole batch, in the same memory."""
        return Signal(self.values, self.widths, self.samples, part.start, part.stop - part.start)

    def add(self, other: Signal, factor: float = 1.0) -> None:
        """Add another signal of as many rows, times `factor`, block by block."""
        for i in range(len(self.widths)):
            mine = self.block(i)
            mine += other.block(i) if factor == 1.0 else factor * other.block(i)

    def scale(self, factor: float) -> None:
        """Multiply the window by a number."""
        for i in range(len(self.widths)):
            mine = self.block(i)
            mine *= factor

    def clear(self) -> None:
        """Set the window to zero."""
        for i in range(len(self.widths)):
            self.block(i)[:] = 0.0

    def square(self) -> float:
        """Return the sum of squares over the window."""
        return sum(float(np.vdot(x, x)) for x in map(self.block, range(len(self.widths))))

    def row_norms(self) -> Array:
        """Return the Euclidean norm over all units of every row of the window, shape (rows,)."""
        blocks = map(self.block, range(len(self.widths)))
        return np.asarray(np.sqrt(sum(np.einsum("rn,rn->r", x, x) for x in blocks)))

    def blocks(self) -> list[Array]:
        """Return all blocks of the window, in the same memory."""
        return [self.block(i) for i in range(len(self.widths))]

    def block(self, i: int) -> Array:
        """Return block `i` (from 0) of the window, shape (rows, width), in the same memory."""
        start = self.samples * sum(self.widths[:i])
        whole = self.values[start : start + self.samples * self.widths[i]].reshape(self.samples, self.widths[i])
        return whole[self.first : self.first + self.rows]
