"""What a forked child inherits of its caller and must not use, and how it is put away.

The child's memory is its caller's until one of them writes to a page, which then has to be copied: some
microseconds each, and calling a function writes to several. So what can be is made ready in the caller, before
the fork, and what the child executes is flat.
"""

from __future__ import annotations

import _signal
import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["Closer", "Inheritance"]

_SIGNALS = tuple(range(1, _signal.NSIG))

_twins: dict[int, tuple[Any, Any, Any]] = {}
"""By the identity of a stream: the stream, its settings, and its twin. Only of those in use."""
_last: tuple[Any, list[tuple[Any, str, Any]]] = ((), [])
"""The streams of the last fork and their settings, and what was found for them."""
_empty_stdin: Any = None
_kept: list[Any] = []
"""Streams of the callers of this process: never to be closed, for that would write their buffers once more."""

Closer = Callable[[], object]
"""Closes something that belongs to the caller alone: the end of a socket, a selector."""


class Inheritance:
    """What one child is to put away. Made in the caller, just before the fork."""

    def __init__(self, closers: Sequence[Closer], thread: Any) -> None:
        self._closers = closers
        self._thread = thread
        """The one that forks, and so the child's only one."""
        python, handler_of = _signal.default_int_handler, _signal.getsignal
        # SIGINT stays as Python has it, what is ignored stays so; all other handlers are about the caller.
        self._signals = [at for at in _SIGNALS if callable(one := handler_of(at)) and one is not python]
        self._streams = _find_streams()
        self._stdin = _stdin_twin()
        self._packages = _find_packages()

    def put_away(self) -> None:
        """In the child, first of all."""
        for close in self._closers:
            close()
        gc.freeze()
        _signal.set_wakeup_fd(-1)
        for number in self._signals:
            _signal.signal(number, _signal.SIG_DFL)
        for owner, name, twin in self._streams:
            _kept.append(getattr(owner, name))
            setattr(owner, name, twin)
        _kept.append(sys.stdin)
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        sys.stdin = self._stdin or _stdin()
        for process, util in self._packages:
            process._children = set()
            util._finalizer_registry.clear()
            if util._afterfork_registry:
                util._run_after_forkers()
        self._thread.name = "MainThread"


def _find_streams() -> list[tuple[Any, str, Any]]:
    """Streams that write to files: where each stands, and what is to stand there in the child."""
    global _last
    out, err = sys.stdout, sys.stderr
    handlers = _log_handlers() if "logging" in sys.modules else ()
    now: tuple[Any, ...] = (out, err, sys.__stdout__, sys.__stderr__, handlers)
    if isinstance(out, io.TextIOWrapper) and isinstance(err, io.TextIOWrapper):
        now += (out.line_buffering, out.write_through, out.encoding, err.line_buffering, err.write_through)
    if now != _last[0]:
        _last = (now, _look_for_streams(handlers))
    return _last[1]


def _log_handlers() -> tuple[tuple[Any, Any], ...]:
    """The handlers that have a stream of their own, and the stream."""
    import logging

    found = []
    for reference in logging._handlerList:  # type: ignore[attr-defined]  # there is no public way to all handlers
        handler = reference()
        if not isinstance(getattr(type(handler), "stream", None), property):
            found.append((handler, getattr(handler, "stream", None)))
    return tuple(found)


def _look_for_streams(handlers: tuple[tuple[Any, Any], ...]) -> list[tuple[Any, str, Any]]:
    global _twins
    used: dict[int, tuple[Any, Any, Any]] = {}
    found: list[tuple[Any, str, Any]] = []
    for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
        _find_stream(sys, name, getattr(sys, name), used, found)
    for handler, stream in handlers:
        _find_stream(handler, "stream", stream, used, found)
    _twins = used
    return found


def _find_stream(owner: Any, name: str, stream: Any, used: dict[int, Any], found: list[tuple[Any, str, Any]]) -> None:
    if not isinstance(stream, io.TextIOWrapper):
        return
    settings = (stream.encoding, stream.errors, stream.line_buffering, stream.write_through)
    known = _twins.get(id(stream))
    if known is None or known[1] != settings:
        try:
            known = (stream, settings, _twin(stream, *settings))
        except (OSError, ValueError):
            return  # closed, or no file
    used[id(stream)] = known
    found.append((owner, name, known[2]))


def _twin(stream: io.TextIOWrapper, encoding: str, errors: str | None, line_buffering: bool, through: bool) -> Any:
    """The same file behind a stream with an empty buffer and a lock that nobody holds; never used in this process."""
    raw = io.FileIO(stream.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding, errors, line_buffering=line_buffering, write_through=through
    )


def _stdin_twin() -> Any:
    """An empty stdin for a child, where descriptor 0 is a file that can be read at all."""
    global _empty_stdin
    if _empty_stdin is None or _empty_stdin is sys.stdin:
        try:
            _empty_stdin = _stdin()
        except OSError:
            return None
    return _empty_stdin


def _stdin() -> Any:
    return io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))


def _find_packages() -> list[tuple[Any, Any]]:
    """What the caller started through multiprocessing is not the child's to wait for, or to end."""
    found = []
    for package in ("multiprocessing", "multiprocess"):
        process, util = sys.modules.get(f"{package}.process"), sys.modules.get(f"{package}.util")
        if process is not None and util is not None:
            found.append((process, util))
    return found
