"""A heap of deadlines whose entries can be dropped."""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

K = TypeVar("K", int, bytes)

_SLACK = 256


class Deadlines(Generic[K]):
    """Keys ordered by a number (a due time, or a sequence number when used as a queue).

    add, drop and take are O(log n) amortised. A dropped or moved entry stays in the heap until it surfaces,
    and the heap is rebuilt when more than half of it is such waste.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, K]] = []
        self._due: dict[K, int] = {}

    def __len__(self) -> int:
        return len(self._due)

    def add(self, due: int, key: K) -> None:
        """Set the deadline of ``key``, replacing an earlier one."""
        self._due[key] = due
        heappush(self._heap, (due, key))
        self._rebuild_if_wasteful()

    def drop(self, key: K) -> None:
        """Forget ``key``, if it is there."""
        if self._due.pop(key, None) is not None:
            self._rebuild_if_wasteful()

    def take_first(self) -> K | None:
        """Remove and return the key with the smallest number."""
        while self._heap:
            due, key = heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                return key
        return None

    def take_due(self, now: int) -> Iterator[K]:
        """Remove and yield the keys whose deadline is not after ``now``, earliest first."""
        while self._heap and self._heap[0][0] <= now:
            due, key = heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                yield key

    def _rebuild_if_wasteful(self) -> None:
        if len(self._heap) > 2 * len(self._due) + _SLACK:
            self._heap = [(due, key) for key, due in self._due.items()]
            heapify(self._heap)
