"""What each operation does, in named statements: the same for every database that is asked in SQL.

What an operation is refused with is raised; what was written before a refusal is for the driver to take back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

from woflo.kernel.state import TERMINAL, RunState
from woflo.stores.blobs import REST, Blob, chunks, is_reference
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
    recorded_already,
    taken_for_dead,
    unknown_run,
)
from woflo.stores.rows import Row, Tag
from woflo.stores.sql import keeping
from woflo.stores.sql.asking import Answer, Doing, Statement, asked
from woflo.stores.sql.keeping import dropping
from woflo.stores.sql.queues import claim_within, limit_queue, pause_queue, pause_schedule
from woflo.stores.sql.rows import row_of, rows_of, values_of

__all__ = ["do", "swept"]

T = TypeVar("T")


def do(op: Operation[T]) -> Doing[T]:
    """The operation, not begun. Raises `StoreError` for one that is not understood."""
    handler = _HANDLERS.get(type(op))
    if handler is None:
        raise not_understood(op)
    return _with_blobs(op, handler(op)) if op.blobs else handler(op)


# -- calls ---------------------------------------------------------------------------------------------


def _submit(op: Submit) -> Doing[list[Accepted]]:
    return (yield from _accepted_with_tags(op.runs, op.tags, op.now))


def _accepted_with_tags(rows: Sequence[Row], tags: Sequence[Tag], now: float) -> Doing[list[Accepted]]:
    accepted = yield from _accepted(rows, now)
    if tags:
        new = {one.row.id for one in accepted if one.is_new}
        yield from _asked_all([("add_tag", tag) for tag in tags if tag.run_id in new])
    return accepted


def _asked_all(statements: list[Statement]) -> Doing[None]:
    """Ask them, if there are any."""
    if statements:
        yield statements


def _accepted(rows: Sequence[Row], now: float) -> Doing[list[Accepted]]:
    """What became of runs that were added, each where nothing of its id or key was there."""
    accepted: list[Accepted] = []
    for some in _distinct(rows):
        new = [_begun(row, now) for row in some]
        answers = yield [("add_run", values_of(row)) for row in new]
        there = [row for row, answer in zip(some, answers, strict=True) if not answer.changed]
        found = iter((yield [one for row in there for one in _look_up(row)]) if there else ())
        for row, answer in zip(new, answers, strict=True):
            if answer.changed:
                accepted.append(Accepted(row, is_new=True))
            else:
                by_id, by_key = next(found), next(found)
                accepted += yield from _attached(row, by_id.rows or by_key.rows, now)
    return accepted


def _distinct(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Neighbours of different ids: what a row finds under its id is then not one that was added after it."""
    some: dict[str, Row] = {}
    for row in rows:
        if row.id in some:
            yield list(some.values())
            some = {}
        some[row.id] = row
    if some:
        yield list(some.values())


def _begun(row: Row, now: float) -> Row:
    """A run as it is kept where it is new."""
    if row.worker is None:
        return row if row.created_at == now else row.changed(created_at=now)
    return row.changed(created_at=now, state=RunState.RUNNING, fence=1, attempt=1, started_at=now)


def _look_up(row: Row) -> list[Statement]:
    return [("run_by_id", {"id": row.id}), ("run_by_key", {"task": row.task, "key": row.key})]


def _attached(row: Row, found: list[tuple[Any, ...]], now: float) -> Doing[list[Accepted]]:
    """What is there instead of it; tried again where another process has forgotten that meanwhile."""
    if not found:
        return (yield from _accepted([row], now))
    there = row_of(found[0])
    if (there.task, there.digest) != (row.task, row.digest):
        raise conflict(row, there)
    return [Accepted(there, is_new=False)]


def _claim_ready(op: ClaimReady) -> Doing[list[Row]]:
    _, *answers = yield [("wake_due", {"now": op.now}), *_ready(op)]
    found = [one for answer in answers for one in answer.rows]
    limited = [name for priority, name in found if priority is None]
    if limited:
        return (yield from claim_within(op, limited, [one for one in found if one[0] is not None]))
    found.sort(key=itemgetter(1))
    found.sort(key=itemgetter(0), reverse=True)
    ids = [run_id for _, run_id in found[: op.limit]]
    if not ids:
        return []
    claimed = yield from asked("claim", {"worker": op.worker, "now": op.now, "ids": json.dumps(ids)})
    rows = {row.id: row for row in rows_of(claimed)}
    return [rows[run_id] for run_id in ids if run_id in rows]


def _ready(op: ClaimReady) -> list[Statement]:
    """Priorities and ids. Each queue is asked by itself: then it does not matter what others hold.

    A queue for which something is set gives only its name, without a priority.
    """
    values = {"tasks": json.dumps(op.tasks), "limit": op.limit}
    if op.ids is not None:
        return [("ready_among", {**values, "ids": json.dumps(op.ids)})]
    return [("ready_in_queue", {**values, "queue": queue}) for queue in dict.fromkeys(op.queues)]


# -- workers -------------------------------------------------------------------------------------------


def _beat(op: Beat) -> Doing[None]:
    one = op.worker
    values = {"id": one.id, "host": one.host, "pid": one.pid, "lease_until": one.lease_until}
    (answer,) = yield [("worker_there" if op.is_first else "worker_lives", values)]
    if not answer.changed:
        raise taken_for_dead(one.id)


def _leave(op: Leave) -> Doing[None]:
    _, given_back = yield [
        ("worker_gone", {"id": op.worker}),
        ("give_back_all", {"worker": op.worker, "now": op.now}),
    ]
    yield from _told(given_back.rows)


def _recover(op: Recover) -> Doing[list[str]]:
    _, lost = yield [("workers_dead", {"now": op.now, "dead": json.dumps(op.dead)}), ("lost", {})]
    if not lost.rows:
        return []
    values = {"now": op.now, "suspect": SUSPECT, "suspect_deaths": SUSPECT_DEATHS, "lost": LOST}
    ids: dict[int, list[str]] = {1: [], 0: []}
    for claim in lost.rows:
        ids[0 if claim[1] in op.told and claim not in op.begun else 1].append(claim[0])
    freed: list[tuple[Any, ...]] = []
    for death, those in ids.items():
        if those:
            freed += yield from asked("free_lost", values | {"death": death, "ids": json.dumps(those)})
    yield from _told(freed)
    return sorted(run_id for run_id, _, _ in freed)


def _told(given_back: Iterable[tuple[Any, ...]]) -> Doing[None]:
    """Those of the runs that were asked to stop have ended by that: their parents are told."""
    ended = [one for run_id, parent, state in given_back if state == RunState.STOPPED for one in _tell(run_id, parent)]
    if ended:
        yield ended


# -- writes by the one that holds the run --------------------------------------------------------------


def _held(op: Claimed[Any], others: list[Statement]) -> Doing[tuple[str | None, bool, list[Answer]]]:
    """Look at the claim, keep the notes and steps that came with it, and ask others after them: all in one go.

    Gives the parent, whether a stop is requested, and the answers to the others. A claim is rarely lost; then what was
    written is taken back.
    """
    answers = yield [("held", op.claim), *map(_add, op.notes), *map(_keep, op.steps), *others]
    if not answers[0].rows:
        raise lease_lost(op.claim)
    at = 1 + len(op.notes)
    for step in op.steps:
        _check_kept(step, answers[at])
        at += 1
    parent_id, stop_requested = answers[0].rows[0]
    return parent_id, stop_requested, answers[at:]


def _add(note: Row) -> Statement:
    return "add_run", values_of(note)


def _keep(step: Row) -> Statement:
    return "keep_step", values_of(step)


def _check_kept(step: Row, answer: Answer) -> None:
    if not answer.changed:
        raise recorded_already(step)


def _progress(op: Claimed[Any]) -> list[Statement]:
    """Asked beside what it came to; taken back with that where that is refused."""
    return [("forget_deaths", {"id": op.claim.run_id})] if op.comes_further else []


def _record(op: Record) -> Doing[list[Accepted]]:
    yield from _held(op, _progress(op))
    return (yield from _accepted_with_tags(op.calls, op.tags, op.now)) if op.calls else []


def _finish(op: Finish) -> Doing[None]:
    parent_id, stop_requested, _ = yield from _held(op, [_end(op.claim.run_id, op, op.reason)])
    if op.calls:
        yield from _accepted_with_tags(op.calls, op.tags, op.now)
    for successor in op.successors:
        before = yield from _known(op.claim.run_id)
        stopped = {"state": RunState.STOPPED, "stop_requested": True, "finished_at": op.now} if stop_requested else {}
        yield from _handed_over(before, successor.changed(**stopped), op.reason, op.now)
    if parent_id is not None:
        yield from _tell_of(op.claim.run_id, parent_id)


def _forget(op: Forget) -> Doing[None]:
    run_id = op.claim.run_id
    parent_id, _, (gone, *_) = yield from _held(op, [("forget_run", {"id": run_id}), *dropping([run_id])])
    yield from _tell_of(run_id, parent_id)
    if any(is_reference(args) for (args,) in gone.rows):
        yield from swept(op.now)


def _park(op: Park) -> Doing[bool]:
    looks = _looks(op)
    _, stop_requested, answers = yield from _held(op, looks)
    has_come = [_has_come(look, answer) for look, answer in zip(looks, answers, strict=True)]
    is_due = op.run_after is not None and op.run_after <= op.now
    if is_due or stop_requested or any(has_come):
        return False
    waits_for = json.dumps(op.waits_for)
    values = {"id": op.claim.run_id, "reason": op.reason, "waits_for": waits_for, "run_after": op.run_after}
    values["comes_further"] = op.comes_further
    found = [answer.rows[0] for look, answer in zip(looks, answers, strict=True) if look[0] == "run_by_id"]
    again = [row.id for row in rows_of(found) if row.is_to_be_executed]
    yield [("park", values), *(_wake_for(op.claim.run_id, run_id) for run_id in again)]
    return True


def _looks(op: Park) -> list[Statement]:
    """Whether something is there already that it waits for. What else is waited for comes from outside."""
    tokens = [token.partition(":") for token in op.waits_for]
    looks: dict[str, Callable[[str], Statement]] = {
        "signal": lambda name: ("first_signal", {"run_id": op.claim.run_id, "name": name}),
        "run": lambda name: ("run_by_id", {"id": name}),
    }
    return [looks[kind](name) for kind, _, name in tokens if kind in looks]


def _has_come(look: Statement, answer: Answer) -> bool:
    name, values = look
    if name == "first_signal":
        return bool(answer.rows)
    assert isinstance(values, dict)
    return _first(values["id"], answer.rows).is_terminal


def _release(op: Release) -> Doing[None]:
    values = {"id": op.claim.run_id, "now": op.now, "run_after": op.run_after}
    values |= {"reason": op.reason, "failed": op.failed, "error": op.error}
    _, _, (released,) = yield from _held(op, [("release", values)])
    yield from _told(released.rows)


def _take_signal(op: TakeSignal) -> Doing[str | None]:
    _, _, (signal,) = yield from _held(op, [("first_signal", {"run_id": op.claim.run_id, "name": op.name})])
    if not signal.rows:
        return None
    signal_id, value = signal.rows[0]
    step = op.step.changed(state=RunState.SUCCEEDED, result=value)
    kept, *_ = yield [_keep(step), ("take_signal", {"id": signal_id, "step": step.id}), *_progress(op)]
    _check_kept(step, kept)
    return str(value)


def _publish(op: Publish) -> Doing[None]:
    shown = ("publish", {"run_id": op.claim.run_id, "name": op.name, "value": op.value})
    yield from _held(op, [shown, *_progress(op)])


# -- from outside --------------------------------------------------------------------------------------


def _known(run_id: str) -> Doing[Row]:
    return _first(run_id, (yield from asked("run_by_id", {"id": run_id})))


def _first(run_id: str, found: list[tuple[Any, ...]]) -> Row:
    if not found:
        raise unknown_run(run_id)
    return row_of(found[0])


def _send(op: Send) -> Doing[bool]:
    there, same = yield [("run_by_id", {"id": op.run_id}), ("signal_is_there", {"id": op.id})]
    row = _first(op.run_id, there.rows)
    if same.rows:
        return False
    if row.is_terminal:
        raise has_ended(row, f"the signal {op.name!r} cannot reach it")
    values = {"id": op.id, "run_id": op.run_id, "name": op.name, "value": op.value, "now": op.now}
    yield [("send_signal", values), ("wake_for", {"id": op.run_id, "token": f"signal:{op.name}"})]
    return True


def _request_stop(op: RequestStop) -> Doing[RunState]:
    """The run itself is the last of them."""
    found = yield from asked("run_and_all_below", {"id": op.run_id})
    if not found:
        raise unknown_run(op.run_id)
    stopping = [_stop(op, *row) for row in found]
    statements = [one for _, changes in stopping for one in changes]
    if statements:
        yield statements
    return stopping[-1][0]


def _stop(
    op: RequestStop, run_id: str, state: str, queue: str | None, parent_id: str | None
) -> tuple[RunState, list[Statement]]:
    """The state that a run has then, and what leads there."""
    if state in TERMINAL or (state == RunState.RUNNING and queue is None):
        return RunState(state), []
    if state == RunState.RUNNING:
        return RunState.RUNNING, [("ask_to_stop", {"id": run_id})]
    stopped = ("stop_run", {"id": run_id, "error": op.error, "now": op.now})
    return RunState.STOPPED, [stopped, *_tell(run_id, parent_id)]


def _complete(op: Complete) -> Doing[None]:
    row = yield from _known(op.run_id)
    if not is_asked(row):
        raise not_completable(row)
    yield [_end(row.id, op, None), *_tell(row.id, row.parent_id)]


def _continue(op: Continue) -> Doing[Row]:
    before, row = (yield from _known(op.row.continues or "")), op.row
    if op.hands_over:
        check_hand_over(before)
        row = yield from _handed_over(before, row, f"{HANDED_OVER}{row.id}", op.now)
    else:
        (row,) = yield from _added([row.changed(created_at=op.now)])
    yield from _added(op.steps)
    return row


def _handed_over(before: Row, row: Row, reason: str | None, now: float) -> Doing[Row]:
    """A new run that has the key of the one before."""
    yield [("hand_over", {"id": before.id, "reason": reason})]
    (row,) = yield from _added([row.changed(key=before.key, created_at=now)])
    return row


def _added(rows: Sequence[Row]) -> Doing[Sequence[Row]]:
    """Runs that must be new."""
    answers = (yield [("add_run", values_of(row)) for row in rows]) if rows else []
    for row, answer in zip(rows, answers, strict=True):
        if not answer.changed:
            by_id, by_key = yield _look_up(row)
            raise conflict(row, row_of((by_id.rows or by_key.rows)[0]))
    return rows


def _wake(op: Wake) -> Doing[None]:
    row = yield from _known(op.run_id)
    if op.token is not None:
        yield [("wake_for", {"id": row.id, "token": op.token})]
    elif row.state is RunState.WAITING and row.reason != MANUAL:
        to_tell = _tell(row.id, row.parent_id) if row.queue is None else []
        yield [("wake", {"id": op.run_id}), *to_tell]


# -- what was made -------------------------------------------------------------------------------------


def _keep_successes(op: KeepSuccesses) -> Doing[None]:
    yield from _asked_all([("keep_success", success) for success in op.successes])


def _forget_successes(op: ForgetSuccesses) -> Doing[None]:
    yield [("forget_successes", {"targets": json.dumps(op.targets)})]


# -- large values --------------------------------------------------------------------------------------


AT_ONCE = 8
"""Parts of a value on their way to the database."""


def _with_blobs(op: Operation[T], doing: Doing[T]) -> Doing[T]:
    for blob in op.blobs:
        yield from _keep_blob(blob, op.now)
    return (yield from doing)


def _keep_blob(blob: Blob, now: float) -> Doing[None]:
    values = {"name": blob.name, "now": now}
    (added,) = yield [("add_blob", values)]
    while not added.changed:
        (touched,) = yield [("touch_blob", values)]
        if touched.changed:
            return
        (added,) = yield [("add_blob", values)]  # another process has swept it away meanwhile
    parts = chunks(blob.text)
    while some := list(islice(parts, AT_ONCE)):
        yield [("add_chunk", {"name": blob.name, "number": number, "text": text}) for number, text in some]


def _sweep(op: Sweep) -> Doing[int]:
    return (yield from swept(op.now))


def swept(now: float) -> Doing[int]:
    """How many large values were removed. For all that takes runs away."""
    old = yield from asked("old_blobs", {"before": now - REST})
    if not old:
        return 0
    gone = yield from asked("sweep_blobs", {"before": now - REST})
    if gone:
        yield [("sweep_chunks", {})]
    return len(gone)


# -- what several of them do ---------------------------------------------------------------------------


def _end(run_id: str, op: Finish | Complete, reason: str | None) -> Statement:
    return "end_run", (op.state._value_, op.result, op.error, reason, op.now, run_id)


def _tell_of(run_id: str, parent_id: str | None) -> Doing[None]:
    told = _tell(run_id, parent_id)
    if told:
        yield told


def _tell(run_id: str, parent_id: str | None) -> list[Statement]:
    """Wake the parent where it waits for the end of this run."""
    return [] if parent_id is None else [_wake_for(parent_id, run_id)]


def _wake_for(run_id: str, awaited: str) -> Statement:
    return "wake_for", {"id": run_id, "token": f"run:{awaited}"}


def _prune(op: Prune) -> Doing[list[str]]:
    gone = yield from keeping.prune(op)
    if gone:
        yield from swept(op.now)
    return gone


_HANDLERS: dict[type, Callable[[Any], Doing[Any]]] = {
    Submit: _submit,
    ClaimReady: _claim_ready,
    Beat: _beat,
    Leave: _leave,
    LimitQueue: limit_queue,
    PauseQueue: pause_queue,
    PauseSchedule: pause_schedule,
    Recover: _recover,
    Record: _record,
    Finish: _finish,
    Forget: _forget,
    Park: _park,
    Release: _release,
    TakeSignal: _take_signal,
    Publish: _publish,
    Send: _send,
    RequestStop: _request_stop,
    Complete: _complete,
    Continue: _continue,
    Wake: _wake,
    Prune: _prune,
    SetAside: keeping.put_aside,
    Adopt: keeping.adopt,
    Sweep: _sweep,
    KeepSuccesses: _keep_successes,
    ForgetSuccesses: _forget_successes,
}
