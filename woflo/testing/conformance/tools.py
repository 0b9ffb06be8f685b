"""What several checks need: runners with settings of their own, folders, tasks that wait to be let go."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from woflo import Task, current_run, subscribe, task
from woflo.kernel.events import Event
from woflo.kernel.run import BaseTaskRun
from woflo.testing.conformance.checks import Runner
from woflo.testing.patience import PATIENCE, wait_until

__all__ = [
    "Gate",
    "configured",
    "echo",
    "error_of",
    "events_of",
    "folder",
    "gate",
    "linger",
    "linger_async",
    "on",
    "pass_gate",
    "raised",
    "still_works",
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


def echo(value: Any = None) -> Any:
    """The task that gives back what it gets."""
    return value


def still_works(runner: Runner) -> None:
    """The next call works as if nothing had happened."""
    assert value_of(on(runner, echo)("next")) == "next"


class Gate:
    """Holds tasks back until it is opened, and tells which have arrived. Works across processes."""

    def __init__(self, where: Path) -> None:
        self.where = where

    def arrived(self) -> list[str]:
        """The names under which tasks have come to the gate."""
        return sorted(path.name for path in self.where.iterdir() if path.name != "open")

    def wait_for(self, *names: str) -> None:
        """Wait until tasks of these names are at the gate."""
        wait_until(lambda: set(names) <= set(self.arrived()), f"start of {', '.join(names)}")

    def open(self) -> None:
        (self.where / "open").touch()


@contextmanager
def gate() -> Iterator[Gate]:
    """A closed gate; it opens at the end of the block, so that no task waits for ever."""
    with folder() as where:
        one = Gate(where)
        try:
            yield one
        finally:
            one.open()


def pass_gate(where: Path, name: str) -> str:
    """The task that arrives at a gate and waits until it is open; gives back its name."""
    (where / name).touch()
    end = time.monotonic() + PATIENCE
    while where.exists() and not (where / "open").exists() and time.monotonic() < end:
        time.sleep(0.002)
    return name


def linger(marker: Path, end: Path | None = None) -> str:
    """The task that works until it is asked to stop. Touches `marker` when it starts, `end` when it ends."""
    marker.touch()
    try:
        limit = time.monotonic() + PATIENCE
        while not current_run().stop_requested and time.monotonic() < limit:
            time.sleep(0.002)
    finally:
        if end is not None:
            end.touch()
    return "lingered"


async def linger_async(marker: Path, end: Path | None = None) -> None:
    """The coroutine that waits until it is cancelled."""
    import asyncio

    marker.touch()
    try:
        await asyncio.sleep(PATIENCE)
    finally:
        if end is not None:
            end.touch()


@contextmanager
def events_of(kind: type[Event]) -> Iterator[list[Any]]:
    """The events of this kind that happen in the block."""
    events: list[Any] = []
    with subscribe(lambda event: events.append(event) if isinstance(event, kind) else None):
        yield events
