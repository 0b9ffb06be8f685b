"""What happened: frozen, keyword-only, named in the past tense.

Times are seconds since the epoch. `task` is the task's name, `run_id` the run's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeVar

from woflo.kernel import arguments, clock, masking
from woflo.kernel.state import RunState
from woflo.kernel.texts import seconds

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
    "RunsSkipped",
]

_INFO, _WARNING = 20, 30
LogLine = tuple[Any, ...]
E = TypeVar("E", bound="Event")
S = TypeVar("S", bound="_Said")


class _Told:
    """An exception in a line of the log: made into text, and its secrets masked, only where the line is written."""

    __slots__ = ("_error",)

    def __init__(self, error: BaseException | None) -> None:
        self._error = error

    def __repr__(self) -> str:
        return masking.mask_text(repr(self._error))


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

    def masked(self: E) -> E:
        """The same as it is told to observers: what looks like a secret in its text is `***`."""
        return self

    is_chatter: ClassVar[bool] = False
    """True for what an attempt says; False for what happens to its run."""

    @property
    def is_routine(self) -> bool:
        """True where it tells of a call that no run has made, or of a run that was skipped."""
        return False

    @property
    def weight(self) -> int:
        """How many characters of text it holds."""
        return 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RunCreated(Event):
    """A task was called. `parent_id` is the run that called it, or None; `depends_on` are the runs it waits for.

    `arguments` tells runs of one task apart: what was given, in about 40 characters, secrets hidden. It may be empty.
    """

    parent_id: str | None = None
    depends_on: tuple[str, ...] = ()
    arguments: str = ""

    def masked(self) -> RunCreated:
        shown = self.arguments and arguments.shortened(self.arguments)
        return self if shown == self.arguments else replace(self, arguments=shown)

    @property
    def is_routine(self) -> bool:
        return self.parent_id is None


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
        return (_WARNING, text, self.task, self.run_id, self.attempt, _Told(self.error), self.delay)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunEnded(Event):
    """A run reached the terminal `state`. `duration` is in seconds, None where it never started."""

    state: RunState
    attempts: int
    duration: float | None = None
    error: BaseException | None = None

    @property
    def is_routine(self) -> bool:
        return self.state is RunState.SKIPPED

    def log_line(self) -> LogLine:
        took = "" if self.duration is None else f" after {seconds(self.duration)}"
        if self.state.is_success:
            return (_INFO, "%s (%s): %s%s", self.task, self.run_id, self.state, took)
        return (_WARNING, "%s (%s): %s%s: %r", self.task, self.run_id, self.state, took, _Told(self.error))


@dataclass(frozen=True, kw_only=True, slots=True)
class RunsSkipped(Event):
    """So many runs were called and skipped at once, by their task; the first of them at `since`.

    Told to observers with `counts_skipped = True` instead of two events for each, unless somebody else wants those.
    """

    run_id: str = ""
    task: str = ""
    counts: Mapping[str, int]
    since: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said(Event):
    """What the code of an attempt says, as against what happens to its run."""

    is_chatter: ClassVar[bool] = True
    _text_in: ClassVar[str]
    """The field that holds text of the user's."""

    def masked(self: S) -> S:
        text = getattr(self, self._text_in)
        shown = masking.mask_text(text) if isinstance(text, str) else text
        changed: Any = {self._text_in: shown}
        return self if shown == text else replace(self, **changed)

    @property
    def weight(self) -> int:
        text = getattr(self, self._text_in)
        return len(text) if isinstance(text, str) else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgressMade(_Said):
    """A task told how far it is: `done` of `total` (None where unknown), in its own unit."""

    _text_in: ClassVar[str] = "message"

    done: float
    total: float | None = None
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputWritten(_Said):
    """A task wrote `text` to `stream` ("stdout" or "stderr"), and its runner captures output.

    What a command writes is told whatever its runner, all of it as "stdout"; `is_kept` is True for it: its log has it.
    """

    _text_in: ClassVar[str] = "text"

    stream: str
    text: str
    is_kept: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LogRecorded(_Said):
    """A task in another process logged a record: logger's name, level, and the formatted message."""

    _text_in: ClassVar[str] = "message"

    logger: str
    level: int
    message: str
