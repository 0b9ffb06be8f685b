"""Writes about a run by others than the one that holds it."""

from __future__ import annotations

from dataclasses import replace

from woflo.kernel.state import RunState
from woflo.stores.memory.calls import Calls
from woflo.stores.operations import HANDED_OVER, MANUAL, Complete, Continue, RequestStop, Send, Wake, is_asked
from woflo.stores.refusals import check_hand_over, has_ended, not_completable
from woflo.stores.rows import Row, Signal

__all__ = ["Outside"]

_PENDING = RunState.PENDING
_RUNNING = RunState.RUNNING
_WAITING = RunState.WAITING
_STOPPED = RunState.STOPPED


class Outside(Calls):
    """Writes without a claim."""

    def _send(self, op: Send) -> bool:
        row = self._known(op.run_id)
        if op.id in self._tables.signals:
            return False
        if row.is_terminal:
            raise has_ended(row, f"the signal {op.name!r} cannot reach it")
        signal = Signal(id=op.id, run_id=op.run_id, name=op.name, value=op.value, sent_at=op.now)
        self._tables.set(self._tables.signals, op.id, signal)
        self._wake_for(row, f"signal:{op.name}")
        return True

    def _request_stop(self, op: RequestStop) -> RunState:
        row = self._known(op.run_id)
        for child in self.steps(row.id):
            self._request_stop(replace(op, run_id=child.id))
        row = self._known(op.run_id)  # the end of a child may have woken it
        if row.is_terminal or (row.queue is None and row.state is _RUNNING):
            return row.state
        if row.state is _RUNNING:
            return self._put(row, stop_requested=True).state
        return self._end(row, op.now, state=_STOPPED, error=op.error, stop_requested=True).state

    def _complete(self, op: Complete) -> None:
        row = self._known(op.run_id)
        if not is_asked(row):
            raise not_completable(row)
        self._end(row, op.now, state=op.state, result=op.result, error=op.error, reason=None)

    def _continue(self, op: Continue) -> Row:
        before, row = self._known(op.row.continues or ""), op.row
        if op.hands_over:
            check_hand_over(before)
            self._put(before, key=None, reason=f"{HANDED_OVER}{row.id}")
            row = row.changed(key=before.key)
        added = self._add(row, op.now)
        for step in op.steps:
            self._add(step, step.created_at)
        self._put_tags(op.tags)
        return added

    def _wake_up(self, op: Wake) -> None:
        row = self._known(op.run_id)
        if op.token is not None:
            self._wake_for(row, op.token)
        elif row.state is _WAITING and row.reason != MANUAL:
            woken = self._put(row, state=_PENDING, waits_for=(), run_after=None, reason=None, deaths=0)
            if woken.is_to_be_executed:
                self._tell(woken)
