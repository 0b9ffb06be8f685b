"""The one door through which time comes in, so that a test can hold it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from woflo.kernel.ports import Clock

__all__ = ["SystemClock", "current", "monotonic", "now", "use_clock", "when_moved"]


class SystemClock:
    """The machine's clocks."""

    now: Callable[[], float] = staticmethod(time.time)
    monotonic: Callable[[], float] = staticmethod(time.monotonic)

    def when_moved(self, wake: Callable[[], None]) -> None:
        """Real time moves by itself; a fake clock calls `wake` whenever it is advanced."""


_clock: Clock = SystemClock()
now: Callable[[], float] = time.time
monotonic: Callable[[], float] = time.monotonic


def current() -> Clock:
    """The clock whose times are taken."""
    return _clock


def use_clock(clock: Clock | None) -> None:
    """Take `clock` for all times from here on; None goes back to the machine's."""
    global _clock, now, monotonic
    _clock = clock if clock is not None else SystemClock()
    now, monotonic = _clock.now, _clock.monotonic
    for wake in _wakers:
        _clock.when_moved(wake)
        wake()


_wakers: list[Callable[[], None]] = []
_wakers_of_caller: list[Callable[[], None]] = []
"""In a forked child: kept as they are, for taking them apart would copy memory."""


def when_moved(wake: Callable[[], None]) -> None:
    """Have `wake` called when the clock, this one or one to come, is exchanged or moved by hand."""
    _wakers.append(wake)
    _clock.when_moved(wake)


def _forget_in_child() -> None:
    """The reactors that wait are the parent's."""
    global _wakers, _wakers_of_caller
    _wakers, _wakers_of_caller = [], _wakers


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
