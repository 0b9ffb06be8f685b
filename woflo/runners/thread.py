"""Threads of this process, for work that waits (files, networks) or leaves the interpreter lock."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from contextvars import Context, copy_context
from typing import Any, ClassVar, TypeVar

from woflo.kernel import runtime
from woflo.kernel.attempt import Attempt
from woflo.kernel.outcome import Outcome
from woflo.kernel.run import BaseTaskRun
from woflo.kernel.traits import Traits

__all__ = ["ThreadTaskRun"]

R = TypeVar("R")

_PACKAGE = tuple(os.path.join(os.path.dirname(os.path.dirname(__file__)), part) for part in ("kernel", "runners"))
IDLE_SECONDS = 10.0
"""How long a thread waits for another attempt before it ends."""


class ThreadTaskRun(BaseTaskRun[R]):
    """Executes in a thread of this process, with a copy of the caller's context.

    A thread cannot be ended from outside: `stop` and `timeout` set `current_run().stop_requested`, and code
    that does not look at it keeps its place until it returns.
    """

    traits: ClassVar[Traits] = Traits()
    max_concurrency: ClassVar[int | None] = 64
    _thread_id: int | None = None

    def _begin(self) -> None:
        self._context: Context = copy_context()
        BaseTaskRun._begin(self)

    def _launch(self, attempt: Attempt) -> None:
        _threads_of(self._runtime).execute(self, attempt)

    def _interrupt(self) -> None:
        """`stop_requested` is set; there is no other way to reach a thread."""

    def _where(self) -> str:
        frame = sys._current_frames().get(self._thread_id or -1)
        if frame is None:
            return ""
        import traceback

        frames = traceback.extract_stack(frame)
        own = [at for at, one in enumerate(frames) if one.filename.startswith(_PACKAGE)]
        return "".join(traceback.format_list(frames[own[-1] + 1 if own else 0 :]))

    def _execute(self, attempt: Attempt) -> Outcome:
        """In the thread."""
        self._thread_id = threading.get_ident()
        # With further attempts to come, each begins with what the caller had, whatever the one before has set.
        context = self._context
        if self.task.options.retries:
            context = context.copy()
        else:
            del self._context
        try:
            return context.run(attempt.execute)
        finally:
            self._thread_id = None
            del self, attempt, context  # see `Attempt.execute`

    def _about_to_call_back(self) -> None:
        threads_of_this_process().look_for_another()


class Threads:
    """As many threads as attempts execute or wait at once; how many that may be, the limits of a runner decide.

    While attempts are queued, one thread is on its way to the queue beside those that execute. It gets the
    interpreter's lock when an attempt waits for something, else after the switch interval: so short attempts
    are executed by few threads, one after another, and those that wait are side by side at once.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        """How many threads there may be; None for as many as it takes."""
        self._queue: deque[tuple[Any, Attempt]] = deque()
        self._idle: list[Any] = []
        """The locks that idle threads wait for, the last used at the end."""
        self._one_is_coming = False
        """True while a thread that was woken or started has not looked at the queue yet."""
        self._local = _Local()
        self._present: set[Any] = set()
        """The locks of all threads that look at the queue, now or when their attempt has ended."""
        self._is_ended = False

    # There is no lock: threads would wait for it with each attempt. Every step is one operation on a deque or a
    # list, and whoever puts something in looks afterwards whether anybody comes for it.

    def execute(self, run: Any, attempt: Attempt) -> None:
        """Have `run._execute(attempt)` called in a thread, and `run._finish` with the outcome.

        Raises `RuntimeError` where no thread can be started and there is no other one than the caller's.
        """
        item = (run, attempt)
        self._queue.append(item)
        if self._local.ending:
            return
        try:
            self._call_another()
        except RuntimeError:  # no more threads may be started
            if self._present - {self._local.turn}:
                return  # one of those will come to it
            try:
                self._queue.remove(item)
            except ValueError:
                return  # one that was there already has taken it
            raise

    def _wake_if_ended(self) -> None:
        """`end` may have come between the last look and a thread's becoming idle."""
        if self._is_ended:
            self.end()

    def end(self) -> None:
        """Let the threads go as soon as nothing is queued."""
        self._is_ended = True
        while self._idle:
            try:
                self._idle.pop().release()
            except IndexError:
                return  # the last one was woken in the same moment

    def look_for_another(self) -> None:
        """The calling thread may not come back to the queue soon."""
        self._local.ending = False
        self._call_another_if_possible()

    def _call_another_if_possible(self) -> None:
        try:
            self._call_another()
        except RuntimeError:
            pass  # no more threads may be started; those that there are go on

    def _call_another(self) -> None:
        """Bring another thread to the queue, where it is needed and none is on its way."""
        if self._one_is_coming or not self._queue:
            return
        self._one_is_coming = True
        try:
            turn = self._idle.pop()
        except IndexError:
            if self._most is None or len(self._present) < self._most:
                self._start_thread()
            else:
                self._one_is_coming = False  # each of them comes when its attempt has ended
        else:
            turn.release()

    def _start_thread(self) -> None:
        # A thread that waits for a nested run must be replaced, so there is no upper bound here.
        thread = threading.Thread(target=self._work, name="woflo-thread", daemon=True)
        try:
            thread.start()
        except BaseException:
            self._one_is_coming = False
            raise

    def _work(self) -> None:
        turn = threading.Lock()
        turn.acquire()
        self._local.turn = turn
        self._present.add(turn)
        while True:
            self._one_is_coming = False
            while self._queue:
                try:
                    run, attempt = self._queue.popleft()
                except IndexError:
                    break  # another thread took it in between
                if self._queue:
                    self._call_another_if_possible()
                self._serve(run, attempt)
                del run, attempt  # see `Attempt.execute`
            if not self._wait(turn):
                self._present.discard(turn)
                if not self._queue:
                    return
                self._present.add(turn)  # somebody may have counted on this thread

    def _wait(self, turn: Any) -> bool:
        """Until there may be something to do; False where there was nothing for so long that the thread is to end."""
        if self._is_ended:
            return False
        self._idle.append(turn)
        self._wake_if_ended()
        if self._queue:  # put in after the last look, by somebody who may not have found this thread idle
            self._call_another_if_possible()
        if turn.acquire(True, IDLE_SECONDS):
            return True
        try:
            self._idle.remove(turn)
        except ValueError:
            turn.acquire()  # woken in the same moment
            return True
        return False

    def _serve(self, run: Any, attempt: Attempt) -> None:
        outcome = run._execute(attempt)
        self._local.ending = True  # what is launched by this end is taken up by this thread
        run._finish(outcome)
        del run, attempt, outcome  # see `Attempt.execute`
        self._local.ending = False


class _Local(threading.local):
    ending = False
    """True in a thread whose attempt has ended and whose end is being told."""
    turn: Any = None
    """The lock that this thread waits for when it is idle."""


def threads_of_this_process() -> Threads:
    """The threads that attempts of this process share."""
    return _threads_of(runtime.current)


def _threads_of(here: runtime.Runtime) -> Threads:
    threads: Threads | None = here.services.get(Threads)
    if threads is None:
        here.ready_for_the_end()
        threads = here.service(Threads, Threads)
    return threads
