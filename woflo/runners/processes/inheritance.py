"""What a forked child inherits of its caller and must not use, and how it is put away.

The child's memory is its caller's until one of them writes to a page, which then has to be copied: some
microseconds each, and calling a function writes to several. So what can be is made ready in the caller, before
the fork, and what the child executes is flat.
"""

from __future__ import annotations

import io
import sys
from _signal import NSIG, SIG_DFL, default_int_handler, getsignal, set_wakeup_fd, signal
from collections.abc import Callable, Sequence
from gc import freeze
from os import O_RDONLY, close, dup2
from os import open as open_file
from typing import Any

from woflo.runners.processes.imports import MODULE_LOCKS, callers_of, drop_imports

__all__ = ["Closer", "Inheritance", "put_away", "take_stock"]

_SIGNALS = tuple(range(1, NSIG))

_twins: dict[int, tuple[Any, Any, Any]] = {}
"""By the identity of a stream: the stream, its settings, and its twin. Only of those in use."""
_last: tuple[Any, list[tuple[Any, str, Any]]] = ((), [])
"""The streams of the last fork and their settings, and what was found for them."""
_empty_stdin: Any = None
_kept: list[Any] = []
"""Streams of the callers of this process: never to be closed, for that would write their buffers once more."""

Closer = Callable[[], object]
"""Closes something that belongs to the caller alone: the end of a socket, a selector."""


Inheritance = tuple[
    Sequence[Closer], list[int], list[tuple[Any, str, Any]], Any, list[tuple[Any, Any, dict[Any, Any]]], Any, Any
]
"""What one child is to put away: what is to be closed, handled signals, streams, stdin, packages, the thread, imports.

A plain tuple: for each attribute that a child looks up it would copy two or three pages.
"""


def take_stock(closers: Sequence[Closer], thread: Any) -> Inheritance:
    """What a child that `thread` forks next is to put away. In the caller, just before the fork."""
    # SIGINT stays as Python has it, what is ignored stays so; all other handlers are about the caller.
    signals = [at for at in _SIGNALS if callable(one := getsignal(at)) and one is not default_int_handler]
    kept = callers_of(MODULE_LOCKS) if MODULE_LOCKS else ()
    return closers, signals, _find_streams(), _stdin_twin(), _find_packages(), thread, kept


def put_away(inheritance: Inheritance) -> None:
    """In the child, first of all."""
    closers, signals, streams, stdin, packages, thread, kept = inheritance
    if MODULE_LOCKS:
        drop_imports(kept)
    for close_it in closers:
        close_it()
    freeze()
    set_wakeup_fd(-1)
    for number in signals:
        signal(number, SIG_DFL)
    for owner, name, twin in streams:
        _kept.append(getattr(owner, name))
        setattr(owner, name, twin)
    _kept.append(sys.stdin)
    null = open_file("/dev/null", O_RDONLY)
    dup2(null, 0)
    close(null)
    sys.stdin = stdin or _stdin()
    for process, util, after_forkers in packages:
        process._children = set()
        util._finalizer_registry.clear()
        if after_forkers:
            util._run_after_forkers()
    thread.name = "MainThread"


def _find_streams() -> list[tuple[Any, str, Any]]:
    """Streams that write to files: where each stands, and what is to stand there in the child."""
    global _last
    out, err = _behind(sys.stdout), _behind(sys.stderr)
    handlers = _log_handlers() if "logging" in sys.modules else ()
    now: tuple[Any, ...] = (out, err, sys.__stdout__, sys.__stderr__, handlers)
    if isinstance(out, io.TextIOWrapper) and isinstance(err, io.TextIOWrapper):
        now += (out.line_buffering, out.write_through, out.encoding, err.line_buffering, err.write_through)
    if now != _last[0]:
        _last = (now, _look_for_streams(handlers))
    return _last[1]


def _behind(stream: Any) -> Any:
    """The stream itself, where woflo has put something in its place; what does so is imported only where it happens."""
    capturing = sys.modules.get("woflo.kernel.capturing")
    return stream if capturing is None else capturing.behind(stream)


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
    stream = _behind(stream)
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


def _find_packages() -> list[tuple[Any, Any, dict[Any, Any]]]:
    """What the caller started through multiprocessing is not the child's to wait for, or to end."""
    found = []
    for package in ("multiprocessing", "multiprocess"):
        process, util = sys.modules.get(f"{package}.process"), sys.modules.get(f"{package}.util")
        if process is not None and util is not None:
            found.append((process, util, util._afterfork_registry.data))
    return found
