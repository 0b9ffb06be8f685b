"""What a worker keeps to send it later is seen by its caller, comes in order, and is not kept for long."""

from __future__ import annotations

import os
import signal
import socket
import time
from types import SimpleNamespace

import pytest
from systems import needs_processes

from woflo import task
from woflo.runners.processes import wire
from woflo.runners.processes.calls import ANNOUNCE, plain_frames, plain_head
from woflo.runners.processes.child import Link
from woflo.runners.processes.code import Codes
from woflo.runners.processes.outbox import Outbox
from woflo.runners.processes.pooled import PooledWorker
from woflo.runners.processes.slots import CALL, OUTBOX_SIZE, READY, Slots
from woflo.runners.processes.worker import RECALL_SIGNAL, Worker, plain_value

pytestmark = needs_processes


@pytest.fixture
def caller():
    """The caller's end of a link, with what it has seen."""
    ours, theirs = wire.socket_pair()
    ours.setblocking(False)
    slots = Slots()
    slots.take()  # so that the outbox is not the first
    link = Link(theirs, slots, slots.take())
    link.pid = os.getpid()
    try:
        yield SimpleNamespace(sock=ours, link=link, slots=slots)
    finally:
        ours.close()
        theirs.close()
        slots.close()


def sent(caller):
    try:
        return wire.receive(caller.sock)[0]
    except BlockingIOError:
        return b""


def kept(caller):
    return caller.slots.kept(caller.link.slot)


def test_what_is_kept_is_seen_until_it_is_cleared(caller):
    """By the caller, in the memory that it shares with the worker."""
    outbox = Outbox(caller.slots, caller.link.slot)
    assert outbox.keep(b"one")
    assert outbox.keep(b"two")
    assert kept(caller) == outbox.content() == b"onetwo"
    outbox.clear()
    assert (kept(caller), outbox.size) == (b"", 0)
    assert outbox.keep(b"three")
    assert kept(caller) == b"three"


def test_there_is_no_more_room_than_there_is(caller):
    """What does not fit is not taken, and changes neither what is there nor what belongs to the next child."""
    after = caller.slots.take()
    outbox = Outbox(caller.slots, caller.link.slot)
    assert outbox.keep(b"x" * (OUTBOX_SIZE - 1))
    assert not outbox.keep(b"yz")
    assert outbox.keep(b"y")
    assert kept(caller) == b"x" * (OUTBOX_SIZE - 1) + b"y"
    assert caller.slots.memory[caller.slots.outbox_at(after)] == 0


@task(runner="pool")
def same(value):
    return value


SEEN: list[tuple[int, int]] = []
"""For each call how many outcomes were sent, and how many more kept, when it began."""
LOOK = []


@task(runner="pool")
def look(seconds):
    SEEN.append(LOOK[0]())
    time.sleep(seconds)  # stands for work that takes so long: when outcomes are sent depends on that
    return "x" * 10


def served(caller, function, values, flags=0):
    """The frames of a worker that got calls of `function` at once, all of them when it has nothing to do any more."""
    code = Codes().get(function.body)
    frames = [wire.frame(wire.CODE, code.number, code.data)]
    calls = [SimpleNamespace(_number=number, _content=(value,)) for number, value in enumerate(values, 1)]
    frames += plain_frames(plain_head(code.number, flags=flags), calls)
    far_end, received = wire.Decoder(), []

    def look_around():
        received.extend(far_end.feed(sent(caller), []))
        return len(received), len(wire.Decoder().feed(kept(caller), []))

    SEEN.clear()
    LOOK[:] = [look_around]
    caller.sock.setblocking(True)
    caller.sock.sendall(b"".join(frames))
    caller.sock.setblocking(False)
    caller.sock.shutdown(socket.SHUT_WR)
    before = signal.getsignal(RECALL_SIGNAL)
    try:
        with pytest.raises(BrokenPipeError):
            Worker(caller.link, "run").work()
    finally:
        signal.signal(RECALL_SIGNAL, before)
    assert look_around() == (len(received), 0)
    return received


def test_each_outcome_is_written_before_the_next_call(caller):
    """Sent or kept: whoever kills the worker under a call costs no other."""
    outcomes = served(caller, look, [0] * 200)
    assert [(number, plain_value(payload)) for _, number, payload, _ in outcomes] == [
        (number, "x" * 10) for number in range(1, 201)
    ]
    assert [there + more for there, more in SEEN] == list(range(200))
    assert max(more for _, more in SEEN) > 1


def test_a_long_call_keeps_nothing_back_for_the_next(caller):
    """After it all is sent, its own outcome too."""
    served(caller, look, [0, 0.005, 0, 0.005, 0])
    assert SEEN[2::2] == [(2, 0), (4, 0)]


@pytest.mark.parametrize("large", ["x" * 3000, "x" * 30_000], ids=["plain", "not plain"])
def test_outcomes_come_in_the_order_of_their_calls(caller, large):
    """Those that are not kept too, each once."""
    frames = served(caller, same, [1, 2, large, 4, large, 6, 7])
    assert [number for _, number, _, _ in frames] == list(range(1, 8))


def test_a_start_that_is_told_comes_after_the_ends_before_it(caller):
    frames = served(caller, same, [1, 2, 3], ANNOUNCE)
    assert [(kind, number) for kind, number, _, _ in frames] == [
        (kind, number) for number in (1, 2, 3) for kind in (wire.STARTED, wire.PLAIN)
    ]


def test_what_changes_while_it_is_read_is_left_alone():
    """Another call has begun meanwhile: the worker sends by itself, and may have written over what was read."""
    words = {CALL: 7, READY: 1}

    def read():
        words[CALL] = 8
        return [(wire.PLAIN, 5, b"half of something", None)]

    child = SimpleNamespace(
        supervisor=SimpleNamespace(slots=SimpleNamespace(words=words)),
        slot=0,
        closed=False,
        kept=read,
        signal=lambda number, group: None,
    )
    worker = PooledWorker(SimpleNamespace(), None)
    worker.child = child
    worker.calls = dict.fromkeys((5, 7, 8))
    worker.look_at_progress()
    worker.look_at_progress()
    assert words[CALL] == 8
    assert list(worker.calls) == [5, 7, 8]


def test_an_outcome_that_was_seen_already_comes_once_more():
    """It is no call's, and no initializer's that failed."""
    worker = PooledWorker(SimpleNamespace(), None)
    worker.on_frames(None, [(wire.PLAIN, 5, bytes(8) + b"N", None)])
    assert worker._start_error is None
