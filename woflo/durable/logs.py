"""What calls print and log while a runner executes them, in logs beside their runs, without escapes of terminals.

A runner tells of that by events of its own run, in a thread for observers: perhaps before the call is known here under
that name, and perhaps after it has ended.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from datetime import datetime
from typing import TYPE_CHECKING

from woflo.errors import StoreError
from woflo.kernel.events import Event, LogRecorded, OutputWritten, RunEnded
from woflo.kernel.subscription import Subscription, subscribe
from woflo.kernel.texts import Lines, output, plain

if TYPE_CHECKING:
    from woflo.stores.contract import Store

__all__ = ["CallLogs"]

MOST_EARLY = 1 << 20
"""Characters that are held of runs of which it is not known that they execute a call: most never will be known."""


class CallLogs:
    """From the runs of runners to the stored runs that they execute."""

    tells_ends = False
    """Nobody reads a log because of a failure."""
    patience: float = 5.0
    """Seconds that the end waits for what is still to be written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._lines = Lines()
        self._stored: dict[str, str] = {}
        """By the id of the runner's run, which has not ended, the one of the call."""
        self._early: OrderedDict[str, list[str]] = OrderedDict()
        """What came of others; the first that were heard of go first."""
        self._size = 0
        self._subscription: Subscription | None = None

    def begin(self) -> None:
        """Listen from now on, where the store keeps logs."""
        if self._store.keeps_logs and self._subscription is None:
            with self._lock:  # several calls may begin at once
                if self._subscription is None:
                    self._subscription = subscribe(self)

    def executes(self, run_id: str, stored: str) -> None:
        """This run of a runner is that call; it may have ended already."""
        if self._subscription is not None:
            with self._lock:
                if not self._lines.has_ended(run_id):
                    self._stored[run_id] = stored
                early = self._early.pop(run_id, [])
                self._size -= _length(early)
            self._write(stored, early)

    def end(self) -> None:
        """Listen no more; what was told is written."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def update(self, event: Event) -> None:
        with self._lock:
            lines = self._lines_of(event)
            stored = self._stored.get(event.run_id)
            if stored is None:
                self._hold(event.run_id, lines)
            if isinstance(event, RunEnded):
                self._stored.pop(event.run_id, None)
        if stored is not None:
            self._write(stored, lines)

    def _hold(self, run_id: str, lines: list[str]) -> None:
        if lines:
            self._early.setdefault(run_id, []).extend(lines)
            self._size += _length(lines)
        while self._size > MOST_EARLY:
            self._size -= _length(self._early.popitem(last=False)[1])

    def _lines_of(self, event: Event) -> list[str]:
        time = datetime.fromtimestamp(event.at).astimezone().isoformat(timespec="seconds")
        if isinstance(event, OutputWritten):
            whole = self._lines.add(event.run_id, event.stream, event.text)
            return [f"{time} {event.stream}: {output(line)}" for line in whole]
        if isinstance(event, LogRecorded):
            level = logging.getLevelName(event.level)
            return [f"{time} {level} {event.logger}: {plain(line)}" for line in event.message.split("\n")]
        if isinstance(event, RunEnded):
            return [f"{time} {stream}: {output(line)}" for stream, line in self._lines.end(event.run_id)]
        return []

    def _write(self, stored: str, lines: list[str]) -> None:
        if lines:
            try:
                self._store.log(stored, lines)
            except StoreError:
                pass  # nothing depends on it, and the end of the run will tell that the store fails


def _length(lines: list[str]) -> int:
    return sum(map(len, lines))
