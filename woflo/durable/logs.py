"""What calls print and log while a runner executes them, in the logs that a store keeps beside its runs.

A runner tells of that by events of its own run, in a thread for observers: perhaps before the call is known here under
that name, and perhaps after it has ended.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from typing import TYPE_CHECKING

from woflo.errors import StoreError
from woflo.kernel.events import Event, LogRecorded, OutputWritten, RunEnded
from woflo.kernel.subscription import Subscription, subscribe

if TYPE_CHECKING:
    from woflo.stores.contract import Store

__all__ = ["CallLogs"]


class CallLogs:
    """From the runs of runners to the stored runs that they execute."""

    tells_ends = False
    """Nobody reads a log because of a failure."""
    patience = 5.0
    """Seconds that the end waits for what is still to be written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._stored: dict[str, str] = {}
        """By the id of the runner's run the one of the call."""
        self._early: dict[str, list[str]] = {}
        """What came before that was known."""
        self._subscription: Subscription | None = None

    def begin(self) -> None:
        """Listen from now on, where the store keeps logs."""
        if self._store.keeps_logs and self._subscription is None:
            with self._lock:  # several calls may begin at once
                if self._subscription is None:
                    self._subscription = subscribe(self)

    def executes(self, run_id: str, stored: str) -> None:
        """This run of a runner is that call."""
        if self._subscription is not None:
            with self._lock:
                self._stored[run_id] = stored
                early = self._early.pop(run_id, [])
            self._write(stored, early)

    def end(self) -> None:
        """Listen no more; what was told is written."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def update(self, event: Event) -> None:
        if isinstance(event, RunEnded):
            with self._lock:
                self._early.pop(event.run_id, None)
                self._stored.pop(event.run_id, None)
            return
        lines = _lines(event)
        with self._lock:
            stored = self._stored.get(event.run_id)
            if stored is None:
                self._early.setdefault(event.run_id, []).extend(lines)
        if stored is not None:
            self._write(stored, lines)

    def _write(self, stored: str, lines: list[str]) -> None:
        if lines:
            try:
                self._store.log(stored, lines)
            except StoreError:
                pass  # nothing depends on it, and the end of the run will tell that the store fails


def _lines(event: Event) -> list[str]:
    time = datetime.fromtimestamp(event.at).astimezone().isoformat(timespec="seconds")
    if isinstance(event, OutputWritten):
        return [f"{time} {event.stream}: {line}" for line in event.text.splitlines()]
    if isinstance(event, LogRecorded):
        level = logging.getLevelName(event.level)
        return [f"{time} {level} {event.logger}: {line}" for line in event.message.splitlines()]
    return []
