"""What the observers' tests share: events, made by hand where their order or their time matters."""

from __future__ import annotations

from woflo.kernel.events import (
    AttemptFailed,
    AttemptStarted,
    LogRecorded,
    OutputWritten,
    ProgressMade,
    RunCreated,
    RunEnded,
    RunRetried,
)
from woflo.kernel.state import RunState

ID = "01a228572a7d87e935b2"
AT = 1_795_973_130.25


def run_id(number=1):
    """An id as runs have it."""
    return f"{ID}{number:08x}"


def created(number=1, task="fetch", parent=None, at=AT, **more):
    return RunCreated(run_id=run_id(number), task=task, at=at, parent_id=parent and run_id(parent), **more)


def started(number=1, task="fetch", attempt=1, at=AT):
    return AttemptStarted(run_id=run_id(number), task=task, at=at, attempt=attempt)


def failed(number=1, task="fetch", error=None, attempt=1, at=AT):
    return AttemptFailed(run_id=run_id(number), task=task, at=at, attempt=attempt, error=error or ValueError("cold"))


def retried(number=1, task="fetch", error=None, attempt=1, delay=2.0, at=AT):
    error = error or ValueError("cold")
    return RunRetried(run_id=run_id(number), task=task, at=at, attempt=attempt, delay=delay, error=error)


def progress(done, total=None, message="", number=1, task="fetch", at=AT):
    return ProgressMade(run_id=run_id(number), task=task, at=at, done=done, total=total, message=message)


def printed(text, number=1, task="fetch", stream="stdout", at=AT):
    return OutputWritten(run_id=run_id(number), task=task, at=at, stream=stream, text=text)


def logged(message, number=1, task="fetch", level=30, logger="some.place", at=AT):
    return LogRecorded(run_id=run_id(number), task=task, at=at, logger=logger, level=level, message=message)


def ended(number=1, task="fetch", state=RunState.SUCCEEDED, error=None, attempts=1, duration=0.5, at=AT):
    return RunEnded(
        run_id=run_id(number), task=task, at=at, state=state, attempts=attempts, duration=duration, error=error
    )


def events_of_one():
    """A run that prints, fails, is tried again and succeeds."""
    return [
        created(),
        started(),
        printed("first\nsec"),
        printed("ond\n"),
        failed(),
        retried(),
        started(attempt=2, at=AT + 2),
        logged("watch out", at=AT + 2),
        progress(1, 2, "half", at=AT + 3),
        ended(attempts=2, duration=4.0, at=AT + 4),
    ]


def feed(observer, events):
    """Hand events to an observer as its thread does, from its first stage to its last."""
    for name in ("on_create",):
        getattr(observer, name, lambda: None)()
    for event in events:
        observer.update(event if getattr(observer, "masks_itself", False) else event.masked())
    getattr(observer, "on_destroy", lambda: None)()
    return observer
