"""Looking up what a store holds, in named statements: the same for every database that is asked in SQL."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from woflo.kernel.state import RunState
from woflo.stores.contract import Search, Snapshot, Store
from woflo.stores.refusals import no_blob
from woflo.stores.rows import QueueRow, Row, Signal, Success, WorkerRow
from woflo.stores.sql import NEWEST_FIRST
from woflo.stores.sql.rows import queue_of, rows_of, signal_of, worker_of

__all__ = ["Read", "SqlStore"]

Read = Callable[..., list[tuple[Any, ...]]]
"""Called with the name of a statement and its values by name."""

BEHIND_ALL = "\U0010ffff"
"""Behind every id."""


class SqlStore(Store):
    """What a database has to add: `apply`, `transaction`, `close`, and the two ways to read."""

    @abstractmethod
    def _read(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        """What a statement finds."""

    @abstractmethod
    def _moment(self) -> AbstractContextManager[Read]:
        """Several statements that see the same moment."""

    def get(self, run_id: str) -> Row | None:
        return next(iter(rows_of(self._read("run_by_id", id=run_id))), None)

    def changed_among(self, known: Mapping[str, RunState]) -> dict[str, Row | None]:
        found = self._read("changed_among", known=json.dumps(known)) if known else []
        gone: dict[str, Row | None] = {run_id: None for run_id, own, *_ in found if own is None}
        return gone | {row.id: row for row in rows_of(one[1:] for one in found if one[1] is not None)}

    def find(self, task: str, key: str) -> Row | None:
        return next(iter(rows_of(self._read("run_by_key", task=task, key=key))), None)

    def steps(self, parent_id: str) -> list[Row]:
        return rows_of(self._read("steps", parent_id=parent_id))

    def _select(self, search: Search, after: str, limit: int) -> list[Row]:
        created, ended = search.created, search.ended
        values: dict[str, Any] = {"states": _list(search.states), "tasks": _list(search.tasks), "key": search.key}
        values |= {"created_since": created.since, "created_until": created.until}
        values |= {"ended_since": ended.since, "ended_until": ended.until, "limit": limit}
        values["after"] = after or (BEHIND_ALL if search.newest_first else "")
        order = NEWEST_FIRST if search.newest_first else ""
        if not search.tags:
            return rows_of(self._read(f"select_runs{order}", **values))
        first = next(iter(search.tags.items()))
        values |= {"tag": first[0], "value": first[1], "tags": json.dumps(dict(search.tags))}
        return rows_of(self._read(f"select_tagged{order}", **values))

    def tags(self, run_id: str) -> dict[str, str]:
        return dict(self._read("tags", run_id=run_id))

    def signals(self, run_id: str) -> list[Signal]:
        return [signal_of(one) for one in self._read("signals", run_id=run_id)]

    def next_time(self, queues: Iterable[str] = (), after: float = 0.0) -> float | None:
        time: float | None = self._read("next_time", queues=json.dumps(list(queues)), after=after)[0][0]
        return time

    def queues(self) -> list[QueueRow]:
        return [queue_of(one) for one in self._read("all_queues")]

    def paused_schedules(self) -> list[str]:
        return [task for (task,) in self._read("paused_schedules")]

    def workers(self) -> list[WorkerRow]:
        return [worker_of(one) for one in self._read("all_workers")]

    def asked_to_stop(self, worker: str) -> list[str]:
        return [run_id for (run_id,) in self._read("asked_to_stop", worker=worker)]

    def published(self, run_id: str) -> dict[str, str]:
        return dict(self._read("published", run_id=run_id))

    def successes(self, targets: Iterable[str] | None = None) -> list[Success]:
        if targets is None:
            return [Success(*one) for one in self._read("all_successes")]
        return [Success(*one) for one in self._read("successes", targets=json.dumps(list(targets)))]

    def _blob(self, name: str) -> Iterable[str]:
        parts = self._read("blob_chunks", blob=name)
        if not parts:
            raise no_blob(name)
        return (text for (text,) in parts)

    def snapshot(self) -> Snapshot:
        with self._moment() as read:
            return Snapshot(
                runs=rows_of(read("all_runs")),
                signals=[signal_of(one) for one in read("all_signals")],
                workers=[worker_of(one) for one in read("all_workers")],
                published={(run_id, name): value for run_id, name, value in read("all_published")},
                tags={(run_id, name): value for run_id, name, value in read("all_tags")},
                blobs=dict(read("all_blobs")),
                queues=tuple(queue_of(one) for one in read("all_queues")),
                paused_schedules=tuple(task for (task,) in read("paused_schedules")),
                successes=tuple(Success(*one) for one in read("all_successes")),
            )


def _list(wanted: Iterable[str]) -> str | None:
    """A JSON array, or None for all."""
    items = list(wanted)
    return json.dumps(items) if items else None
