"""What a task sees of the run that it is in."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sized
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, overload

from woflo.errors import NoCurrentRunError, NotDurableError, SerializationError

if TYPE_CHECKING:
    from woflo.kernel.attempt import Attempt
    from woflo.kernel.ports import Keeper
    from woflo.kernel.task import Task

__all__ = ["CurrentRun", "current_attempt", "current_run", "track"]

T = TypeVar("T")
TOLD_EACH = 100
"""How many items of `track` are told each."""
TOLD_BETWEEN = 0.05
"""Seconds between two tellings of what follows: a telling costs up to thirty microseconds, an item perhaps less."""

current_attempt: ContextVar[Attempt | None] = ContextVar("woflo_current_attempt", default=None)
"""The one context variable of woflo. Threads and event loops copy it with the caller's context."""


class CurrentRun:
    """The run in which this code executes, from its inside.

    Attributes: `id` of the run, name of its `task`, number of the `attempt` (from 1), `parent_id` (the id of
    the run that made this call, or None).
    """

    __slots__ = ("_attempt",)

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    @property
    def id(self) -> str:
        return self._attempt.run_id

    @property
    def task(self) -> str:
        return self._attempt.task_name

    @property
    def attempt(self) -> int:
        return self._attempt.number

    @property
    def parent_id(self) -> str | None:
        return self._attempt.parent_id

    @property
    def stop_requested(self) -> bool:
        """True once the run was asked to stop, or its time is over. Long loops in threads should look."""
        self._attempt.looks_for_stop = True
        return self._attempt.stop_requested

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Tell the caller's observers how far this attempt is: `done` of `total`, in any unit."""
        self._attempt.tell("progress", (done, total, message))

    def heartbeat(self, value: Any = None) -> None:
        """Give a sign of life, and leave `value` (JSON) for the attempt that follows, should this one fail or die.

        With the option `heartbeat_timeout` an attempt that has given none for so many seconds has failed. For a run
        that is kept in a store the value is kept too, at most a second old. Raises `SerializationError` for what is no
        JSON.
        """
        attempt = self._attempt
        text = _as_json(value)
        if attempt.run is None and attempt.keeper is not None:
            attempt.keeper.heartbeat(text)
        else:
            attempt.tell("heartbeat", (text,))

    @property
    def last_heartbeat(self) -> Any:
        """The value of the last heartbeat of an attempt before this one; None where there was none."""
        attempt = self._attempt
        text = getattr(attempt, "last_heartbeat", None)
        if text is None and attempt.keeper is not None:
            text = attempt.keeper.last_heartbeat()
        return None if text is None else json.loads(text)

    # -- for runs that are kept in a store ---------------------------------------------------------------

    @property
    def idempotency_key(self) -> str:
        """The same in every attempt of this step or stored call, also in another process after a crash."""
        return self._keeper("idempotency_key").idempotency_key

    def transaction(self) -> AbstractContextManager[Any]:
        """A connection of the store's database: what is written through it is kept with this run's end, or not at all.

        Use it with `with`; an exception that leaves the block undoes what was written. Other writers wait until the
        step has ended: keep such steps short. Raises `StoreError` in a coroutine, and where the store cannot do that.
        """
        return self._keeper("transaction").transaction()

    def enqueue(self, task: Task[..., Any], /, *args: Any, **kwargs: Any) -> str:
        """Call a stored task when this run has ended well, together with its record; returns the id of that run.

        Where this attempt fails, the call is not made.
        """
        return self._keeper("enqueue").enqueue(task, args, kwargs)

    def publish(self, name: str, value: Any) -> None:
        """Show a value (JSON) to whoever looks at the stored run, in place of the last one of this name."""
        self._keeper("publish").publish(name, value)

    def _keeper(self, asked: str) -> Keeper:
        keeper = self._attempt.keeper
        if keeper is None:
            raise NotDurableError(
                f"current_run().{asked} needs a run that is kept in a store and executes in this process: a step of a "
                f"workflow, or a call from a queue; {self!r} is none"
            )
        return keeper

    def __repr__(self) -> str:
        return f"<current run {self.id} of {self.task}, attempt {self.attempt}>"


def _as_json(value: Any) -> str:
    if value is None:
        return "null"
    try:
        text = json.dumps(value, allow_nan=False)
        if json.loads(text) == value:
            return text
    except (TypeError, ValueError, RecursionError):
        pass
    raise SerializationError(f"heartbeat({value!r}): the value must be what JSON knows, and come back as it is")


def current_run() -> CurrentRun:
    """The run that this code is executed in, on every runner.

    Raises `NoCurrentRunError` outside of a task.
    """
    attempt = current_attempt.get()
    if attempt is None:
        raise NoCurrentRunError("there is no current run here: this code was not called as a task")
    return CurrentRun(attempt)


@overload
def track(items: AsyncIterable[T], total: float | None = None, message: str = "") -> AsyncIterator[T]: ...
@overload
def track(items: Iterable[T], total: float | None = None, message: str = "") -> Iterator[T]: ...
def track(items: Any, total: float | None = None, message: str = "") -> Any:
    """Iterate over `items` and tell the caller's observers the progress. Outside of a task it only iterates.

    What is iterated over by `async for` is so here, too. The first hundred items are told each; then it is told at most
    twenty times a second, and when all are done. In the code of a workflow, what is replayed is not told again.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    over = _over_async if hasattr(type(items), "__aiter__") else _over
    return over(items, total, message)


def _over(items: Iterable[T], total: float | None, message: str) -> Iterator[T]:
    attempt = current_attempt.get()
    if attempt is None:
        yield from items
        return
    progress = _Progress(attempt, total, message)
    for item in items:
        progress.begins()
        yield item
        progress.ends()
    progress.is_over()


async def _over_async(items: AsyncIterable[T], total: float | None, message: str) -> AsyncIterator[T]:
    attempt = current_attempt.get()
    if attempt is None:
        async for item in items:
            yield item
        return
    progress = _Progress(attempt, total, message)
    async for item in items:
        progress.begins()
        yield item
        progress.ends()
    progress.is_over()


class _Progress:
    """How far an attempt is with what it iterates over, and how much of that was told."""

    __slots__ = ("_attempt", "_done", "_due", "_message", "_told", "_total")

    def __init__(self, attempt: Attempt, total: float | None, message: str) -> None:
        self._attempt, self._total, self._message = attempt, total, message
        self._done = self._told = 0
        self._due = 0.0

    def begins(self) -> None:
        """An item."""
        if self._done < TOLD_EACH:
            self._tell()

    def ends(self) -> None:
        """The same item."""
        self._done += 1
        if self._done <= TOLD_EACH or time.monotonic() >= self._due:
            self._tell()
            self._told, self._due = self._done, time.monotonic() + TOLD_BETWEEN

    def is_over(self) -> None:
        """There are no more."""
        if self._told < self._done:
            self._tell()

    def _tell(self) -> None:
        self._attempt.tell("progress", (self._done, self._total, self._message))
