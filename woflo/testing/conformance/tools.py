"""What several checks need: runners with settings of their own, values and errors of runs, folders, events."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from woflo import Task, subscribe, task
from woflo.kernel.events import Event
from woflo.kernel.run import BaseTaskRun
from woflo.testing.conformance.checks import Runner
from woflo.testing.patience import PATIENCE

__all__ = [
    "configured",
    "error_of",
    "events_of",
    "folder",
    "logged",
    "on",
    "raised",
    "value_of",
]

E = TypeVar("E", bound=BaseException)
R = TypeVar("R")


def on(runner: Runner, fn: Callable[..., Any], **options: Any) -> Task[..., Any]:
    """`fn` as a task of this runner."""
    made: Task[..., Any] = task(runner=runner, **options)(fn)
    return made


def value_of(run: BaseTaskRun[R]) -> R:
    """The result, which must come before patience ends."""
    return run.get_result(timeout=PATIENCE)


def error_of(run: BaseTaskRun[Any], kind: type[E]) -> E:
    """The failure with which the run ended; it must be of exactly this kind."""
    error = run.exception(timeout=PATIENCE)
    assert type(error) is kind, f"{run!r} ended with {error!r} instead of {kind.__name__}"
    return error


def raised(kind: type[E], use: Callable[[], object]) -> E:
    """The exception of `kind` that `use()` must raise."""
    try:
        use()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised")


@contextmanager
def configured(runner: Runner, **settings: Any) -> Iterator[Runner]:
    """A runner of the same kind with its own settings; what it keeps warm ends with the block."""
    own = runner.configured(**settings)
    try:
        yield own
    finally:
        shutdown = getattr(own, "shutdown", None)
        if shutdown is not None:
            shutdown()


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone afterwards: what tasks write there is seen from every process."""
    with tempfile.TemporaryDirectory(prefix="woflo-check-") as name:
        yield Path(name)


@contextmanager
def events_of(kind: type[Event]) -> Iterator[list[Any]]:
    """The events of this kind that happen in the block."""
    events: list[Any] = []
    with subscribe(lambda event: events.append(event) if isinstance(event, kind) else None):
        yield events


@contextmanager
def logged() -> Iterator[list[str]]:
    """What woflo logs meanwhile, which nobody else is told."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("woflo")
    before, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = before
