"""The bridge from the end of a run to an event loop."""

from __future__ import annotations

import asyncio
from typing import Any

from woflo.kernel import runtime
from woflo.kernel.lending import lend_place, take_back_place_async
from woflo.kernel.state import TERMINAL

__all__ = ["until_ended"]


async def until_ended(run: Any) -> None:
    """Return once `run` has ended. Cancellable; the run is not affected."""
    if run._runtime is not runtime.current:
        run._check_may_block()
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def wake(_: Any) -> None:
        if asyncio._get_running_loop() is loop:
            _set(future)
            return
        try:
            loop.call_soon_threadsafe(_set, future)
        except RuntimeError:
            pass  # the loop was closed: nobody awaits there any more

    if not run._watch(wake):
        return
    lender = lend_place()
    try:
        await future
    finally:
        if run._state not in TERMINAL:
            run._unwatch(wake)
        if lender is not None:
            await take_back_place_async(lender, loop)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
