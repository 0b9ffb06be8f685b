"""What a worker executes: which tasks, from which queues, and how many at once.

Short calls are claimed in batches that grow as long as a batch takes a few milliseconds, and executed by few threads
one after another; their ends share commits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from woflo.durable.calls import CallExecution
from woflo.durable.schedules import Schedules
from woflo.errors import OptionError
from woflo.kernel import runtime
from woflo.kernel.task import Task
from woflo.runners.asynchronous import own_loop
from woflo.runners.thread import Threads

if TYPE_CHECKING:
    from woflo.durable.engine import Engine
    from woflo.stores.rows import Row

__all__ = ["Serving"]

MOST_AHEAD = 256
"""How many calls are claimed at once, where they are short."""
SHORT, LONG = 0.005, 0.010
"""Seconds: a batch that took less is followed by one of twice the size, one that took more by one of half."""


class Serving:
    """The calls that an engine executes for others."""

    def __init__(
        self,
        engine: Engine,
        tasks: Iterable[Task[..., Any]],
        queues: Iterable[str],
        concurrency: int,
        runner: Any = None,
    ) -> None:
        self.engine: Engine = engine
        self.tasks: dict[str, Task[..., Any]] = _by_name(tasks)
        self.queues: tuple[str, ...] = tuple(queues)
        self.concurrency: int = concurrency
        self.runner: Any = runner
        """The runner that executes plain tasks; None for threads and the event loop of this process."""
        self.pause_after_decline: float = 1.0
        """Seconds for which a call that was declined is left to others."""
        self.threads: Threads = Threads(most=concurrency)
        self.is_draining: bool = False
        self._inner: dict[str, Task[..., Any]] = {}
        self._under_way: dict[str, CallExecution] = {}
        self._lock = threading.Lock()
        self._batch = concurrency
        self._claimed_at = 0.0
        self._is_empty: Callable[[], object] | None = None
        self.schedules: Schedules = Schedules(engine.store, self.tasks.values(), self._without_arguments, engine.id)

    def _without_arguments(self, task: Task[..., Any]) -> str:
        """A scheduled call. Raises `ArgumentError` where the task needs arguments."""
        check = task.body.check_call
        if check is not None:
            check(task.body, (), {})
        return self.engine.codec(task).dump_call((), {})

    @property
    def loop(self) -> Any:
        """The event loop of async tasks."""
        return own_loop(runtime.current)

    def room(self) -> int:
        """How many calls may be claimed now: as many as execute at once, beyond that when half of a batch has ended."""
        if self.is_draining:
            return 0
        left = len(self._under_way)
        return self._batch - left if left < self.concurrency or left <= self._batch // 2 else 0

    def take(self, rows: list[Row]) -> None:
        """Execute what was claimed."""
        self._claimed_at = time.monotonic()
        calls = [CallExecution(self, row, self.tasks[row.task]) for row in rows]
        with self._lock:
            self._under_way.update((call.row.id, call) for call in calls)
        for call in calls:
            call.start()

    def ended(self, call: CallExecution) -> None:
        """What was to be written about a call is written."""
        with self._lock:
            self._under_way.pop(call.row.id, None)
            left = len(self._under_way)
        if left == 0:
            self._resize(time.monotonic() - self._claimed_at)
        if self.room() > 0:
            self.engine.wake()
        if left == 0 and self._is_empty is not None:
            self._is_empty()

    def _resize(self, took: float) -> None:
        if took < SHORT:
            self._batch = min(MOST_AHEAD, self._batch * 2)
        elif took > LONG:
            self._batch = max(self.concurrency, self._batch // 2)

    def inner_task(self, task: Task[..., Any]) -> Task[..., Any]:
        """The same task as the worker has it executed: by its runner, once."""
        found = self._inner.get(task.name)
        if found is None:
            from woflo.runners.asynchronous import AsyncTaskRun
            from woflo.runners.thread import ThreadTaskRun

            runner = self.runner or (AsyncTaskRun if task.body.is_async else ThreadTaskRun)
            here = {"runner": runner, "retries": 0, "deadline": None, "key": None, "queue": None, "name": task.name}
            options = task.options.changed({**here, "after": (), "priority": 0, "delay": None})
            found = self._inner[task.name] = Task(task.body, options)
        return found

    def stop(self, run_id: str) -> None:
        """Somebody asked that this call ends."""
        call = self._under_way.get(run_id)
        if call is not None:
            call.stop()

    def drain(self, is_empty: Callable[[], object]) -> None:
        """Claim nothing more; `is_empty` is called when all that is under way has ended."""
        self._is_empty = is_empty
        self.is_draining = True
        if not self._under_way:
            is_empty()


def _by_name(tasks: Iterable[Task[..., Any]]) -> dict[str, Task[..., Any]]:
    found: dict[str, Task[..., Any]] = {}
    for task in tasks:
        if not isinstance(task, Task):
            raise OptionError(f"tasks=[…{task!r}…]: a worker serves tasks, as @task and @workflow make them")
        if task.name in found and found[task.name].body is not task.body:
            raise OptionError(f"two tasks are named {task.name!r}; name one of them anew with with_options(name=…)")
        found[task.name] = task
    if not found:
        raise OptionError("tasks=[]: a worker needs tasks to serve")
    return found
