"""What calls print and log while a runner executes them, in logs beside their runs, without escapes of terminals.

A runner tells of that by events, in a thread for observers, under the id of the call in whose place it executes.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from typing import TYPE_CHECKING

from woflo.errors import StoreError
from woflo.kernel.events import Event, LogRecorded, OutputWritten, RunEnded
from woflo.kernel.state import RunState
from woflo.kernel.subscription import Subscription, subscribe
from woflo.kernel.texts import Lines, output, plain

if TYPE_CHECKING:
    from woflo.stores.contract import Store

__all__ = ["CallLogs"]


class CallLogs:
    """Keeps what the code of stored calls says."""

    tells_ends = False
    """Nobody reads a log because of a failure."""
    wants_routine = False
    patience: float = 5.0
    """Seconds that the end waits for what is still to be written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._lines = Lines()
        self._calls: set[str] = set()
        """The ids of those that execute."""
        self._subscription: Subscription | None = None

    def begin(self) -> None:
        """Listen from now on, where the store keeps logs."""
        if self._store.keeps_logs and self._subscription is None:
            with self._lock:  # several calls may begin at once
                if self._subscription is None:
                    self._subscription = subscribe(self)

    def begins(self, run_id: str) -> None:
        """This call is about to be executed, perhaps once more."""
        if self._subscription is not None:
            with self._lock:
                self._lines.begin(run_id)
                self._calls.add(run_id)

    def ends(self, run_id: str, task: str) -> None:
        """It executes no more. What was told before is written first: its last line need not have an end."""
        if self._subscription is not None:
            self._subscription.put(RunEnded(run_id=run_id, task=task, state=RunState.SUCCEEDED, attempts=1))

    def end(self) -> None:
        """Listen no more; what was told is written."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def update(self, event: Event) -> None:
        with self._lock:
            if event.run_id not in self._calls:
                return
            lines = self._lines_of(event)
            if isinstance(event, RunEnded):
                self._calls.discard(event.run_id)
        if lines:
            try:
                self._store.log(event.run_id, lines)
            except StoreError:
                pass  # nothing depends on it, and the end of the run will tell that the store fails

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
