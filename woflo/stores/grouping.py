"""Group commit: what several threads write at the same time is kept by one commit.

        a lone writer                 four writers
        ─────────────                 ────────────
        write ─ commit ─ return       A: write ─ commit(A) ─── return
                                      B: write ─ waits ─────── commit(B, C, D) ─ return
                                      C: write ─ waits ───────────────────────── return
                                      D: write ─ waits ───────────────────────── return

Whoever finds nobody committing leads: it takes all that wait and commits in its own thread. When it has, it makes the
first of those that came meanwhile the next leader before it wakes anybody, so that the disk never rests. It wakes a
few of those whose write is kept, and each of them another one: threads that are woken all at once fight for the
interpreter's lock, which costs more than what most of them do until they wait again. What is submitted without
waiting, as by event loops, is committed by whoever leads, else by a thread kept for that.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from woflo.stores.refusals import closed, within_commit

__all__ = ["Committer"]

MOST = 1024
"""About how many operations one commit takes: those that come after it do not wait for ever."""

AWAKE = 3
"""How many threads are woken at once when their writes are kept."""

Done = Callable[[list[Any]], object]


class _Write:
    """Operations on their way. A thread waits for `lock`, or `done` is called with the results."""

    __slots__ = ("after", "done", "is_kept", "lock", "operations", "results")

    def __init__(self, operations: Sequence[Any], done: Done | None = None) -> None:
        self.operations = operations
        """None at all where the thread wants to be alone."""
        self.done = done
        self.lock: Any = None
        """Released when the write is kept, or while it is not, to let the thread that waits lead. None for one that
        waits no more because it was interrupted."""
        self.after: _Write | None = None
        """The one whose thread is woken by that of this one."""
        self.is_kept = False
        self.results: list[Any] = []


class Committer:
    """Writers in turns, and as many operations in one commit as are there.

    `apply` keeps a sequence of operations and returns their results; it is never called by two threads at once, and
    where it raises, nothing is kept. `kept` is called after each commit.
    """

    def __init__(self, apply: Callable[[Sequence[Any]], list[Any]], kept: Callable[[], None]) -> None:
        self._apply = apply
        self._kept = kept
        self._lock = threading.Lock()
        self._waiting: list[_Write] = []
        self._is_led = False
        """True while a thread commits, is alone, or was woken for that."""
        self._leader: int | None = None
        """That thread, until it has let another one lead."""
        self._helper: Any = None
        """The lock that the thread of `submit` waits for, once there is one."""
        self._untold: deque[_Write] = deque()
        """Those that are kept and whose `done` is still to be called, in the order of the commits."""
        self._telling = threading.Lock()
        """Held by the thread that calls them."""
        self._is_closed = False

    # -- what is written -------------------------------------------------------------------------------

    def write(self, operation: Any) -> Any:
        """Return the operation's result when it is kept; raises what it was refused with."""
        if self._leads_at_once():
            result = self._written_alone(operation)
        else:
            write = _Write((operation,))
            self._wait_for_turn(write)
            if not write.is_kept:
                self._lead(write)
            (result,) = write.results
        if isinstance(result, Exception):
            raise result
        return result

    def _leads_at_once(self) -> bool:
        """True where nobody commits, and so nobody waits: the calling thread leads now."""
        with self._lock:
            if self._is_led or self._is_closed:
                return False
            self._is_led = True
            self._leader = get_ident()
            return True

    def _written_alone(self, operation: Any) -> Any:
        """What a lone thread writes, as most do: without a place among those that wait."""
        try:
            (result,) = self._applied((operation,))
        finally:
            self._pass_on()
        self._call(self._kept)
        return result

    def submit(self, operations: Sequence[Any], done: Done) -> None:
        """Have `done(results)` called in another thread when all are kept; a refused one's result is its exception.

        What is kept first is told first. `done` returns at once. It may submit, but not write: its thread may be the
        one that commits.
        """
        if not operations:
            raise ValueError("nothing was submitted")
        with self._lock:
            if self._is_closed:
                raise closed()
            if self._helper is None:
                self._start_helper()
            self._waiting.append(_Write(operations, done))
            if not self._is_led:
                self._is_led = True
                self._helper.release()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else commits meanwhile, and all that was written before is kept."""
        turn = _Write(())
        self._wait_for_turn(turn)
        self._lead(turn)
        try:
            yield
        finally:
            self._pass_on()

    def close(self) -> None:
        """Refuse what comes from now on. Returns when what came before is kept."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        turn = _Write(())
        self._wait_for_turn(turn, is_last=True)
        self._lead(turn)  # and nobody after it: there is nothing left
        if self._helper is not None:
            self._helper.release()

    # -- who commits -----------------------------------------------------------------------------------

    def _wait_for_turn(self, write: _Write, *, is_last: bool = False) -> None:
        """Queue a write, and return when it is kept or the calling thread is to lead."""
        with self._lock:
            if self._is_closed and not is_last:
                raise closed()
            if self._leader == get_ident():
                raise within_commit()
            self._waiting.append(write)
            if not self._is_led:
                self._is_led = True
                return
            write.lock = threading.Lock()
            write.lock.acquire()
        try:
            write.lock.acquire()
        except BaseException:
            self._leave(write)
            raise
        finally:
            _wake(write.after)

    def _leave(self, write: _Write) -> None:
        """The thread of this write was interrupted: nobody is to wait for it to lead, or to wake others."""
        with self._lock:
            was_to_lead = write in self._waiting and not write.lock.locked()
            write.lock = None
            if write in self._waiting:
                self._waiting.remove(write)
        if was_to_lead:
            self._pass_on()

    def _lead(self, own: _Write | None) -> None:
        """Commit, at least until `own` is kept, then let another thread lead where there is more.

        Who wants to be alone leads until its turn, and lets nobody lead yet. The helper has no write of its own,
        and goes on until no thread waits and nothing is left.
        """
        self._leader = get_ident()
        while batch := self._take(own):
            try:
                self._commit(batch)
            except BaseException:
                self._give_back(batch, own)
                raise
            self._untold.extend(write for write in batch if write.done is not None)  # before another thread leads
            has_ended = own is None or own.is_kept
            has_ended = has_ended and self._pass_on(is_helper=own is None)
            self._tell(batch, own)
            if has_ended:
                return

    def _take(self, own: _Write | None) -> list[_Write]:
        """What the next commit has in it: what is there, up to one that wants to be alone. Nothing: it is its turn."""
        count = operations = 0
        with self._lock:
            for write in self._waiting:
                if operations >= MOST or not write.operations:
                    break
                count += 1
                operations += len(write.operations)
            batch, self._waiting[:count] = self._waiting[:count], []
            if not batch:
                assert own is self._waiting.pop(0)
        return batch

    def _commit(self, batch: list[_Write]) -> None:
        operations = [operation for write in batch for operation in write.operations]
        results = self._applied(operations)
        at = 0
        for write in batch:
            write.results = results[at : at + len(write.operations)]
            write.is_kept = True
            at += len(write.operations)

    def _applied(self, operations: Sequence[Any]) -> list[Any]:
        try:
            return self._apply(operations)
        except Exception as error:
            return [error] * len(operations)

    def _give_back(self, batch: list[_Write], own: _Write | None) -> None:
        """The leader was interrupted: what is not its own is for the next one."""
        with self._lock:
            self._waiting[:] = [write for write in (*batch, *self._waiting) if write is not own]
        self._pass_on()

    def _tell(self, batch: list[_Write], own: _Write | None) -> None:
        """Wake those who wait, then call those who do not."""
        with self._lock:
            waiting = [write for write in batch if write.lock is not None and write is not own]
            for write, after in zip(waiting, waiting[AWAKE:], strict=False):
                write.after = after
        for write in waiting[:AWAKE]:
            _wake(write)
        self._tell_in_order()
        self._call(self._kept)

    def _tell_in_order(self) -> None:
        """Call those who do not wait, by one thread at a time: the next commit may be kept before this one is told."""
        while self._untold and self._telling.acquire(blocking=False):
            try:
                while self._untold:
                    write = self._untold.popleft()
                    if write.done is not None:
                        self._call(write.done, write.results)
            finally:
                self._telling.release()

    def _call(self, function: Callable[..., object], *args: Any) -> None:
        try:
            function(*args)
        except Exception:
            from woflo.kernel.bus import complain

            complain(f"{function!r} raised; what was written is kept")

    def _pass_on(self, *, is_helper: bool = False) -> bool:
        """Another thread leads, or nobody where nothing is left; False where the helper has to go on."""
        with self._lock:
            if not self._waiting:
                self._leader, self._is_led = None, False
                return True
            locks = (write.lock for write in self._waiting if write.lock is not None)
            lock = next(locks, self._helper)
            if lock is self._helper and lock is not None and is_helper:
                return False
            self._leader = None
            self._is_led = lock is not None
            if lock is not None:
                lock.release()
            return True

    # -- the thread for what nobody waits for ----------------------------------------------------------

    def _start_helper(self) -> None:
        """Under the lock: from now on there is a thread that can lead. Raises `RuntimeError` where none can start."""
        turn = threading.Lock()
        turn.acquire()
        threading.Thread(target=self._help, args=(turn,), name="woflo-store", daemon=True).start()
        self._helper = turn

    def _help(self, turn: Any) -> None:
        while turn.acquire() and not self._is_idle_for_ever():
            self._lead(None)

    def _is_idle_for_ever(self) -> bool:
        with self._lock:
            return self._is_closed and not self._waiting


def _wake(write: _Write | None) -> None:
    lock = None if write is None else write.lock
    if lock is not None:
        lock.release()
