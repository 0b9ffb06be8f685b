"""The one door through which time comes in, so that a test can hold it."""

from __future__ import annotations

import time
from collections.abc import Callable

from woflo.kernel.ports import Clock

__all__ = ["SystemClock", "monotonic", "now", "use_clock", "when_moved"]


class SystemClock:
    """The machine's clocks."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)

    def when_moved(self, wake: Callable[[], None]) -> None:
        """Real time moves by itself; a fake clock calls `wake` whenever it is advanced."""


_clock: Clock = SystemClock()
now: Callable[[], float] = time.time
monotonic: Callable[[], float] = time.monotonic


def use_clock(clock: Clock | None) -> None:
    """Take `clock` for all times from here on; None goes back to the machine's."""
    global _clock, now, monotonic
    _clock = clock if clock is not None else SystemClock()
    now, monotonic = _clock.now, _clock.monotonic


def when_moved(wake: Callable[[], None]) -> None:
    """Ask the clock in use to call `wake` when it is moved by hand."""
    _clock.when_moved(wake)
