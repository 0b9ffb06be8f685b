"""Calls and claims: runs that are added, and who takes what is ready, in named statements."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from woflo.kernel.state import RunState
from woflo.stores.operations import Accepted, ClaimReady, Submit
from woflo.stores.refusals import conflict
from woflo.stores.rows import Row, Tag
from woflo.stores.sql.asking import Doing, Statement, asked, asked_all
from woflo.stores.sql.queues import claim_within
from woflo.stores.sql.rows import row_of, rows_of, values_of

__all__ = ["accepted_with_tags", "added", "as_begun", "claim_ready", "handed_over", "submit"]


def submit(op: Submit) -> Doing[list[Accepted]]:
    """See `Submit`."""
    return (yield from accepted_with_tags(op.runs, op.tags, op.now))


def accepted_with_tags(rows: Sequence[Row], tags: Sequence[Tag], now: float) -> Doing[list[Accepted]]:
    """What became of runs that were added, with the tags of those that are new."""
    accepted = yield from _accepted(rows, now)
    if tags:
        new = {one.row.id for one in accepted if one.is_new}
        yield from asked_all([("add_tag", tag) for tag in tags if tag.run_id in new])
    return accepted


def _accepted(rows: Sequence[Row], now: float) -> Doing[list[Accepted]]:
    """What became of runs that were added, each where nothing of its id or key was there."""
    accepted: list[Accepted] = []
    for some in _distinct(rows):
        new = [as_begun(row, now) for row in some]
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


def as_begun(row: Row, now: float) -> Row:
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


def added(rows: Sequence[Row]) -> Doing[Sequence[Row]]:
    """Runs that must be new."""
    answers = (yield [("add_run", values_of(row)) for row in rows]) if rows else []
    for row, answer in zip(rows, answers, strict=True):
        if not answer.changed:
            by_id, by_key = yield _look_up(row)
            raise conflict(row, row_of((by_id.rows or by_key.rows)[0]))
    return rows


def handed_over(before: Row, row: Row, reason: str | None, now: float) -> Doing[Row]:
    """A new run that has the key of the one before."""
    yield [("hand_over", {"id": before.id, "reason": reason})]
    (row,) = yield from added([row.changed(key=before.key, created_at=now)])
    return row


def claim_ready(op: ClaimReady) -> Doing[list[Row]]:
    """See `ClaimReady`."""
    if op.ids is None and len(set(op.queues)) == 1:
        return (yield from _claim_in_one(op, op.queues[0]))
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


def _claim_in_one(op: ClaimReady, queue: str) -> Doing[list[Row]]:
    """The same of one queue, as most workers have it: for one without limits there is nothing to be asked before."""
    values = {"worker": op.worker, "now": op.now, "queue": queue, "tasks": json.dumps(op.tasks), "limit": op.limit}
    due, claim = ("wake_due", {"now": op.now}), ("claim_in_queue", values)
    _, claimed, limited = yield [due, claim, ("is_limited", {"queue": queue})]
    if limited.rows and not claimed.rows:
        return (yield from claim_within(op, [queue], []))
    return sorted(rows_of(claimed.rows), key=lambda row: (-row.priority, row.id))


def _ready(op: ClaimReady) -> list[Statement]:
    """Priorities and ids. Each queue is asked by itself: then it does not matter what others hold.

    A queue for which something is set gives only its name, without a priority.
    """
    values = {"tasks": json.dumps(op.tasks), "limit": op.limit}
    if op.ids is not None:
        return [("ready_among", {**values, "ids": json.dumps(op.ids)})]
    return [("ready_in_queue", {**values, "queue": queue}) for queue in dict.fromkeys(op.queues)]
