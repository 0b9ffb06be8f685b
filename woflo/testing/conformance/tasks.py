"""Tasks that several checks call, and the gate that holds them back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from woflo import current_run
from woflo.testing.conformance.checks import Runner
from woflo.testing.conformance.tools import folder, on, value_of
from woflo.testing.patience import PATIENCE, wait_until

__all__ = ["Gate", "echo", "gate", "linger", "linger_async", "pass_gate", "still_works"]


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
    try:
        marker.touch()  # whoever sees it may end this code from here on
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

    try:
        marker.touch()
        await asyncio.sleep(PATIENCE)
    finally:
        if end is not None:
            end.touch()
