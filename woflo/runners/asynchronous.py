"""Event loops: the running one where there is one, else a loop of woflo's own in a thread."""

from __future__ import annotations

import asyncio
import threading
from contextvars import copy_context
from typing import Any, ClassVar, TypeVar

from woflo.errors import EndedLoopError, TaskStoppedError
from woflo.kernel.attempt import Attempt
from woflo.kernel.outcome import Outcome
from woflo.kernel.run import BaseTaskRun
from woflo.kernel.runtime import STARTS_LATE
from woflo.kernel.traits import Traits
from woflo.runners.thread import threads_of_this_process

__all__ = ["AsyncTaskRun", "is_own", "own_loop"]

R = TypeVar("R")


class AsyncTaskRun(BaseTaskRun[R]):
    """Executes a coroutine function on an event loop; a plain function in a thread beside the loop.

    Called while a loop runs in the calling thread, it executes there; otherwise on a loop of woflo's own.
    A coroutine is ended by cancelling it. One that goes on nevertheless keeps its place, and its handle ends
    after `grace`. A plain function can only be asked to end, as on the runner "thread".
    """

    traits: ClassVar[Traits] = Traits(killable=True)
    """Killable for coroutines, see `_is_killable`."""
    _loop: asyncio.AbstractEventLoop | None = None
    _task: asyncio.Task[None] | None = None
    _to_abandon = 0
    """The attempt whose handle ends after `grace`, whatever its code does."""

    def _begin(self) -> None:
        self._loop = asyncio._get_running_loop()
        self._context = copy_context()
        if self._loop is None and self.task.body.is_async and not STARTS_LATE:
            own_loop(self._runtime)  # what this call depends on may end after the main thread has
        super()._begin()

    def _launch(self, attempt: Attempt) -> None:
        if not self.task.body.is_async:
            threads_of_this_process().execute(self, attempt)
            return
        loop = self._loop = self._loop or own_loop(self._runtime)
        if asyncio._get_running_loop() is loop:
            self._start(attempt)
            return
        try:
            loop.call_soon_threadsafe(self._start, attempt)
        except RuntimeError as error:
            raise EndedLoopError(f"{self.task.name} cannot run: the event loop of its call is closed") from error

    def _start(self, attempt: Attempt) -> None:
        assert self._loop is not None
        self._task = self._loop.create_task(self._drive(attempt), context=self._context.copy())
        # A task that is cancelled before its first step never gets to say how it ended.
        self._task.add_done_callback(self._ended_unseen)
        if attempt.stop_requested:
            self._task.cancel()

    async def _drive(self, attempt: Attempt) -> None:
        outcome = await attempt.execute_async()
        self._finish(outcome)
        del self, attempt, outcome  # see `Attempt.execute`

    def _ended_unseen(self, task: asyncio.Task[None]) -> None:
        if self._in_code and task is self._task:
            told = TaskStoppedError(f"{self.task.name} was cancelled on its event loop")
            error = told if task.cancelled() else task.exception()
            self._finish(Outcome(None, error, interrupted=task.cancelled()))

    def _execute(self, attempt: Attempt) -> Outcome:
        """For a plain function, in the thread beside the loop."""
        context = self._context.copy()
        try:
            return context.run(attempt.execute)
        finally:
            del self, attempt, context  # see `Attempt.execute`

    def _about_to_call_back(self) -> None:
        if not self.task.body.is_async:
            threads_of_this_process().look_for_another()

    def _is_killable(self) -> bool:
        """A plain function is in a thread, which can only be asked."""
        return self.task.body.is_async

    def _interrupt(self) -> None:
        if self._to_abandon != self.attempt:
            self._to_abandon = self.attempt
            self._after_grace(self._abandon_if_deaf, self.attempt)
        task, loop = self._task, self._loop
        if task is None or loop is None or task.done():
            return
        if asyncio._get_running_loop() is loop:
            task.cancel()
            return
        try:
            loop.call_soon_threadsafe(task.cancel)
        except RuntimeError:
            pass  # the loop is closed, and its tasks were cancelled with it

    def _abandon_if_deaf(self, attempt: int) -> None:
        verdict = self._verdict
        if verdict is not None and attempt == self.attempt and self._in_code:
            self._final = True  # the code of this attempt may never end, and a further one comes only after it
            self._runtime.away_from_reactor(self._abandon, verdict, attempt)

    def _needs_loop(self, loop: Any) -> bool:
        return (self._loop is loop and self.task.body.is_async) or super()._needs_loop(loop)


def own_loop(here: Any) -> asyncio.AbstractEventLoop:
    """The loop of woflo's own in this process; `here` is the runtime."""
    own: _LoopThread | None = here.services.get(_LoopThread)
    if own is None:
        here.ready_for_the_end()
        own = here.service(_LoopThread, _LoopThread)
    return own.loop


def is_own(here: Any, loop: Any) -> bool:
    """True for that loop: it goes on as long as the process does, whereas others may be closed at any time."""
    own: _LoopThread | None = here.services.get(_LoopThread)
    return own is not None and own.loop is loop


class _LoopThread:
    """The loop for calls that are made where none runs."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, name="woflo-loop", daemon=True).start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
