"""Waiting for several runs, of any runners mixed."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import count
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from woflo.errors import OptionError
from woflo.kernel import clock, runtime
from woflo.kernel.graph import Handle
from woflo.kernel.lending import lend_place, take_back_place
from woflo.kernel.mapping import RunMap
from woflo.kernel.options import waiting_time
from woflo.kernel.recording import current_recorder, monotonic_end, new_note, recalled
from woflo.kernel.run import BaseTaskRun, acquire_lock
from woflo.kernel.state import TERMINAL

__all__ = [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "AsCompleted",
    "Waited",
    "as_completed",
    "wait",
]

R = TypeVar("R")

FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED = "FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"
ReturnWhen = Literal["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"]


class Waited(NamedTuple):
    """What `wait` found, as `concurrent.futures.wait` names it."""

    done: set[BaseTaskRun[Any]]
    not_done: set[BaseTaskRun[Any]]


class _Arrivals:
    """Runs in the order in which they end, each told by its number among them, and a way to wait for the next one."""

    def __init__(self, runs: Iterable[BaseTaskRun[Any]]) -> None:
        self.runs: dict[int, BaseTaskRun[Any]] = {}
        self.open: dict[BaseTaskRun[Any], int] = {}
        """Those that were not told yet."""
        self.count = 0
        """How many were added."""
        self._unwatched: list[BaseTaskRun[Any]] = []
        self._ended: deque[Any] = deque()
        self._lock = threading.Lock()
        self._waiter: Any = None
        self.add(runs)

    def add(self, runs: Iterable[BaseTaskRun[Any]]) -> None:
        """Further ones."""
        self._unwatched = list(dict.fromkeys(runs))
        self.runs.update(enumerate(self._unwatched, self.count))
        self.open.update(zip(self._unwatched, count(self.count)))
        self.count += len(self._unwatched)

    def watch(self) -> None:
        """Begin to listen."""
        fresh, self._unwatched = self._unwatched, []
        for run in fresh:
            if run in self.open and not run._watch(self._arrived):
                self._arrived(run)

    def _arrived(self, run: Any) -> None:
        with self._lock:
            self._ended.append(run)
            waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter()

    def wake_by(self, waiter: Callable[[], object]) -> bool:
        """Have `waiter()` called with the next arrival; False where there is one."""
        with self._lock:
            if self.has_come():
                return False
            self._waiter = waiter
            return True

    def has_come(self) -> bool:
        """True where one has ended that was not told yet."""
        while self._ended and self._ended[0] not in self.open:
            self._ended.popleft()
        return bool(self._ended)

    def first(self) -> int | None:
        """The number of that one."""
        return self.open[self._ended[0]] if self.has_come() else None

    def next(self, end: float | None) -> int | None:
        """Block until the next run ends; None where `end` (on the monotonic clock) passes first."""
        for run in self._unwatched:
            run._check_may_block_unless_ended()
        self.watch()
        recorder = current_recorder()
        if recorder is None or not recorder.block(self.open, self.has_come, end):
            self._block(end)
        return self.first()

    def _block(self, end: float | None) -> None:
        waiter = threading.Lock()
        waiter.acquire()
        if self.wake_by(waiter.release):
            acquire_lock(waiter, -1.0 if end is None else max(0.0, end - clock.monotonic()))

    def take(self, at: int) -> BaseTaskRun[Any]:
        """The run of this number, which is told now."""
        run = self.runs[at]
        del self.open[run]
        return run

    def forget(self) -> None:
        for run in self.open:
            run._unwatch(self._arrived)


def wait(
    runs: Iterable[BaseTaskRun[Any]], timeout: float | None = None, return_when: ReturnWhen = "ALL_COMPLETED"
) -> Waited:
    """Block until all runs have ended, the first has, or the first has failed; at most `timeout` seconds.

    `return_when` is "ALL_COMPLETED", "FIRST_COMPLETED" or "FIRST_EXCEPTION". Never raises a run's failure.
    """
    if return_when not in (ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION):
        raise OptionError(f"return_when={return_when!r} must be ALL_COMPLETED, FIRST_COMPLETED or FIRST_EXCEPTION")
    waiting_time(timeout)
    arrivals = _Arrivals(_checked("wait", runs))
    end = monotonic_end(timeout)
    runtime.current.deliverer_about_to_wait()
    lender = lend_place()
    try:
        found = recalled("woflo.wait", lambda: _wait_until(arrivals, end, return_when))
    finally:
        if lender is not None:
            take_back_place(lender)
    done = {arrivals.runs[at] for at in found}
    for run in done:
        run._await_end(None)
        run._looked_at()
    return Waited(done, set(arrivals.runs.values()) - done)


def _wait_until(arrivals: _Arrivals, end: float | None, return_when: str) -> list[int]:
    """The numbers of those that have ended."""
    while arrivals.open:
        at = arrivals.next(end)
        failed = at is not None and not arrivals.runs[at].state.is_success
        if at is None or return_when == FIRST_COMPLETED or (failed and return_when == FIRST_EXCEPTION):
            break
        arrivals.take(at)
    arrivals.forget()
    return [at for at, run in arrivals.runs.items() if run._state in TERMINAL]


def as_completed(runs: Iterable[BaseTaskRun[R]], timeout: float | None = None) -> AsCompleted[R]:
    """The runs in the order in which they end, for `for` and `async for`.

    Of what `Task.map` returned no more calls are launched than the map keeps ahead of its reader, so it may be endless.
    Raises `TimeoutError` from the iteration where `timeout` seconds, counted from this call, pass first.
    """
    taken = runs if isinstance(runs, RunMap) else _checked("as_completed", runs)
    return AsCompleted(taken, waiting_time(timeout))


def _checked(where: str, runs: Iterable[BaseTaskRun[R]]) -> list[BaseTaskRun[R]]:
    every = list(runs) if isinstance(runs, Iterable) else [runs]
    for run in every:
        if not isinstance(run, Handle):
            raise OptionError(f"{where} was given {run!r}, which is no handle; give it a list of what calls returned")
    return every


class AsCompleted(Generic[R]):
    """Iterates over runs as they end; each run once."""

    def __init__(self, runs: list[BaseTaskRun[R]] | RunMap[R], timeout: float | None) -> None:
        self._runs = runs
        self._timeout = timeout
        self._end = monotonic_end(timeout)

    def __iter__(self) -> Iterator[BaseTaskRun[R]]:
        arrivals = _Arrivals(())
        try:
            while self._add_to(arrivals):
                yield self._told(arrivals, recalled("woflo.next", lambda: self._next(arrivals)))
        finally:
            arrivals.forget()

    def _add_to(self, arrivals: _Arrivals) -> bool:
        """Have what there is waited for; False where all was told."""
        if isinstance(self._runs, RunMap):
            arrivals.add(self._runs.take_launched(len(arrivals.open)))
        elif not arrivals.count:
            arrivals.add(self._runs)
        return bool(arrivals.open)

    def _next(self, arrivals: _Arrivals) -> int | None:
        runtime.current.deliverer_about_to_wait()
        lender = lend_place()
        try:
            return arrivals.next(self._end)
        finally:
            if lender is not None:
                take_back_place(lender)

    def _told(self, arrivals: _Arrivals, at: int | None) -> BaseTaskRun[R]:
        """The run of this number; it has ended, if not in this process."""
        if at is None:
            raise TimeoutError(f"{len(arrivals.open)} of {arrivals.count} runs did not end within {self._timeout:g} s")
        run = arrivals.take(at)
        del arrivals.runs[at]  # there may be no end of them
        run._looked_at()
        return run

    async def __aiter__(self) -> AsyncIterator[BaseTaskRun[R]]:
        from woflo.kernel.awaiting import until_any_ended, until_ended

        arrivals = _Arrivals(())
        try:
            while self._add_to(arrivals):
                note = new_note("woflo.next")
                if note is not None and note.is_recorded:
                    at = note.value
                else:
                    at = await until_any_ended(arrivals, self._end)
                    if note is not None:
                        note.keep(at)
                run = self._told(arrivals, at)
                await until_ended(run)
                yield run
        finally:
            arrivals.forget()
