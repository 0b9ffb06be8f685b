"""What the caller sends to a child: in order, whole, and without waiting for it."""

from __future__ import annotations

import os
import socket
import threading

import pytest
from unit_helpers import PATIENCE

from woflo.kernel import runtime
from woflo.runners.processes import wire
from woflo.runners.processes.launching import Launcher
from woflo.runners.processes.supervisor import supervisor

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="descriptors cannot be passed on")


class NoProcess(Launcher):
    """Starts nothing: the other end of the socket is the test's."""

    def launch(self, child, theirs, role):
        role.append(socket.socket(fileno=os.dup(theirs.fileno())))


class Silent:
    def on_frames(self, child, frames): ...
    def on_exit(self, child, end): ...


def in_reactor(function, *args):
    """What `function(*args)` returns in the reactor's thread, or its exception."""
    done, found = threading.Event(), []

    def call():
        try:
            found.append(function(*args))
        except BaseException as error:
            found.append(error)
        done.set()

    runtime.current.reactor.call(call)
    assert done.wait(PATIENCE / 4), "the reactor waits"
    return found[0]


@pytest.fixture
def pair():
    """A child as its caller sees it, and the socket that its process would have."""
    here, ends = runtime.current, []
    child = in_reactor(lambda: supervisor(here).start(NoProcess, ends, Silent()))
    theirs = ends[0]
    theirs.settimeout(PATIENCE)
    try:
        yield child, theirs
    finally:
        theirs.close()
        in_reactor(child.supervisor.forget, child)


def frames_of(sock, count):
    decoder, found = wire.Decoder(), []
    while len(found) < count:
        data, fds = wire.receive(sock)
        assert data, "the stream ended"
        found += decoder.feed(data, fds)
    return found


def content_of(fd):
    with open(fd, "rb") as file:
        return file.read()


def test_a_descriptor_waits_behind_what_the_child_has_not_read(pair):
    """The reactor does not: all else would stand still until the child reads."""
    child, theirs = pair
    large = bytes(30_000)

    def send():
        for number in range(40):
            child.send(wire.CALL, number, large)
            if number % 10 == 9:
                reader, writer = os.pipe()
                os.write(writer, b"%d" % number)
                os.close(writer)
                child.send(wire.SHARED, number, b"with a descriptor", reader)
                os.close(reader)  # whoever sends it need not keep it

    in_reactor(send)
    found = frames_of(theirs, 44)
    calls = [number for kind, number, payload, fd in found if kind == wire.CALL]
    shared = [(number, content_of(fd)) for kind, number, payload, fd in found if kind == wire.SHARED]
    assert calls == list(range(40))
    assert shared == [(number, b"%d" % number) for number in (9, 19, 29, 39)]
    assert [kind for kind, *_ in found[:11]] == [wire.CALL] * 10 + [wire.SHARED]


def test_no_descriptor_is_left_of_what_was_not_sent(pair):
    """The child is gone before it took everything."""
    child, _ = pair
    reader, writer = os.pipe()

    def send():
        child.send(wire.CALL, 1, bytes(1_000_000))
        child.send(wire.SHARED, 2, b"", writer)
        child.drop_unsent()

    in_reactor(send)
    os.close(writer)
    assert content_of(reader) == b"", "the end of the stream: nobody holds the other end"


def test_nothing_gets_into_the_middle_of_a_frame(pair):
    """The rest of a frame that the socket took in part comes before what other threads send."""
    child, theirs = pair
    child.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the system takes the least that it allows
    go = threading.Event()
    runtime.current.reactor.call(go.wait, PATIENCE)
    first, second = (wire.frame(wire.CALL, number, bytes([number]) * 30_000) for number in (1, 2))
    with child.closing:
        assert child.send_directly(first)
        child.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        assert not child.send_directly(second)
    go.set()
    in_reactor(child.send_raw, second)
    assert [(number, payload[0], len(payload)) for _, number, payload, _ in frames_of(theirs, 2)] == [
        (1, 1, 30_000),
        (2, 2, 30_000),
    ]


def test_a_child_whose_socket_has_ended_may_be_sent_much(pair):
    """Its end is noticed by its pidfd, which may be a moment later."""
    child, theirs = pair
    theirs.close()
    assert in_reactor(child.receive) is False
    assert in_reactor(child.send, wire.CALL, 1, bytes(1_000_000)) is None
