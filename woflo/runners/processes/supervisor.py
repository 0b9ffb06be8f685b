"""Starting child processes, watching them, and ending them.

Everything here happens in the reactor's thread: it is the one that forks, and the one that makes and closes
descriptors (see `kernel/reactor.py`).

    start ──► socketpair, slot ──► launcher (fork | fork server | spawn) ──► child
    socket readable ──► frames ──► owner.on_frames
    pidfd readable ──► the rest of the socket ──► slot cleared, waited for ──► owner.on_exit

The end of a process is told by its pidfd alone. End-of-file is no sign: a grandchild may hold the socket.
"""

from __future__ import annotations

import threading
from typing import Any

from woflo.errors import InternalError
from woflo.kernel import bus, runtime
from woflo.kernel.reactor import READ, Reactor
from woflo.runners.processes import crash, wire
from woflo.runners.processes.child import Role
from woflo.runners.processes.children import Child, Owner
from woflo.runners.processes.inheritance import Closer
from woflo.runners.processes.launching import Launcher
from woflo.runners.processes.slots import HEARD, SESSION, Slots
from woflo.runners.processes.watching import watch_process

__all__ = ["Supervisor", "supervisor"]

HURRIED_SECONDS = 2.0
"""How long killed children are waited for when the user presses Ctrl-C again."""


class Supervisor:
    """All children of this process. Made and used in the reactor's thread."""

    def __init__(self, here: runtime.Runtime) -> None:
        self._here = here
        self.reactor: Reactor = here.reactor
        self.slots: Slots = Slots()
        self.children: set[Child] = set()
        self._oom_kills = crash.count_oom_kills()
        self._launchers: dict[type[Launcher], Launcher] = {}
        self._emptied: Any = None
        self._guard()
        here.final_closers[Supervisor] = self.close
        bus.when_changed.append(self._tell_listening)

    def start(self, kind: type[Launcher], role: Role | Any, owner: Owner, closing: Any = None) -> Child:
        """Start a child by `kind` of launcher. `role` is the role itself for a fork, its parcel otherwise.

        `closing` is the lock under which other threads write to the child's socket, where any do.
        """
        launcher = self._launchers.get(kind)
        if launcher is None:
            launcher = self._launchers[kind] = kind(self)
        ours, theirs = wire.socket_pair()
        slot = self.slots.take()
        child = Child(self, owner, ours, slot)
        child.closing = closing or child.closing
        self.slots.words[slot + HEARD] = bus.hearing()
        try:
            ours.setblocking(False)
            # The socket first: were it registered after the pidfd, a quick child's outcome could be missed.
            self.reactor.register(child.fd, READ, child.on_ready)
            self.children.add(child)
            launcher.launch(child, theirs, role)
        except BaseException:
            self.forget(child)
            raise
        finally:
            theirs.close()
        return child

    def watch(self, child: Child) -> None:
        """Have the end of a child that this process forked or spawned noticed, and the child guarded."""
        self.slots.words[child.slot + SESSION] = child.pid  # the child writes the same, but it may be slow to begin
        watch_process(self.reactor, child.pid, child.on_death)

    def watch_helper(self, pid: int, on_death: Any) -> None:
        """The same for a process that is no child in this sense, such as the fork server."""
        watch_process(self.reactor, pid, on_death)

    def _tell_listening(self) -> None:
        """In any thread: children are to tell of their calls, or no more. A child sees it with its next attempt."""
        heard = bus.hearing()
        for child in list(self.children):
            self.slots.words[child.slot + HEARD] = heard

    def forget(self, child: Child) -> None:
        self.children.discard(child)
        self.reactor.unregister(child.fd)
        with child.closing:
            child.closed = True
            child.sock.close()
            child.drop_unsent()
        self.slots.give(child.slot)
        self._look_whether_empty()

    # -- the end of the program, in the thread that ends it --------------------------------------------

    def close(self) -> None:
        """Wait until every child has left. An interrupt ends them, and so does a reactor that cannot notice it."""
        gone = threading.Lock()
        gone.acquire()
        try:
            if self._here.in_a_hurry:
                self.reactor.call(self._kill_all)
            self.reactor.call(self._tell_when_empty, gone)
            self.reactor.wait_for(gone)
        except KeyboardInterrupt:
            self.reactor.call(self._kill_all)
            gone.acquire(True, HURRIED_SECONDS)
        except InternalError:
            self._kill_all()

    def _kill_all(self) -> None:
        for child in list(self.children):
            child.kill()

    def _tell_when_empty(self, gone: Any) -> None:
        self._emptied = gone
        self._look_whether_empty()

    def _look_whether_empty(self) -> None:
        if self._emptied is not None and not self.children:
            self._emptied.release()
            self._emptied = None

    def starved_since_last_look(self) -> bool:
        """Whether the kernel has killed a process for want of memory meanwhile."""
        before, self._oom_kills = self._oom_kills, crash.count_oom_kills()
        return self._oom_kills > before

    def closers_in_child(self) -> list[Closer]:
        """What a forked child has to call: what it kept open, the other side would never see closed here."""
        found: list[Closer] = self.reactor.closers_in_child()
        for child in self.children:
            found.append(child.sock.close)
            if child._unsent:
                found.append(child.drop_unsent)
        for launcher in self._launchers.values():
            found += launcher.closers_in_child()
        return found

    def _guard(self) -> None:
        from woflo.runners.processes.launching import start_guardian

        try:
            start_guardian(self)
        except OSError as error:
            bus.complain(
                "the guardian could not be started: children would outlive this process if it were killed",
                error,
            )


def supervisor(here: runtime.Runtime) -> Supervisor:
    """The supervisor of this process. To be called in the reactor's thread."""
    found: Supervisor = here.service(Supervisor, lambda: Supervisor(here))
    return found
