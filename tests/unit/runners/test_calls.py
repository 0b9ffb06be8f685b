"""Calls on their way to a worker: what shares a frame, and what arrives."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from woflo.runners.processes import wire
from woflo.runners.processes.calls import ANNOUNCE, MOST_IN_FRAME, calls_in, plain_frames, plain_head
from woflo.runners.processes.code import Code, Codes
from woflo.runners.processes.pooled import PooledWorker


def call(number, *args, head=b""):
    return SimpleNamespace(_number=number, _content=args, _head=head, _shared=(), _fd=None)


def arrived(*frames):
    """The calls in frames, as a worker takes them: number and arguments of each."""
    found = wire.Decoder().feed(b"".join(frames), [])
    return [(number, args) for _, _, payload, _ in found for _, number, args, _ in calls_in(payload)]


def test_calls_arrive_as_they_were_made():
    calls = [call(1), call(2**40, 1, -(2**70)), call(3, 1.5, None, True, "text", "\udc80")]
    frames = list(plain_frames(plain_head(7, 2, ANNOUNCE), calls))
    assert len(frames) == 1
    assert arrived(*frames) == [(one._number, one._content) for one in calls]
    (_, _, payload, _) = wire.Decoder().feed(frames[0], [])[0]
    assert {head for *_, head in calls_in(payload)} == {(7, 2, ANNOUNCE)}


def test_a_frame_holds_so_many():
    """A worker begins with the first of them when it has the last."""
    calls = [call(number, number) for number in range(1, 2 * MOST_IN_FRAME + 2)]
    frames = list(plain_frames(plain_head(1), calls))
    assert len(frames) == 3
    assert arrived(*frames) == [(number, (number,)) for number in range(1, 2 * MOST_IN_FRAME + 2)]


def test_calls_share_no_object():
    """Here two calls get the same text; each arrives with its own, as if it had come alone."""
    text = "a text of some length"
    (_, one), (_, other) = arrived(*plain_frames(plain_head(1), [call(1, text), call(2, text)]))
    assert one == other == (text,)
    assert one[0] is not other[0]


@pytest.fixture
def worker():
    """A worker that sends into a list, `worker.sent`."""
    sent = []
    pool = SimpleNamespace(codes=Codes(), runtime=SimpleNamespace(reactor=None, on_reactor=lambda: True))
    one = PooledWorker(pool, None)
    one.child = SimpleNamespace(send_raw=lambda data, fd: sent.extend(wire.Decoder().feed(data, [])))
    one.sent = sent
    return one


def test_calls_keep_their_order(worker):
    """Alike ones beside each other share a frame; one that needs its own stands between them as it was made."""
    code = Code(b"code", None, ())
    code.number, code.head = 5, plain_head(5)
    full = call(3)
    full._content = wire.frame(wire.CALL, 3)
    again = call(5, 5, head=plain_head(5, 2))
    calls = [call(1, 1, head=code.head), call(2, 2, head=code.head), full, call(4, 4, head=code.head), again]
    for one in calls:
        one._code = code
    worker.send(calls)
    assert [kind for kind, *_ in worker.sent] == [wire.CODE, wire.PLAIN_CALLS, wire.CALL, *[wire.PLAIN_CALLS] * 2]
    assert [[number for _, number, _, _ in calls_in(worker.sent[at][2])] for at in (1, 3, 4)] == [[1, 2], [4], [5]]
    assert list(worker.calls) == [1, 2, 3, 4, 5]
