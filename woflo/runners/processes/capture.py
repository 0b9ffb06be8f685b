"""What a child writes to stdout and stderr, on its way to the caller.

The child makes two pipes, puts them in the place of descriptors 1 and 2, and sends the other ends to the
caller: so everything is caught, also of programs that the task starts, and what was written survives the
child's death.
"""

from __future__ import annotations

import codecs
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from woflo.kernel.hiding import Hider, hide
from woflo.kernel.ports import Channel
from woflo.kernel.reactor import READ, Reactor
from woflo.runners.processes import wire

__all__ = ["Capture", "capture_here", "flush_here"]

TAIL = 4096
"""How many of the last characters a crash report shows."""
MOST_ROUNDS = 64
"""How often a socket is looked at for the frames before a piece of output: more than it holds of them."""
MOST_PIECES = 16
"""Pieces that are read of a pipe at its end: more than it holds. A grandchild may write faster than it is read."""
_STREAMS = {1: "stdout", 2: "stderr"}


def capture_here(link: Any, channel: Channel) -> None:
    """In the child: have descriptors 1 and 2, and log records, sent to the caller."""
    for number in _STREAMS:
        reader, writer = os.pipe()
        os.dup2(writer, number)
        os.close(writer)
        wire.send_frame(link.sock, wire.CAPTURE, number, b"", reader)
        os.close(reader)
    for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
        if stream is None or _number_of(stream) not in _STREAMS:
            setattr(sys, name, open(1 if name == "stdout" else 2, "w", closefd=False, buffering=1))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    logging.getLogger().handlers[:] = [_ToCaller(channel)]


def flush_here() -> None:
    """In the child, when the code of an attempt has ended: what it has written is told before its outcome."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # closed by the task


def _number_of(stream: Any) -> int | None:
    try:
        number: int = stream.fileno()
        return number
    except (OSError, ValueError, AttributeError):
        return None


class _ToCaller(logging.Handler):
    """Sends records as (logger, level, message).

    A process that was forked from this one inherits it, whoever forked it, and must not write into this one's link:
    frames of two processes would mix. There it is as if there were no handler: warnings go to stderr, a captured one.
    """

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel
        self._process = os.getpid()

    def emit(self, record: logging.LogRecord) -> None:
        if os.getpid() != self._process:
            last = logging.lastResort
            if last is not None and record.levelno >= last.level:
                last.handle(record)
            return
        try:
            self._channel.send("log", (record.name, record.levelno, record.getMessage()))
        except Exception:
            self.handleError(record)


class Capture:
    """In the caller, in the reactor's thread: reads the pipes of one child."""

    def __init__(self, reactor: Reactor, attempt: Any, catch_up: Callable[[], bool] = bool) -> None:
        self._reactor = reactor
        self._catch_up = catch_up
        """Takes some of the frames that came before the output, among them those that say whose it is and what in it is
        secret; False where there are none. A frame with a descriptor comes by itself."""
        self._attempt = attempt
        """Whose output it is; a pool changes it from call to call."""
        self._read_text: list[tuple[str, str]] = []
        """What was read, and is told when the frames that were written before it are taken."""
        self._open: dict[int, tuple[str, Any]] = {}
        self._hiders: dict[str, Hider] = {name: Hider() for name in _STREAMS.values()}
        """By stream."""
        self._tail = ""

    def add(self, frame: wire.Frame) -> None:
        """Read from the pipe that came with `frame`."""
        _, number, _, fd = frame
        assert fd is not None
        os.set_blocking(fd, False)
        self._open[fd] = (_STREAMS[number], codecs.getincrementaldecoder("utf-8")("replace"))
        self._reactor.register(fd, READ, lambda _: self._ready(fd))

    def begin(self, attempt: Any) -> None:
        """What comes from here on is of this attempt, and so is what was just read for nobody."""
        self._attempt = attempt

    def end(self, attempt: Any) -> None:
        """All that was written before now is of this attempt; what comes from here on is of nobody."""
        self.begin(attempt)
        self.drain()
        self._attempt = None

    def _ready(self, fd: int) -> None:
        self._read(fd)
        # Frames were written before the output, and are there by now: to look for them first would leave a moment in
        # which both come.
        for _ in range(MOST_ROUNDS):
            if not (self._read_text and self._catch_up()):
                break
        self._tell_text()

    def _read(self, fd: int) -> bool:
        """Pass on what there is; False where there is no more for now."""
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._forget(fd)
            return False
        stream, decoder = self._open[fd]
        text = decoder.decode(data)
        self._tail = hide(self._tail + text)[-TAIL:]
        self._read_text.append((stream, text))
        return True

    def _tell_text(self) -> None:
        """What comes when no attempt is under way is of a thread or a process that one has left behind."""
        read, self._read_text = self._read_text, []
        for stream, text in read:
            self._tell(stream, self._hiders[stream].feed(text))

    def _tell(self, stream: str, text: str) -> None:
        if text and self._attempt is not None:
            self._attempt.tell("output", (stream, text))

    def drain(self) -> None:
        """Take what was written before now, so that it is told before what follows."""
        for fd in list(self._open):
            for _ in range(MOST_PIECES):
                if fd not in self._open or not self._read(fd):
                    break
                self._tell_text()  # not all at once: it may be a lot
        self._tell_text()
        for stream, hider in self._hiders.items():
            self._tell(stream, hider.rest())  # what may have been the beginning of a secret, and was none

    def close(self) -> str:
        """Take the rest; the last lines are returned. A grandchild that holds the pipe is not waited for."""
        self.drain()
        for fd in list(self._open):
            self._forget(fd)
        return hide(self._tail)

    def _forget(self, fd: int) -> None:
        if self._open.pop(fd, None) is not None:
            self._reactor.unregister(fd)
            os.close(fd)
