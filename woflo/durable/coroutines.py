"""Async workflows: their code is a coroutine, whose tasks are branches."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from woflo.durable.branches import install_task_factory
from woflo.durable.execution import Ending, Execution, Told, loaded
from woflo.durable.parking import Parked, was_cancelled
from woflo.errors import StoreError
from woflo.kernel import clock
from woflo.kernel.context import current_attempt
from woflo.kernel.outcome import Outcome
from woflo.stores.operations import Release

if TYPE_CHECKING:
    from woflo.durable.engine import Engine
    from woflo.durable.keeping import StepKeeper
    from woflo.durable.steps import StepRun
    from woflo.durable.waits import Wait
    from woflo.kernel.task import Task
    from woflo.stores.rows import Row

__all__ = ["AsyncExecution"]

LAST_WORDS = 1.0
"""Seconds that the code of a parked workflow gets to end by itself."""


class AsyncExecution(Execution):
    """The code of an async workflow, on an event loop.

    It is parked when every branch waits: nothing executes here, and nothing was called for a while.
    """

    def __init__(self, engine: Engine, row: Row, task: Task[..., Any], loop: Any) -> None:
        super().__init__(engine, row, task)
        self.loop = loop
        self._writer = engine.writer_on(loop)
        self._waits: dict[Wait, asyncio.Future[None]] = {}
        """What branches wait for that may take long."""
        self._pending: set[asyncio.Future[None]] = set()
        """All futures that branches wait for; they get `Parked` when this ends."""
        self._branches: set[Any] = set()
        self._stirred = 0
        """Counts what the code does, to tell when it rests."""
        self._is_watched = False
        """True while a look at whether it rests is due."""
        self._unhear: Any = None

    # -- the code --------------------------------------------------------------------------------------

    def start(self) -> None:
        if asyncio._get_running_loop() is self.loop:
            self._begin()
        else:
            self.loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        install_task_factory(self.loop)
        outside = contextvars.copy_context()
        outside.run(current_attempt.set, None)
        self._root = outside.run(lambda: self.loop.create_task(self._run()))

    async def _run(self) -> None:
        todo = loaded(self)
        outcome = todo if isinstance(todo, Outcome) else await todo.execute_async()
        if outcome.interrupted and self._ended is None and was_cancelled():
            self._give_back()
            return
        try:
            await self._finish_open_steps()
        except Parked:
            pass
        ending = self.last_write(outcome)
        self._end_branches()
        if ending.operation is None:
            self.written_end(ending, None)
        else:
            self._writer.put(ending.operation, lambda result: self._told_end(ending, result))

    def _give_back(self) -> None:
        """The loop ends, as at the end of `asyncio.run`, and cancels what is on it: nobody has stopped the workflow."""
        self.leave()
        self._end_branches()
        release = Release(now=clock.now(), claim=self.claim, notes=self._notes, reason="its event loop ended")
        error: Exception | None = None
        try:
            self.store.write(release)  # here and now: the loop may have no further turn
        except StoreError as refused:
            error = refused
        self.written_end(Ending(None), error)

    def _told_end(self, ending: Ending, result: Any) -> None:
        self.written_end(ending, result if isinstance(result, Exception) else None)

    async def _finish_open_steps(self) -> None:
        """What was called is executed, whether anybody waits for it or not."""
        while self._open and self._ended is None:
            await self.until(next(iter(self._open)))

    def has_branched(self, task: Any) -> None:
        """The code has created a task of asyncio's."""
        self._stirred += 1
        self._branches.add(task)
        task.add_done_callback(self._branch_ended)

    def _branch_ended(self, task: Any) -> None:
        self._stirred += 1
        self._branches.discard(task)
        if self._ended is not None and not task.cancelled():
            task.exception()  # it is known why, and nobody is to be warned that nobody looked

    def _end_branches(self) -> None:
        for task in list(self._branches):
            task.cancel()
        if self._unhear is not None:
            self._unhear()
            self._unhear = None

    def end(self, why: BaseException) -> Parked:
        parked = super().end(why)
        try:
            self.loop.call_soon_threadsafe(self._tell_all_that_wait)
        except RuntimeError:  # the loop is closed, and nothing can go on there
            self.code_ended.set()
        return parked

    def _tell_all_that_wait(self) -> None:
        for future in self._pending:
            if not future.done():
                future.set_exception(Parked(str(self._ended)))
        if not self._root.done():
            patience = self.loop.call_later(LAST_WORDS, self._root.cancel)
            self._root.add_done_callback(lambda _: patience.cancel())  # it would hold all of this till then

    # -- writing ---------------------------------------------------------------------------------------

    def record(self, row: Row, keeper: StepKeeper | None, told: Told) -> None:
        if asyncio._get_running_loop() is not self.loop:
            self.record_here(row, keeper, told)
        elif self._ended is not None and not self._is_leaving:
            told(self._ended)
        else:
            operation = self.recording(row, keeper)
            self._writer.put(operation, lambda result: self._told_record(operation, told, result))

    def _told_record(self, operation: Any, told: Told, result: Any) -> None:
        if isinstance(result, Exception):
            told(self.end(result))
        else:
            self.kept(operation)
            told(None)

    def opened(self, step: StepRun[Any]) -> None:
        """A step is called. Each begins by itself: none waits for this thread to execute it."""
        self._open[step] = None

    def closed(self, step: Any) -> None:
        super().closed(step)
        self._stirred += 1

    # -- waiting ---------------------------------------------------------------------------------------

    async def until(self, step: StepRun[Any]) -> None:
        """Return when a step has ended."""
        self.check()
        if step._held_up_by() or step.is_uncertain:  # by what may take long
            await super().until(step)
        else:
            await self._until_told(step)
        self.check()

    async def _until_told(self, step: StepRun[Any]) -> None:
        future = self._future()
        if step._watch(lambda _: self._from_anywhere(_resolve, future)):
            await self._awaited(future)

    def may_wait_here(self) -> bool:
        return asyncio._get_running_loop() is None

    def wait_for(self, wait: Wait) -> Any:
        waiting = self._wait_for(wait)
        if not self.may_wait_here():
            return waiting
        outside = contextvars.copy_context()
        outside.run(current_attempt.set, None)  # in a thread of the workflow: what waits for it here is no branch
        outside.run(asyncio.run_coroutine_threadsafe, waiting, self.loop).result()
        return None

    async def _wait_for(self, wait: Wait) -> None:
        self._stirred += 1
        self.check()
        if wait.is_over():
            return
        future = self._waits[wait] = self._future()
        wait.watch(lambda: self._from_anywhere(self._look_at, wait))
        if self._unhear is None:
            self._unhear = self.engine.listen(lambda: self.loop.call_soon_threadsafe(self._look_again))
        self._look_later(wait)
        self._look_again()
        self._park_when_at_rest()
        try:
            await self._awaited(future)
        finally:
            del self._waits[wait]
            self._stirred += 1
        self.check()

    def _future(self) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self.loop.create_future()
        self._pending.add(future)
        return future

    async def _awaited(self, future: asyncio.Future[None]) -> None:
        try:
            await future
        finally:
            self._pending.discard(future)

    def _from_anywhere(self, function: Callable[..., object], *args: Any) -> None:
        if asyncio._get_running_loop() is self.loop:
            function(*args)
        else:
            self.loop.call_soon_threadsafe(function, *args)

    def _look_later(self, wait: Wait) -> None:
        if wait.run_after is not None and wait.run_after - clock.now() < 1.0 + self.engine.hold:
            self.loop.call_later(max(0.0, wait.run_after - clock.now()), self._look_at, wait)

    def _look_again(self) -> None:
        """Something has changed somewhere."""
        if self._ended is not None:
            return
        for wait in list(self._waits):
            if wait.hears_of_changes:
                self._look_at(wait)

    def _look_at(self, wait: Wait) -> None:
        """It may be over."""
        future = self._waits.get(wait)
        try:
            if future is not None and not future.done() and self._ended is None and wait.is_over():
                self._stirred += 1  # the branch goes on, though it has not come to that yet
                future.set_result(None)
        except Parked:
            pass  # all futures were told

    def _park_when_at_rest(self) -> None:
        if not self._is_watched:
            self._is_watched = True
            self.loop.call_later(self.engine.hold, self._park_if_at_rest, self._stirred)

    def _park_if_at_rest(self, stirred: int) -> None:
        """Every branch waits, where nothing has happened since and nothing executes here."""
        self._is_watched = False
        if self._ended is not None or not self._waits:
            return
        try:
            tokens = self.tokens(self._waits)
            at_rest = stirred == self._stirred and tokens is not None and not self._is_soon_over()
            if at_rest and tokens is not None and self.park(tuple(self._waits), tokens):
                return
        except Parked:
            return  # the write was refused, and all futures were told
        for wait in list(self._waits):
            self._look_at(wait)
        self._park_when_at_rest()

    def _is_soon_over(self) -> bool:
        return any(
            wait.run_after is not None and wait.run_after - clock.now() < self.engine.hold for wait in self._waits
        )


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
