"""The trace that a run belongs to, on its way into the code of its attempts, in whatever process that executes.

    the observer "spans" ─► carrier ─► Attempt.trace ─► [ another process ] ─► enter ─► the code of the task

A span is carried as a text, by the form of W3C Trace Context (`traceparent`): 00-TRACE-SPAN-FLAGS. Where nobody traces,
all of this is a look at `carrier` for each attempt, and nothing of OpenTelemetry is imported.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Protocol

from woflo.kernel import bus

__all__ = [
    "Carrier",
    "announce",
    "announced",
    "as_text",
    "carrier",
    "choose",
    "enter",
    "flush",
    "forget",
    "leave",
    "parents",
    "span_context",
    "trace_of",
]

MOST_ANNOUNCED = 10_000
"""How many runs of other processes are announced at most: an observer that drops their events does not fetch them."""


class Carrier(Protocol):
    """Who knows the spans of runs."""

    def traceparent(self, run_id: str) -> str | None:
        """The span of a run, as text; None where it has none."""
        ...

    def span(self, traceparent: str) -> Any:
        """The span itself, where it belongs to this process; else None."""
        ...


carrier: Carrier | None = None
"""Set while runs are traced: in the program by the observer, in its child processes where they were told of a trace."""
announced: dict[str, tuple[str, str]] = {}
"""By the ids of runs that were called in other processes: the span that such a one is to have, and its parent's."""
parents: dict[str, str] = {}
"""By the ids of runs that are about to be told of here, and that another program has called: the span of that call."""
was_entered: bool = False
"""True where code of this process has been executed within a trace."""
FLUSH = 2_000
"""Milliseconds for which the end of a process waits until what exports spans is done."""


class _Chosen:
    """The carrier of a process whose spans are made by another: it has chosen their ids."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        """By the ids of runs under way."""

    def traceparent(self, run_id: str) -> str | None:
        return self.known.get(run_id)

    def span(self, traceparent: str) -> Any:
        return None


def trace_of(run_id: str) -> str | None:
    """The span of a run, or of the one in whose place it executes, as text; None where it has none."""
    return None if carrier is None else carrier.traceparent(bus.stands_for.get(run_id, run_id))


def enter(traceparent: str) -> Any:
    """Make this span the current one in this context; what is returned is for `leave`. OpenTelemetry may be missing."""
    global was_entered
    try:
        from opentelemetry import context, trace
    except ImportError:
        return None
    was_entered = True
    span = None if carrier is None else carrier.span(traceparent)
    if span is None:
        span = trace.NonRecordingSpan(span_context(traceparent))
    return context.attach(trace.set_span_in_context(span))


def leave(token: Any) -> None:
    """Let the span be current that was before."""
    if token is not None:
        sys.modules["opentelemetry.context"].detach(token)


def flush() -> None:
    """At the end of a child process, have the spans that its code has begun exported: nobody else does it there."""
    export = getattr(sys.modules["opentelemetry.trace"].get_tracer_provider(), "force_flush", None)
    if export is not None:
        try:
            export(FLUSH)
        except Exception:
            bus.complain("the spans of a task could not be exported")


def span_context(traceparent: str) -> Any:
    """What OpenTelemetry calls that: a span of another process."""
    from opentelemetry import trace

    _, trace_id, span_id, flags = traceparent.split("-")
    return trace.SpanContext(int(trace_id, 16), int(span_id, 16), True, trace.TraceFlags(int(flags, 16)))


def as_text(context: Any, span_id: int | None = None) -> str:
    """A span, by what OpenTelemetry calls its context; or another one of the same trace, with this id."""
    span_id = context.span_id if span_id is None else span_id
    return f"00-{context.trace_id:032x}-{span_id:016x}-{int(context.trace_flags):02x}"


# -- runs whose spans another process makes --------------------------------------------------------------


def choose(run_id: str) -> tuple[str, str] | None:
    """In a process that is told of a trace: the span for a run that is called here, and the current one, its parent.

    None where there is none, or where this process makes spans itself.
    """
    global carrier
    api = sys.modules.get("opentelemetry.trace")
    if api is None or (carrier is not None and not isinstance(carrier, _Chosen)):
        return None
    parent = api.get_current_span().get_span_context()
    if not parent.is_valid:
        return None
    if carrier is None:
        carrier = _Chosen()
    own = carrier.known[run_id] = as_text(parent, int.from_bytes(os.urandom(8), "big"))
    return own, as_text(parent)


def forget(run_id: str) -> None:
    """A run has ended whose span was chosen here."""
    if isinstance(carrier, _Chosen):
        carrier.known.pop(run_id, None)


def announce(run_id: str, trace: tuple[str, str]) -> None:
    """A run of another process is about to be told of, whose span was chosen there."""
    if carrier is not None and len(announced) < MOST_ANNOUNCED:
        announced[run_id] = trace


def _forget_in_child() -> None:
    """The observer stayed with the parent."""
    global carrier, was_entered
    carrier, was_entered = None, False
    announced.clear()
    parents.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
