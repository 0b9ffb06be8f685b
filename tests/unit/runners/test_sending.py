"""What the caller sends to a child: in order, whole, and without waiting for it."""

from __future__ import annotations

import errno
import os
import socket
import threading

import pytest
from systems import needs_proc, needs_processes
from unit_helpers import PATIENCE

from woflo import task
from woflo.kernel import runtime
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.runners.processes import wire
from woflo.runners.processes.launching import Launcher, SpawnProcess
from woflo.runners.processes.shipping import shared_file
from woflo.runners.processes.supervisor import supervisor
from woflo.testing import wait_until
from woflo.testing.conformance.tools import configured
from woflo.testing.procfs import descriptors

pytestmark = needs_processes


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


class Refusing:
    """A socket over which no descriptor passes."""

    def __init__(self, sock, error):
        self._sock, self._error = sock, error

    def sendmsg(self, *args):
        raise OSError(self._error, os.strerror(self._error))

    def __getattr__(self, name):
        return getattr(self._sock, name)


@pytest.mark.parametrize("error", [errno.ETOOMANYREFS, errno.EMFILE, errno.ENOMEM])
@pytest.mark.parametrize("size", [1, 10_000_000])
def test_a_descriptor_that_the_system_does_not_let_pass(pair, error, size):
    """Its content goes instead, in its place, to the frame that it belongs to."""
    child, theirs = pair
    child.sock = Refusing(child.sock, error)
    content = os.urandom(size)
    memory = shared_file()
    with open(memory, "wb", closefd=False) as file:
        file.write(content)

    def send():
        child.send_raw(wire.frame(wire.CODE, 1, b"code") + wire.frame(wire.CALL, 2, b"call", True), memory)
        os.close(memory)
        child.send(wire.CALL, 3, b"")

    in_reactor(send)
    code, call, other = frames_of(theirs, 3)
    assert (code, call[:3], other) == (
        (wire.CODE, 1, b"code", None),
        (wire.CALL, 2, b"call"),
        (wire.CALL, 3, b"", None),
    )
    assert os.pread(call[3], size + 1, 0) == content
    os.close(call[3])


def test_a_socket_that_has_ended_is_no_reason_to_send_content(pair):
    """What waits is dropped with its descriptor, as ever."""
    child, _ = pair
    child.sock = Refusing(child.sock, errno.EPIPE)
    reader, writer = os.pipe()
    in_reactor(child.send, wire.SHARED, 2, b"", writer)
    os.close(writer)
    assert content_of(reader) == b""


@needs_proc
@pytest.mark.parametrize(("base", "more"), [(PoolTaskRun, {}), (MultiprocessTaskRun, {"process_type": SpawnProcess})])
def test_calls_while_no_descriptor_passes(monkeypatch, base, more):
    """They are executed, and nothing of them is left open."""

    class NonePasses(wire.Socket):
        def sendmsg(self, *args):
            raise OSError(errno.ETOOMANYREFS, os.strerror(errno.ETOOMANYREFS))

    def socket_pair():
        ours, theirs = before()
        return NonePasses(fileno=ours.detach()), theirs

    before = wire.socket_pair
    monkeypatch.setattr(wire, "socket_pair", socket_pair)
    content = os.urandom(3_000_000)
    with configured(base, max_concurrency=1, **more) as runner:
        size = task(runner=runner)(len)
        size(content).get_result(PATIENCE)
        before_others = len(descriptors())
        for run in size.map([content, content[1:]]):
            assert run.get_result(PATIENCE) in (3_000_000, 2_999_999)
        wait_until(lambda: len(descriptors()) <= before_others)
