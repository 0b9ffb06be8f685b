"""Threads of this process, for work that waits (files, networks) or leaves the interpreter lock."""

from __future__ import annotations

import sys
import threading
from contextvars import Context, copy_context
from pathlib import Path
from queue import SimpleQueue
from typing import Any, ClassVar, TypeVar

from woflo.kernel import runtime
from woflo.kernel.attempt import Attempt
from woflo.kernel.run import BaseTaskRun
from woflo.kernel.traits import Traits

__all__ = ["ThreadTaskRun"]

R = TypeVar("R")

_PACKAGE = tuple(str(Path(__file__).parents[1] / part) for part in ("kernel", "runners"))
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
        super()._begin()

    def _launch(self, attempt: Attempt) -> None:
        threads: Threads = self._runtime.service(Threads, Threads)
        threads.execute(self, attempt)

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

    def _execute(self, attempt: Attempt) -> None:
        """In the thread."""
        self._thread_id = threading.get_ident()
        outcome = self._context.copy().run(attempt.execute)
        self._thread_id = None
        self._finish(outcome)


class Threads:
    """As many threads as attempts execute or wait at once; an idle one is used before another is started.

    How many that are is decided by the limits of the runner, not here.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[tuple[Any, Attempt]] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        """Threads that wait at the queue, less the items that are in it; guarded by the lock."""

    def execute(self, run: Any, attempt: Attempt) -> None:
        """Have `run._execute(attempt)` called in a thread."""
        with self._lock:
            start = self._idle <= 0
            if not start:
                self._idle -= 1
        if start:
            # A thread that waits for a nested run must be replaced, so there is no upper bound here.
            threading.Thread(target=self._work, args=(run, attempt), name="woflo-thread", daemon=True).start()
        else:
            self._queue.put((run, attempt))

    def _work(self, run: Any, attempt: Attempt) -> None:
        from queue import Empty

        while True:
            run._execute(attempt)
            del run, attempt
            with self._lock:
                self._idle += 1
            try:
                run, attempt = self._queue.get(timeout=IDLE_SECONDS)
            except Empty:
                with self._lock:
                    if self._idle > 0:
                        self._idle -= 1
                        return
                run, attempt = self._queue.get()  # promised to this thread in the same moment


def threads_of_this_process() -> Threads:
    """The threads that attempts of this process share."""
    threads: Threads = runtime.current.service(Threads, Threads)
    return threads
