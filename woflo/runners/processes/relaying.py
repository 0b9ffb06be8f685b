"""What happens to calls that are made in a child, on its way to the observers of its caller.

    a call in a child ─► the child's bus ─► Relay ─► frame ─► the caller's reactor ─► the caller's observers

Events go as names and plain values: they are taken in where no code of the user may run. An error is told by the name
of its class and its text, and where an attempt has failed by its traceback as text.
"""

from __future__ import annotations

import marshal
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from woflo.errors import FailureElsewhereError, TaskStoppedError
from woflo.kernel import bus, events, hiding, masking, tracing
from woflo.kernel.context import current_attempt
from woflo.kernel.state import RunState
from woflo.runners.processes import wire
from woflo.runners.processes.child import LinkChannel

if TYPE_CHECKING:
    from woflo.runners.processes.child import Link
    from woflo.runners.processes.children import Child

__all__ = ["KNOWN", "end_with", "relay_to", "take_in"]

KNOWN = "known"
"""Stands for the name of an event where a child tells what it has to hide."""

MOST_TRACE = 20_000
"""Characters of a traceback that are told, the last ones."""
MOST_CLASSES = 1_000
"""How many names of exceptions are kept as classes."""
_PLAIN = (str, int, float, bool, type(None))
_classes: dict[str, type[FailureElsewhereError]] = {}
_relay: Relay | None = None


class Relay:
    """Listens in a child, and sends what it hears."""

    def __init__(self, link: Link) -> None:
        self.tells_ends: bool = True
        self._channel = LinkChannel(link, 0)

    def put(self, event: events.Event) -> None:
        try:
            packed = marshal.dumps(_packed(event))
        except Exception as error:
            bus.complain("an event could not be sent to the caller's observers", error)
        else:
            self._channel.send_packed(wire.EVENT, packed)


def relay_to(link: Link, heard: int) -> None:
    """In a child: from now on tell the caller of what happens here, or no more; `heard` as `bus.hearing` gives it."""
    global _relay
    if _relay is not None and _relay not in bus.listeners:
        _relay = None  # that of the process that this one was forked from
    if _relay is not None and not heard:
        bus.remove(_relay)
        _relay = None
    if heard:
        relay = _relay or Relay(link)
        relay.tells_ends = heard > 1
        if _relay is None:
            _relay = relay
            bus.add(relay)


def take_in(payload: bytes, child: Child) -> None:
    """In the caller: hand an event of a child to whoever listens."""
    name, values, trace = marshal.loads(payload)
    if name == KNOWN:
        hiding.know_texts(**values)
        return
    if trace is not None:
        tracing.announce(values["run_id"], trace)
    event = getattr(events, name)(**{key: _restored(key, value) for key, value in values.items()})
    if isinstance(event, events.RunCreated):
        child.told_of = child.told_of or {}
        child.told_of[event.run_id] = event.task
    elif isinstance(event, events.RunEnded) and child.told_of:
        child.told_of.pop(event.run_id, None)
    bus.pass_on(event)


def end_with(child: Child) -> None:
    """In the caller: a child is gone, and with it the calls of which it has told, and no end."""
    left, child.told_of = child.told_of or {}, None
    for run_id, task in left.items():
        why = TaskStoppedError(f"{task} ended with the process that had called it")
        bus.pass_on(events.RunEnded(run_id=run_id, task=task, state=RunState.STOPPED, attempts=0, error=why))


def _trace_of(event: events.Event) -> tuple[str, str] | None:
    """Of a run that was called here or below, the span that it is to have, and its parent's."""
    if isinstance(event, events.RunEnded):
        tracing.forget(event.run_id)
    if not isinstance(event, events.RunCreated):
        return None
    of_child = tracing.announced.pop(event.run_id, None)
    if of_child is not None:
        return of_child
    attempt = current_attempt.get()
    return None if attempt is None or attempt.trace is None else tracing.choose(event.run_id)


def _packed(event: events.Event) -> tuple[str, dict[str, Any], tuple[str, str] | None]:
    """Its name, its values, and which span it is to have."""
    values = {one.name: _as_plain(getattr(event, one.name)) for one in fields(event)}
    if isinstance(event, events.AttemptFailed):  # it is told once: not with the retry, or the end, by the same error
        values["error"] = (*values["error"], _trace_in_words(event.error))
    return type(event).__name__, values, _trace_of(event)


def _trace_in_words(error: BaseException) -> str:
    if isinstance(error, FailureElsewhereError):
        return error.trace
    import traceback

    return masking.mask_text("".join(traceback.format_exception(error)).rstrip()[-MOST_TRACE:])


def _as_plain(value: Any) -> Any:
    if isinstance(value, BaseException):
        name, _, text = masking.told(value).partition(": ")
        return (name, text)
    if type(value) in _PLAIN or isinstance(value, tuple):
        return value
    if isinstance(value, str):
        return str(value)
    return float(value)


def _restored(key: str, value: Any) -> Any:
    if key == "error" and value is not None:
        return _error(*value)
    if key == "parent_id" and value is not None:
        return bus.stands_for.get(value, value)
    return RunState(value) if key == "state" else value


def _error(name: str, text: str, trace: str = "") -> FailureElsewhereError:
    """An exception whose class has that name."""
    kind = _classes.get(name)
    if kind is None:
        kind = type(name, (FailureElsewhereError,), {"__doc__": FailureElsewhereError.__doc__})
        if len(_classes) < MOST_CLASSES:
            _classes[name] = kind
    error = kind(text)
    if trace:
        error.trace = trace
        error.add_note(f"raised in another process:\n{trace}")
    return error
