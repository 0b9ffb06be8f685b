"""The fork server: a small process that forks on request, and the caller's end of it.

    caller ── (slot) + socket ──► server ── fork ──► child
    caller ◄── (slot, status, peak memory) ── server, which is the child's parent and notices its end

Requests and answers are packets of a SEQPACKET socket (a stream where there are none), all of one size.
"""

from __future__ import annotations

import array
import gc
import os
import pickle
import select
import socket
import struct
import sys
import threading
from _signal import SIG_IGN, SIGINT, default_int_handler
from _signal import signal as set_handler
from importlib import import_module
from typing import TYPE_CHECKING

from woflo.errors import LaunchError
from woflo.kernel import runtime
from woflo.kernel.reactor import READ
from woflo.runners.processes import shipping, tree, wire
from woflo.runners.processes.attempts import AttemptRole, rehearse
from woflo.runners.processes.boot import play, preparation
from woflo.runners.processes.child import Link, live
from woflo.runners.processes.inheritance import Closer
from woflo.runners.processes.launching import spawn_python
from woflo.runners.processes.loading import be_fresh, guarded
from woflo.runners.processes.seeds import advance
from woflo.runners.processes.slots import ENDING, SESSION, Slots
from woflo.runners.processes.wire import Socket

if TYPE_CHECKING:
    from woflo.runners.processes.children import Child
    from woflo.runners.processes.supervisor import Supervisor
    from woflo.runners.processes.watching import Reap

__all__ = ["ForkServerClient", "serve"]

_REQUEST = struct.Struct("<Q")
_ANSWER = struct.Struct("<QqqQ")
"""Slot, wait status, peak memory in bytes, 0."""
_NEEDED = (
    "cloudpickle",
    "traceback",
    "woflo.kernel.bus",
    "woflo.kernel.task",
    "woflo.runners.processes.attempts",
    "woflo.runners.processes.boot",
    "woflo.runners.processes.worker",
)
"""What every child would import otherwise."""
_KIND = getattr(socket, "SOCK_SEQPACKET", socket.SOCK_STREAM) if sys.platform == "linux" else socket.SOCK_STREAM


class ForkServerClient:
    """The caller's end. Lives in the reactor's thread."""

    def __init__(self, supervisor: Supervisor, preload: tuple[str, ...]) -> None:
        self._supervisor = supervisor
        self._preload = preload
        self._server: _Started | None = None

    def fork(self, child: Child, theirs: Socket) -> None:
        """Ask for a process that uses `theirs`. The server is started by the first call, and again if it died."""
        if self._server is None or self._server.lost:
            self._server = _Started(self._supervisor, self._preload)
        self._server.fork(child, theirs)

    def closers_in_child(self) -> list[Closer]:
        """What a fork of the caller has to call."""
        return [] if self._server is None or self._server.lost else [self._server.sock.close]


class _Started:
    """One server, from its start to its end, which may be noticed when the next one works already."""

    def __init__(self, supervisor: Supervisor, preload: tuple[str, ...]) -> None:
        self._supervisor = supervisor
        self._children: dict[int, Child] = {}
        """Those that it was asked for and whose end it has not told, by their slots."""
        self.lost = False
        """True once it answers no more; then its socket is closed."""
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, _KIND)
        self._slot = supervisor.slots.take()
        fds = (theirs.fileno(), supervisor.slots.fd)
        path = [entry for entry in sys.path if entry]
        arguments = f"{fds[0]}, {fds[1]}, {preload!r}, {path!r}"
        pid = spawn_python(f"from woflo.runners.processes.forkserver import serve; serve({arguments})", fds)
        theirs.close()
        supervisor.slots.words[self._slot + SESSION] = pid
        supervisor.watch_helper(pid, self._on_death)
        supervisor.reactor.register(self.sock.fileno(), READ, self._on_answer)

    def fork(self, child: Child, theirs: Socket) -> None:
        rights = array.array("i", [theirs.fileno()])
        try:
            self.sock.sendmsg([_REQUEST.pack(child.slot)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        except ConnectionError as error:
            self._lose()
            raise LaunchError(f"the fork server is gone ({error}); the next call starts another one") from error
        except OSError as error:  # such as too many descriptors under way: the server is as well as before
            raise LaunchError(f"a process could not be asked for: {error}") from error
        self._children[child.slot] = child

    def _on_answer(self, _: int) -> None:
        try:
            data = self.sock.recv(_ANSWER.size * 64, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        for slot, status, peak, _zero in _ANSWER.iter_unpack(data):
            child = self._children.pop(slot, None)
            if child is not None:
                child.on_death(status, _told(peak))

    def _on_death(self, status: int | None, reap: Reap) -> None:
        self._supervisor.slots.words[self._slot + SESSION] = 0
        reap(False)
        self._supervisor.slots.give(self._slot)
        self._lose()

    def _lose(self) -> None:
        """It is gone, and with it the only one who notices how its children end: they end now."""
        if self.lost:
            return
        self.lost = True
        self._supervisor.reactor.unregister(self.sock.fileno())
        self.sock.close()
        children, self._children = self._children, {}
        for child in children.values():
            child.kill()
            child.on_death(None, _told(None))


def _folder_of(module: str) -> str:
    """Where the module, or the package that it is of, was found; empty where there is no such place."""
    top = sys.modules[module.partition(".")[0]]
    file = getattr(top, "__file__", None) or ""
    return os.path.dirname(os.path.dirname(file) if hasattr(top, "__path__") else file)


def _told(peak: int | None) -> Reap:
    """For what has been waited for already."""
    return lambda _measured: peak


# -- the server ----------------------------------------------------------------------------------------


def serve(sock_fd: int, slots_fd: int, preload: tuple[str, ...], path: list[str]) -> None:
    """Fork on request until the caller is gone. Never returns."""
    sys.path[:] = path
    os.set_inheritable(sock_fd, False)
    os.set_inheritable(slots_fd, False)
    set_handler(SIGINT, SIG_IGN)
    be_fresh()
    for name in preload:
        guarded(import_module, name)
    for name in _NEEDED:
        import_module(name)
    slots = Slots(slots_fd)
    runtime.prepare_forks()
    rehearse(slots, _play_here)
    gc.collect()
    gc.freeze()
    Server(socket.socket(socket.AF_UNIX, _KIND, fileno=sock_fd), slots).run()
    os._exit(0)


def _play_here(role: AttemptRole, link: Link, caller: Socket) -> None:
    """What a child does with a role, sent and received here."""
    for part in (pickle.dumps(preparation()), shipping.dump(role).data):
        wire.send_frame(caller, wire.ROLE, 0, part)
    play(link)


class Server:
    """One thread, a poll object, and the children it forked."""

    def __init__(self, sock: socket.socket, slots: Slots) -> None:
        self._sock = sock
        self._slots = slots
        self._alive: dict[int, tuple[int, int]] = {}
        """pidfd: (pid, slot)"""
        self._imports, self._importers = os.pipe()
        """By which children tell the modules that they had to import: later ones shall find them there."""
        self._known: set[str] = set()
        """What was told."""
        self._poll = select.poll()

    def run(self) -> None:
        self._poll.register(self._sock, select.POLLIN)
        self._poll.register(self._imports, select.POLLIN)
        while True:
            for fd, _ in self._poll.poll():
                if fd == self._imports:
                    self._import(os.read(fd, 1 << 16).decode().splitlines())
                elif fd != self._sock.fileno():
                    self._on_end(fd)
                elif not self._on_request():
                    return

    def _on_request(self) -> bool:
        try:
            data, ancillary, _, _ = self._sock.recvmsg(_REQUEST.size, socket.CMSG_SPACE(4))
        except ConnectionResetError:
            return False
        if not data:
            return False
        fd = int.from_bytes(ancillary[0][2][:4], sys.byteorder)
        (slot,) = _REQUEST.unpack(data)
        own = os.getpid()
        advance()
        pid = os.fork()
        if pid == 0:
            self._be_child(fd, slot, own)
        os.close(fd)
        pidfd = os.pidfd_open(pid)
        self._alive[pidfd] = (pid, slot)
        self._poll.register(pidfd, select.POLLIN)
        return True

    def _be_child(self, fd: int, slot: int, server: int) -> None:
        if os.getppid() != server:
            os._exit(1)  # killed meanwhile: the slot may be another's by now
        try:
            self._sock.close()
            for pidfd in self._alive:
                os.close(pidfd)
            set_handler(SIGINT, default_int_handler)
            live(Link(Socket(fileno=fd), self._slots, slot), lambda link: play(link, self._tell))
        finally:
            os._exit(1)

    def _tell(self, module: str) -> None:
        """In a child whose function is of this module. One that starts threads is nothing for a process that forks."""
        if module and module not in self._known and threading.active_count() == 1:
            os.write(self._importers, f"{module}\t{_folder_of(module)}\n".encode())
        os.close(self._imports)
        os.close(self._importers)

    def _import(self, lines: list[str]) -> None:
        """A child has done the same and lives. What fails all the same is left to the children to tell."""
        for line in lines:
            module, _, folder = line.partition("\t")
            self._known.add(module)
            if folder and folder not in sys.path:
                sys.path.append(folder)  # the caller's may have grown since the server was started
            try:
                guarded(import_module, module)
            except BaseException:
                pass
        gc.freeze()

    def _on_end(self, pidfd: int) -> None:
        self._poll.unregister(pidfd)
        os.close(pidfd)
        pid, slot = self._alive.pop(pidfd)
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert found is not None
        if found.si_code != os.CLD_EXITED or found.si_status or self._slots.words[slot + ENDING]:
            tree.kill_trees([pid], spare=[pid])
        self._slots.words[slot + SESSION] = 0  # before the number can be given to another process
        _, status, usage = os.wait4(pid, 0)
        self._sock.send(_ANSWER.pack(slot, status, usage.ru_maxrss * 1024, 0))
