"""Ended from outside: a run that is out of time, or is asked to stop, or that woflo cannot go on with.

Without code under way the run ends at once. Else the attempt gets a verdict, which outweighs what it then reports;
where its code cannot be ended and no attempt follows, the run is abandoned: the handle ends, the code goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from woflo.errors import TaskStoppedError, TaskTimeoutError, WofloError
from woflo.kernel.ending import Ending
from woflo.kernel.heartbeats import Watch
from woflo.kernel.outcome import Outcome
from woflo.kernel.state import RunState

__all__ = ["Stopping"]

_FAILED, _STOPPED = RunState.FAILED, RunState.STOPPED


class Stopping(Ending):
    """What ends a run before its code does."""

    def _is_killable(self) -> bool:
        """True where the code of this run can be ended; a runner may be able to for some of its runs alone."""
        return self.traits.killable

    def _timed_out(self, attempt: int) -> None:
        options = self.task.options
        message = f"{options.name or self.task.name} took longer than its timeout of {options.timeout:g} s"
        self._end_attempt(TaskTimeoutError(message), only=attempt)

    def _beat(self, value: str) -> None:
        """The attempt under way has given a sign of life, with this JSON."""
        self._heartbeat = value
        if isinstance(self._timer, Watch):
            self._timer.beat()
        if self._hear is not None:
            self._hear(value)

    def _is_silent(self, attempt: int) -> None:
        seconds = self.task.options.heartbeat_timeout
        error = TaskTimeoutError(f"{self.task.name} gave no heartbeat for {seconds:g} s (heartbeat_timeout)")
        self._end_attempt(error, only=attempt)

    def _deadline_passed(self) -> None:
        error = TaskTimeoutError(
            f"{self.task.name} did not end within its deadline of {self.task.options.deadline:g} s"
        )
        if not self._end_between_attempts(_FAILED, error):
            self._end_attempt(error, final=True)

    def _end_attempt(self, verdict: WofloError, *, final: bool = False, only: int | None = None) -> None:
        """End the attempt under way (`only` that one, where given) because of `verdict`."""
        with self._lock:
            if not self._in_code or self._reported or (only is not None and only != self.attempt):
                return
            self._final |= final
            if self._verdict is None or final:
                self._verdict = verdict
            attempt = self.attempt
            abandon = not self._is_killable() and (self._final or attempt > self.task.options.retries)
        if self._current is not None:
            self._current.stop_requested = True
        if abandon:
            self._runtime.away_from_reactor(self._abandon, verdict, attempt)
        self._interrupt()

    def _abandon(self, verdict: WofloError, attempt: int) -> None:
        """The code cannot be ended, and no attempt follows: the handle ends, the place stays taken."""
        if attempt != self.attempt:
            return
        self._verdict = verdict
        self._report(Outcome.failed(verdict))
        if self._instead is not None:
            self._settle(*self._instead)

    def _end_between_attempts(self, state: RunState, error: WofloError) -> bool:
        """End a run that has no code running, or whose attempt has failed already; False where there is more to do."""
        with self._lock:
            if self._in_code and self._to_retry is not None:
                self._instead = (state, Outcome.failed(error))
        if not self._settle(state, Outcome.failed(error), only_idle=True):
            return not self._in_code
        if self._timer is not None:
            self._timer.cancel()
        if self._lane is not None:
            self._runtime.limits.withdraw(self, self._lane)
        return not self._in_code

    def _ask_to_stop(self, grace: float) -> None:
        """Begin to stop; returns at once."""
        told = TaskStoppedError(f"{self.task.name} was stopped")
        self.grace = grace
        if self._end_between_attempts(_STOPPED, told):
            return
        with self._lock:
            under_way, attempt = self._in_code, self.attempt
            if under_way and not self._reported:
                self._verdict, self._final = told, True
        if under_way:
            if self._current is not None:
                self._current.stop_requested = True
            self._interrupt()
            if not self._is_killable():
                self._after_grace(self._abandon, told, attempt)

    def _after_grace(self, function: Callable[..., object], *args: Any) -> None:
        """Have it called when `grace` is over, unless the code of the attempt has ended before."""
        timer = self._runtime.reactor.call_later(self.grace, function, *args)
        with self._lock:
            if self._in_code:
                self._grace_timers = (*self._grace_timers, timer)
                return
        timer.cancel()

    def _fail_at_once(self, error: WofloError) -> None:
        """woflo cannot go on with this run."""
        self._end_as(_FAILED, Outcome.failed(error))

    def _end_as(self, state: RunState, outcome: Outcome) -> None:
        """The run has ended, and no attempt here tells how."""
        self._in_code = self._reported = True
        self._settle(state, outcome)
        self._code_ended()
