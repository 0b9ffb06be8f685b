"""Hearing of what others wrote: a look at the name in head/, five times a second. Two listings of small folders."""

from __future__ import annotations

import threading
from collections.abc import Callable

from woflo.errors import StoreError
from woflo.stores.directory.log import Position

__all__ = ["PAUSE", "Watcher"]

PAUSE = 0.2
"""Seconds between two looks."""


class Watcher:
    """Calls `changed()` in a thread of its own when there is another head, and `look` each time."""

    def __init__(self, head: Callable[[], Position], look: Callable[[], object], changed: Callable[[], None]) -> None:
        self._head = head
        self._look = look
        self._changed = changed
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """From now on."""
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._watch, name="woflo-listen", daemon=True)
                self._thread.start()

    def _watch(self) -> None:
        seen = None
        while not self._closing.wait(PAUSE):
            try:
                self._look()
                head = self._head()
            except (OSError, StoreError):
                continue  # who reads or writes is told
            if head != seen:
                seen = head
                self._changed()

    def close(self) -> None:
        """The thread ends."""
        with self._lock:
            self._closing.set()
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
