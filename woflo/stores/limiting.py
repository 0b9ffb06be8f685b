"""How much may be taken from a queue for which something is set: the same rules, whichever store keeps them.

A rate is exact for any period: the starts of the last one are remembered, those of one claim as one. A clock that was
set back holds a queue up for a period at most, because no start is taken to be later than the present.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from woflo.kernel.quantities import parse_rate
from woflo.stores.rows import QueueRow

__all__ = ["Allowance", "after_starts"]


class Allowance:
    """What one claim may take from a queue. `under_way` counts its runs that workers have, by their `limit_key`."""

    def __init__(self, queue: QueueRow, under_way: Mapping[str | None, int], now: float) -> None:
        self.queue: QueueRow = queue
        self._of_key = Counter(under_way)
        self._left = _left(queue, sum(under_way.values()), now)
        self.taken: int = 0

    def left(self, most: int) -> int:
        """How many more may be taken, `most` at most."""
        return most if self._left is None else max(0, min(most, self._left - self.taken))

    def take(self, limit_key: str | None) -> bool:
        """Take one where there is a place for it; False where there is none."""
        if self.left(1) == 0 or self.is_full(limit_key):
            return False
        self._of_key[limit_key] += 1
        self.taken += 1
        return True

    def is_full(self, limit_key: str | None) -> bool:
        """True where no more of this key may begin."""
        most = self.queue.max_per_key
        return most is not None and limit_key is not None and self._of_key[limit_key] >= most

    def full_keys(self) -> list[str]:
        """The keys of which no more may begin."""
        return sorted(key for key in self._of_key if key is not None and self.is_full(key))


def _left(queue: QueueRow, under_way: int, now: float) -> int | None:
    if queue.is_paused:
        return 0
    left = None if queue.max_concurrency is None else queue.max_concurrency - under_way
    if queue.rate_limit is None:
        return left
    most, period = parse_rate(queue.rate_limit)
    by_rate = most - sum(number for _, number in _counted(queue, period, now))
    return by_rate if left is None else min(left, by_rate)


def _counted(queue: QueueRow, period: float, now: float) -> tuple[tuple[float, int], ...]:
    starts = ((min(at, now), number) for at, number in queue.starts)
    return tuple((at, number) for at, number in starts if at + period > now)


def after_starts(queue: QueueRow, number: int, now: float) -> QueueRow:
    """The queue after a claim that took so many."""
    if queue.rate_limit is None:
        return queue
    most, period = parse_rate(queue.rate_limit)
    starts = _counted(queue, period, now)
    if number:
        starts = (*starts, (now, number))
    is_used_up = sum(each for _, each in starts) >= most
    return replace(queue, starts=starts, next_at=starts[0][0] + period if is_used_up else None)
