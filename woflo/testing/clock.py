"""A clock that stands still until a test moves it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

from woflo.kernel import clock, runtime

__all__ = ["FakeClock"]


class FakeClock:
    """Time under control of a test: it passes by `advance` alone.

    As a context manager it is the clock of woflo in this process until the block ends:

        with FakeClock() as clock:
            run = fetch_with_retries()      # its first attempt fails; the next one is due in 3600 s
            clock.advance(3600)
            run.get_result()

    What is timed by woflo follows it: pauses between attempts, `timeout`, `deadline`, `rate_limit`, the times
    on handles and events. Blocking with a time limit, such as `get_result(timeout=3)`, blocks for real
    seconds, since the thread that would move the clock may be the one that blocks.
    """

    def __init__(self, start: float | None = None) -> None:
        """`start` is what `now` tells at first, in seconds since the epoch; the real time by default."""
        self._lock = threading.Lock()
        self._moved = 0.0
        self._now = clock.now() if start is None else float(start)
        # Not zero: what was timed by the clock before must not seem to lie in the future.
        self._monotonic = clock.monotonic()
        self._wakes: list[Callable[[], None]] = []

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now + self._moved

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self._monotonic + self._moved

    def advance(self, seconds: float) -> None:
        """Let `seconds` (zero or more) pass at once; whoever waits for a time that was reached is woken.

        Raises `ValueError` for a negative number.
        """
        if not seconds >= 0:
            raise ValueError(f"seconds={seconds!r} must be zero or more: time does not go back")
        with self._lock:
            self._moved += seconds
            wakes = list(self._wakes)
        for wake in wakes:
            wake()

    def step(self, seconds: float) -> None:
        """Set the time of day forth, or below zero back, as a person or NTP does; no time passes by that."""
        with self._lock:
            self._now += seconds
            wakes = list(self._wakes)
        for wake in wakes:
            wake()

    def when_moved(self, wake: Callable[[], None]) -> None:
        """Have `wake` called after each `advance`."""
        with self._lock:
            if wake not in self._wakes:
                self._wakes.append(wake)

    def __enter__(self) -> FakeClock:
        clock.use_clock(self)
        self._look_again()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        clock.use_clock(None)
        self._look_again()

    def _look_again(self) -> None:
        """A reactor that was started under another clock sleeps by that one's time."""
        wake = runtime.current.reactor.wake
        self.when_moved(wake)
        wake()

    def __repr__(self) -> str:
        return f"<fake clock, moved by {self._moved:g} s>"
