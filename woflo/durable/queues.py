"""What is set for queues and schedules, for all workers of a store, from their next claim on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from woflo.durable.choice import current_store, opened
from woflo.errors import OptionError
from woflo.kernel import clock
from woflo.kernel.options import checked_text, whole_number
from woflo.kernel.quantities import parse_rate
from woflo.kernel.task import Task
from woflo.stores.operations import LimitQueue, PauseQueue, PauseSchedule

if TYPE_CHECKING:
    from woflo.stores.contract import Store
    from woflo.stores.rows import QueueRow

__all__ = ["configure_queue", "pause_queue", "pause_schedule", "queues", "resume_queue", "resume_schedule"]


def configure_queue(
    name: str,
    *,
    max_concurrency: int | None = None,
    max_per_key: int | None = None,
    rate_limit: str | None = None,
    store: str | Store | None = None,
) -> None:
    """Limit what all workers together take from a queue; what is not given here is not limited any more.

    `max_concurrency`: how many of its runs are under way at the same time; `max_per_key`: how many of those with one
    `limit_key`, which others overtake meanwhile; `rate_limit`: how many begin in any one period, as "10/s".

    A run is under way from its claim on, until it has ended, waits, or is given back. Raises `OptionError` for what is
    no limit, `StoreError` where the store has none (a folder).
    """
    limits: dict[str, Any] = {"max_concurrency": max_concurrency, "max_per_key": max_per_key}
    for option, most in limits.items():
        if most is not None:
            whole_number(option, most, least=1)
    if rate_limit is not None:
        parse_rate(rate_limit)
    _store(store).write(LimitQueue(now=clock.now(), queue=checked_text("queue", name), **limits, rate_limit=rate_limit))


def pause_queue(name: str, *, store: str | Store | None = None) -> None:
    """Let no worker take anything from this queue, until `resume_queue`; what is under way goes on.

    Raises `StoreError` where the store has no pauses (a folder).
    """
    _store(store).write(PauseQueue(now=clock.now(), queue=checked_text("queue", name), is_paused=True))


def resume_queue(name: str, *, store: str | Store | None = None) -> None:
    """Let workers take from this queue again; nothing happens to one that is not paused."""
    _store(store).write(PauseQueue(now=clock.now(), queue=checked_text("queue", name), is_paused=False))


def queues(*, store: str | Store | None = None) -> dict[str, QueueRow]:
    """The queues for which something is set, by their names: limits, the rate, and whether they are paused."""
    return {queue.name: queue for queue in _store(store).queues()}


def pause_schedule(task: Task[..., Any] | str, *, store: str | Store | None = None) -> None:
    """Let no worker call this task by its schedule, until `resume_schedule`.

    Raises `OptionError` for a task without a schedule, `StoreError` where the store has no pauses (a folder).
    """
    _store(store).write(PauseSchedule(now=clock.now(), task=_scheduled(task), is_paused=True))


def resume_schedule(task: Task[..., Any] | str, *, store: str | Store | None = None) -> None:
    """Let workers call this task by its schedule again; its `missed` says which ticks are made up for."""
    _store(store).write(PauseSchedule(now=clock.now(), task=_scheduled(task), is_paused=False))


def _scheduled(task: Task[..., Any] | str) -> str:
    if not isinstance(task, Task):
        return checked_text("task", task)
    if task.options.schedule is None:
        raise OptionError(f"the task {task.name} has no schedule that could be paused")
    return task.name


def _store(store: str | Store | None) -> Store:
    return current_store() if store is None else opened(store)
