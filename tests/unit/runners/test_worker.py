"""What a worker's signal handlers and threads may do to what it receives and sends."""

from __future__ import annotations

import signal
import socket
import threading
from types import SimpleNamespace

import pytest
from systems import needs_processes

from woflo.kernel.attempt import StopRequested
from woflo.kernel.outcome import Outcome
from woflo.runners.processes import wire
from woflo.runners.processes.calls import plain_frames, plain_head
from woflo.runners.processes.child import Link, LinkChannel
from woflo.runners.processes.slots import CALL, STOP, Slots
from woflo.runners.processes.worker import ELAPSED, RECALL_SIGNAL, Worker

pytestmark = needs_processes


class Watched:
    """A socket that calls `during` in the midst of each operation."""

    def __init__(self, sock):
        self._sock = sock
        self.during = lambda: None

    def recvmsg(self, *args):
        found = self._sock.recvmsg(*args)
        self.during()
        return found

    def sendall(self, data):
        self._sock.sendall(data[:5])
        self.during()
        self._sock.sendall(data[5:])

    def sendmsg(self, *args):
        self.during()
        return self._sock.sendmsg(*args)


@pytest.fixture
def caller():
    """The caller's end; the worker and its link are on it."""
    ours, theirs = socket.socketpair()
    before = signal.getsignal(RECALL_SIGNAL)
    ours.settimeout(10)
    slots = Slots()
    link = Link(Watched(theirs), slots, slots.take())
    worker = Worker(link, "run")
    try:
        yield SimpleNamespace(sock=ours, link=link, worker=worker, attempt=SimpleNamespace(stop_requested=False))
    finally:
        signal.signal(RECALL_SIGNAL, before)
        ours.close()
        theirs.close()
        del link, worker
        slots.close()


def under_way(caller, number):
    """The worker is in the code of a call that its caller has asked to stop."""
    caller.link.attempt = caller.attempt
    caller.link.slots.words[CALL] = caller.link.slots.words[STOP] = number


def ask_to_stop(caller):
    caller.link.on_sigterm(signal.SIGTERM, None)


def frames_of(sock):
    sock.setblocking(False)
    decoder, found = wire.Decoder(), []
    while True:
        try:
            found += decoder.feed(*wire.receive(sock))
        except BlockingIOError:
            return found


@pytest.mark.parametrize("when", ["reading", "sending"])
def test_a_stop_in_the_midst_of_a_recall_loses_nothing(caller, when):
    """Calls that were taken from the socket, and what they refer to, are told or kept; then the code is stopped."""
    under_way(caller, 1)
    alike = [SimpleNamespace(_number=number, _content=()) for number in (3, 4)]
    caller.sock.sendall(
        wire.frame(wire.CODE, 7, b"code") + wire.frame(wire.CALL, 2, b"") + b"".join(plain_frames(plain_head(7), alike))
    )

    def during():
        if caller.link.reading == (when == "reading"):
            ask_to_stop(caller)

    caller.link.sock.during = during
    with pytest.raises(StopRequested):
        caller.worker._on_recall(RECALL_SIGNAL, None)
    assert caller.attempt.stop_requested
    told = b"".join(ELAPSED.pack(number) for number in (2, 3, 4))
    assert frames_of(caller.sock) == [(wire.RETURNED, 0, told, None)]
    assert caller.link.receive() == (wire.CODE, 7, b"code", None)
    ask_to_stop(caller)  # once is enough


@pytest.mark.parametrize("handler", ["stop", "recall"])
def test_a_signal_in_the_midst_of_a_message_waits(caller, handler):
    """The rest of the message comes first."""
    under_way(caller, 1)

    def during():
        caller.link.sock.during = lambda: None
        if handler == "stop":
            ask_to_stop(caller)
        else:
            caller.worker._on_recall(RECALL_SIGNAL, None)

    caller.link.sock.during = during
    channel = LinkChannel(caller.link, 1)
    if handler == "stop":
        with pytest.raises(StopRequested):
            channel.send("log", ("name", 30, "text"))
    else:
        channel.send("log", ("name", 30, "text"))
    assert [frame[0] for frame in frames_of(caller.sock)] == [wire.MESSAGE]


@pytest.mark.parametrize(
    "send",
    [
        lambda caller: LinkChannel(caller.link, 1).send("log", ("name", 30, "text")),
        lambda caller: caller.link.send_outcome(1, Outcome("value"), "a call"),
        lambda caller: caller.worker._answer(1, Outcome("value" * 600), "a call", 0),
        lambda caller: (caller.worker._answer(1, Outcome(1), "a call", 0), caller.worker._send_kept()),
        lambda caller: caller.worker._give_back(),
    ],
    ids=["message", "outcome", "plain", "kept", "returned"],
)
def test_one_thread_sends_at_a_time(caller, send):
    """A large frame goes out in pieces, and another thread of the task's may send a message meanwhile."""
    taken = []

    def during():
        if not caller.link.reading:
            thread = threading.Thread(target=lambda: taken.append(caller.link.sending.acquire(blocking=False)))
            thread.start()
            thread.join()

    caller.link.sock.during = during
    send(caller)
    assert taken == [False]
