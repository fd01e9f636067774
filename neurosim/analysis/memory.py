"""What one run of a sweep may leave for the next: results that points with the same circuit have in common."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Value = TypeVar("Value")

KEPT = 2


class Memory:
    """The last few results, by what they depend on; of a single run, which has nothing to remember, always empty."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def recall(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the result with this key, made now unless it is still there.

        Parameters
        ----------
        key : hashable
            All that the result depends on.
        make : callable
            Makes it; what it raises is not remembered.
        """
        if key not in self._kept:
            self._kept[key] = make()
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        value: Value = self._kept[key]
        return value
