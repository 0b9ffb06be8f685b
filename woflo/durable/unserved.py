"""Calls that stay in the queue because this worker does not know their task: told once for each name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from woflo.errors import StoreError
from woflo.kernel import bus
from woflo.kernel.state import RunState

if TYPE_CHECKING:
    from woflo.durable.serving import Serving
    from woflo.stores.contract import Store

__all__ = ["Unserved"]

LOOK = 1.0
"""Seconds between two looks where something was heard."""
QUIET_LOOK = 10.0
"""The same where nothing was."""
PAGE = 100
"""How many runs are looked at each time; each is once."""


class Unserved:
    """The names in the queues of a worker that it does not serve. What a row says is never imported."""

    def __init__(self, store: Store, serving: Serving) -> None:
        self._store = store
        self._serving = serving
        self._told: set[str] = set()
        self._seen = ""
        """The last run that was looked at."""
        self._looked_at = 0.0
        self._heard = -1

    def look(self) -> None:
        """Tell of names that were not told yet, at most once a second; where nothing was heard, every ten seconds."""
        heard, quiet = self._serving.engine.heard, time.monotonic() - self._looked_at
        if quiet < (QUIET_LOOK if heard == self._heard else LOOK):
            return
        self._looked_at, self._heard = time.monotonic(), heard
        try:
            self._look_further()
        except StoreError:
            pass  # the engine tells of that, and tries again

    def _look_further(self) -> None:
        waiting = (RunState.PENDING, RunState.RETRYING)
        rows = self._store.select(states=waiting, after=self._seen, limit=PAGE)
        if len(rows) == PAGE:
            self._heard = -1  # there are more
        for row in rows:
            self._seen = row.id
            if row.queue in self._serving.queues and row.task not in self._serving.tasks:
                self._tell(row.task, str(row.queue))

    def _tell(self, name: str, queue: str) -> None:
        if name in self._told:
            return
        self._told.add(name)
        bus.logger().warning(
            "calls of %r stay in the queue %r: this worker serves %s", name, queue, ", ".join(self._serving.tasks)
        )
