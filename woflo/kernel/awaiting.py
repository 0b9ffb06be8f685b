"""The bridge from the end of runs to an event loop."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from woflo.kernel import clock, runtime
from woflo.kernel.lending import lend_place, take_back_place_async
from woflo.kernel.recording import current_recorder
from woflo.kernel.state import TERMINAL

__all__ = ["until_any_ended", "until_ended"]


async def until_ended(run: Any) -> None:
    """Return once `run` has ended. Cancellable; the run is not affected."""
    if run._runtime is not runtime.current:
        run._check_may_block()
    recorder = current_recorder()
    if recorder is not None and await recorder.until((run,), lambda: run._state in TERMINAL, None):
        return
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    wake = partial(_wake, loop, future)
    if run._watch_for(wake):
        try:
            await _lending(future, loop)
        finally:
            if run._state not in TERMINAL:
                run._unwatch(wake)


async def until_any_ended(arrivals: Any, end: float | None) -> int | None:
    """The number of the next run that ends, or None where `end` (on the monotonic clock) passes first."""
    arrivals.watch()
    recorder = current_recorder()
    if recorder is None or not await recorder.until(arrivals.open, arrivals.has_come, end):
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if arrivals.wake_by(partial(_wake, loop, future)):
            timer = None if end is None else loop.call_later(max(0.0, end - clock.monotonic()), _set, future)
            try:
                await _lending(future, loop)
            finally:
                if timer is not None:
                    timer.cancel()
    number: int | None = arrivals.first()
    return number


def _wake(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None], *_: Any) -> None:
    """From any thread."""
    if asyncio._get_running_loop() is loop:
        _set(future)
        return
    try:
        loop.call_soon_threadsafe(_set, future)
    except RuntimeError:
        pass  # the loop was closed: nobody awaits there any more


async def _lending(future: asyncio.Future[None], loop: asyncio.AbstractEventLoop) -> None:
    """Await it, and give the place of the run that waits to others meanwhile."""
    lender = lend_place()
    try:
        await future
    finally:
        if lender is not None:
            await take_back_place_async(lender, loop)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
