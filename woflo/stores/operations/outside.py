"""Writes about a run by others than the one that holds it."""

from __future__ import annotations

from dataclasses import dataclass

from woflo.kernel.state import RunState
from woflo.stores.operations.operation import Operation
from woflo.stores.rows import Row, Tag

__all__ = ["Complete", "Continue", "RequestStop", "Send", "Wake"]


@dataclass(slots=True, kw_only=True)
class Send(Operation[bool]):
    """Keep a signal for a run, once for each `id`; the run is woken where it waits for "signal:NAME".

    Returns False where a signal of this id is there already. Refused with `UnknownRunError` where there is no
    such run, and `RunEndedError` where it has ended.
    """

    id: str
    run_id: str
    name: str
    value: str


@dataclass(slots=True, kw_only=True)
class RequestStop(Operation[RunState]):
    """Stop a run and all below it: at once where nobody executes it, else its worker is asked to.

    Steps that their parent executes itself (RUNNING, without a queue) are left to it. Returns the state that the run
    then has. Refused with `UnknownRunError`.
    """

    run_id: str
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Complete(Operation[None]):
    """End a run that waits for somebody outside (a manual step, one that is UNCERTAIN); its parent is woken.

    Refused with `UnknownRunError`, and with `RunEndedError` where it does not wait for that.
    """

    run_id: str
    state: RunState
    result: str | None = None
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Continue(Operation[Row]):
    """Begin a run that goes on from the one that it `continues`, with `steps` recorded already; returns its row.

    With `hands_over`, it takes over the key, and the reason of the run before tells of it. Then that must have ended
    (refused with `RunNotEndedError`), and neither been handed over before (`RunContinuedError`) nor be on its way to
    another store (`StoreError`). Refused with `UnknownRunError` where there is no such run, and with `KeyConflictError`
    where the id or the key is another run's.
    """

    row: Row
    steps: tuple[Row, ...] = ()
    hands_over: bool = True
    tags: tuple[Tag, ...] = ()
    """Of the run that begins."""


@dataclass(slots=True, kw_only=True)
class Wake(Operation[None]):
    """Let a WAITING run go on, whatever it waits for: a decision about a suspect, or after its code was mended.

    Its deaths are forgotten. One that is UNCERTAIN is executed again: by whoever claims it, or, where it is a step, by
    its parent, which is woken. Refused with `UnknownRunError`; a run that does not wait, and a manual step, which only
    `Complete` ends, are left as they are. With a `token`, only a run that waits for that is woken, as if it had come.
    """

    run_id: str
    token: str | None = None
