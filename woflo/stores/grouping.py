"""Group commit: what several threads write at the same time is kept by one commit.

        a lone writer                 four writers
        ─────────────                 ────────────
        write ─ commit ─ return       A: write ─ commit(A) ─── return
                                      B: write ─ waits ─────── commit(B, C, D) ─ return
                                      C: write ─ waits ───────────────────────── return
                                      D: write ─ waits ───────────────────────── return

Whoever finds nobody committing leads: it takes all that wait and commits in its own thread. When it has, it makes
the first of those that came meanwhile the next leader before it wakes anybody, so that the disk never rests. What
is submitted without waiting, as by event loops, is committed by whoever leads, else by a thread kept for that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["Committer"]

MOST = 1024
"""About how many operations one commit takes: those that come after it do not wait for ever."""

Done = Callable[[list[Any]], object]


class _Write:
    """Operations on their way. A thread waits for `lock`, or `done` is called with the results."""

    __slots__ = ("done", "is_kept", "lock", "operations", "results")

    def __init__(self, operations: Sequence[Any], done: Done | None = None) -> None:
        self.operations = operations
        self.done = done
        self.lock: Any = None
        """Released when the write is kept, or while it is not, to let the thread that waits lead."""
        self.is_kept = False
        self.results: list[Any] = []


class Committer:
    """Writers in turns, and as many operations in one commit as are there.

    `apply` keeps a sequence of operations and returns their results; it is never called by two threads at once.
    `kept` is called after each commit.
    """

    def __init__(self, apply: Callable[[Sequence[Any]], list[Any]], kept: Callable[[], None]) -> None:
        self._apply = apply
        self._kept = kept
        self._lock = threading.Lock()
        self._waiting: list[_Write] = []
        self._is_led = False
        """True while a thread commits, or was woken to."""
        self._helper: Any = None
        """The lock that the thread of `submit` waits for, once there is one."""
        self._closing = False

    # -- what is written -------------------------------------------------------------------------------

    def write(self, operation: Any) -> Any:
        """Return the operation's result when it is kept; raises what it was refused with."""
        write = _Write((operation,))
        self._wait_for_turn(write)
        if not write.is_kept:
            self._lead(write)
        result = write.results[0]
        if isinstance(result, Exception):
            raise result
        return result

    def submit(self, operations: Sequence[Any], done: Done) -> None:
        """Have `done(results)` called in another thread when all are kept; a refused one's result is its exception."""
        with self._lock:
            self._waiting.append(_Write(operations, done))
            if not self._is_led:
                self._is_led = True
                self._wake_helper()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else commits meanwhile."""
        turn = _Write(())
        self._wait_for_turn(turn)
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
        try:
            yield
        finally:
            self._pass_on(None)

    def close(self) -> None:
        """End the thread, once what was submitted is kept."""
        with self.alone():
            self._closing = True
        with self._lock:
            helper, self._helper = self._helper, None
        if helper is not None:
            helper.release()

    # -- who commits -----------------------------------------------------------------------------------

    def _wait_for_turn(self, write: _Write) -> None:
        """Queue a write, and return when it is kept or the calling thread is to lead."""
        with self._lock:
            self._waiting.append(write)
            if not self._is_led:
                self._is_led = True
                return
            write.lock = threading.Lock()
            write.lock.acquire()
        write.lock.acquire()

    def _lead(self, own: _Write | None) -> None:
        """Commit, at least until `own` is kept, then let another thread lead where there is more.

        The helper has none of its own, and goes on until no thread waits and nothing is left.
        """
        while True:
            with self._lock:
                batch = self._take()
            self._commit(batch)
            ended = self._pass_on(own, is_helper=own is None)
            for write in batch:
                if write.done is not None:
                    write.done(write.results)
                elif write.lock is not None and write is not own:
                    write.lock.release()
            self._kept()
            if ended:
                return

    def _take(self) -> list[_Write]:
        """What the next commit has in it: what is there, up to one that wants to be alone."""
        count = operations = 0
        for write in self._waiting:
            if operations >= MOST or not write.operations:
                break
            count += 1
            operations += len(write.operations)
        batch, self._waiting[:count] = self._waiting[:count], []
        return batch

    def _commit(self, batch: list[_Write]) -> None:
        operations = [operation for write in batch for operation in write.operations]
        try:
            results = self._apply(operations)
        except Exception as error:
            results = [error] * len(operations)
        at = 0
        for write in batch:
            write.results = results[at : at + len(write.operations)]
            write.is_kept = True
            at += len(write.operations)

    def _pass_on(self, own: _Write | None, *, is_helper: bool = False) -> bool:
        """Another thread leads, or nobody where nothing is left; False where the calling one has to go on."""
        with self._lock:
            if own is not None and not own.is_kept:
                return False
            if not self._waiting:
                self._is_led = False
                return True
            for write in self._waiting:
                if write.lock is not None:
                    write.lock.release()
                    return True
            if not is_helper:
                self._wake_helper()
            return not is_helper

    # -- the thread for what nobody waits for ----------------------------------------------------------

    def _wake_helper(self) -> None:
        """Under the lock: the helper leads next."""
        if self._helper is None:
            self._helper = threading.Lock()
            self._helper.acquire()
            threading.Thread(target=self._help, args=(self._helper,), name="woflo-store", daemon=True).start()
        self._helper.release()

    def _help(self, turn: Any) -> None:
        while turn.acquire() and not self._closing:
            self._lead(None)
