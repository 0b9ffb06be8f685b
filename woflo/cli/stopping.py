"""Signals: as something that the main thread waits for, and as what ends a command in order."""

from __future__ import annotations

import math
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

import typer

from woflo.kernel.leaving import ending_signals_interrupt, interrupted_status, leave_at_next_interrupt

__all__ = ["ENDING", "Signals", "ended_in_order"]

ENDING: tuple[int, ...] = (signal.SIGTERM, signal.SIGINT)
LOOK = 0.5
"""Seconds after which a condition is asked again, though nobody has nudged."""
_NUDGE = 0


class Signals:
    """Collects these signals while its block is executed.

    A handler that set an event could wait for a lock that the interrupted code has: it writes to a pipe instead.
    """

    def __init__(self, *numbers: int) -> None:
        self._numbers = numbers
        self._before: dict[int, Any] = {}
        self._pid = os.getpid()

    def __enter__(self) -> Self:
        self._ours, self._theirs = os.pipe()
        os.set_blocking(self._theirs, False)
        self._before = {number: signal.signal(number, self._on_signal) for number in self._numbers}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        os.close(self._ours)
        os.close(self._theirs)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() == self._pid:  # a forked child has this handler too, until it has its own
            self._write(number)

    def nudge(self) -> None:
        """Let `wait` return, from any thread."""
        self._write(_NUDGE)

    def _write(self, number: int) -> None:
        try:
            os.write(self._theirs, bytes([number]))
        except (BlockingIOError, OSError):
            pass  # there is enough to read in it already, or nobody waits any more

    def wait(self, timeout: float) -> int | None:
        """The number of the next signal; None after a nudge, or after `timeout` seconds."""
        if not select.select([self._ours], [], [], max(0.0, timeout))[0]:
            return None
        return os.read(self._ours, 1)[0] or None

    def wait_for(self, numbers: tuple[int, ...], is_over: Callable[[], bool], timeout: float = math.inf) -> int | None:
        """The first of these signals; None when `is_over()`, or after `timeout` seconds.

        Whether it is over is asked after each nudge, and now and then.
        """
        end = time.monotonic() + timeout
        while not is_over() and (left := end - time.monotonic()) > 0:
            number = self.wait(min(left, LOOK))
            if number in numbers:
                return number
        return None


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP end the command with their status, wherever it is; what it has called is stopped."""
    with ending_signals_interrupt():
        try:
            yield
        except KeyboardInterrupt:
            from woflo.kernel.runtime import stop_all

            leave_at_next_interrupt()
            stop_all()
            raise typer.Exit(interrupted_status()) from None
