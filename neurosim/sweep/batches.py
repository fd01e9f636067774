"""How many points go into a task: about as many as take a second or two, from what points have taken so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

TASK_SECONDS = 1.5
LARGEST_TASK = 500
GROWTH = 8  # of a task over the largest before it: the first points may not be like the others
WEIGHT = 0.5  # of the last task in the running mean


class Batches:
    """The points that are left, handed out in tasks.

    Parameters
    ----------
    points : iterable of int
        Places in the plan.
    slots : int
        Tasks that run at the same time.
    """

    def __init__(self, points: Iterable[int], slots: int) -> None:
        self._left = deque(points)
        self._slots = slots
        self._seconds: float | None = None  # per point
        self._largest = 1

    def __len__(self) -> int:
        """Return the number of points that are left."""
        return len(self._left)

    def take(self) -> list[int]:
        """Return the points of the next task."""
        number = min(self.size(), len(self._left))
        return [self._left.popleft() for _ in range(number)]

    def size(self) -> int:
        """Return how many points the next task should have; one where a point takes longer than a task should."""
        if self._seconds is None:
            return 1
        fair = -(-len(self._left) // (2 * self._slots))  # towards the end, so that no worker waits for the last task
        return max(1, min(int(TASK_SECONDS / max(self._seconds, 1e-9)), fair, LARGEST_TASK, GROWTH * self._largest))

    def learn(self, points: int, seconds: float) -> None:
        """Take note of how long a task took."""
        each = seconds / points
        self._seconds = each if self._seconds is None else WEIGHT * each + (1 - WEIGHT) * self._seconds
        self._largest = max(self._largest, points)

    def give_back(self, points: Iterable[int]) -> None:
        """Put points back in front."""
        self._left.extendleft(reversed(list(points)))
