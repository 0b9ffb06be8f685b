"""What observers are told of stored runs that execute in this process.

The handle of a run tells of its call and of its end, in the process that made the call. In any other, as in a worker,
the process that executes a run tells that, so that whoever listens there hears of it whole.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from woflo.durable.called import TRACE
from woflo.errors import StoreError
from woflo.kernel import bus, clock, tracing

if TYPE_CHECKING:
    from woflo.durable.engine import Engine
    from woflo.kernel.state import RunState
    from woflo.stores.rows import Row

__all__ = ["Telling"]

MOST_TOLD = 10_000
"""How many runs are remembered that began here and did not end here: others may have gone on with them."""

MOST_ARGUMENTS = 10_000
"""Characters of arguments that are looked through for what tells one call from another."""
_OF_JOB = '{"job_file":'
"""A job's own arguments tell nobody more than its name does."""


class Telling:
    """That of one engine. It costs a look at who listens where nobody does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._told: OrderedDict[str, None] = OrderedDict()
        """The ids of runs of whose end nobody else here will tell."""

    def begins(self, row: Row) -> None:
        """The code of a run is about to be executed here, perhaps once more."""
        if not bus.wanted(bus.WARNING) or row.id in self._told or self._engine.following.has(row.id):
            return
        self._told[row.id] = None
        if len(self._told) > MOST_TOLD:
            self._told.popitem(last=False)
        if not bus.listeners:
            return
        from woflo.kernel.events import RunCreated

        if tracing.carrier is not None:
            self._look_for_trace(row.id)
        bus.emit(RunCreated(run_id=row.id, task=row.task, parent_id=row.parent_id, arguments=_given(row)))

    def _look_for_trace(self, run_id: str) -> None:
        """Whoever has called it may have traced that."""
        try:
            called_in = self._engine.store.tags(run_id).get(TRACE)
        except StoreError:
            return  # its execution will find that out
        if called_in is not None:
            tracing.parents[run_id] = called_in

    def attempt_begins(self, row: Row) -> None:
        """The same of a call, each execution of which is an attempt; the handle does not know when that begins."""
        self.begins(row)
        if bus.wanted():
            from woflo.kernel.events import AttemptStarted

            bus.emit(AttemptStarted(run_id=row.id, task=row.task, attempt=row.attempt))

    def attempt_failed(self, row: Row, error: BaseException, delay: float | None) -> None:
        """An attempt of a call has failed; another one comes in `delay` seconds, where that is not None."""
        if bus.wanted(bus.WARNING):
            from woflo.kernel.events import AttemptFailed, RunRetried

            told: dict[str, Any] = {"run_id": row.id, "task": row.task, "attempt": row.attempt, "error": error}
            bus.emit(AttemptFailed(**told))
            if delay is not None:
                bus.emit(RunRetried(**told, delay=delay))

    def ended(self, row: Row, state: RunState, error: BaseException | None) -> None:
        """What was to be written about the end of a run is written."""
        if self._told.pop(row.id, "") is not None or not bus.wanted(bus.WARNING):
            return
        from woflo.kernel.events import RunEnded

        duration = None if row.started_at is None else max(0.0, clock.now() - row.started_at)
        about: dict[str, Any] = {"run_id": row.id, "task": row.task, "duration": duration, "error": error}
        bus.emit(RunEnded(state=state, attempts=max(1, row.attempt), **about))


def _given(row: Row) -> str:
    """What it was called with, in short."""
    from woflo.kernel.arguments import names_in_short

    if row.args is None or len(row.args) > MOST_ARGUMENTS or row.args.startswith(_OF_JOB):
        return ""
    try:
        given = json.loads(row.args)
    except ValueError:
        return ""
    return names_in_short(given) if isinstance(given, dict) else ""
