"""What depends on time or chance, in code whose calls are recorded: it comes again as it was the first time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from woflo.kernel import clock
from woflo.kernel.context import current_attempt

if TYPE_CHECKING:
    from woflo.kernel.ports import Note, Recorder

__all__ = ["current_recorder", "monotonic_end", "recalled"]


def current_recorder() -> Recorder | None:
    """Who records the calls of this code, or None where nobody does."""
    attempt = current_attempt.get()
    return None if attempt is None else attempt.recorder


def recalled(what: str, happen: Callable[[], Any]) -> Any:
    """What `happen()` gave when the code first came here; it is called only then, or where nothing is recorded.

    To be given only what JSON knows.
    """
    note = new_note(what)
    if note is None:
        return happen()
    return note.value if note.is_recorded else note.keep(happen())


def new_note(what: str) -> Note | None:
    """A place for what happens next, or None where nothing is recorded."""
    recorder = current_recorder()
    return None if recorder is None else recorder.note(what)


def monotonic_end(timeout: float | None) -> float | None:
    """When `timeout` seconds have passed, on the monotonic clock; counted from when the code first came here."""
    if timeout is None:
        return None
    end: float = recalled("woflo.deadline", lambda: clock.now() + timeout)
    return clock.monotonic() + end - clock.now()
