"""Capturing what attempts in this process print: by the context, because they share one stdout."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from woflo.kernel.context import current_attempt
from woflo.kernel.hiding import Hider

if TYPE_CHECKING:
    from woflo.kernel.attempt import Attempt

__all__ = ["StandIn", "behind", "captured"]

MOST_OF_A_LINE = 1 << 16
"""Characters of a line that are kept back until it is complete; a longer one is told in parts."""

_lock = threading.Lock()
_open = 0
"""How many captured attempts execute; while there are any, the routers stand in for the streams."""
_unfinished: dict[tuple[int, str], str] = {}
"""The line that an attempt has begun on a stream: told when it is complete, or at the end."""


class StandIn:
    """Stands in the place of `sys.stdout` or `sys.stderr`, and is for all but writing the stream that was there."""

    def __init__(self, name: str, stream: Any) -> None:
        self._name = name
        self._stream = stream

    def write(self, text: str) -> int:
        return int(self._stream.write(text))

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Router(StandIn):
    """Text of a captured attempt goes to its channel, all other to the stream."""

    def write(self, text: str) -> int:
        attempt = current_attempt.get()
        if attempt is None or attempt.run is None or not attempt.run.capture_output:
            return int(self._stream.write(text))
        lines = _unfinished.pop((id(attempt), self._name), "") + text
        whole, newline, rest = lines.rpartition("\n")
        if len(rest) > MOST_OF_A_LINE:
            hider = Hider()  # a secret is not told in two parts, either of which nobody would know
            whole, newline, rest = hider.feed(lines), "", hider.rest()
        if rest:
            _unfinished[id(attempt), self._name] = rest
        if whole or newline:
            attempt.tell("output", (self._name, whole + newline))
        return len(text)


@contextmanager
def captured(attempt: Attempt) -> Iterator[None]:
    """While this is open, what the attempt prints becomes messages to its caller."""
    global _open
    with _lock:
        _open += 1
        if _open == 1:
            sys.stdout, sys.stderr = _Router("stdout", sys.stdout), _Router("stderr", sys.stderr)
    try:
        yield
    finally:
        for name in ("stdout", "stderr"):
            rest = _unfinished.pop((id(attempt), name), "")
            if rest:
                attempt.tell("output", (name, rest))
        with _lock:
            _open -= 1
            if _open == 0:
                sys.stdout, sys.stderr = _behind(sys.stdout), _behind(sys.stderr)


def _forget_in_child() -> None:
    """The captured attempts are the parent's, and the lock may be held by a thread that is not here."""
    global _lock, _open
    _lock, _open = threading.Lock(), 0
    _unfinished.clear()
    sys.stdout, sys.stderr = _behind(sys.stdout), _behind(sys.stderr)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)


def _behind(stream: Any) -> Any:
    return stream._stream if isinstance(stream, _Router) else stream


def behind(stream: Any) -> Any:
    """The stream itself, where something of woflo stands in for it."""
    while isinstance(stream, StandIn):
        stream = stream._stream
    return stream
