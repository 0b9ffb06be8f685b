"""Calls by the clock: each tick is one stored call, however many workers see it, because its key is the tick.

Cron expressions are understood as Debian's cron does (by the library cronsim), in the time zone of the worker's
machine. Where the clock is set forward in spring, a time that does not exist is an hour later; where it is set back in
autumn, a time that comes twice counts once. `@every` counts from the epoch, so that all workers agree.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from woflo.durable.called import called
from woflo.errors import OptionError
from woflo.kernel import clock
from woflo.kernel.digest import digest
from woflo.stores.operations import Submit
from woflo.stores.rows import Row

if TYPE_CHECKING:
    from woflo.kernel.task import Task
    from woflo.stores.contract import Store

__all__ = ["Schedule", "Schedules", "parse"]

MOST_MISSED = 1000
"""How many missed ticks are made up for, the latest first, where all are."""
_EVERY = re.compile(r"@every\s+(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Schedule(ABC):
    """When a task is called."""

    @abstractmethod
    def after(self, at: float) -> Iterator[float]:
        """The ticks after a time, in their order; without end."""

    @abstractmethod
    def before(self, at: float) -> Iterator[float]:
        """The ticks up to a time, the latest first."""


class Cron(Schedule):
    """A cron expression of five fields."""

    def __init__(self, text: str) -> None:
        self._text = text
        next(self.after(clock.now()))  # or it raises, where it is written

    def after(self, at: float) -> Iterator[float]:
        return self._ticks(at, reverse=False)

    def before(self, at: float) -> Iterator[float]:
        return self._ticks(at + 1.0, reverse=True)

    def _ticks(self, at: float, *, reverse: bool) -> Iterator[float]:
        from cronsim import CronSim

        # Without a zone, in the machine's own: `timestamp` then knows what the clocks show.
        local = datetime.fromtimestamp(at)  # noqa: DTZ006
        return (tick.timestamp() for tick in CronSim(self._text, local, reverse=reverse))


class Every(Schedule):
    """Multiples of a time span since the epoch."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def after(self, at: float) -> Iterator[float]:
        number = int(at // self._seconds)
        while True:
            number += 1
            yield number * self._seconds

    def before(self, at: float) -> Iterator[float]:
        number = int(at // self._seconds)
        while number > 0:
            yield number * self._seconds
            number -= 1


class Start(Schedule):
    """Once, when a worker starts."""

    def after(self, at: float) -> Iterator[float]:
        return iter(())

    def before(self, at: float) -> Iterator[float]:
        return iter(())


def parse(text: str) -> Schedule:
    """The schedule that a text means: a cron expression, "@every 2h" (s, m, h or d), or "@start".

    Raises `OptionError` where it means none.
    """
    if text == "@start":
        return Start()
    every = _EVERY.fullmatch(text.strip())
    if every is not None and float(every[1]) > 0:
        return Every(float(every[1]) * _UNITS[every[2]])
    try:
        return Cron(text)
    except Exception as error:
        raise OptionError(
            f"schedule={text!r} is no schedule ({error}); write five cron fields such as '*/15 * * * *', "
            f"'@every 2h', or '@start'"
        ) from error


class Schedules:
    """The scheduled tasks of a worker."""

    def __init__(
        self, store: Store, tasks: Iterable[Task[..., Any]], dump: Callable[[Task[..., Any]], str], worker: str
    ) -> None:
        self._store = store
        self._dump = dump
        self._tasks = [(task, parse(task.options.schedule)) for task in tasks if task.options.schedule]
        self._worker = worker
        self._next: dict[str, float] = {}
        self._held: set[str] = set()
        """The tasks whose ticks are not called, because their schedules are paused."""

    def start(self) -> None:
        """A worker begins: what was missed since the last tick that was kept is made up for."""
        now = clock.now()
        self._held = self._paused()
        for task, schedule in self._tasks:
            if isinstance(schedule, Start):
                self._submit(task, [] if task.name in self._held else [f"start:{self._worker}"], now)
            else:
                self._make_up(task, schedule, now)
                self._plan(task, schedule, now)

    def next_time(self) -> float | None:
        """When the next tick is due."""
        return min(self._next.values(), default=None)

    def submit_due(self) -> None:
        """Make the calls whose time has come."""
        now = clock.now()
        self._go_on(now)
        for task, schedule in self._tasks:
            due = self._next.get(task.name)
            if due is not None and due <= now and task.name in self._paused():
                self._held.add(task.name)
                self._plan(task, schedule, now)
            elif due is not None and due <= now:
                late = list(takewhile(lambda at: at <= now, islice(schedule.after(due), MOST_MISSED)))
                ticks = [due, *late]  # more than one where this worker stood still
                self._submit(task, [_key(at) for at in (ticks if task.options.missed == "all" else ticks[-1:])], now)
                self._plan(task, schedule, now)

    def _paused(self) -> set[str]:
        return set(self._store.paused_schedules()) if self._tasks else set()

    def _go_on(self, now: float) -> None:
        """With those that are not paused any more: what was missed meanwhile is made up for."""
        if not self._held:
            return
        resumed, self._held = self._held, self._paused()
        for task, schedule in self._tasks:
            if task.name in resumed - self._held:
                self._make_up(task, schedule, now)

    def _make_up(self, task: Task[..., Any], schedule: Schedule, now: float) -> None:
        if task.name not in self._held:
            self._submit(task, [_key(at) for at in self._missed(task, schedule, now)], now)

    def _plan(self, task: Task[..., Any], schedule: Schedule, now: float) -> None:
        self._next[task.name] = next(schedule.after(now))

    def _missed(self, task: Task[..., Any], schedule: Schedule, now: float) -> list[float]:
        """The ticks since the last that was kept; none for a task that was never called, for it is new."""
        if not self._store.select(tasks=[task.name], limit=1):
            return []
        latest_first = islice(schedule.before(now), MOST_MISSED)
        missed = list(takewhile(lambda at: self._store.find(task.name, _key(at)) is None, latest_first))
        how_many = {"all": len(missed), "one": 1, "none": 0}[task.options.missed]
        return missed[:how_many][::-1]

    def _submit(self, task: Task[..., Any], keys: list[str], now: float) -> None:
        args = self._dump(task)
        rows = tuple(
            called(Row(id=_id(task.name, key, now), task=task.name), task, args, now).changed(key=key) for key in keys
        )
        if rows:
            self._store.write(Submit(now=now, runs=rows))


def _id(name: str, key: str, now: float) -> str:
    return f"{int(now * 1000):012x}{digest(f'{name} {key}')[:16]}"


def _key(at: float) -> str:
    return f"schedule:{datetime.fromtimestamp(at, UTC).isoformat()}"
