"""Rows as the databases hold them: in the order of the columns of the tables."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from woflo.kernel.state import RunState
from woflo.stores.rows import QueueRow, Row, Signal, WorkerRow

__all__ = ["COLUMNS", "queue_of", "row_of", "rows_of", "signal_of", "values_of", "worker_of"]

COLUMNS = (
    *("id", "task", "state", "queue", "parent_id", "scope", "position", "key", "priority", "reason", "args", "digest"),
    *("result", "error", "attempt", "deaths", "run_after", "waits_for", "stop_requested", "worker", "fence"),
    *("continues", "created_at", "started_at", "finished_at", "options", "limit_key"),
)
"""What a run has in the tables, in their order."""
_STATES = {state.value: state for state in RunState}


def values_of(row: Row) -> tuple[Any, ...]:
    """What is stored of a run."""
    return (
        row.id,
        row.task,
        row.state._value_,  # `value` is a property written in Python
        row.queue,
        row.parent_id,
        row.scope,
        row.position,
        row.key,
        row.priority,
        row.reason,
        row.args,
        row.digest,
        row.result,
        row.error,
        row.attempt,
        row.deaths,
        row.run_after,
        json.dumps(row.waits_for) if row.waits_for else "[]",
        row.stop_requested,
        row.worker,
        row.fence,
        row.continues,
        row.created_at,
        row.started_at,
        row.finished_at,
        row.options,
        row.limit_key,
    )


def row_of(values: tuple[Any, ...]) -> Row:
    """The run of which that is stored."""
    return next(iter(rows_of((values,))))


def rows_of(found: Iterable[tuple[Any, ...]]) -> list[Row]:
    """The same for many: one list of all columns, without a call for each row, because workflows wait for this."""
    return [
        Row(
            id=id_,
            task=task,
            state=_STATES[state],
            queue=queue,
            parent_id=parent_id,
            scope=scope,
            position=position,
            key=key,
            priority=priority,
            reason=reason,
            args=args,
            digest=digest,
            result=result,
            error=error,
            attempt=attempt,
            deaths=deaths,
            run_after=run_after,
            waits_for=() if waits_for == "[]" else tuple(json.loads(waits_for)),
            stop_requested=bool(stop_requested),
            worker=worker,
            fence=fence,
            continues=continues,
            created_at=created_at,
            started_at=started_at,
            finished_at=finished_at,
            options=options,
            limit_key=limit_key,
        )
        for (
            id_,
            task,
            state,
            queue,
            parent_id,
            scope,
            position,
            key,
            priority,
            reason,
            args,
            digest,
            result,
            error,
            attempt,
            deaths,
            run_after,
            waits_for,
            stop_requested,
            worker,
            fence,
            continues,
            created_at,
            started_at,
            finished_at,
            options,
            limit_key,
        ) in found
    ]


def signal_of(values: tuple[Any, ...]) -> Signal:
    """A signal, from all columns but its number."""
    id_, run_id, name, value, sent_at, taken_by = values
    return Signal(id=id_, run_id=run_id, name=name, value=value, sent_at=sent_at, taken_by=taken_by)


def worker_of(values: tuple[Any, ...]) -> WorkerRow:
    """A worker."""
    id_, host, pid, lease_until = values
    return WorkerRow(id=id_, host=host, pid=pid, lease_until=lease_until)


def queue_of(values: tuple[Any, ...]) -> QueueRow:
    """What is set for a queue."""
    name, max_concurrency, max_per_key, rate_limit, is_paused, starts, next_at = values
    return QueueRow(
        name=name,
        max_concurrency=max_concurrency,
        max_per_key=max_per_key,
        rate_limit=rate_limit,
        is_paused=bool(is_paused),
        starts=tuple((at, number) for at, number in json.loads(starts)),
        next_at=next_at,
    )
