"""The branches of a workflow: where each of its calls stands, whichever thread or coroutine makes it.

        trunk ""            f  g ─┬──────────────── h          places: 0 1 2
        branch "0"                ├─ f  g                      0.0 0.1      (numbered when it is created,
        branch "1"                └─ f  g                      1.0 1.1       in the branch that creates it)

A branch is made for each asyncio task that the workflow creates, by a task factory: it executes in the context of the
creator, before the new task has had a chance to run, so that the number does not depend on what runs first.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from woflo.durable.journal import Place
from woflo.durable.keeping import BranchKeeper
from woflo.durable.waits import RunsWait
from woflo.errors import NotInWorkflowError
from woflo.kernel import clock
from woflo.kernel.attempt import Attempt
from woflo.kernel.context import current_attempt
from woflo.kernel.report import report

if TYPE_CHECKING:
    from woflo.durable.execution import Execution
    from woflo.kernel.run import BaseTaskRun
    from woflo.kernel.task import Task
    from woflo.stores.rows import Row

__all__ = ["Branch", "RecordedNote", "ToldOnce", "current_branch", "install_task_factory"]


class Branch:
    """One line of calls; the kernel's `Recorder`, so that each becomes a step."""

    __slots__ = ("_branches", "_position", "execution", "scope")

    def __init__(self, execution: Execution, scope: str = "") -> None:
        self.execution: Execution = execution
        self.scope: str = scope
        self._position = 0
        self._branches = 0

    def next_place(self) -> Place:
        """The place of the call that is being made."""
        position = self._position
        self._position = position + 1
        return Place(self.scope, position)

    def coming_place(self) -> Place:
        """The place of the call that comes next; it is not taken by this."""
        return Place(self.scope, self._position)

    def new_branch(self) -> Branch:
        """The next branch that starts here."""
        number = self._branches
        self._branches = number + 1
        return Branch(self.execution, f"{self.scope}.{number}" if self.scope else str(number))

    def call(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> BaseTaskRun[Any]:
        """A step: new, or finished already where it is recorded."""
        run: BaseTaskRun[Any] = self.execution.call(self, task, args, dict(kwargs))
        return run

    def note(self, what: str) -> RecordedNote:
        """The next place, for what depends on time or chance."""
        self.execution.check()
        row = self.execution.new_row(self.next_place(), what, "{}")
        return RecordedNote(self.execution, row, self.execution.find(row))

    def publish(self, name: str, value: str) -> None:
        """Show a value (JSON) to whoever looks at the workflow, once for each time that its code comes here."""
        execution = self.execution
        execution.check()
        row = execution.new_row(self.next_place(), "woflo.publish", json.dumps({"name": name}))
        if execution.find(row) is None:
            execution.publish(row, name, value)

    def block(self, runs: Iterable[BaseTaskRun[Any]], is_over: Callable[[], bool], end: float | None) -> bool:
        """Block until it is over; False for a thread or a loop that the workflow cannot be parked from."""
        execution = self.execution
        if not execution.may_wait_here():
            return False
        execution.wait_for(RunsWait(runs, is_over, _wall_time(end)))
        return True

    async def until(self, runs: Iterable[BaseTaskRun[Any]], is_over: Callable[[], bool], end: float | None) -> bool:
        """The same in a coroutine; False on a loop that is not the workflow's."""
        execution = self.execution
        if execution.loop is None or execution.loop is not asyncio._get_running_loop():
            return False
        await execution.wait_for(RunsWait(runs, is_over, _wall_time(end)))
        return True


class RecordedNote:
    """The kernel's `Note`."""

    def __init__(self, execution: Execution, row: Row, record: Row | None) -> None:
        self.is_recorded: bool = record is not None
        self.value: Any = None if record is None else json.loads(record.result or "null")
        self._execution = execution
        self._row = row

    def keep(self, value: Any) -> Any:
        """Record it with the next write."""
        self._execution.note_at(self._row, json.dumps(value))
        return value


def _wall_time(end: float | None) -> float | None:
    """A time of the monotonic clock as seconds since the epoch."""
    return None if end is None or end == float("inf") else clock.now() + end - clock.monotonic()


def current_branch(asked: str) -> Branch:
    """The branch in which this code is executed. Raises `NotInWorkflowError`, which says what was `asked` for."""
    attempt = current_attempt.get()
    branch = None if attempt is None else attempt.recorder
    if not isinstance(branch, Branch):
        where = "a step" if attempt is not None else "a thread that belongs to no workflow, or outside of any"
        raise NotInWorkflowError(
            f"{asked} was called in {where}; it belongs into the code of a workflow itself, where asyncio's tasks and "
            f"`asyncio.to_thread` know their branch"
        )
    branch.execution.check()
    return branch


# -- asyncio -------------------------------------------------------------------------------------------

Factory = Callable[..., Any]


def install_task_factory(loop: Any) -> None:
    """Have tasks that workflows create on `loop` become branches; what other code creates is left as it was."""
    there = loop.get_task_factory()
    if not isinstance(there, _BranchingFactory):
        loop.set_task_factory(_BranchingFactory(there))


class _BranchingFactory:
    """A task factory in front of the one that was there."""

    def __init__(self, before: Factory | None) -> None:
        self._before = before

    def __call__(
        self, loop: Any, coro: Coroutine[Any, Any, Any], *, context: Context | None = None, **kwargs: Any
    ) -> Any:
        attempt = current_attempt.get()
        branch = None if attempt is None else attempt.recorder
        if attempt is None or not isinstance(branch, Branch):
            return self._make(loop, coro, context, kwargs)
        context = copy_context() if context is None else context
        context.run(current_attempt.set, attempt_on(branch.new_branch(), attempt))
        task = self._make(loop, coro, context, kwargs)
        branch.execution.has_branched(task)
        return task

    def _make(self, loop: Any, coro: Any, context: Context | None, kwargs: dict[str, Any]) -> Any:
        if context is not None:  # a factory of before may not know it
            kwargs = {**kwargs, "context": context}
        if self._before is not None:
            return self._before(loop, coro, **kwargs)
        return asyncio.Task(coro, loop=loop, **kwargs)


def attempt_on(branch: Branch, attempt: Attempt) -> Attempt:
    """The attempt of a workflow as code in one of its branches sees it."""
    twin = Attempt(attempt.run_id, attempt.task_name, attempt.number, attempt.body, (), {}, attempt.parent_id)
    twin.run, twin.recorder, twin.keeper = attempt.run, branch, BranchKeeper(branch)
    twin.trace = attempt.trace
    twin.channel = None if attempt.channel is None else ToldOnce(branch)
    return twin


class ToldOnce:
    """What the code of a workflow says of its progress: not what it has come past in an execution before this one."""

    __slots__ = ("_branch", "task")

    def __init__(self, branch: Branch) -> None:
        self._branch = branch
        self.task: Task[..., Any] = branch.execution.task

    def send(self, kind: str, data: Any) -> None:
        """See `Channel`."""
        branch = self._branch
        if not branch.execution.journal.has_passed(branch.coming_place()):
            report(self, kind, data)

    @property
    def id(self) -> str:
        """That of the workflow."""
        return self._branch.execution.row.id

    def _beat(self, value: str) -> None:
        """It has none: see `BranchKeeper`."""
