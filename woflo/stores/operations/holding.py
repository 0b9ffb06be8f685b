"""Writes about a run by the one that holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from woflo.kernel.state import TERMINAL, RunState
from woflo.stores.operations.calls import Accepted
from woflo.stores.operations.operation import Operation
from woflo.stores.rows import Claim, Row, Tag

__all__ = ["Claimed", "Finish", "Forget", "Park", "Publish", "Record", "Release", "TakeSignal"]

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Claimed(Operation[T]):
    """A write about a run by the one that holds it.

    Refused with `LeaseLostError` unless the run is RUNNING under exactly this claim.
    """

    claim: Claim
    steps: tuple[Row, ...] = ()
    """Rows of steps, written as they are: new ones, or the ends of steps whose intent was written before.

    A step has no key. One that has ended already, or whose id is that of a run which is no step of this parent, is
    refused with `StoreError`, and so is all that came with it.
    """
    notes: tuple[Row, ...] = ()
    """Rows of steps that are written with it unless they are there already."""
    comes_further: bool = False
    """True where the run did not come to this before: it is not what ended its workers, and its deaths are forgotten.

    For `Record` and `Publish`; for `TakeSignal` where there is a signal, and for `Park` where the run is parked.
    """


@dataclass(slots=True, kw_only=True)
class Record(Claimed[list[Accepted]]):
    """Keep steps, and submit `calls` as by `Submit`, together; returns what became of the calls."""

    calls: tuple[Row, ...] = ()
    tags: tuple[Tag, ...] = ()
    """Of the calls, as of `Submit`."""

    def is_news(self, result: list[Accepted]) -> bool:
        """Only the parent waits for a step that it has executed itself, and that one has written this."""
        if self.calls:
            return True
        for step in self.steps:  # of which there is one: a generator costs more than all the rest
            if step.state not in TERMINAL:
                return True
        return False


@dataclass(slots=True, kw_only=True)
class Finish(Claimed[None]):
    """End a run, in a terminal `state`. Its parent is woken where it waits for "run:ID"."""

    state: RunState
    result: str | None = None
    error: str | None = None
    reason: str | None = None
    calls: tuple[Row, ...] = ()
    """Submitted together with it, as by `Submit`."""
    tags: tuple[Tag, ...] = ()
    """Of the calls."""
    successors: tuple[Row, ...] = ()
    """A new run that goes on from it, and takes over its key; STOPPED where a stop was requested. One, or none."""


@dataclass(slots=True, kw_only=True)
class Forget(Claimed[None]):
    """Take the run away, as if it had never been called. Its parent is woken where it waits for "run:ID"."""


@dataclass(slots=True, kw_only=True)
class Park(Claimed[bool]):
    """Set a run to WAITING and give up the claim.

    Returns False, and keeps only the steps, where something that it waits for is there already: a signal that
    nobody took, a run that ended, its time, a request to stop. Refused with `UnknownRunError` where it waits for a
    run that is not there. What else is in `waits_for` comes from outside: by `Complete` or `Wake`. Where it waits for
    a step that it is to execute again, it is woken at once.
    """

    reason: str
    waits_for: tuple[str, ...] = ()
    run_after: float | None = None


@dataclass(slots=True, kw_only=True)
class Release(Claimed[None]):
    """Give a run back, PENDING; after a failed attempt RETRYING, with the error. Ready from `run_after` on."""

    run_after: float | None = None
    reason: str | None = None
    failed: bool = False
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class TakeSignal(Claimed["str | None"]):
    """Give the oldest signal of this name that nobody took to `step`, which is recorded with its value.

    Returns the value, or None where there is no such signal; then only `steps` are kept. `step` is refused as they
    are where it has ended already.
    """

    name: str
    step: Row

    def is_news(self, result: str | None) -> bool:
        return result is not None or bool(self.steps or self.notes)


@dataclass(slots=True, kw_only=True)
class Publish(Claimed[None]):
    """Show a value to whoever looks at the run, in place of the last one of this name."""

    name: str
    value: str
