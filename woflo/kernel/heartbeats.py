"""Signs of life that the code of an attempt gives, and what ends an attempt that gives none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from woflo.kernel import bus, clock

if TYPE_CHECKING:
    from woflo.kernel.reactor import Timer
    from woflo.kernel.run import BaseTaskRun
    from woflo.kernel.task import Task

__all__ = ["Watch", "begun"]


class Watch:
    """The timer of an attempt that has to give signs of life, and that of its timeout, in one."""

    def __init__(self, run: Any, attempt: int, timeout: Timer | None) -> None:
        self._run = run
        self._attempt = attempt
        self._timeout = timeout
        self._seconds: float = run.task.options.heartbeat_timeout
        self._last = clock.monotonic()
        self._is_cancelled = False
        self._timer: Timer = run._runtime.reactor.call_later(self._seconds, self._look)

    def beat(self) -> None:
        """The attempt lives."""
        self._last = clock.monotonic()

    def _look(self) -> None:
        if self._is_cancelled:
            return
        left = self._last + self._seconds - clock.monotonic()
        if left > 0:
            self._timer = self._run._runtime.reactor.call_later(left, self._look)
        else:
            self._run._is_silent(self._attempt)

    def cancel(self) -> None:
        """The attempt has ended."""
        self._is_cancelled = True
        self._timer.cancel()
        if self._timeout is not None:
            self._timeout.cancel()


def begun(
    task: Task[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    hear: Callable[[str], object],
    last: str | None,
    told_as: str = "",
) -> BaseTaskRun[Any]:
    """A run of `task` in place of another one, which hears its heartbeats; `last` is the one of the attempt before.

    Where `told_as` is the id of that one, it tells observers of itself, and this run of nothing but what its code says.
    """
    run = task.runner(task, args, kwargs)
    run._hear, run._heartbeat = hear, last
    if told_as:
        run._is_stand_in = True
        bus.stands_for[run.id] = told_as
    run._begin()
    return run
