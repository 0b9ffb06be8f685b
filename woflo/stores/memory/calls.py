"""Calls and claims: runs that are added, and who takes what is ready."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from woflo.kernel.state import RunState
from woflo.stores.limiting import Allowance, after_starts
from woflo.stores.memory.workers import Workers
from woflo.stores.operations import Accepted, ClaimReady, Submit
from woflo.stores.refusals import conflict
from woflo.stores.rows import Row, Tag

__all__ = ["Calls"]

_PENDING = RunState.PENDING
_RUNNING = RunState.RUNNING
_WAITING = RunState.WAITING
_READY = (_PENDING, RunState.RETRYING)


class Calls(Workers):
    """Adds and claims."""

    def _submit(self, op: Submit) -> list[Accepted]:
        return self._accept_all(op.runs, op.tags, op.now)

    def _accept_all(self, rows: Iterable[Row], tags: Iterable[Tag], now: float) -> list[Accepted]:
        accepted = [self._accept(row, now) for row in rows]
        new = {one.row.id for one in accepted if one.is_new}
        self._put_tags(tag for tag in tags if tag.run_id in new)
        return accepted

    def _accept(self, row: Row, now: float) -> Accepted:
        there = self._tables.runs.get(row.id) or (row.key is not None and self.find(row.task, row.key))
        if there:
            if (there.task, there.digest) != (row.task, row.digest):
                raise conflict(row, there)
            return Accepted(there, is_new=False)
        if row.worker is not None:
            row = row.changed(state=_RUNNING, fence=1, attempt=1, started_at=now)
        row = row.changed(created_at=now)
        self._tables.set(self._tables.runs, row.id, row)
        return Accepted(row, is_new=True)

    def _add(self, row: Row, now: float) -> Row:
        """A run that must be new."""
        accepted = self._accept(row, now)
        if not accepted.is_new:
            raise conflict(row, accepted.row)
        return accepted.row

    def _claim_ready(self, op: ClaimReady) -> list[Row]:
        self._wake_due(op.now)
        allowances = {} if op.ids is not None else self._allowances(op)
        if not allowances:
            return [self._claim(row, op) for row in self._first_ready(op)]
        claimed = [self._claim(row, op) for row in self._within(allowances, op)]
        taken = Counter(row.queue for row in claimed)
        for name, allowance in allowances.items():
            after = after_starts(allowance.queue, taken[name], op.now)
            self._tables.set(self._tables.queues, name, after)
        return claimed

    def _allowances(self, op: ClaimReady) -> dict[str, Allowance]:
        """Of the queues for which something is set."""
        there = [self._tables.queues[name] for name in dict.fromkeys(op.queues) if name in self._tables.queues]
        return {queue.name: Allowance(queue, self._under_way(queue.name), op.now) for queue in there}

    def _under_way(self, queue: str) -> Counter[str | None]:
        return Counter(row.limit_key for row in self._held() if row.queue == queue)

    def _within(self, allowances: Mapping[str, Allowance], op: ClaimReady) -> list[Row]:
        """The first that are ready and for which there is a place."""
        found: list[Row] = []
        for row in self._first_ready(replace(op, limit=len(self._tables.runs))):
            allowance = allowances.get(row.queue or "")
            if len(found) < op.limit and (allowance is None or allowance.take(row.limit_key)):
                found.append(row)
        return found

    def _first_ready(self, op: ClaimReady) -> list[Row]:
        ready = [row for row in self._tables.runs.values() if self._is_ready(row, op)]
        ready.sort(key=lambda row: (-row.priority, row.id))
        return ready[: op.limit]

    def _is_ready(self, row: Row, op: ClaimReady) -> bool:
        wanted = row.queue in op.queues if op.ids is None else row.id in op.ids
        return (
            wanted and row.queue is not None and row.task in op.tasks and row.state in _READY and row.run_after is None
        )

    def _wake_due(self, now: float) -> None:
        for row in self._due(now):
            state = _PENDING if row.state is _WAITING else row.state
            self._put(row, state=state, run_after=None, waits_for=(), reason=None)

    def _due(self, now: float) -> list[Row]:
        timed = [row for row in self._tables.runs.values() if row.run_after is not None and row.run_after <= now]
        return [row for row in timed if not row.is_terminal]

    def _claim(self, row: Row, op: ClaimReady) -> Row:
        return self._put(
            row,
            state=_RUNNING,
            worker=op.worker,
            fence=row.fence + 1,
            attempt=row.attempt + 1,
            reason=None,
            started_at=op.now if row.started_at is None else row.started_at,
        )
