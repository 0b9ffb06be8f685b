"""Processes that write in turns: SQLite's own waiting lets one of several starve for whole seconds.

    lock A (who is next) ── lock B (whose turn it is) ── release A ── write ── release B

While one process writes, exactly one other holds A and waits for B; all others wait for A. Who has just written
has to queue for A again, so it cannot overtake the one that waits for B.

Turns are a courtesy; that only one writes at a time is SQLite's to see to. So who has waited for too long, because a
process was stopped in its turn (SIGSTOP), goes on without, and waits as SQLite lets it. The system cannot be asked to
wait for such a lock for a while only: where it is not free, a thread waits for it.
"""

from __future__ import annotations

import os
import socket
import threading

from woflo.errors import StoreError

try:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock
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


LONGEST = 5.0
"""Seconds for which a turn is waited for."""


class Turnstile:
    """A context in which no other process writes, mostly; for one thread at a time. Turns end with their process."""

    def __init__(self, folder: str) -> None:
        self._next = _opened(folder, "next")
        self._turn = _opened(folder, "turn")
        self._has_turn = False
        self._lock = threading.Lock()
        """Held while what stands below is changed."""
        self._asked: threading.Lock | None = None
        """Released to have the thread wait for a turn; None before there is one."""
        self._granted = _locked()
        """Released by the thread when a turn that is wanted has come."""
        self._is_waiting = False
        """The thread waits for a turn: nobody else uses the descriptors, which it has in its hands."""
        self._is_wanted = False
        """Somebody waits for the thread."""
        self._is_closed = False

    def __enter__(self) -> None:
        self._has_turn = not self._is_waiting and (self._taken_at_once() or self._waited())

    def __exit__(self, *exc: object) -> None:
        if self._has_turn:
            self._has_turn = False
            flock(self._turn, LOCK_UN)

    def _taken_at_once(self) -> bool:
        try:
            flock(self._next, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return False
        try:
            flock(self._turn, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            flock(self._next, LOCK_UN)
        return True

    # -- waiting ---------------------------------------------------------------------------------------

    def _waited(self) -> bool:
        """True with the turn; False where that takes too long: then nobody waits until it has come after all."""
        with self._lock:
            self._is_waiting = self._is_wanted = True
            self._ask()
        try:
            self._granted.acquire(timeout=LONGEST)
        except BaseException:
            if self._has_come():
                flock(self._turn, LOCK_UN)
            raise
        return self._has_come()

    def _has_come(self) -> bool:
        with self._lock:
            self._is_wanted = False
            self._granted.acquire(blocking=False)  # where it came just now
            return not self._is_waiting

    def _ask(self) -> None:
        if self._asked is None:
            self._asked = _locked()
            threading.Thread(target=self._wait, args=(self._asked,), name="woflo-turn", daemon=True).start()
        self._asked.release()

    def _wait(self, asked: threading.Lock) -> None:
        while asked.acquire() and not self._is_closed:
            flock(self._next, LOCK_EX)
            flock(self._turn, LOCK_EX)
            flock(self._next, LOCK_UN)
            self._come()

    def _come(self) -> None:
        with self._lock:
            self._is_waiting = False
            if self._is_wanted:
                self._granted.release()
                return
            flock(self._turn, LOCK_UN)  # who wanted it went on without
            if self._is_closed:
                self.close_inherited()

    # -- the end ---------------------------------------------------------------------------------------

    def close(self) -> None:
        """The descriptors are given up; where the thread waits with them, it does that when its turn has come."""
        with self._lock:
            self._is_closed = True
            if self._is_waiting:
                return
            if self._asked is not None:
                self._asked.release()
            self.close_inherited()

    def close_inherited(self) -> None:
        """The same in a forked child, which has no thread: there they would hold a lock beyond the parent's death."""
        os.close(self._next)
        os.close(self._turn)


def _locked() -> threading.Lock:
    made = threading.Lock()
    made.acquire()
    return made


def _opened(folder: str, name: str) -> int:
    return os.open(os.path.join(folder, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
