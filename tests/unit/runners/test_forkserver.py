"""The caller's end of fork servers: each has a slot, a socket and children of its own."""

from __future__ import annotations

import errno
import os
import socket
from types import SimpleNamespace

import pytest
from systems import needs_pidfd

from woflo.errors import LaunchError
from woflo.runners.processes import forkserver
from woflo.runners.processes.forkserver import ForkServerClient
from woflo.runners.processes.slots import ENDING, SESSION, Slots

pytestmark = needs_pidfd


class Child:
    def __init__(self, slots):
        self.slot = slots.take()
        self.told = []

    def kill(self):
        self.told.append("killed")

    def on_death(self, status, reap):
        self.told.append(status)


@pytest.fixture
def caller(monkeypatch):
    """A caller whose servers are ends of sockets in the test's hand; `dead[n](...)` tells the end of the nth."""
    servers, dead, handlers = [], [], {}

    def spawn(code, fds):
        servers.append(socket.socket(fileno=os.dup(fds[0])))
        return 1000 + len(servers)

    monkeypatch.setattr(forkserver, "spawn_python", spawn)
    reactor = SimpleNamespace(
        register=lambda fd, events, handler: handlers.update({fd: handler}), unregister=handlers.pop
    )
    slots = Slots()
    supervisor = SimpleNamespace(slots=slots, reactor=reactor, watch_helper=lambda pid, told: dead.append(told))
    ours, theirs = socket.socketpair()
    client = ForkServerClient(supervisor, ())
    yield SimpleNamespace(client=client, slots=slots, servers=servers, dead=dead, handlers=handlers, theirs=theirs)
    for close in client.closers_in_child():
        close()
    for sock in (ours, theirs, *servers):
        sock.close()
    slots.close()


def begin(caller):
    """A child that the present server was asked for, and the slot of that server."""
    child = Child(caller.slots)
    caller.client.fork(child, caller.theirs)
    taken = {at for at in range(0, 8 * 64, 8) if caller.slots.words[at + SESSION] == 1000 + len(caller.servers)}
    return child, taken


def hang_up(caller):
    """The server that works ends; its process is still to be waited for."""
    caller.servers[-1].close()
    (handler,) = caller.handlers.values()
    handler(1)


def test_the_late_end_of_a_server(caller):
    """When the next one works already, that one keeps its slot, its socket and its children."""
    first, _ = begin(caller)
    hang_up(caller)
    assert first.told == ["killed", None]
    second, (slot,) = begin(caller)
    caller.dead[0](9, lambda measured: None)
    assert caller.slots.words[slot + SESSION] == 1002
    assert second.told == []
    assert len(caller.handlers) == 1
    assert caller.slots.take() != slot
    caller.dead[1](9, lambda measured: None)
    assert second.told == ["killed", None]
    assert caller.slots.words[slot + SESSION] == caller.slots.words[slot + ENDING] == 0
    assert not caller.handlers
    assert first.told == ["killed", None], "told once"


def test_its_slot_is_its_own_until_it_was_waited_for(caller):
    """Also where its socket ended first: the guardian has to find it there."""
    _, (slot,) = begin(caller)
    hang_up(caller)
    assert caller.slots.words[slot + SESSION] == 1001
    _, (other,) = begin(caller)
    assert other != slot
    caller.dead[0](9, lambda measured: None)
    assert caller.slots.words[slot + SESSION] == 0
    assert caller.slots.words[other + SESSION] == 1002


def test_a_descriptor_that_cannot_be_sent(caller, monkeypatch):
    """It fails the one call; the server and its other children have nothing to do with it."""
    child, _ = begin(caller)

    def refuse(*args):
        raise OSError(errno.ETOOMANYREFS, os.strerror(errno.ETOOMANYREFS))

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "sendmsg", refuse)
        with pytest.raises(LaunchError, match="Too many references"):
            caller.client.fork(Child(caller.slots), caller.theirs)
    assert child.told == []
    begin(caller)
    assert len(caller.servers) == 1
