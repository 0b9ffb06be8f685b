"""What is set for queues and schedules, for all workers of a store, from their next claim on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from woflo.durable.choice import current_store, opened
from woflo.errors import OptionError
from woflo.kernel import bus, clock
from woflo.kernel.options import checked_text, whole_number
from woflo.kernel.quantities import parse_rate
from woflo.kernel.task import Task
from woflo.kernel.texts import did_you_mean
from woflo.stores.operations import LimitQueue, PauseQueue, PauseSchedule
from woflo.stores.rows import DEFAULT_QUEUE

if TYPE_CHECKING:
    from woflo.stores.contract import Store
    from woflo.stores.rows import QueueRow, Row

__all__ = [
    "configure_queue",
    "pause_queue",
    "pause_schedule",
    "queue_paused",
    "queue_resumed",
    "queues",
    "resume_queue",
    "resume_schedule",
    "schedule_paused",
    "schedule_resumed",
]

LOOKED_AT = 1000
"""Runs that are looked at for whether a name is known."""


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

    Where the store tells of no such queue, a warning is logged, with the nearest name. Raises `StoreError` where the
    store has no pauses (a folder).
    """
    _warn(queue_paused(name, _store(store)))


def queue_paused(name: str, store: Store) -> str:
    """Pause a queue; what is to be told of that, or nothing."""
    known = {DEFAULT_QUEUE, *(queue.name for queue in store.queues())}
    store.write(PauseQueue(now=clock.now(), queue=checked_text("queue", name), is_paused=True))
    if name in known:
        return ""
    known.update(row.queue for row in _newest(store) if row.queue is not None)
    return _told_of_unknown("queue", name, known, "was for it, and nothing else is set for it")


def resume_queue(name: str, *, store: str | Store | None = None) -> None:
    """Let workers take from this queue again; of one that is not paused a warning is logged, and nothing happens."""
    _warn(queue_resumed(name, _store(store)))


def queue_resumed(name: str, store: Store) -> str:
    """Let workers take from a queue again; what is to be told of that, or nothing."""
    paused = [queue.name for queue in store.queues() if queue.is_paused]
    store.write(PauseQueue(now=clock.now(), queue=checked_text("queue", name), is_paused=False))
    return "" if name in paused else f"the queue {name!r} was not paused{did_you_mean(name, paused)}"


def queues(*, store: str | Store | None = None) -> dict[str, QueueRow]:
    """The queues for which something is set, by their names: limits, the rate, and whether they are paused."""
    return {queue.name: queue for queue in _store(store).queues()}


def pause_schedule(task: Task[..., Any] | str, *, store: str | Store | None = None) -> None:
    """Let no worker call this task by its schedule, until `resume_schedule`.

    Where the store tells of no task of that name, a warning is logged, with the nearest one. Raises `OptionError` for a
    task without a schedule, `StoreError` where the store has no pauses (a folder).
    """
    told = schedule_paused(_scheduled(task), _store(store))
    if not isinstance(task, Task):
        _warn(told)


def schedule_paused(task: str, store: Store) -> str:
    """Pause the schedule of a task; what is to be told of that, or nothing."""
    paused = store.paused_schedules()
    store.write(PauseSchedule(now=clock.now(), task=checked_text("task", task), is_paused=True))
    if task in paused:
        return ""
    return _told_of_unknown(
        "task", task, {row.task for row in _newest(store)}, "was of it, and what has a schedule stands in code"
    )


def resume_schedule(task: Task[..., Any] | str, *, store: str | Store | None = None) -> None:
    """Let workers call this task by its schedule again; its `missed` says which ticks are made up for.

    Of one that is not paused a warning is logged.
    """
    _warn(schedule_resumed(_scheduled(task), _store(store)))


def schedule_resumed(task: str, store: Store) -> str:
    """Let workers call a task by its schedule again; what is to be told of that, or nothing."""
    paused = store.paused_schedules()
    store.write(PauseSchedule(now=clock.now(), task=checked_text("task", task), is_paused=False))
    return "" if task in paused else f"the schedule of {task!r} was not paused{did_you_mean(task, paused)}"


def _newest(store: Store) -> list[Row]:
    return store.select(newest_first=True, limit=LOOKED_AT)


def _told_of_unknown(what: str, name: str, known: Iterable[str], why: str) -> str:
    """Nothing for a name that is known. Which queues workers serve, and which schedules they have, no store knows."""
    if name in known:
        return ""
    near = did_you_mean(name, known)
    return f"the {what} {name!r} is not known here: none of the newest {LOOKED_AT:,} calls {why}{near}"


def _warn(told: str) -> None:
    if told:
        bus.logger().warning(told)


def _scheduled(task: Task[..., Any] | str) -> str:
    if not isinstance(task, Task):
        return checked_text("task", task)
    if task.options.schedule is None:
        raise OptionError(f"the task {task.name} has no schedule that could be paused")
    return task.name


def _store(store: str | Store | None) -> Store:
    return current_store() if store is None else opened(store)
