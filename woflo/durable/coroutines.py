"""Async workflows: their code is a coroutine, whose tasks are branches."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from woflo.durable.branches import install_task_factory
from woflo.durable.execution import Ending, Execution, loaded
from woflo.durable.parking import Parked, was_cancelled
from woflo.durable.recording import Told
from woflo.errors import StoreError
from woflo.kernel import clock, runtime
from woflo.kernel.context import current_attempt
from woflo.kernel.outcome import Outcome
from woflo.runners.asynchronous import is_own
from woflo.stores.operations import Accepted, Claimed, Release

if TYPE_CHECKING:
    from woflo.durable.engine import Engine
    from woflo.durable.keeping import StepKeeper
    from woflo.durable.steps import StepRun
    from woflo.durable.waits import Wait
    from woflo.kernel.task import Task
    from woflo.stores.rows import Row, Tag

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
        self._loop_stays = is_own(runtime.current, loop)
        self._waits: dict[Wait, asyncio.Future[None]] = {}
        """What branches wait for that may take long."""
        self._looks: dict[Wait, bool] = {}
        """What is being looked at; True where it is to be looked at once more."""
        self._cancelled: set[Wait] = set()
        """What branches wait for that were cancelled during such a look."""
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
        self._begins()
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
            if self._loop_stays and (keeper is None or not keeper.is_open):
                # Steps of runners are told of by one thread: written there, each would wait for its own commit.
                self.loop.call_soon_threadsafe(self.record, row, keeper, told)
            else:
                super().record(row, keeper, told)
        elif self._ended is not None and not self._is_leaving:
            told(self._ended)
        else:
            operation = self.recording(row, keeper)
            self._writer.put(operation, partial(self._told_record, operation, told))

    def _told_record(self, operation: Any, told: Told, result: Any) -> None:
        if isinstance(result, Exception):
            told(self.end(result))
        else:
            if operation.notes:
                self.kept(operation)
            told(None)

    def _write(self, operation: Claimed[Any], told: Callable[[Any], object]) -> None:
        """Write it without holding up the loop; what it is refused with ends this execution."""
        if asyncio._get_running_loop() is not self.loop:
            told(self.written(operation))
            return
        self.check()
        self._writer.put(operation, lambda result: self._told_written(operation, told, result))

    def _told_written(self, operation: Claimed[Any], told: Callable[[Any], object], result: Any) -> None:
        if isinstance(result, Exception):
            self.end(result)
        else:
            self.kept(operation)
            told(result)

    def written(self, operation: Claimed[Any], write: Callable[[Any], Any] | None = None) -> Any:
        if asyncio._get_running_loop() is self.loop:
            self._writer.flush()  # it comes after what was written before
        return super().written(operation, write)

    def submit_child(self, row: Row, tags: tuple[Tag, ...], told: Callable[[Accepted], object]) -> None:
        self._write(self.calling(row, tags), lambda accepted: told(accepted[0]))
        if asyncio._get_running_loop() is self.loop:
            self._writer.flush()  # what is written about it from now on, by whoever knows its id, comes after it

    def look_for_signal(self, row: Row, name: str, told: Callable[[str | None], object]) -> None:
        self._write(self.taking(row, name), told)

    def publish(self, row: Row, name: str, value: str) -> None:
        self._write(self.publishing(row, name, value), lambda _: None)

    def opened(self, step: StepRun[Any]) -> None:
        """A step is called. Each begins by itself: none waits for this thread to execute it."""
        self._open[step] = None
        if self._ended is not None:  # since `call` has looked
            self.check()

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
            future = self._future()
            try:
                if step.enlist(_Waiter(self.loop, future)):
                    await future
            finally:
                self._pending.discard(future)
        self.check()

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
        if not wait.writes and wait.is_over():
            return
        future = self._waits[wait] = self._future()
        wait.watch(lambda: self._from_anywhere(self._look_at, wait))
        if self._unhear is None:
            self._unhear = self.engine.listen(self._hear)
        self._look_later(wait)
        self._look_at(wait)
        self._park_when_at_rest()
        try:
            await future
        except asyncio.CancelledError:
            if not await self._has_taken(wait):
                raise
        finally:
            self._pending.discard(future)
            del self._waits[wait]
            self._stirred += 1
        self.check()

    async def _has_taken(self, wait: Wait) -> bool:
        """Whether a look that was under way when its branch was cancelled took what was there: that is not lost."""
        if wait in self._looks and self._ended is None:
            self._looks[wait] = False
            self._waits[wait] = looked = self._future()
            self._cancelled.add(wait)
            try:
                await looked
            finally:
                self._pending.discard(looked)
                self._cancelled.discard(wait)
        return wait.has_taken

    def _future(self) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self.loop.create_future()
        self._pending.add(future)
        return future

    def _from_anywhere(self, function: Callable[..., object], *args: Any) -> None:
        if asyncio._get_running_loop() is self.loop:
            function(*args)
        else:
            self.loop.call_soon_threadsafe(function, *args)

    def _look_later(self, wait: Wait) -> None:
        if wait.run_after is not None and wait.run_after - clock.now() < 1.0 + self.engine.hold:
            self.loop.call_later(max(0.0, wait.run_after - clock.now()), self._look_at, wait)

    def _hear(self) -> None:
        """In any thread: something has changed."""
        try:
            self.loop.call_soon_threadsafe(self._look_again)
        except RuntimeError:
            pass  # the loop is closed, and nothing can go on there

    def _look_again(self) -> None:
        """Something has changed somewhere."""
        if self._ended is not None:
            return
        for wait in list(self._waits):
            if wait.hears_of_changes:
                self._look_at(wait)

    def _look_at(self, wait: Wait) -> None:
        """It may be over. A look that takes what is there is alone."""
        future = self._waits.get(wait)
        if future is None or future.done() or self._ended is not None:
            return
        if wait in self._looks:
            self._looks[wait] = True
            return
        self._looks[wait] = False
        try:
            wait.look(lambda is_over: self._has_looked(wait, is_over))
        except Parked:
            pass  # all futures were told

    def _has_looked(self, wait: Wait, is_over: bool) -> None:
        again = self._looks.pop(wait)
        self._park_when_at_rest()
        future = self._waits.get(wait)
        if future is None or future.done():
            return
        if is_over or wait in self._cancelled:
            self._stirred += 1  # the branch goes on, though it has not come to that yet
            future.set_result(None)
        elif again:
            self._look_at(wait)

    def _park_when_at_rest(self) -> None:
        if not self._is_watched:
            self._is_watched = True
            self.loop.call_later(self.engine.hold, self._park_if_at_rest, self._stirred)

    def _park_if_at_rest(self, stirred: int) -> None:
        """Every branch waits, where nothing has happened since and nothing executes here."""
        self._is_watched = False
        if self._ended is not None or not self._waits or self._looks:
            return  # where something is looked at, it is asked again after that
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


class _Waiter:
    """A coroutine that waits for the end of a step, as a lock stands for a thread that does."""

    __slots__ = ("_future", "_loop")

    def __init__(self, loop: Any, future: asyncio.Future[None]) -> None:
        self._loop = loop
        self._future = future

    def release(self) -> None:
        """From anywhere."""
        if asyncio._get_running_loop() is self._loop:
            _resolve(self._future)
            return
        try:
            self._loop.call_soon_threadsafe(_resolve, self._future)
        except RuntimeError:
            pass  # the loop was closed: nobody awaits there any more


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
