"""What an analysis writes to: a result file, or arrays in memory that become part of a larger file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy.typing as npt


class GrowingArray(Protocol):
    """An array that is filled piece by piece, in a file or in memory."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""

    @property
    def attrs(self) -> Any:
        """Its attributes, by name."""

    def __setitem__(self, place: Any, values: Any) -> None: ...


class ResultSink(Protocol):
    """Takes dimensions, arrays and attributes; `neurosim.results.writer.ResultWriter` says what the methods mean."""

    def set_attributes(self, group: str, attributes: Mapping[str, Any]) -> None:
        """Set attributes of a group."""

    def dimension(
        self, group: str, name: str, values: Any, long_name: str, units: str | None = None, unlimited: bool = False
    ) -> None:
        """Make a dimension with its coordinate values."""

    def variable(
        self,
        group: str,
        name: str,
        dimensions: Sequence[str],
        data: Any,
        long_name: str,
        units: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Write an array."""

    def growing(
        self, group: str, name: str, dimensions: Sequence[str], dtype: npt.DTypeLike, long_name: str, units: str
    ) -> GrowingArray:
        """Return an array to be filled piece by piece."""

    def cut(self, group: str, dimension: str, length: int) -> None:
        """Shorten an unlimited dimension."""
