"""The role of a pool's worker: one call after another, each outcome written before the next call begins."""

from __future__ import annotations

import _signal
import io
import marshal
import pickle
import signal
import struct
import sys
from collections.abc import Callable
from contextvars import copy_context
from time import monotonic_ns
from typing import Any

from woflo.kernel.attempt import Attempt
from woflo.kernel.body import Body
from woflo.kernel.outcome import Outcome
from woflo.runners.processes import sharing, shipping, wire
from woflo.runners.processes.capture import capture_here
from woflo.runners.processes.child import Link, LinkChannel
from woflo.runners.processes.slots import BEGUN, CALL, READY

__all__ = [
    "ANNOUNCE",
    "CALL_HEAD",
    "ELAPSED",
    "FULL",
    "RECALL_SIGNAL",
    "WorkerRole",
    "is_worker",
    "plain_frame",
    "plain_value",
]

RECALL_SIGNAL: int = getattr(signal, "SIGRTMAX", getattr(signal, "SIGUSR1", 1) + 1) - 1
"""Asks a worker to give back the calls that it has not begun."""
CALL_HEAD = struct.Struct("<IIB")
"""Number of the code, attempt, flags. What follows is the positional arguments alone, marshalled, for they are plain,
or with FULL, pickled, a tuple of them, the keyword arguments, the task's name, and the id of the run that made the
call."""
ANNOUNCE, FULL = 1, 2
"""Flags of a call: its start is to be told; it has more than positional arguments."""
_PLAIN_CALL = struct.Struct(wire.HEADER.format + CALL_HEAD.format.lstrip("<"))
"""The head of a frame and that of a call, in one."""
ELAPSED = struct.Struct("<Q")
"""Stands before each outcome: how long the code ran, in nanoseconds."""
_PLAIN_TYPES = frozenset({int, float, bool, type(None), str, bytes})
_PLAIN_MOST = 1 << 12

_in_worker = False


def is_worker() -> bool:
    """True in a worker of a pool: a pool inside one is small, or their number would grow with the depth."""
    return _in_worker


def plain_frame(number: int, code: Any, attempt: int, flags: int, args: tuple[Any, ...]) -> bytes:
    """The frame of a call that has only positional arguments, which are plain."""
    data = marshal.dumps(args)
    size = CALL_HEAD.size + len(data)
    return _PLAIN_CALL.pack(wire.MAGIC, wire.CALL, 0, size, number, code.number, attempt, flags) + data


def plain_value(payload: bytes) -> Any:
    """The value in the payload of a PLAIN frame."""
    return marshal.loads(payload[ELAPSED.size :])


class WorkerRole:
    """A worker. `initializer(*initargs)` is called once before the first call; `forked` from its caller, or shipped."""

    module = ""

    def __init__(
        self,
        prefix: str,
        initializer: Callable[..., object] | None,
        initargs: tuple[Any, ...],
        capture: bool,
        forked: bool = True,
    ) -> None:
        self._prefix = prefix
        self._initializer = initializer
        self._initargs = initargs
        self._capture = capture
        self._forked = forked

    def __reduce__(self) -> Any:
        return (WorkerRole, (self._prefix, self._initializer, self._initargs, self._capture, False))

    def run(self, link: Link) -> None:
        global _in_worker
        _in_worker = True
        if self._forked:
            shipping.close_inherited()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(line_buffering=True)  # a worker lives long, and may be ended with a later call
        if self._capture:
            capture_here(link, LinkChannel(link, 0))
        if self._initializer is not None:
            self._initializer_or_error(link)
        Worker(link, self._prefix).work()

    def _initializer_or_error(self, link: Link) -> None:
        assert self._initializer is not None
        try:
            self._initializer(*self._initargs)
        except BaseException as error:
            link.send_outcome(0, Outcome.failed(error), "the initializer")
            raise SystemExit(1) from None


class Worker:
    """The loop of a worker process."""

    def __init__(self, link: Link, prefix: str) -> None:
        self._link = link
        self._prefix = prefix
        self._codes: dict[int, Body | bytes] = {}
        self._recalled = False
        _signal.signal(RECALL_SIGNAL, self._on_recall)
        link.slots.words[link.slot + READY] = 1  # from now on signals are taken as what they mean

    def work(self) -> None:
        """Until the caller wants no more."""
        while True:
            if self._recalled:
                self._give_back()
            frame = self._link.receive()
            assert frame is not None
            if frame[0] == wire.CALL:
                self._serve(frame)
            else:
                self._take_in(frame)

    def _take_in(self, frame: wire.Frame) -> None:
        """What calls refer to. What cannot be loaded is told by the call that needs it."""
        kind, number, payload, fd = frame
        if kind == wire.CODE:
            self._codes[number] = payload
        elif kind == wire.SHARED:
            sharing.receive_shared(number, shipping.Parcel(payload, fd))
        elif kind == wire.FORGET:
            sharing.forget_shared(number)

    def _serve(self, frame: wire.Frame) -> None:
        _, number, payload, _ = frame
        link = self._link
        words, slot = link.slots.words, link.slot
        link.stop_requested = False
        begun = words[slot + BEGUN] = monotonic_ns()
        words[slot + CALL] = number
        code, attempt_number, flags = CALL_HEAD.unpack_from(payload)
        if flags & ANNOUNCE:
            self._send(wire.STARTED, number, b"")
        try:
            body, args, kwargs, name, parent_id = self._loaded(code, flags, frame)
        except BaseException as error:  # loading executes code of the user, which may raise anything
            outcome, name = Outcome.failed(shipping.refusal(error, "argument", "a call", "loaded")), "a call"
        else:
            run_id = f"{self._prefix}{number:08x}"
            channel = LinkChannel(link, number)
            attempt = Attempt(run_id, name, attempt_number, body, args, kwargs, parent_id, None, channel)
            outcome = copy_context().run(link.start, attempt)
        self._answer(number, outcome, name, ELAPSED.pack(monotonic_ns() - begun))
        words[slot + CALL] = 0

    def _loaded(self, code: int, flags: int, frame: wire.Frame) -> tuple[Any, ...]:
        body = self._codes[code]
        if isinstance(body, bytes):
            body = self._codes[code] = pickle.loads(body)
        assert isinstance(body, Body)
        content = frame[2][CALL_HEAD.size :]
        if flags & FULL:
            return (body, *shipping.load(shipping.Parcel(content, frame[3])))
        return body, marshal.loads(content), {}, body.name, None

    def _answer(self, number: int, outcome: Outcome, name: str, elapsed: bytes) -> None:
        value = outcome.value
        if outcome.error is None and type(value) in _PLAIN_TYPES and sys.getsizeof(value) <= _PLAIN_MOST:
            self._send(wire.PLAIN, number, elapsed + marshal.dumps(value))
            return
        link = self._link
        link.held = True
        link.send_outcome(number, outcome, name, elapsed)
        link.held = False
        if self._recalled:
            self._give_back()

    def _send(self, kind: int, number: int, payload: bytes) -> None:
        link = self._link
        link.held = True
        with link.sending:
            link.sock.sendall(wire.frame(kind, number, payload))
        link.held = False
        if self._recalled:
            self._give_back()

    # -- calls that another worker may take ------------------------------------------------------------

    def _on_recall(self, number: int, frame: Any) -> None:
        self._recalled = True
        if not self._link.held and not self._link.reading:
            self._give_back()

    def _give_back(self) -> None:
        """Answer with the numbers of the calls that were not begun. They are not executed here any more.

        A signal handler may do this within the code of a call. What it takes is in its hands alone until it is
        sent: an exception in the midst of it, such as a request to stop, would lose calls and what they refer to.
        """
        link = self._link
        link.held = True
        self._recalled = False
        numbers = link.take_unstarted()
        with link.sending:
            link.sock.sendall(wire.frame(wire.RETURNED, 0, b"".join(ELAPSED.pack(one) for one in numbers)))
        link.held = False
        link.raise_stop()
