"""What each operation does, in named statements: the same for every database that is asked in SQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from woflo.kernel.state import TERMINAL, RunState
from woflo.stores.operations import (
    LOST,
    MANUAL,
    SUSPECT,
    SUSPECT_DEATHS,
    Accepted,
    Beat,
    Claimed,
    ClaimReady,
    Complete,
    Finish,
    Forget,
    Leave,
    Operation,
    Park,
    Publish,
    Record,
    Recover,
    Release,
    RequestStop,
    Send,
    Submit,
    TakeSignal,
    Wake,
)
from woflo.stores.refusals import (
    conflict,
    has_ended,
    lease_lost,
    not_understood,
    recorded_already,
    taken_for_dead,
    unknown_run,
)
from woflo.stores.rows import Row
from woflo.stores.sql.rows import row_of, rows_of, values_of

__all__ = ["Statements", "Writes"]

Values = dict[str, Any] | tuple[Any, ...]


class Statements(Protocol):
    """A connection, asked by the names of statements. What they need stands in the SQL of each database."""

    def rows(self, name: str, values: Values) -> list[tuple[Any, ...]]:
        """What the statement finds or returns."""
        ...

    def change(self, name: str, values: Values) -> int:
        """How many rows it wrote."""
        ...


class Writes:
    """Does operations on a connection. What they are refused with is raised, mostly before anything is written."""

    def __init__(self, statements: Statements) -> None:
        self._rows = statements.rows
        self._change = statements.change

    def do(self, op: Operation[Any]) -> Any:
        """Its result. What was written before a refusal is for the caller to take back."""
        handler = _HANDLERS.get(type(op))
        if handler is None:
            raise not_understood(op)
        return handler(self, op)

    # -- calls -----------------------------------------------------------------------------------------

    def _submit(self, op: Submit) -> list[Accepted]:
        return [self._accept(row, op.now) for row in op.runs]

    def _accept(self, row: Row, now: float) -> Accepted:
        new = row.changed(created_at=now)
        if row.worker is not None:
            new = new.changed(state=RunState.RUNNING, fence=1, attempt=1, started_at=now)
        if self._change("add_run", values_of(new)):
            return Accepted(new, is_new=True)
        there = self._there(row)
        if (there.task, there.digest) != (row.task, row.digest):
            raise conflict(row, there)
        return Accepted(there, is_new=False)

    def _there(self, row: Row) -> Row:
        found = self._rows("run_by_id", {"id": row.id})
        return row_of((found or self._rows("run_by_key", {"task": row.task, "key": row.key}))[0])

    def _claim_ready(self, op: ClaimReady) -> list[Row]:
        self._change("wake_due", {"now": op.now})
        ids = [run_id for _, run_id in self._ready(op)]
        if not ids:
            return []
        claimed = self._rows("claim", {"worker": op.worker, "now": op.now, "ids": json.dumps(ids)})
        return sorted(rows_of(claimed), key=lambda row: (-row.priority, row.id))

    def _ready(self, op: ClaimReady) -> list[tuple[Any, ...]]:
        """Priorities and ids. Each queue is asked by itself: then it does not matter what others hold."""
        values = {"tasks": json.dumps(op.tasks), "limit": op.limit}
        if op.ids is not None:
            return self._rows("ready_among", {**values, "ids": json.dumps(op.ids)})
        queues = dict.fromkeys(op.queues)
        found = [one for queue in queues for one in self._rows("ready_in_queue", {**values, "queue": queue})]
        return sorted(found, key=lambda one: (-one[0], one[1]))[: op.limit]

    # -- workers ---------------------------------------------------------------------------------------

    def _beat(self, op: Beat) -> None:
        one = op.worker
        values = {"id": one.id, "host": one.host, "pid": one.pid, "lease_until": one.lease_until}
        if not self._change("worker_there" if op.is_first else "worker_lives", values):
            raise taken_for_dead(one.id)

    def _leave(self, op: Leave) -> None:
        self._change("worker_gone", {"id": op.worker})
        self._given_back(self._rows("give_back_all", {"worker": op.worker, "now": op.now}))

    def _recover(self, op: Recover) -> list[str]:
        self._change("workers_dead", {"now": op.now, "dead": json.dumps(op.dead)})
        values = {"now": op.now, "suspect": SUSPECT, "suspect_deaths": SUSPECT_DEATHS, "lost": LOST}
        freed = self._rows("free_lost", values)
        self._given_back(freed)
        return sorted(run_id for run_id, _, _ in freed)

    def _given_back(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Those of them that were asked to stop have ended by that."""
        for run_id, parent_id, state in rows:
            if state == RunState.STOPPED:
                self._tell_parent(run_id, parent_id)

    # -- writes by the one that holds the run ----------------------------------------------------------

    def _holding(self, op: Claimed[Any]) -> tuple[Any, ...]:
        """Parent, and whether a stop is requested, of the run of this claim; its notes and steps are kept."""
        found = self._rows("held", op.claim)
        if not found:
            raise lease_lost(op.claim)
        for note in op.notes:
            self._change("add_run", values_of(note))
        for step in op.steps:
            self._keep_step(step)
        return found[0]

    def _keep_step(self, step: Row) -> None:
        if not self._change("keep_step", values_of(step)):
            raise recorded_already(step)

    def _record(self, op: Record) -> list[Accepted]:
        self._holding(op)
        return [self._accept(call, op.now) for call in op.calls]

    def _finish(self, op: Finish) -> None:
        parent_id, _ = self._holding(op)
        for call in op.calls:
            self._accept(call, op.now)
        self._end(op.claim.run_id, parent_id, op, op.reason)

    def _forget(self, op: Forget) -> None:
        parent_id, _ = self._holding(op)
        self._change("forget_run", {"id": op.claim.run_id})
        self._tell_parent(op.claim.run_id, parent_id)

    def _park(self, op: Park) -> bool:
        _, stop_requested = self._holding(op)
        run_id = op.claim.run_id
        has_come = [self._has_come(run_id, token) for token in op.waits_for]
        is_due = op.run_after is not None and op.run_after <= op.now
        if is_due or stop_requested or any(has_come):
            return False
        waits_for = json.dumps(op.waits_for)
        values = {"id": run_id, "reason": op.reason, "waits_for": waits_for, "run_after": op.run_after}
        self._change("park", values)
        return True

    def _has_come(self, run_id: str, token: str) -> bool:
        kind, _, name = token.partition(":")
        if kind == "signal":
            return bool(self._rows("first_signal", {"run_id": run_id, "name": name}))
        return kind == "run" and self._known(name).is_terminal

    def _release(self, op: Release) -> None:
        self._holding(op)
        values = {"id": op.claim.run_id, "now": op.now, "run_after": op.run_after}
        values |= {"reason": op.reason, "failed": op.failed, "error": op.error}
        self._given_back(self._rows("release", values))

    def _take_signal(self, op: TakeSignal) -> str | None:
        self._holding(op)
        found = self._rows("first_signal", {"run_id": op.claim.run_id, "name": op.name})
        if not found:
            return None
        signal_id, value = found[0]
        self._keep_step(op.step.changed(state=RunState.SUCCEEDED, result=value))
        self._change("take_signal", {"id": signal_id, "step": op.step.id})
        return str(value)

    def _publish(self, op: Publish) -> None:
        self._holding(op)
        self._change("publish", {"run_id": op.claim.run_id, "name": op.name, "value": op.value})

    # -- from outside ----------------------------------------------------------------------------------

    def _known(self, run_id: str) -> Row:
        found = self._rows("run_by_id", {"id": run_id})
        if not found:
            raise unknown_run(run_id)
        return row_of(found[0])

    def _send(self, op: Send) -> bool:
        row = self._known(op.run_id)
        if self._rows("signal_is_there", {"id": op.id}):
            return False
        if row.is_terminal:
            raise has_ended(row, f"the signal {op.name!r} cannot reach it")
        values = {"id": op.id, "run_id": op.run_id, "name": op.name, "value": op.value, "now": op.now}
        self._change("send_signal", values)
        self._change("wake_for", {"id": op.run_id, "token": f"signal:{op.name}"})
        return True

    def _request_stop(self, op: RequestStop) -> RunState:
        """The run itself is the last of them."""
        state = None
        for run_id, *row in self._rows("run_and_all_below", {"id": op.run_id}):
            state = self._stop(op, run_id, *row)
        if state is None:
            raise unknown_run(op.run_id)
        return state

    def _stop(self, op: RequestStop, run_id: str, state: str, queue: str | None, parent_id: str | None) -> RunState:
        if state in TERMINAL or (state == RunState.RUNNING and queue is None):
            return RunState(state)
        if state == RunState.RUNNING:
            self._change("ask_to_stop", {"id": run_id})
            return RunState.RUNNING
        self._change("stop_run", {"id": run_id, "error": op.error, "now": op.now})
        self._tell_parent(run_id, parent_id)
        return RunState.STOPPED

    def _complete(self, op: Complete) -> None:
        row = self._known(op.run_id)
        if row.state is not RunState.WAITING or row.reason != MANUAL:
            raise has_ended(row, "only a manual step that waits can be completed")
        self._end(row.id, row.parent_id, op, None)

    def _wake(self, op: Wake) -> None:
        self._known(op.run_id)
        self._change("wake", {"id": op.run_id, "manual": MANUAL})

    # -- what several of them do -----------------------------------------------------------------------

    def _end(self, run_id: str, parent_id: str | None, op: Finish | Complete, reason: str | None) -> None:
        values = {"id": run_id, "state": op.state.value, "result": op.result, "error": op.error}
        self._change("end_run", values | {"reason": reason, "now": op.now})
        self._tell_parent(run_id, parent_id)

    def _tell_parent(self, run_id: str, parent_id: str | None) -> None:
        if parent_id is not None:
            self._change("wake_for", {"id": parent_id, "token": f"run:{run_id}"})


_HANDLERS: dict[type, Callable[[Writes, Any], Any]] = {
    Submit: Writes._submit,
    ClaimReady: Writes._claim_ready,
    Beat: Writes._beat,
    Leave: Writes._leave,
    Recover: Writes._recover,
    Record: Writes._record,
    Finish: Writes._finish,
    Forget: Writes._forget,
    Park: Writes._park,
    Release: Writes._release,
    TakeSignal: Writes._take_signal,
    Publish: Writes._publish,
    Send: Writes._send,
    RequestStop: Writes._request_stop,
    Complete: Writes._complete,
    Wake: Writes._wake,
}
