"""Named parameter arrays inside one flat vector, so that kernels, optimizers and files all see the same numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ParameterBlock:
    """One named parameter array.

    Parameters
    ----------
    name : str
        Its name in the contract: ``W_0``, ``b_1``, ``B_1``.
    shape : tuple of int
        Its shape.
    long_name : str
        What it is, for people.
    trained : bool
        Whether learning changes it. Trained blocks come first in the vector.
    unit : str
        Its physical unit.
    """

    name: str
    shape: tuple[int, ...]
    long_name: str
    trained: bool = True
    unit: str = "1"

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))


class Parameters(Mapping[str, Array]):
    """Views by name into one flat vector.

    Parameters
    ----------
    blocks : tuple of ParameterBlock
        Trained blocks first.
    flat : ndarray, shape (total size,)
        The storage. Views share its memory.

    Raises
    ------
    ValueError
        If a trained block follows one that is not trained, or `flat` has the wrong size.
    """

    def __init__(self, blocks: tuple[ParameterBlock, ...], flat: Array) -> None:
        trained = [block.trained for block in blocks]
        if trained != sorted(trained, reverse=True):
            raise ValueError("trained parameter blocks must come before the others")
        if flat.shape != (sum(block.size for block in blocks),):
            raise ValueError(f"parameter storage has shape {flat.shape}, blocks need {sum(b.size for b in blocks)}")
        self.blocks = blocks
        self.flat = flat
        self.offsets: dict[str, int] = {}
        self._views: dict[str, Array] = {}
        offset = 0
        for block in blocks:
            self.offsets[block.name] = offset
            self._views[block.name] = flat[offset : offset + block.size].reshape(block.shape)
            offset += block.size

    @property
    def trained_blocks(self) -> tuple[ParameterBlock, ...]:
        """The blocks that learning changes."""
        return tuple(block for block in self.blocks if block.trained)

    @property
    def trained(self) -> Array:
        """Flat view of all trained values."""
        return self.flat[: sum(block.size for block in self.trained_blocks)]

    def spans(self, values: Mapping[str, float]) -> list[tuple[slice, float]]:
        """Return the place of every named block in the vector, with its value, in the order of the blocks."""
        places = ((block, self.offsets[block.name]) for block in self.blocks if block.name in values)
        return [(slice(at, at + block.size), values[block.name]) for block, at in places]

    def gradient(self) -> Parameters:
        """Return zeros with the names and shapes of the trained blocks."""
        return Parameters(self.trained_blocks, np.zeros_like(self.trained))

    def __getitem__(self, name: str) -> Array:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)
