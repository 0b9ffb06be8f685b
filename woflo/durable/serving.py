"""What a worker executes: which tasks, from which queues, and how many at once.

Short calls are claimed in batches that grow as long as a batch takes a few milliseconds, and executed by few threads
one after another; their ends share commits.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from woflo.durable.calls import CallExecution
from woflo.durable.logs import CallLogs
from woflo.durable.schedules import Schedules
from woflo.errors import OptionError
from woflo.kernel import runtime
from woflo.kernel.options import whole_number
from woflo.kernel.task import Task
from woflo.runners.asynchronous import own_loop
from woflo.runners.thread import Threads

if TYPE_CHECKING:
    from woflo.durable.engine import Engine
    from woflo.kernel.run import BaseTaskRun
    from woflo.stores.rows import Row

__all__ = ["Serving", "Share", "is_workflow"]

MOST_AHEAD = 256
"""How many calls are claimed at once, where they are short."""
SHORT, LONG = 0.005, 0.010
"""Seconds: a batch that took less is followed by one of twice the size, one that took more by one of half."""


class Share(NamedTuple):
    """Tasks that are claimed together."""

    tasks: tuple[str, ...]
    are_workflows: bool
    limit: int | None = None
    """How many of them execute at once; None for as many as there is room for."""


class Serving:
    """The calls that an engine executes for others."""

    _is_empty: Callable[[], object] | None = None

    code_ended_at: float = 0.0
    """The monotonic time at which the code of a call ended last."""
    _claimed_at = 0.0

    def __init__(
        self,
        engine: Engine,
        tasks: Iterable[Task[..., Any]],
        queues: Iterable[str],
        concurrency: int,
        runner: Any = None,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        self.engine: Engine = engine
        self.tasks: dict[str, Task[..., Any]] = _by_name(tasks)
        self.workflows: dict[str, Task[..., Any]] = {name: one for name, one in self.tasks.items() if is_workflow(one)}
        limits = {**_own_limits(self.tasks), **(limits or {})}
        self._limited = frozenset(limits)
        self._shares = deque(_shares(self.tasks, self.workflows, limits))
        self.queues: tuple[str, ...] = tuple(queues)
        self.concurrency: int = concurrency
        self.runner: Any = runner
        """The runner of plain tasks; None for the one that a task names, else threads and the loop of this process."""
        self.pause_after_decline: float = 1.0
        """Seconds for which a call that was declined is left to others."""
        self.threads: Threads = Threads(most=concurrency)
        self.is_draining: bool = False
        self.drains_on_signal: bool = False
        """True where this process ends in order when it gets SIGTERM; to be set before the engine serves."""
        self.is_idle: bool = False
        """True where the last look found nothing to claim, and nothing is under way."""
        self.when_idle: Callable[[], object] | None = None
        self.done: int = 0
        """How many runs have been executed, to their end or until they were given back or parked."""
        self._inner: dict[str, Task[..., Any]] = {}
        self._under_way: dict[str, CallExecution] = {}
        self._workflows: dict[str, str] = {}
        """The workflows under way that were claimed for others: their tasks by their ids."""
        self._lock = threading.Lock()
        self._batch = concurrency
        self.logs: CallLogs = CallLogs(engine.store)
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

    def shares(self) -> list[Share]:
        """What is to be claimed one after another: another one comes first each time, so that none is left out."""
        self._shares.rotate(-1)
        return list(self._shares)

    def room(self, share: Share, for_workflows: int) -> int:
        """How many runs of this share may be claimed; `for_workflows` tells how many workflows may begin."""
        left = for_workflows if share.are_workflows else self._room()
        if share.limit is None:
            return left
        with self._lock:
            names = [*self._workflows.values(), *(call.task.name for call in self._under_way.values())]
        return min(left, share.limit - sum(name in share.tasks for name in names))

    def _room(self) -> int:
        """As many as execute at once, and beyond that more when half of a batch has ended."""
        left = len(self._under_way)
        return self._batch - left if left < self.concurrency or left <= self._batch // 2 else 0

    def looked(self, *, found_nothing: bool) -> None:
        """The engine has looked for something to claim, of everything for which there was room."""
        self.is_idle = found_nothing and not self.under_way
        if self.is_idle and self.when_idle is not None:
            self.when_idle()

    @property
    def under_way(self) -> int:
        """How many runs are claimed and have not ended here."""
        return len(self._under_way) + len(self._workflows)

    def take(self, rows: list[Row]) -> bool:
        """Execute what was claimed; False where it is too late for that."""
        self._claimed_at = time.monotonic()
        calls = [CallExecution(self, row, self.tasks[row.task]) for row in rows]
        with self._lock:
            if self.is_draining:
                return False
            self._under_way.update(zip([row.id for row in rows], calls, strict=True))
        for call in calls:
            call.start()
        return True

    def take_workflows(self, rows: list[Row]) -> bool:
        """The same of workflows, which the engine executes."""
        with self._lock:
            if not self.is_draining:
                self._workflows.update((row.id, row.task) for row in rows)
            return not self.is_draining

    def workflow_ended(self, run_id: str) -> None:
        """It does not execute here any more; those that were not claimed for others count for nothing."""
        with self._lock:
            if self._workflows.pop(run_id, None) is None:
                return
            self.done += 1
        self._look_whether_empty()

    def ended(self, call: CallExecution) -> None:
        """What was to be written about a call is written."""
        with self._lock:
            self._under_way.pop(call.row.id, None)
            self.done += 1
            left = len(self._under_way)
        if left == 0:
            self._resize(self.code_ended_at - self._claimed_at)
        if self._room() > 0 or call.task.name in self._limited:
            self.engine.wake()
        self._look_whether_empty()

    def _resize(self, took: float) -> None:
        """By the seconds that the code of a batch took: where writing is slow, larger batches share it."""
        if took < SHORT:
            self._batch = min(MOST_AHEAD, self._batch * 2)
        elif took > LONG:
            self._batch = max(self.concurrency, self._batch // 2)

    def has_runner(self, task: Task[..., Any]) -> bool:
        """True where a call is executed as a run: by the runner that worker or task names, or that keeps options."""
        options = task.options
        is_timed = options.timeout is not None or options.deadline is not None or options.heartbeat_timeout is not None
        return self.runner is not None or is_timed or task.is_limited or _names_runner(task)

    def inner_task(self, task: Task[..., Any]) -> Task[..., Any]:
        """The same task as the worker has it executed: by its runner, once, without a time of its own."""
        found = self._inner.get(task.name)
        if found is None:
            runner = self.runner or _runner_in_worker(task)
            here = {"runner": runner, "retries": 0, "timeout": None, "deadline": None, "name": task.name}
            here |= {"key": None, "queue": None, "limit_key": None, "tags": None, "on_failure": None, "max_calls": None}
            options = task.options.changed({**here, "after": (), "priority": 0, "delay": None, "schedule": None})
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
        with self._lock:
            self.is_draining = True
        self._look_whether_empty()

    def _look_whether_empty(self) -> None:
        if self._is_empty is not None and not self.under_way:
            self._is_empty()


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


def _runner_in_worker(task: Task[..., Any]) -> type[BaseTaskRun[Any]]:
    """The one that the task names; in-process where that is none, or one that stores calls."""
    from woflo.runners.asynchronous import AsyncTaskRun
    from woflo.runners.thread import ThreadTaskRun

    if _names_runner(task):
        return task.runner
    return AsyncTaskRun if task.body.is_async else ThreadTaskRun


def _names_runner(task: Task[..., Any]) -> bool:
    return task.options.runner is not None and not task.runner.traits.durable


def is_workflow(task: Task[..., Any]) -> bool:
    """True where the code of its calls is recorded."""
    from woflo.durable.stored import StoredTaskRun

    return task.options.runner is not None and issubclass(task.runner, StoredTaskRun) and task.runner.executes_here


def _own_limits(tasks: Mapping[str, Task[..., Any]]) -> dict[str, int]:
    """How many of a task its definition allows at the same time."""
    limits = {name: task.options.max_concurrency for name, task in tasks.items()}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _shares(
    tasks: Mapping[str, Task[..., Any]], workflows: Mapping[str, Task[..., Any]], limits: Mapping[str, int]
) -> list[Share]:
    for name, limit in limits.items():
        whole_number(f"limits: {name}", limit, least=1)
        if name not in tasks:
            raise OptionError(f"limits={dict(limits)!r}: {name!r} is none of the tasks served: {', '.join(tasks)}")
    found = [Share((name,), name in workflows, limit) for name, limit in limits.items()]
    rest = [name for name in tasks if name not in limits]
    for are_workflows in (True, False):
        names = tuple(name for name in rest if (name in workflows) is are_workflows)
        found += [Share(names, are_workflows)] if names else []
    return found
