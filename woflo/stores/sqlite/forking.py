"""No fork while a thread is within SQLite.

SQLite keeps in memory which locks its process has, and guards that by locks of its own. A child that inherits either as
another thread of its parent had it just then takes the file for locked by itself, and waits for what nobody gives
back. So whoever forks waits until no thread is there, and others come in when the fork is over.
"""

from __future__ import annotations

import os
import threading
import time

__all__ = ["Gate", "inside"]

LONGEST = 2.0
"""Seconds for which a fork is put off: what is written may wait for a process that was stopped in its own turn."""


class Gate:
    """A context for each use of SQLite, in any number of threads; what users do in a transaction is not counted."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Nobody is inside, as in a child."""
        self._lock = threading.Lock()
        """Held for a moment by who enters and leaves, and by the thread that forks as long as it does."""
        self._threads = 0
        self._waiting: list[threading.Lock] = []
        """Released for those who wait until no thread is inside."""
        self._forking = 0
        """The thread that has the lock to fork."""

    def __enter__(self) -> None:
        with self._lock:
            self._threads += 1

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._threads -= 1
            if self._waiting and self._threads <= 0:
                for one in self._waiting:
                    one.release()
                self._waiting = []

    # -- around a fork ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Wait until no thread is inside, but not for ever, and let no other one in."""
        end = time.monotonic() + LONGEST
        self._lock.acquire()
        while self._threads > 0:
            one = threading.Lock()
            one.acquire()
            self._waiting = [*self._waiting, one]
            self._lock.release()
            has_come = one.acquire(timeout=max(0.0, end - time.monotonic()))
            self._lock.acquire()
            if not has_come:
                self._waiting = [other for other in self._waiting if other is not one]
                self._lock.release()
                return
        self._forking = threading.get_ident()

    def open(self) -> None:
        """Let others in, in the parent."""
        if self._forking == threading.get_ident():
            self._forking = 0
            self._lock.release()


inside: Gate = Gate()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=inside.close, after_in_parent=inside.open, after_in_child=inside.renew)
