"""No fork while a thread is within SQLite.

SQLite keeps in memory which locks its process has, and guards that by locks of its own. A child that inherits either as
another thread of its parent had it just then takes the file for locked by itself, and waits for what nobody gives
back. So whoever forks waits until no thread is there, and others come in when the fork is over.
"""

from __future__ import annotations

import os
import threading

__all__ = ["Gate", "inside"]

LONGEST = 2.0
"""Seconds for which a fork is put off: what is written may wait for a process that was stopped in its own turn."""


class Gate:
    """A context for each use of SQLite, in any number of threads; what users do in a transaction is not counted."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Nobody is inside, as in a child."""
        self._is_free = threading.Condition(threading.Lock())
        self._threads = 0
        self._forking: set[int] = set()
        """The thread that forks, which holds the lock meanwhile."""

    def __enter__(self) -> None:
        with self._is_free:
            self._threads += 1

    def __exit__(self, *exc: object) -> None:
        with self._is_free:
            self._threads -= 1
            if self._threads <= 0:
                self._is_free.notify()

    # -- around a fork ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Wait until no thread is inside, but not for ever, and let no other one in."""
        self._is_free.acquire()
        if self._is_free.wait_for(lambda: self._threads <= 0, LONGEST):
            self._forking.add(threading.get_ident())
        else:
            self._is_free.release()

    def open(self) -> None:
        """Let others in, in the parent."""
        if threading.get_ident() in self._forking:
            self._forking.clear()
            self._is_free.release()


inside = Gate()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=inside.close, after_in_parent=inside.open, after_in_child=inside.renew)
