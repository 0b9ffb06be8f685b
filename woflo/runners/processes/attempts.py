"""The role of a child that executes one attempt and ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from woflo.kernel.attempt import Attempt
from woflo.kernel.body import Body
from woflo.runners.processes import wire
from woflo.runners.processes.child import Link, LinkChannel
from woflo.runners.processes.slots import Slots

__all__ = ["AttemptRole", "rehearse"]

_REHEARSALS = 20
"""More executions than CPython waits for before it adapts a function to what it finds in it (PEP 659)."""


class AttemptRole:
    """One attempt. A forked child takes it as it is; any other gets its parts, without the caller's context."""

    def __init__(self, attempt: Attempt, context: Context | None, capture: bool) -> None:
        self._attempt = attempt.portable()
        self._context = context
        self._capture = capture
        if capture:  # here: in a forked child it would wait for ever for a thread that was importing it
            import woflo.runners.processes.capture  # noqa: F401

    @property
    def module(self) -> str:
        body = self._attempt.body
        return "" if body.found_by_name() is None else body.module

    def run(self, link: Link) -> None:
        attempt = self._attempt
        attempt.channel = channel = LinkChannel(link, attempt.number)
        if self._capture:
            from woflo.runners.processes.capture import capture_here

            capture_here(link, channel)
        outcome = link.start(attempt) if self._context is None else self._context.run(link.start, attempt)
        if self._capture:
            from woflo.runners.processes.capture import flush_here

            flush_here()
        link.send_outcome(attempt.number, outcome, attempt.task_name)

    def __reduce__(self) -> Any:
        one = self._attempt
        parts = (one.run_id, one.task_name, one.number, one.body, one.args, one.kwargs, one.parent_id)
        return (_attempt_role, (parts, self._capture, getattr(one, "last_heartbeat", None), one.trace))


def _attempt_role(
    parts: tuple[Any, ...], capture: bool, last_heartbeat: str | None, trace: str | None = None
) -> AttemptRole:
    attempt = Attempt(*parts)
    attempt.trace = trace
    if last_heartbeat is not None:
        attempt.last_heartbeat = last_heartbeat
    return AttemptRole(attempt, None, capture)


def rehearse(slots: Slots, perform: Callable[[AttemptRole, Link, wire.Socket], None]) -> None:
    """Execute here, before the first fork, what forked children will: an attempt, of nothing.

    A function that only children execute is new to each of them. The interpreter has not adapted it yet, looks up
    all of its names, notes what it found, and so copies pages that a child would otherwise share with its parent.
    `perform` does with a role what a child does; the socket is the caller's end.
    """
    ours, theirs = wire.socket_pair()
    link = Link(theirs, slots, 0)
    link.pid = os.getpid()
    link.heard = -1
    nothing = Attempt("rehearsal", "rehearsal", 1, Body(_nothing), (), {})
    for _ in range(_REHEARSALS):
        perform(AttemptRole(nothing, copy_context(), False), link, ours)
    ours.close()
    theirs.close()


def _nothing() -> None: ...
