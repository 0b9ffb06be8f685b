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
from woflo.runners.processes.calls import ANNOUNCE, CALL_HEAD
from woflo.runners.processes.capture import capture_here, flush_here
from woflo.runners.processes.child import Link, LinkChannel
from woflo.runners.processes.home import Home
from woflo.runners.processes.loading import as_told, guarded
from woflo.runners.processes.outbox import ENOUGH, Outbox
from woflo.runners.processes.slots import BEGUN, CALL, READY

__all__ = [
    "ELAPSED",
    "RECALL_SIGNAL",
    "WorkerRole",
    "is_worker",
    "plain_value",
]

RECALL_SIGNAL: int = getattr(signal, "SIGRTMAX", getattr(signal, "SIGUSR1", 1) + 1) - 1
"""Asks a worker to give back the calls that it has not begun."""
ELAPSED = struct.Struct("<Q")
"""Stands before each outcome: how long the code ran, in nanoseconds."""
_PLAIN_OUTCOME = struct.Struct(wire.HEADER.format + ELAPSED.format.lstrip("<"))
_PLAIN_TYPES = frozenset({int, float, bool, type(None), str, bytes})
_PLAIN_MOST = 1 << 12
LONGEST_KEPT = 500_000
"""Nanoseconds for which an outcome waits for others, to be sent together."""

_in_worker = False


def is_worker() -> bool:
    """True in a worker of a pool: a pool inside one is small, or their number would grow with the depth."""
    return _in_worker


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
        Worker(link, self._prefix, self._capture).work()

    def _initializer_or_error(self, link: Link) -> None:
        assert self._initializer is not None
        try:
            self._initializer(*self._initargs)
        except BaseException as error:
            link.send_outcome(0, Outcome.failed(error), "the initializer")
            raise SystemExit(1) from None


class _CalledAttempt(Attempt):
    """The attempt of a call. The id of its run and the way to its caller are made for those that ask for them."""

    __slots__ = ("call", "worker")
    worker: Worker
    call: int

    @property
    def run_id(self) -> str:
        return f"{self.worker.prefix}{self.call:08x}"

    def tell(self, kind: str, data: Any) -> None:
        LinkChannel(self.worker.link, self.call).send(kind, data)


class Worker:
    """The loop of a worker process."""

    def __init__(self, link: Link, prefix: str, capture: bool = False) -> None:
        self.link = link
        self.prefix = prefix
        self._capture = capture
        self._words = link.slots.words
        self._begun, self._call = link.slot + BEGUN, link.slot + CALL
        self._codes: dict[int, bytes] = {}
        self._bodies: dict[int, Body] = {}
        """Those of the codes that were loaded."""
        self._recalled = False
        self._home = Home()
        self._outbox = Outbox(link.slots, link.slot)
        self._now = self._sent_at = 0
        """When the last call ended, and when something was sent, in nanoseconds."""
        _signal.signal(RECALL_SIGNAL, self._on_recall)
        link.slots.words[link.slot + READY] = 1  # from now on signals are taken as what they mean

    def work(self) -> None:
        """Until the caller wants no more."""
        link, outbox = self.link, self._outbox
        while True:
            if self._recalled:
                self._give_back()
            if not link.received or outbox.size > ENOUGH or self._now - self._sent_at > LONGEST_KEPT:
                self._send_kept()
            frame = link.receive()
            assert frame is not None
            if frame[0] == wire.PLAIN_CALLS:
                self._serve(*frame)
            elif frame[0] == wire.CALL:
                _, number, payload, fd = frame
                content = shipping.Parcel(payload[CALL_HEAD.size :], fd)
                self._serve(wire.CALL, number, content, CALL_HEAD.unpack_from(payload))
            else:
                self._take_in(frame)

    def _take_in(self, frame: wire.Frame) -> None:
        """What calls refer to. What cannot be loaded is told by the call that needs it."""
        kind, number, payload, fd = frame
        if kind == wire.CODE:
            self._codes[number] = payload
            self._bodies.pop(number, None)
        elif kind == wire.SHARED:
            sharing.receive_shared(number, shipping.Parcel(payload, fd))
        elif kind == wire.FORGET:
            sharing.forget_shared(number)

    def _serve(self, kind: int, number: int, content: Any, head: tuple[int, int, int]) -> None:
        link, words = self.link, self._words
        link.stop_requested = False
        code, attempt_number, flags = head
        if flags & ANNOUNCE:
            self._send_kept()
        begun = words[self._begun] = monotonic_ns()
        words[self._call] = number
        if flags & ANNOUNCE:
            self._send(wire.frame(wire.STARTED, number))
        try:
            self._home.enter()
            body = self._bodies.get(code) or self._load_body(code)
            if kind == wire.PLAIN_CALLS:
                args, kwargs, name, parent_id, last, trace = content, {}, body.name, None, None, None
            else:
                args, kwargs, name, parent_id, last, trace = guarded(shipping.load, content)
        except BaseException as error:  # loading executes code of the user, which may raise anything
            outcome, name = Outcome.failed(as_told(error)), "a call"
        else:
            attempt = _CalledAttempt("", name, attempt_number, body, args, kwargs, parent_id)
            attempt.worker, attempt.call, attempt.trace = self, number, trace
            if last is not None:
                attempt.last_heartbeat = last
            outcome = copy_context().run(link.start, attempt)
        if self._capture:
            flush_here()
        self._now = monotonic_ns()
        self._answer(number, outcome, name, self._now - begun)
        words[self._call] = 0

    def _load_body(self, code: int) -> Body:
        body: Body = guarded(pickle.loads, self._codes[code])
        self._bodies[code] = body
        return body

    def _answer(self, number: int, outcome: Outcome, name: str, elapsed: int) -> None:
        value = outcome.value
        if outcome.error is None and type(value) in _PLAIN_TYPES and sys.getsizeof(value) <= _PLAIN_MOST:
            data = marshal.dumps(value)
            frame = _PLAIN_OUTCOME.pack(wire.MAGIC, wire.PLAIN, 0, ELAPSED.size + len(data), number, elapsed) + data
            if not self._outbox.keep(frame):
                self._send_kept()
                self._send(frame)
            return
        self._send_kept()
        link = self.link
        link.held = True
        link.send_outcome(number, outcome, name, ELAPSED.pack(elapsed))
        link.held = False
        if self._recalled:
            self._give_back()

    def _send(self, frame: bytes) -> None:
        link = self.link
        link.held = True
        with link.sending:
            link.sock.sendall(frame)
        link.held = False
        if self._recalled:
            self._give_back()

    def _send_kept(self) -> None:
        """Send what waits: before all that is sent otherwise, so that a worker tells everything in its order."""
        if self._outbox.size:
            self._send(self._outbox.content())
            self._outbox.clear()
            self._sent_at = self._now

    # -- calls that another worker may take ------------------------------------------------------------

    def _on_recall(self, number: int, frame: Any) -> None:
        self._recalled = True
        if not self.link.held and not self.link.reading:
            self._give_back()

    def _give_back(self) -> None:
        """Answer with the numbers of the calls that were not begun. They are not executed here any more.

        A signal handler may do this within the code of a call. What it takes is in its hands alone until it is
        sent: an exception in the midst of it, such as a request to stop, would lose calls and what they refer to.
        """
        link = self.link
        link.held = True
        self._recalled = False
        numbers = link.take_unstarted()
        with link.sending:
            link.sock.sendall(wire.frame(wire.RETURNED, 0, b"".join(ELAPSED.pack(one) for one in numbers)))
        link.held = False
        link.raise_stop()
