"""A run that waits for another one gives its place back meanwhile: nesting never runs into its own limits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from woflo.kernel import runtime
from woflo.kernel.context import current_attempt

if TYPE_CHECKING:
    import asyncio

__all__ = ["lend_place", "take_back_place", "take_back_place_async"]


def lend_place() -> Any:
    """Give back the place of the run whose code calls this, if it has one here; what is returned takes it back."""
    attempt = current_attempt.get()
    run: Any = None if attempt is None else attempt.run
    if run is None or run._lane is None or run._runtime is not runtime.current:
        return None
    with run._lock:
        run._lent += 1
        gives = run._lent == 1 and run._holds_place
        if gives:
            run._place_lent, run._holds_place = True, False
    if gives:
        run._runtime.limits.release(run._lane)
    return run


def _is_last(run: Any) -> bool:
    with run._lock:
        run._lent -= 1
        last = run._lent == 0 and run._place_lent
        if last:
            run._place_lent = False
        return bool(last)


def take_back_place(run: Any) -> None:
    """Wait until the run has its place again."""
    if not _is_last(run):
        return
    turn = threading.Lock()
    turn.acquire()
    if not run._runtime.limits.take_back(run._lane, turn.release):
        turn.acquire()
    _hold_again(run)


async def take_back_place_async(run: Any, loop: asyncio.AbstractEventLoop) -> None:
    """The same without blocking the loop."""
    if not _is_last(run):
        return
    turn: asyncio.Future[None] = loop.create_future()
    if not run._runtime.limits.take_back(run._lane, lambda: loop.call_soon_threadsafe(turn.set_result, None)):
        try:
            await turn
        except BaseException:
            turn.add_done_callback(lambda _: _hold_again(run))
            raise
    _hold_again(run)


def _hold_again(run: Any) -> None:
    with run._lock:
        # Another thread (or coroutine) of its code may have begun to wait before the turn came: its wait would keep it.
        waits = run._lent > 0
        run._holds_place, run._place_lent = not waits, waits
    if waits:
        run._runtime.limits.release(run._lane)
    elif not run._in_code:  # the attempt was given up meanwhile
        run._release_place()
