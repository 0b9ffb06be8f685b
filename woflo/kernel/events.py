"""What happened: frozen, keyword-only, named in the past tense.

Times are seconds since the epoch. `task` is the task's name, `run_id` the run's id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from woflo.kernel import clock
from woflo.kernel.state import RunState

__all__ = [
    "AttemptFailed",
    "AttemptStarted",
    "Event",
    "LogRecorded",
    "OutputWritten",
    "ProgressMade",
    "RunCreated",
    "RunEnded",
    "RunRetried",
]

_INFO, _WARNING = 20, 30
LogLine = tuple[Any, ...]


def _now() -> float:
    """By name each time: the clock may be exchanged."""
    return clock.now()


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened to a run."""

    run_id: str
    task: str
    at: float = field(default_factory=_now)

    def log_line(self) -> LogLine | None:
        """Level, format and its arguments for the `woflo` logger, or None for what is not logged."""
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunCreated(Event):
    """A task was called. `parent_id` is the run that called it, or None."""

    parent_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptStarted(Event):
    """An attempt was launched; `attempt` counts from 1."""

    attempt: int

    def log_line(self) -> LogLine:
        return (_INFO, "%s (%s): attempt %d started", self.task, self.run_id, self.attempt)


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptFailed(Event):
    """An attempt failed with `error`; whether another follows is told by `RunRetried` or `RunEnded`."""

    attempt: int
    error: BaseException


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRetried(Event):
    """Another attempt will start in `delay` seconds, because attempt number `attempt` failed with `error`."""

    attempt: int
    delay: float
    error: BaseException

    def log_line(self) -> LogLine:
        text = "%s (%s): attempt %d failed with %r; the next one starts in %g s"
        return (_WARNING, text, self.task, self.run_id, self.attempt, self.error, self.delay)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunEnded(Event):
    """A run reached the terminal `state`. `duration` is in seconds, None where it never started."""

    state: RunState
    attempts: int
    duration: float | None = None
    error: BaseException | None = None

    def log_line(self) -> LogLine:
        took = "" if self.duration is None else f" after {self.duration:.3g} s"
        if self.state.is_success:
            return (_INFO, "%s (%s): %s%s", self.task, self.run_id, self.state, took)
        return (_WARNING, "%s (%s): %s%s: %r", self.task, self.run_id, self.state, took, self.error)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgressMade(Event):
    """A task told how far it is: `done` of `total` (None where unknown), in its own unit."""

    done: float
    total: float | None = None
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputWritten(Event):
    """A task wrote `text` to `stream` ("stdout" or "stderr"), and its runner captures output."""

    stream: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LogRecorded(Event):
    """A task in another process logged a record: logger's name, level, and the formatted message."""

    logger: str
    level: int
    message: str
