"""What is set for queues and schedules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from woflo.stores.memory.changing import Changing
from woflo.stores.memory.tables import GONE
from woflo.stores.operations import LimitQueue, PauseQueue, PauseSchedule
from woflo.stores.rows import QueueRow

__all__ = ["Queues"]


class Queues(Changing):
    """Sets limits and pauses."""

    def _limit_queue(self, op: LimitQueue) -> None:
        queue = self._tables.queues.get(op.queue, QueueRow(name=op.queue))
        limits: dict[str, Any] = {
            "max_concurrency": op.max_concurrency,
            "max_per_key": op.max_per_key,
            "rate_limit": op.rate_limit,
        }
        starts = () if op.rate_limit is None else queue.starts
        self._set_queue(replace(queue, **limits, starts=starts, next_at=None))

    def _pause_queue(self, op: PauseQueue) -> None:
        queue = self._tables.queues.get(op.queue, QueueRow(name=op.queue))
        self._set_queue(replace(queue, is_paused=op.is_paused))

    def _set_queue(self, queue: QueueRow) -> None:
        is_anything_set = queue.is_paused or (queue.max_concurrency, queue.max_per_key, queue.rate_limit) != (None,) * 3
        self._tables.set(self._tables.queues, queue.name, queue if is_anything_set else GONE)

    def _pause_schedule(self, op: PauseSchedule) -> None:
        self._tables.set(self._tables.paused_schedules, op.task, True if op.is_paused else GONE)
