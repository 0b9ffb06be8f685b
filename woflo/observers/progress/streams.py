"""What the program prints while bars stand below: it goes to the same stream, and the bars make room for it."""

from __future__ import annotations

import builtins
import os
import sys
import weakref
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from woflo.kernel.capturing import StandIn

__all__ = ["Above", "Asking", "stand_in", "step_aside"]

_standing: weakref.WeakSet[Above] = weakref.WeakSet()
_asking: weakref.WeakSet[Asking] = weakref.WeakSet()


class Above(StandIn):
    """Stands in for a stream: what is written is written within `room(text)`."""

    def __init__(self, name: str, stream: Any, room: Callable[[str], Any]) -> None:
        super().__init__(name, stream)
        self._room = room
        _standing.add(self)

    def write(self, text: str) -> int:
        with self._room(text):
            count = int(self._stream.write(text))
            self._stream.flush()
            return count


def stand_in(name: str, room: Callable[[str], Any]) -> Above:
    """Put one in the place of `sys.stdout` or `sys.stderr`; behind what captures output, which takes its part first."""
    before, stream = None, getattr(sys, name)
    while isinstance(stream, StandIn):
        before, stream = stream, stream._stream
    above = Above(name, stream, room)
    if before is None:
        setattr(sys, name, above)
    else:
        before._stream = above
    return above


def step_aside(above: Above) -> None:
    """Take it out again, wherever it stands; whoever has kept it writes to the stream itself from now on."""
    before, stream = None, getattr(sys, above._name)
    while isinstance(stream, StandIn) and stream is not above:
        before, stream = stream, stream._stream
    if stream is above:
        if before is None:
            setattr(sys, above._name, above._stream)
        else:
            before._stream = above._stream
    above._room = _NoRoom
    _standing.discard(above)


class Asking:
    """Stands in for `input`, which at a terminal writes and reads past the streams. Debuggers ask by it as well."""

    def __init__(self, quiet: Callable[[], Any]) -> None:
        self._input = builtins.input
        self._quiet = quiet
        builtins.input = self
        _asking.add(self)

    def __call__(self, prompt: object = "", /) -> str:
        with self._quiet():
            return self._input(prompt)

    def end(self) -> None:
        """Put it back, unless somebody else stands there by now; then only pass on what is asked."""
        if builtins.input is self:
            builtins.input = self._input
        self._quiet = nullcontext
        _asking.discard(self)


class _NoRoom:
    """Nothing has to make room."""

    def __init__(self, text: str) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(self, *exc: object) -> None: ...


def _forget_in_child() -> None:
    """The bars are the parent's, and another thread may have held their lock."""
    for above in list(_standing):
        step_aside(above)
    for asking in list(_asking):
        asking.end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
