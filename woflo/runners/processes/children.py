"""A child process as its caller has it: what is said to it and heard of it, and how it is ended.

Everything here happens in the reactor's thread, but for what says otherwise.
"""

from __future__ import annotations

import array
import os
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from woflo.kernel.reactor import READ, WRITE
from woflo.runners.processes import tree, wire
from woflo.runners.processes.child import DUMP_SIGNAL
from woflo.runners.processes.crash import Exit
from woflo.runners.processes.slots import CALL, ENDING, SESSION
from woflo.runners.processes.watching import Reap

if TYPE_CHECKING:
    from woflo.runners.processes.supervisor import Supervisor

__all__ = ["Child", "Owner"]

DIRECT_MOST = 1 << 15
"""Bytes that an empty socket takes at once, with room to spare."""
SEES_SIGNALS: bool = sys.version_info < (3, 13)
"""False where a forked child may not see a signal that comes while it waits for nothing; see `Child.remind`."""
FIRST_REMINDER = 0.05
LEFTOVER_CHECKS = 400
"""How often leftovers of a session are looked for after they were killed, 5 ms apart, before giving up."""


class Owner(Protocol):
    """Who wants to know what a child says and how it ends. Called in the reactor's thread."""

    def on_frames(self, child: Child, frames: list[wire.Frame]) -> None: ...
    def on_exit(self, child: Child, end: Exit) -> None: ...


class _Nobody:
    """The owner of a child that has ended."""

    def on_frames(self, child: Child, frames: list[wire.Frame]) -> None: ...
    def on_exit(self, child: Child, end: Exit) -> None: ...


_NOBODY = _Nobody()


class Child:
    """A child process, as its caller sees it."""

    told_of: dict[str, str] | None = None
    """The calls that were made in it, by their ids, of which it has told and that have not ended; and their tasks."""

    def __init__(self, supervisor: Supervisor, owner: Owner, sock: wire.Socket, slot: int) -> None:
        self.supervisor = supervisor
        self.owner: Owner = owner
        self.sock = sock
        self.fd: int = sock.fileno()
        self.slot = slot
        self.pid = 0
        """0 until the launcher knows it."""
        self.decoder: wire.Decoder = wire.Decoder()
        self.dead: bool = False
        """True once its end was noticed; from then on its number may belong to another process."""
        self.asked_to_end: bool = False
        self.measured = True
        """False once the owner has all it wanted: its peak memory is not asked for then."""
        self.closed = False
        self.closing: Any = threading.Lock()
        """Held while the socket is closed. An owner whose other threads write to it puts its own lock here."""
        self._unsent: deque[tuple[memoryview, int | None]] = deque()
        """What the socket did not take yet, each with the descriptor that goes with its first byte."""
        self._kill_timer: Any = None

    # -- talking ---------------------------------------------------------------------------------------

    def send(self, kind: int, number: int, payload: bytes, fd: int | None = None) -> None:
        """Send a frame without waiting; what the socket does not take now follows when it does."""
        self.send_raw(wire.frame(kind, number, payload, fd is not None), fd)

    def send_raw(self, data: bytes, fd: int | None = None) -> None:
        if self.dead:
            return
        if self._unsent or fd is not None or not self.send_directly(data):
            self._push(data, fd)

    def send_directly(self, data: bytes) -> bool:
        """Also from another thread, under the lock of `closing`: all at once, or nothing and False."""
        if self.closed or self._unsent or len(data) > DIRECT_MOST:
            return False
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            return False
        except OSError:
            return True  # it is dying: its exit tells what becomes of the calls
        if sent < len(data):
            # Waits from this moment on, so that nobody sends into the middle of it; only here is anything added by
            # another thread than the reactor's, and only while nothing waits, which the reactor then has to look at.
            self._unsent.append((memoryview(data)[sent:], None))
            self.supervisor.reactor.call(self._send_more)
        return True

    def _push(self, data: bytes, fd: int | None) -> None:
        """Send it after what waits already. A descriptor goes with the first byte of its data: they wait together."""
        if self.closed:
            return
        try:
            own = None if fd is None else os.dup(fd)  # the caller's may be closed meanwhile
        except OSError:  # none is left; without it the child cannot go on
            self.kill()
            return
        self._unsent.append((memoryview(data), own))
        if len(self._unsent) == 1:
            self._send_more()

    def _send_more(self) -> None:
        """In the reactor's thread, without waiting: a child that is busy reads nothing."""
        unsent = self._unsent
        try:
            while unsent and not self.closed:
                data, fd = unsent[0]
                sent = self.sock.send(data) if fd is None else self._send_with_fd(data, fd)
                if sent is None:
                    continue
                if sent == len(data):
                    unsent.popleft()
                else:
                    unsent[0] = (data[sent:], None)
        except BlockingIOError:
            pass
        except ConnectionError:
            self.drop_unsent()  # it is dying; its exit tells the rest
        except OSError:  # without what waits it cannot go on
            self.drop_unsent()
            self.kill()
        if not self.closed and self.supervisor.reactor.has(self.fd):
            self.supervisor.reactor.modify(self.fd, READ | WRITE if unsent else READ)

    def _send_with_fd(self, data: memoryview, fd: int) -> int | None:
        """None where the system does not let descriptors pass, as with too many under way: its content goes instead."""
        try:
            sent = self.sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        except (BlockingIOError, ConnectionError):
            raise
        except OSError:
            pieces = wire.content_pieces(data, fd)
            self._unsent.popleft()
            self._unsent.extendleft((piece, None) for piece in reversed(pieces))
            sent = None
        os.close(fd)
        return sent

    def drop_unsent(self) -> None:
        """Nobody will take what waits."""
        while self._unsent:
            fd = self._unsent.popleft()[1]
            if fd is not None:
                os.close(fd)

    def end_input(self) -> None:
        """Tell the child that nothing more will come."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has ended

    def on_ready(self, events: int) -> None:
        if events & WRITE and self._unsent and not self.dead:
            self._send_more()
        if events & ~WRITE:  # something to read, or the end
            self.receive()

    def receive(self) -> bool:
        """Take what the socket has; False where it has no more for now, or has ended."""
        try:
            data, fds = wire.receive(self.sock)
        except BlockingIOError:
            return False
        except OSError:  # a dead child with unread input resets the connection instead of ending it
            data, fds = b"", []
        if not data:
            self.supervisor.reactor.unregister(self.fd)
            return False
        self.owner.on_frames(self, self.decoder.feed(data, fds))
        return True

    def catch_up(self) -> bool:
        """The same at any time: also where it has ended, and its socket is closed."""
        return not self.closed and self.supervisor.reactor.has(self.fd) and self.receive()

    def kept(self) -> list[wire.Frame]:
        """What it has written and not sent yet; a part of it may come once more."""
        return wire.Decoder().feed(self.supervisor.slots.kept(self.slot), [])

    # -- ending ----------------------------------------------------------------------------------------

    def where(self) -> None:
        """Ask the child to write where its code is; the answer is in `decoder.text` when it comes."""
        self.signal(DUMP_SIGNAL, group=False)

    def ask_to_end(self, grace: float) -> None:
        """SIGTERM to the child's group now, SIGKILL to its tree after `grace` seconds."""
        self._mark_ending()
        self.signal(signal.SIGTERM, group=True)
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        self._kill_timer = self.supervisor.reactor.call_later(grace, self.kill)

    def remind(self, matters: Callable[[], bool], pause: float = FIRST_REMINDER) -> None:
        """Send SIGTERM again after a while, and again after twice that, as long as it `matters`.

        Python 3.13 tells the thread that was the first of the program, and a forked child may be another's copy: there
        a signal stays unseen until a further one interrupts a wait.
        """
        if SEES_SIGNALS:
            return
        self.supervisor.reactor.call_later(pause, self._remind, matters, 2 * pause)

    def _remind(self, matters: Callable[[], bool], pause: float) -> None:
        if not self.dead and matters():
            self.signal(signal.SIGTERM, group=False)
            self.remind(matters, pause)

    def kill(self) -> None:
        """End the child and all that it started, at once."""
        self._mark_ending()
        pid = self.known_pid()
        if pid and not self.dead:
            tree.kill_trees([pid])

    def end_after(self, grace: float) -> None:
        """SIGKILL to the child's tree if it has not left by itself after `grace` seconds."""
        self._kill_timer = self.supervisor.reactor.call_later(grace, self.kill)

    def is_halted(self, looks: int = 200) -> bool:
        """After SIGSTOP: True once the kernel says that the child stands still. It takes microseconds."""
        for _ in range(looks):
            if tree.state_of(self.known_pid()) in ("T", "t", "Z", ""):
                return True
        return False

    def _mark_ending(self) -> None:
        self.asked_to_end = True
        self.supervisor.slots.words[self.slot + ENDING] = 1

    def known_pid(self) -> int:
        """The child writes its own number into its slot: known as soon as it has a session, whoever forked it."""
        return self.pid or self.supervisor.slots.words[self.slot]

    def signal(self, number: int, *, group: bool) -> None:
        """Send a signal to the child, or to its whole group, where it is still there."""
        pid = self.known_pid()
        if not pid or self.dead:
            return
        try:
            if group:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)
        except ProcessLookupError:
            # It has not made its group yet, or is a zombie.
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def on_death(self, status: int | None, reap: Reap) -> None:
        """The process has ended. Its number stays its own until `reap`, which tells the peak memory in bytes."""
        if self.dead:
            return
        while self.supervisor.reactor.has(self.fd) and self.receive():
            pass
        self.owner.on_frames(self, self.kept())
        self.dead = True
        self.decoder.finish()
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        # Where the fork server is the parent, it has cleared the session already, and the slot with it.
        clean = (status == 0 and not self.asked_to_end) or not self.known_pid()
        self._clear_session(status, reap, 0 if clean else LEFTOVER_CHECKS)

    def _clear_session(self, status: int | None, reap: Reap, checks: int) -> None:
        """A child that did not end by itself may leave others: they end before its end is told."""
        if checks and tree.kill_trees([self.known_pid()], spare=[self.known_pid()]):
            self.supervisor.reactor.call_later(0.005, self._clear_session, status, reap, checks - 1)
            return
        call = self.supervisor.slots.words[self.slot + CALL]
        # Out of the guardian's sight before the number can be given to another process.
        self.supervisor.slots.words[self.slot + SESSION] = 0
        peak = reap(self.measured)
        self.supervisor.forget(self)
        starved = status != 0 and self.supervisor.starved_since_last_look()
        owner, self.owner = self.owner, _NOBODY  # a cycle would keep large results until they are collected
        if self.told_of:
            from woflo.runners.processes.relaying import end_with

            end_with(self)
        owner.on_exit(self, Exit(status, peak, self.decoder.text, starved, call=call))
