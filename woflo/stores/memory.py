"""A store in memory: the readable model that the others are held against, and a store for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from functools import singledispatchmethod
from typing import Any, Self, TypeVar, cast

from woflo.errors import StoreError
from woflo.kernel.state import RunState
from woflo.stores.blobs import REST, Blob, is_reference, lightened
from woflo.stores.contract import Inherited, Transaction, unwrap
from woflo.stores.limiting import Allowance, after_starts
from woflo.stores.moving import BEFORE, is_alive, is_aside, set_aside
from woflo.stores.operations import (
    HANDED_OVER,
    LOST,
    MANUAL,
    SUSPECT,
    SUSPECT_DEATHS,
    Accepted,
    Adopt,
    Beat,
    Claimed,
    ClaimReady,
    Complete,
    Continue,
    Finish,
    Forget,
    ForgetSuccesses,
    KeepSuccesses,
    Leave,
    LimitQueue,
    Operation,
    Park,
    PauseQueue,
    PauseSchedule,
    Prune,
    Publish,
    Record,
    Recover,
    Release,
    RequestStop,
    Send,
    SetAside,
    Submit,
    Sweep,
    TakeSignal,
    Wake,
    is_asked,
)
from woflo.stores.refusals import (
    check_hand_over,
    conflict,
    has_ended,
    lease_lost,
    not_completable,
    not_understood,
    over,
    recorded_already,
    signal_there,
    taken_for_dead,
    unknown_run,
)
from woflo.stores.rows import QueueRow, Row, Signal, Tag
from woflo.stores.tables import GONE, TableReader

__all__ = ["MemoryStore"]

T = TypeVar("T")
_PENDING, _RUNNING, _WAITING = RunState.PENDING, RunState.RUNNING, RunState.WAITING
_STOPPED = RunState.STOPPED
_READY = (_PENDING, RunState.RETRYING)


class MemoryStore(TableReader):
    """Keeps everything in this process, and nothing after it."""

    @classmethod
    def from_url(cls, url: str) -> Self:  # noqa: ARG003 - it says no more than that it is this store
        """A new one each time: `memory:`."""
        return cls()

    def reopened(self) -> Self:
        """An empty one: what is kept in the memory of a process is nowhere else."""
        return type(self)()

    # -- writing ---------------------------------------------------------------------------------------

    def apply(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        with self._reading:
            results = [self._apply_one(operation) for operation in operations]
            self._tables.keep()
        return results

    def _apply_one(self, operation: Operation[Any]) -> Any:
        start = self._tables.changes
        try:
            for blob in operation.blobs:
                self._keep_blob(blob, operation.now)
            return self._do(operation)
        except StoreError as error:
            self._tables.go_back(start)
            return error

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._committer.alone(), self._reading:
            transaction = _MemoryTransaction(deepcopy(self._tables.users), self._keep_with)
            try:
                yield transaction
            finally:
                transaction.is_over = True
        self._changed()

    def _keep_with(self, operation: Operation[Any], users: dict[Any, Any]) -> Any:
        result = unwrap(self.apply([operation])[0])
        self._tables.users = deepcopy(users)
        return result

    @singledispatchmethod
    def _do(self, operation: Any) -> Any:
        raise not_understood(operation)

    # -- calls -----------------------------------------------------------------------------------------

    @_do.register
    def _submit(self, op: Submit) -> list[Accepted]:
        return self._accept_all(op.runs, op.tags, op.now)

    def _accept_all(self, rows: Iterable[Row], tags: Iterable[Tag], now: float) -> list[Accepted]:
        accepted = [self._accept(row, now) for row in rows]
        new = {one.row.id for one in accepted if one.is_new}
        self._put_tags(tag for tag in tags if tag.run_id in new)
        return accepted

    def _put_tags(self, tags: Iterable[Tag]) -> None:
        for tag in tags:
            self._tables.set(self._tables.tags, (tag.run_id, tag.name), tag.value)

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

    @_do.register
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

    # -- workers ---------------------------------------------------------------------------------------

    @_do.register
    def _beat(self, op: Beat) -> None:
        if not op.is_first and op.worker.id not in self._tables.workers:
            raise taken_for_dead(op.worker.id)
        self._tables.set(self._tables.workers, op.worker.id, op.worker)

    @_do.register
    def _leave(self, op: Leave) -> None:
        self._tables.set(self._tables.workers, op.worker, GONE)
        for row in self._held_by(op.worker):
            self._give_back(row, op.now, state=_PENDING, attempt=row.attempt - 1)

    @_do.register
    def _recover(self, op: Recover) -> list[str]:
        workers = self._tables.workers
        for one in list(workers.values()):
            if one.lease_until < op.now or one.id in op.dead:
                self._tables.set(workers, one.id, GONE)
        lost = [row for row in self._held() if row.worker not in workers]
        for row in lost:
            had_begun = row.worker not in op.told or row.claim in op.begun
            self._free(row, op.now, 1 if had_begun else 0)
        return [row.id for row in lost]

    def _free(self, row: Row, now: float, death: int) -> None:
        deaths = row.deaths + death
        suspect = deaths >= SUSPECT_DEATHS
        self._give_back(
            row,
            now,
            state=_WAITING if suspect else _PENDING,
            reason=SUSPECT if suspect else LOST,
            deaths=deaths,
            attempt=row.attempt - 1,
        )

    def _held(self) -> list[Row]:
        return [row for row in self._ordered() if row.worker is not None]

    def _held_by(self, worker: str) -> list[Row]:
        return [row for row in self._held() if row.worker == worker]

    def _give_back(self, row: Row, now: float, **changes: Any) -> None:
        """Nobody executes it any more; who asked it to stop has got what he asked for."""
        if row.stop_requested:
            self._end(row.changed(**changes), now, state=_STOPPED)
        else:
            self._put(row, worker=None, **changes)

    # -- writes by the one that holds the run ----------------------------------------------------------

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

    @_do.register
    def _record(self, op: Record) -> list[Accepted]:
        self._note_progress(self._holding(op), op)
        return self._accept_all(op.calls, op.tags, op.now)

    @_do.register
    def _finish(self, op: Finish) -> None:
        row = self._holding(op)
        ended = self._close(row, op.now, state=op.state, result=op.result, error=op.error, reason=op.reason)
        self._accept_all(op.calls, op.tags, op.now)
        for successor in op.successors:
            self._put(ended, key=None)
            self._add(successor.changed(key=row.key, **_stopped_with(row, op.now)), op.now)
        self._tell(row)

    @_do.register
    def _forget(self, op: Forget) -> None:
        row = self._holding(op)
        self._end(row, op.now, state=_STOPPED)
        self._drop(row.id)
        if is_reference(row.args):
            self._swept(op.now)

    @_do.register
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

    @_do.register
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

    @_do.register
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

    @_do.register
    def _publish(self, op: Publish) -> None:
        row = self._holding(op)
        self._note_progress(row, op)
        self._tables.set(self._tables.published, (row.id, op.name), op.value)

    # -- from outside ----------------------------------------------------------------------------------

    def _known(self, run_id: str) -> Row:
        row = self._tables.runs.get(run_id)
        if row is None:
            raise unknown_run(run_id)
        return row

    @_do.register
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

    @_do.register
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

    @_do.register
    def _complete(self, op: Complete) -> None:
        row = self._known(op.run_id)
        if not is_asked(row):
            raise not_completable(row)
        self._end(row, op.now, state=op.state, result=op.result, error=op.error, reason=None)

    @_do.register
    def _continue(self, op: Continue) -> Row:
        before, row = self._known(op.row.continues or ""), op.row
        if op.hands_over:
            check_hand_over(before)
            self._put(before, key=None, reason=f"{HANDED_OVER}{row.id}")
            row = row.changed(key=before.key)
        added = self._add(row, op.now)
        for step in op.steps:
            self._add(step, step.created_at)
        return added

    def _add(self, row: Row, now: float) -> Row:
        """A run that must be new."""
        accepted = self._accept(row, now)
        if not accepted.is_new:
            raise conflict(row, accepted.row)
        return accepted.row

    @_do.register
    def _wake_up(self, op: Wake) -> None:
        row = self._known(op.run_id)
        if op.token is not None:
            self._wake_for(row, op.token)
        elif row.state is _WAITING and row.reason != MANUAL:
            woken = self._put(row, state=_PENDING, waits_for=(), run_after=None, reason=None, deaths=0)
            if woken.is_to_be_executed:
                self._tell(woken)

    # -- large values ----------------------------------------------------------------------------------

    def _keep_blob(self, blob: Blob, now: float) -> None:
        there = self._tables.blobs.get(blob.name)
        kept = (max(now, there[0]), there[1]) if there else (now, self._place_blob(blob))
        self._tables.set(self._tables.blobs, blob.name, kept)

    def _place_blob(self, blob: Blob) -> str:
        """What the table has of it: here itself."""
        return blob.text

    @_do.register
    def _sweep(self, op: Sweep) -> int:
        return self._swept(op.now)

    def _swept(self, now: float) -> int:
        """How many were removed. Called by all that takes runs away."""
        old = [name for name, (kept_at, _) in self._tables.blobs.items() if kept_at < now - REST]
        named = self._named_blobs() if old else set()
        gone = [name for name in old if name not in named]
        for name in gone:
            self._tables.set(self._tables.blobs, name, GONE)
        return len(gone)

    def _named_blobs(self) -> set[str]:
        tables = self._tables
        texts = {text for row in tables.runs.values() for text in (row.args, row.result, row.error)}
        texts |= {signal.value for signal in tables.signals.values()} | set(tables.published.values())
        return {text for text in texts if text is not None and is_reference(text)}

    @_do.register
    def _prune(self, op: Prune) -> list[str]:
        gone = [run_id for run_id in dict.fromkeys(op.ids) if self._prune_one(run_id, op.before)]
        if gone:
            self._swept(op.now)
        return gone

    def _prune_one(self, run_id: str, before: float | None) -> bool:
        tree = self._tree(run_id)
        if not tree or tree[0].parent_id is not None or not tree[0].is_terminal or any(map(is_alive, tree)):
            return False
        if before is not None and (tree[0].finished_at or 0.0) >= before:
            return False
        for row in tree:
            self._drop(row.id)
        return True

    def _tree(self, run_id: str) -> list[Row]:
        """A run and all below it, the run first."""
        root = self._tables.runs.get(run_id)
        return [] if root is None else [root, *(row for step in self.steps(run_id) for row in self._tree(step.id))]

    def _drop(self, run_id: str) -> None:
        """A run, and what is kept beside it."""
        tables = self._tables
        for signal in self.signals(run_id):
            tables.set(tables.signals, signal.id, GONE)
        for name in self.published(run_id):
            tables.set(tables.published, (run_id, name), GONE)
        for name in self.tags(run_id):
            tables.set(tables.tags, (run_id, name), GONE)
        tables.set(tables.runs, run_id, GONE)

    @_do.register
    def _set_aside(self, op: SetAside) -> None:
        rows, before = set_aside(op, self._tree(op.run_id))
        for row in rows:
            self._tables.set(self._tables.runs, row.id, row)
        if before is not None:
            self._tables.set(self._tables.published, (op.run_id, BEFORE), before)

    @_do.register
    def _adopt(self, op: Adopt) -> bool:
        there = self._tree(op.runs[0].id)
        if there and not is_aside(there[0]):
            if (there[0].task, there[0].digest) != (op.runs[0].task, op.runs[0].digest):
                raise conflict(op.runs[0], there[0])
            return False
        for row in there:
            self._drop(row.id)
        for row in op.runs:
            self._check_new(row)
            self._tables.set(self._tables.runs, row.id, row)
        for signal in op.signals:
            if signal.id in self._tables.signals:
                raise signal_there(signal)
            self._tables.set(self._tables.signals, signal.id, signal)
        for run_id, name, value in op.published:
            self._tables.set(self._tables.published, (run_id, name), value)
        self._put_tags(op.tags)
        return True

    def _check_new(self, row: Row) -> None:
        there = self._tables.runs.get(row.id) or (row.key is not None and self.find(row.task, row.key))
        if there:
            raise conflict(row, there)

    # -- what is set for queues and schedules ----------------------------------------------------------

    @_do.register
    def _limit_queue(self, op: LimitQueue) -> None:
        queue = self._tables.queues.get(op.queue, QueueRow(name=op.queue))
        limits: dict[str, Any] = {
            "max_concurrency": op.max_concurrency,
            "max_per_key": op.max_per_key,
            "rate_limit": op.rate_limit,
        }
        starts = () if op.rate_limit is None else queue.starts
        self._set_queue(replace(queue, **limits, starts=starts, next_at=None))

    @_do.register
    def _pause_queue(self, op: PauseQueue) -> None:
        queue = self._tables.queues.get(op.queue, QueueRow(name=op.queue))
        self._set_queue(replace(queue, is_paused=op.is_paused))

    def _set_queue(self, queue: QueueRow) -> None:
        is_anything_set = queue.is_paused or (queue.max_concurrency, queue.max_per_key, queue.rate_limit) != (None,) * 3
        self._tables.set(self._tables.queues, queue.name, queue if is_anything_set else GONE)

    @_do.register
    def _pause_schedule(self, op: PauseSchedule) -> None:
        self._tables.set(self._tables.paused_schedules, op.task, True if op.is_paused else GONE)

    # -- what was made ---------------------------------------------------------------------------------

    @_do.register
    def _keep_successes(self, op: KeepSuccesses) -> None:
        for success in op.successes:
            self._tables.set(self._tables.successes, success.target, success)

    @_do.register
    def _forget_successes(self, op: ForgetSuccesses) -> None:
        for target in op.targets:
            self._tables.set(self._tables.successes, target, GONE)

    # -- what several of them do -----------------------------------------------------------------------

    def _put(self, row: Row, **changes: Any) -> Row:
        new = row.changed(**changes)
        self._tables.set(self._tables.runs, new.id, new)
        return new

    def _end(self, row: Row, now: float, **changes: Any) -> Row:
        ended = self._close(row, now, **changes)
        self._tell(row)
        return ended

    def _close(self, row: Row, now: float, **changes: Any) -> Row:
        """The end of a run, of which nobody is told yet."""
        return self._put(row, worker=None, run_after=None, waits_for=(), finished_at=now, **changes)

    def _tell(self, row: Row) -> None:
        """Wake the parent where it waits for this run."""
        parent = self._tables.runs.get(row.parent_id or "")
        if parent is not None:
            self._wake_for(parent, f"run:{row.id}")

    def _wake_for(self, row: Row, token: str) -> None:
        if row.state is _WAITING and token in row.waits_for:
            self._put(row, state=_PENDING, waits_for=(), run_after=None, reason=None)

    def close(self) -> None:
        self._committer.close()

    def _inherit(self) -> None:
        super()._inherit()
        self._reading = cast("Any", Inherited())


def _stopped_with(row: Row, now: float) -> dict[str, Any]:
    """What follows for the successor of a run that was asked to stop."""
    return {"state": _STOPPED, "stop_requested": True, "finished_at": now} if row.stop_requested else {}


class _MemoryTransaction(Transaction):
    def __init__(self, users: dict[Any, Any], keep: Callable[[Claimed[Any], dict[Any, Any]], Any]) -> None:
        self.connection = users
        self.is_kept = self.is_over = False
        self._keep = keep

    def commit(self, operation: Claimed[T]) -> T:
        if self.is_over:
            raise over()
        self.is_over = True
        result = self._keep(lightened(operation), self.connection)
        self.is_kept = True
        return result  # type: ignore[no-any-return]  # what the operation says
