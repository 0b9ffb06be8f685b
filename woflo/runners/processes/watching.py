"""Noticing the end of a process that this one started: by its pidfd, or by a thread where there is none."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

from woflo.kernel.reactor import READ, Reactor

__all__ = ["Reap", "reap", "watch_process"]

Reap = Callable[[bool], int | None]
"""Waits for a process that has ended, and tells its peak memory where that is asked for."""
OnDeath = Callable[[int | None, Reap], None]
"""Takes the wait status (None where nobody can tell), and what waits for the process."""


class _Watched:
    """A process whose pidfd the reactor watches. An object, because two closures would cost more memory to copy."""

    __slots__ = ("_fd", "_on_death", "_pid", "_reactor")

    def __init__(self, reactor: Reactor, pid: int, on_death: OnDeath) -> None:
        self._reactor = reactor
        self._pid = pid
        self._on_death = on_death
        self._fd = os.pidfd_open(pid)
        reactor.register(self._fd, READ, self._ended)

    def _ended(self, _: int) -> None:
        self._reactor.unregister(self._fd)
        os.close(self._fd)
        self._on_death(_peek(self._pid, os.WNOHANG), self._reap)

    def _reap(self, measured: bool) -> int | None:
        return reap(self._pid, measured)


def _watch_by_thread(reactor: Reactor, pid: int, on_death: OnDeath) -> None:
    name = f"woflo-wait-{pid}"
    threading.Thread(target=_watch_by_waiting, args=(reactor, pid, on_death), name=name, daemon=True).start()


def _watch_by_waiting(reactor: Reactor, pid: int, on_death: OnDeath) -> None:
    status = _peek(pid, 0)
    reactor.call(on_death, status, lambda measured: reap(pid, measured))


watch_process: Callable[[Reactor, int, OnDeath], object] = _Watched if hasattr(os, "pidfd_open") else _watch_by_thread
"""Have `on_death` called, in the reactor's thread, once the process has ended and before it is waited for."""


def _peek(pid: int, flags: int) -> int | None:
    """The wait status of a process that has ended, which stays a zombie, so that its number stays its own."""
    try:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | flags)
    except ChildProcessError:
        return None  # somebody else has waited for it
    if found is None:
        return None
    return found.si_status << 8 if found.si_code == os.CLD_EXITED else found.si_status


def reap(pid: int, measured: bool) -> int | None:
    """Wait for a process that has ended; its peak memory in bytes, None where nobody asks or somebody has waited.

    Being told what it has used costs the caller more memory to copy than the rest of this.
    """
    try:
        if not measured:
            os.waitpid(pid, 0)
            return None
        _, _, usage = os.wait4(pid, 0)
    except ChildProcessError:
        return None
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
