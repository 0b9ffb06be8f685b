"""Noticing the end of a process that this one started: by its pidfd, or by a thread where there is none."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

from woflo.kernel.reactor import READ, Reactor

__all__ = ["reap", "watch_process"]

OnDeath = Callable[[int | None, Callable[[], int | None]], None]
"""Takes the wait status (None where nobody can tell), and what waits for the process and tells its peak memory."""


_HAS_PIDFD = hasattr(os, "pidfd_open")


def watch_process(reactor: Reactor, pid: int, on_death: OnDeath) -> None:
    """Have `on_death` called, in the reactor's thread, once `pid` has ended and before it is waited for."""
    if _HAS_PIDFD:
        _watch_by_pidfd(reactor, pid, on_death)
    else:
        name = f"woflo-wait-{pid}"
        threading.Thread(target=_watch_by_waiting, args=(reactor, pid, on_death), name=name, daemon=True).start()


def _watch_by_pidfd(reactor: Reactor, pid: int, on_death: OnDeath) -> None:
    fd = os.pidfd_open(pid)

    def ready(_: int) -> None:
        reactor.unregister(fd)
        os.close(fd)
        on_death(_peek(pid, os.WNOHANG), lambda: reap(pid))

    reactor.register(fd, READ, ready)


def _watch_by_waiting(reactor: Reactor, pid: int, on_death: OnDeath) -> None:
    status = _peek(pid, 0)
    reactor.call(on_death, status, lambda: reap(pid))


def _peek(pid: int, flags: int) -> int | None:
    """The wait status of a process that has ended, which stays a zombie, so that its number stays its own."""
    try:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | flags)
    except ChildProcessError:
        return None  # somebody else has waited for it
    if found is None:
        return None
    return found.si_status << 8 if found.si_code == os.CLD_EXITED else found.si_status


def reap(pid: int) -> int | None:
    """Wait for a process that has ended; its peak memory in bytes, None where somebody else has waited for it."""
    try:
        _, _, usage = os.wait4(pid, 0)
    except ChildProcessError:
        return None
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
