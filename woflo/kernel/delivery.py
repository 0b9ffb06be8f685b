"""The thread for code of the user that nobody waits for: loading values, predicates, callbacks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

__all__ = ["Deliverer"]

_Item = tuple[Callable[..., object], tuple[Any, ...]]


class Deliverer:
    """Runs what is posted to it in order, on one daemon thread.

    Where the posted code itself waits for a run, another thread takes over the queue meanwhile: what it
    waits for may have to be delivered first.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._lock = threading.Lock()
        self._active: int | None = None
        """The thread that takes from the queue; guarded by `_lock`. Others finish their item and end."""
        self._start_thread()

    def post(self, function: Callable[..., object], *args: Any) -> None:
        """Have `function(*args)` called. An exception of it is reported and harms nothing else."""
        self._queue.put((function, args))

    def catch_up(self, seconds: float) -> None:
        """Wait until what was posted has been called, at most so many seconds."""
        done = threading.Event()
        self.post(done.set)
        done.wait(seconds)

    def about_to_wait(self) -> None:
        """To be called by a thread that will block; matters only in the delivering thread itself."""
        if self._active == threading.get_ident():
            try:
                self._start_thread()
            except RuntimeError:
                pass  # the interpreter shuts down: there is only this thread

    def _start_thread(self) -> None:
        with self._lock:
            # Kept, though nobody asks for it: a forked child would take it apart otherwise, and copy pages for it.
            self._thread = threading.Thread(target=self._deliver, name="woflo-delivery", daemon=True)
            self._thread.start()
            self._active = None

    def _deliver(self) -> None:
        me = threading.get_ident()
        with self._lock:
            self._active = me
        while self._active == me:
            function, args = self._queue.get()
            try:
                function(*args)
            except BaseException:
                from woflo.kernel.bus import complain

                complain(f"{function!r} raised; the run that it was called for is not affected")
            del function, args
