"""Waiting for several runs, of any runners mixed."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from woflo.errors import OptionError
from woflo.kernel import clock, runtime
from woflo.kernel.graph import Handle
from woflo.kernel.lending import lend_place, take_back_place
from woflo.kernel.options import waiting_time
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
    """Runs in the order in which they end, and a way to block until the next one does."""

    def __init__(self, runs: Iterable[BaseTaskRun[Any]]) -> None:
        self.open = dict.fromkeys(runs)
        self._ended: deque[Any] = deque()
        self._lock = threading.Lock()
        self._waiter: Any = None
        for run in self.open:
            run._check_may_block_unless_ended()
        for run in list(self.open):
            if not run._watch(self._arrived):
                self._arrived(run)

    def _arrived(self, run: Any) -> None:
        with self._lock:
            self._ended.append(run)
            waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.release()

    def next(self, end: float | None) -> BaseTaskRun[Any] | None:
        """The next run that ended, or None where `end` (on the monotonic clock) passes first."""
        while True:
            waiter = threading.Lock()
            waiter.acquire()
            with self._lock:
                if self._ended:
                    run: BaseTaskRun[Any] = self._ended.popleft()
                    self.open.pop(run, None)
                    return run
                self._waiter = waiter
            if not acquire_lock(waiter, -1.0 if end is None else max(0.0, end - clock.monotonic())):
                return None

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
    every = list(dict.fromkeys(_checked("wait", runs)))
    runtime.current.deliverer_about_to_wait()
    lender = lend_place()
    try:
        _wait_until(_Arrivals(every), timeout, return_when)
    finally:
        if lender is not None:
            take_back_place(lender)
    done = {run for run in every if run._state in TERMINAL}
    for run in done:
        run._looked_at()
    return Waited(done, set(every) - done)


def _wait_until(arrivals: _Arrivals, timeout: float | None, return_when: str) -> None:
    end = None if timeout is None else clock.monotonic() + timeout
    while arrivals.open:
        run = arrivals.next(end)
        failed = run is not None and not run.state.is_success
        if run is None or return_when == FIRST_COMPLETED or (failed and return_when == FIRST_EXCEPTION):
            break
    arrivals.forget()


def as_completed(runs: Iterable[BaseTaskRun[R]], timeout: float | None = None) -> AsCompleted[R]:
    """The runs in the order in which they end, for `for` and `async for`.

    Raises `TimeoutError` from the iteration where `timeout` seconds, counted from this call, pass first.
    """
    return AsCompleted(_checked("as_completed", runs), waiting_time(timeout))


def _checked(where: str, runs: Iterable[BaseTaskRun[R]]) -> list[BaseTaskRun[R]]:
    every = list(runs) if isinstance(runs, Iterable) else [runs]
    for run in every:
        if not isinstance(run, Handle):
            raise OptionError(f"{where} was given {run!r}, which is no handle; give it a list of what calls returned")
    return every


class AsCompleted(Generic[R]):
    """Iterates over runs as they end; each run once."""

    def __init__(self, runs: list[BaseTaskRun[R]], timeout: float | None) -> None:
        self._runs = runs
        self._timeout = timeout
        self._end = None if timeout is None else clock.monotonic() + timeout

    def __iter__(self) -> Iterator[BaseTaskRun[R]]:
        arrivals = _Arrivals(self._runs)
        try:
            while arrivals.open:
                run = self._next(arrivals)
                if run is None:
                    raise TimeoutError(
                        f"{len(arrivals.open)} of {len(self._runs)} runs did not end within {self._timeout:g} s"
                    )
                run._looked_at()
                yield run
        finally:
            arrivals.forget()

    def _next(self, arrivals: _Arrivals) -> BaseTaskRun[R] | None:
        runtime.current.deliverer_about_to_wait()
        lender = lend_place()
        try:
            return arrivals.next(self._end)
        finally:
            if lender is not None:
                take_back_place(lender)

    async def __aiter__(self) -> AsyncIterator[BaseTaskRun[R]]:
        import asyncio

        ended: asyncio.Queue[BaseTaskRun[R]] = asyncio.Queue()
        waiting = [asyncio.ensure_future(_put_when_ended(run, ended)) for run in dict.fromkeys(self._runs)]
        try:
            for _ in waiting:
                await asyncio.sleep(0)  # so that those which have ended are there, however little time is left
                left = None if self._end is None else max(0.0, self._end - clock.monotonic())
                yield await asyncio.wait_for(ended.get(), left) if ended.empty() else ended.get_nowait()
        finally:
            for one in waiting:
                one.cancel()


async def _put_when_ended(run: BaseTaskRun[R], ended: Any) -> None:
    from woflo.kernel.awaiting import until_ended

    if run._state not in TERMINAL:
        await until_ended(run)
    run._looked_at()
    ended.put_nowait(run)
