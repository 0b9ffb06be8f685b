"""Processes that write in turns: SQLite's own waiting lets one of several starve for whole seconds.

    lock A (who is next) ── lock B (whose turn it is) ── release A ── write ── release B

While one process writes, exactly one other holds A and waits for B; all others wait for A. Who has just written
has to queue for A again, so it cannot overtake the one that waits for B.
"""

from __future__ import annotations

import os
import socket

from woflo.errors import StoreError

try:
    from fcntl import LOCK_EX, LOCK_UN, flock
except ImportError:  # `check_system` says so
    pass

__all__ = ["Turnstile", "check_system"]


def check_system() -> None:
    """Raise `StoreError` where there are no POSIX locks and no Unix sockets, as on Windows."""
    if "flock" not in globals() or not hasattr(socket, "AF_UNIX"):
        raise StoreError(
            "runs cannot be kept in an SQLite file on this system yet: it has no POSIX locks by which processes write "
            "in turns; use a store of PostgreSQL (postgresql://…), or memory: for runs that need not survive"
        )


class Turnstile:
    """A context in which no other process writes; for one thread at a time. The locks end with their process."""

    def __init__(self, folder: str) -> None:
        self._next = _opened(folder, "next")
        self._turn = _opened(folder, "turn")

    def __enter__(self) -> None:
        try:
            flock(self._next, LOCK_EX)
            flock(self._turn, LOCK_EX)
            flock(self._next, LOCK_UN)
        except BaseException:
            flock(self._turn, LOCK_UN)
            flock(self._next, LOCK_UN)
            raise

    def __exit__(self, *exc: object) -> None:
        flock(self._turn, LOCK_UN)

    def close(self) -> None:
        """Also in a forked child: a descriptor there would hold the lock beyond the parent's death."""
        os.close(self._next)
        os.close(self._turn)


def _opened(folder: str, name: str) -> int:
    return os.open(os.path.join(folder, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
