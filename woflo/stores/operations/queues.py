"""What is set for queues and schedules."""

from __future__ import annotations

from dataclasses import dataclass

from woflo.stores.operations.operation import Operation

__all__ = ["LimitQueue", "PauseQueue", "PauseSchedule"]


@dataclass(slots=True, kw_only=True)
class LimitQueue(Operation[None]):
    """Set all limits of a queue, in place of those before; see `QueueRow`. What is under way goes on.

    Refused with `StoreError` where the store has no limits.
    """

    queue: str
    max_concurrency: int | None = None
    max_per_key: int | None = None
    rate_limit: str | None = None


@dataclass(slots=True, kw_only=True)
class PauseQueue(Operation[None]):
    """Let nothing be claimed from a queue, or let it go on. What is under way goes on. Refused as `LimitQueue`."""

    queue: str
    is_paused: bool


@dataclass(slots=True, kw_only=True)
class PauseSchedule(Operation[None]):
    """Let workers make no calls by the schedule of a task, or let them go on. Refused as `LimitQueue`."""

    task: str
    is_paused: bool
