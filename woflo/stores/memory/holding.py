"""Writes about a run by the one that holds it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from woflo.kernel.state import RunState
from woflo.stores.blobs import is_reference
from woflo.stores.memory.calls import Calls
from woflo.stores.memory.keeping import Keeping
from woflo.stores.operations import Accepted, Claimed, Finish, Forget, Park, Publish, Record, Release, TakeSignal
from woflo.stores.refusals import lease_lost, recorded_already
from woflo.stores.rows import Row, Signal

__all__ = ["Holding"]

_PENDING = RunState.PENDING
_WAITING = RunState.WAITING
_STOPPED = RunState.STOPPED


class Holding(Keeping, Calls):
    """Writes what a claim allows."""

    def _holding(self, op: Claimed[Any]) -> Row:
        """The run of this claim, its steps kept; refused where somebody else has it."""
        row = self._tables.runs.get(op.claim.run_id)
        if row is None or row.worker is None or row.claim != op.claim:
            raise lease_lost(op.claim)
        for note in op.notes:
            if note.id not in self._tables.runs:
                self._keep_step(note)
        for step in op.steps:
            self._keep_step(step)
        return row

    def _note_progress(self, row: Row, op: Claimed[Any]) -> None:
        if op.comes_further:
            self._put(row, deaths=0)

    def _keep_step(self, step: Row) -> None:
        there = self._tables.runs.get(step.id)
        is_intent = there is not None and (there.parent_id, there.queue, there.worker) == (step.parent_id, None, None)
        if there is not None and (there.is_terminal or not is_intent):
            raise recorded_already(step)
        self._tables.set(self._tables.runs, step.id, step)

    def _record(self, op: Record) -> list[Accepted]:
        self._note_progress(self._holding(op), op)
        return self._accept_all(op.calls, op.tags, op.now)

    def _finish(self, op: Finish) -> None:
        row = self._holding(op)
        ended = self._close(row, op.now, state=op.state, result=op.result, error=op.error, reason=op.reason)
        self._accept_all(op.calls, op.tags, op.now)
        for successor in op.successors:
            self._put(ended, key=None)
            self._add(successor.changed(key=row.key, **_stopped_with(row, op.now)), op.now)
        self._tell(row)

    def _forget(self, op: Forget) -> None:
        row = self._holding(op)
        self._end(row, op.now, state=_STOPPED)
        self._drop(row.id)
        if is_reference(row.args):
            self._swept(op.now)

    def _park(self, op: Park) -> bool:
        row = self._holding(op)
        has_come = [self._has_come(row.id, token) for token in op.waits_for]
        is_due = op.run_after is not None and op.run_after <= op.now
        if is_due or row.stop_requested or any(has_come):
            return False
        parked = self._put(
            row,
            state=_WAITING,
            worker=None,
            attempt=row.attempt - 1,
            reason=op.reason,
            waits_for=op.waits_for,
            run_after=op.run_after,
            deaths=0 if op.comes_further else row.deaths,
        )
        for token in op.waits_for:
            if token.startswith("run:") and self._known(token[4:]).is_to_be_executed:
                self._wake_for(parked, token)
        return True

    def _has_come(self, run_id: str, token: str) -> bool:
        kind, _, name = token.partition(":")
        if kind == "signal":
            return self._first_signal(run_id, name) is not None
        return kind == "run" and self._known(name).is_terminal

    def _release(self, op: Release) -> None:
        row = self._holding(op)
        self._give_back(
            row,
            op.now,
            state=RunState.RETRYING if op.failed else _PENDING,
            attempt=row.attempt if op.failed else row.attempt - 1,
            reason=op.reason,
            error=op.error if op.failed else row.error,
            run_after=op.run_after,
        )

    def _take_signal(self, op: TakeSignal) -> str | None:
        row = self._holding(op)
        signal = self._first_signal(row.id, op.name)
        if signal is None:
            return None
        self._tables.set(self._tables.signals, signal.id, replace(signal, taken_by=op.step.id))
        self._keep_step(op.step.changed(state=RunState.SUCCEEDED, result=signal.value))
        self._note_progress(row, op)
        return signal.value

    def _first_signal(self, run_id: str, name: str) -> Signal | None:
        for signal in self._tables.signals.values():
            if (signal.run_id, signal.name, signal.taken_by) == (run_id, name, None):
                return signal
        return None

    def _publish(self, op: Publish) -> None:
        row = self._holding(op)
        self._note_progress(row, op)
        self._tables.set(self._tables.published, (row.id, op.name), op.value)


def _stopped_with(row: Row, now: float) -> dict[str, Any]:
    """What follows for the successor of a run that was asked to stop."""
    return {"state": _STOPPED, "stop_requested": True, "finished_at": now} if row.stop_requested else {}
