"""Claims from queues for which something is set, and setting it, in named statements."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from woflo.stores.limiting import Allowance, after_starts
from woflo.stores.operations import ClaimReady, LimitQueue, PauseQueue, PauseSchedule
from woflo.stores.rows import QueueRow, Row
from woflo.stores.sql.asking import Doing, Statement
from woflo.stores.sql.rows import queue_of, rows_of

__all__ = ["claim_within", "limit_queue", "pause_queue", "pause_schedule"]

Found = tuple[int, str]
"""A priority and an id."""
_FIRST = (10**18, "")
"""Before every run."""


def claim_within(op: ClaimReady, limited: list[str], found: list[Found]) -> Doing[list[Row]]:
    """Claim the first of what was found in other queues, and of what may be taken from these."""
    queues: dict[str, QueueRow] = {}
    queue_by_id: dict[str, str] = {}
    for name in sorted(limited):  # in one order: who has locked one of them waits only for later ones
        queue, own = yield from _candidates(op, name)
        found = [*found, *own]
        queue_by_id |= dict.fromkeys((run_id for _, run_id in own), name)
        if queue is not None:
            queues[name] = queue
    ids = [run_id for _, run_id in sorted(found, key=lambda one: (-one[0], one[1]))[: op.limit]]
    taken = Counter(queue_by_id.get(run_id) for run_id in ids)
    claim: list[Statement] = [("claim", {"worker": op.worker, "now": op.now, "ids": json.dumps(ids)})] if ids else []
    changed = [_started(queue, taken[name], op.now) for name, queue in queues.items()]
    statements = [*claim, *(one for each in changed for one in each)]
    answers = (yield statements) if statements else []
    claimed = rows_of(answers[0].rows) if ids else []
    return sorted(claimed, key=lambda row: (-row.priority, row.id))


def _candidates(op: ClaimReady, name: str) -> Doing[tuple[QueueRow | None, list[Found]]]:
    """What might be taken from this queue; nobody else claims from it before this is kept."""
    locked, counted = yield [("lock_queue", {"name": name}), ("under_way", {"queue": name})]
    if not locked.rows:
        return None, []  # all that was set has been taken away meanwhile; the next look finds it so
    queue = queue_of(locked.rows[0])
    allowance = Allowance(queue, dict(counted.rows), op.now)
    found: list[Found] = []
    last, page = _FIRST, allowance.left(op.limit)
    while (most := allowance.left(op.limit - len(found))) > 0:
        values = {"queue": name, "tasks": json.dumps(op.tasks), "limit": page, "priority": last[0], "id": last[1]}
        (answer,) = yield [("ready_in_limited_queue", values | {"full": json.dumps(allowance.full_keys())})]
        ready = answer.rows
        found += [(priority, run_id) for priority, run_id, limit_key in ready if allowance.take(limit_key)][:most]
        if len(ready) < page:
            break
        last = ready[-1][:2]
    return queue, found


def _started(queue: QueueRow, number: int, now: float) -> list[Statement]:
    after = after_starts(queue, number, now)
    if after == queue:
        return []
    return [("queue_started", {"name": queue.name, "starts": json.dumps(after.starts), "next_at": after.next_at})]


def limit_queue(op: LimitQueue) -> Doing[None]:
    """See the operation."""
    limits: dict[str, Any] = {"max_concurrency": op.max_concurrency, "max_per_key": op.max_per_key}
    limit = ("limit_queue", {"name": op.queue, **limits, "rate_limit": op.rate_limit})
    yield [limit, ("forget_queue", {"name": op.queue})]


def pause_queue(op: PauseQueue) -> Doing[None]:
    """See the operation."""
    pause = ("pause_queue", {"name": op.queue, "is_paused": op.is_paused})
    yield [pause, ("forget_queue", {"name": op.queue})]


def pause_schedule(op: PauseSchedule) -> Doing[None]:
    """See the operation."""
    yield [("pause_schedule" if op.is_paused else "resume_schedule", {"task": op.task})]
