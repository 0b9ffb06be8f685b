"""The tables of the store in memory, and looking up what they hold."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from itertools import islice
from typing import Any

from woflo.stores.contract import Search, Snapshot, Store
from woflo.stores.refusals import no_blob
from woflo.stores.rows import QueueRow, Row, Signal, Success, WorkerRow

__all__ = ["GONE", "TableReader", "Tables"]


class Tables:
    """All that the store holds. Rows are exchanged, never changed."""

    def __init__(self) -> None:
        self.runs: dict[str, Row] = {}
        self.signals: dict[str, Signal] = {}
        """By their ids, in the order in which they were sent."""
        self.workers: dict[str, WorkerRow] = {}
        self.published: dict[tuple[str, str], str] = {}
        self.tags: dict[tuple[str, str], str] = {}
        """By run and name."""
        self.blobs: dict[str, tuple[float, str]] = {}
        """By their names: when they were kept last, and the value, or where it is."""
        self.queues: dict[str, QueueRow] = {}
        self.paused_schedules: dict[str, bool] = {}
        self.successes: dict[str, Success] = {}
        """By their targets."""
        self.users: dict[Any, Any] = {}
        """What users write in transactions."""
        self._before: list[tuple[dict[Any, Any], Any, Any]] = []
        """What was there before each change since the last `keep`, to go back to."""

    def set(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Put a row into a table; `GONE` takes it out."""
        self._before.append((table, key, table.get(key, GONE)))
        _put(table, key, value)

    def keep(self) -> None:
        """There is no way back behind this."""
        self._before.clear()

    def go_back(self, to: int = 0) -> None:
        """Undo all but the first `to` changes since the last `keep`."""
        while len(self._before) > to:
            _put(*self._before.pop())

    @property
    def changes(self) -> int:
        """How many there were since the last `keep`."""
        return len(self._before)


GONE: Any = object()


def _put(table: dict[Any, Any], key: Any, value: Any) -> None:
    if value is GONE:
        table.pop(key, None)
    else:
        table[key] = value


class TableReader(Store):
    """Looks up; what writes is below."""

    def __init__(self) -> None:
        super().__init__()
        self._tables = Tables()
        self._reading = threading.RLock()

    def _ordered(self) -> list[Row]:
        return [self._tables.runs[run_id] for run_id in sorted(self._tables.runs)]

    def get(self, run_id: str) -> Row | None:
        with self._reading:
            return self._tables.runs.get(run_id)

    def find(self, task: str, key: str) -> Row | None:
        with self._reading:
            return next((row for row in self._tables.runs.values() if (row.task, row.key) == (task, key)), None)

    def steps(self, parent_id: str) -> list[Row]:
        with self._reading:
            found = [row for row in self._tables.runs.values() if row.parent_id == parent_id]
        return sorted(found, key=lambda row: row.id)

    def _select(self, search: Search, after: str, limit: int) -> list[Row]:
        def is_meant(row: Row) -> bool:
            is_behind = not after or (row.id < after if search.newest_first else row.id > after)
            return is_behind and self._is_found(row, search)

        with self._reading:
            ordered = self._ordered()
            return list(islice(filter(is_meant, reversed(ordered) if search.newest_first else ordered), limit))

    def _is_found(self, row: Row, search: Search) -> bool:
        return (
            (bool(search.tags) or row.parent_id is None)
            and (not search.states or row.state in search.states)
            and (not search.tasks or row.task in search.tasks)
            and (search.key is None or row.key == search.key)
            and search.created.has(row.created_at)
            and search.ended.has(row.finished_at)
            and all(self._tables.tags.get((row.id, name)) == value for name, value in search.tags.items())
        )

    def tags(self, run_id: str) -> dict[str, str]:
        with self._reading:
            return {name: value for (run, name), value in self._tables.tags.items() if run == run_id}

    def signals(self, run_id: str) -> list[Signal]:
        with self._reading:
            return [signal for signal in self._tables.signals.values() if signal.run_id == run_id]

    def next_time(self, queues: Iterable[str] = (), after: float = 0.0) -> float | None:
        with self._reading:
            times = [row.run_after for row in self._tables.runs.values() if row.run_after is not None]
            found = [self._tables.queues[name].next_at for name in queues if name in self._tables.queues]
        return min([*times, *(at for at in found if at is not None and at > after)], default=None)

    def queues(self) -> list[QueueRow]:
        with self._reading:
            return [self._tables.queues[name] for name in sorted(self._tables.queues)]

    def paused_schedules(self) -> list[str]:
        with self._reading:
            return sorted(self._tables.paused_schedules)

    def workers(self) -> list[WorkerRow]:
        with self._reading:
            return [self._tables.workers[one] for one in sorted(self._tables.workers)]

    def asked_to_stop(self, worker: str) -> list[str]:
        with self._reading:
            asked = [row.id for row in self._tables.runs.values() if row.worker == worker and row.stop_requested]
        return sorted(asked)

    def published(self, run_id: str) -> dict[str, str]:
        with self._reading:
            return {name: value for (run, name), value in self._tables.published.items() if run == run_id}

    def successes(self, targets: Iterable[str] | None = None) -> list[Success]:
        with self._reading:
            there = self._tables.successes
            return [there[one] for one in sorted(there if targets is None else set(targets)) if one in there]

    def _blob(self, name: str) -> Iterable[str]:
        with self._reading:
            found = self._tables.blobs.get(name)
        if found is None:
            raise no_blob(name)
        return (found[1],)

    def snapshot(self) -> Snapshot:
        with self._reading:
            tables = self._tables
            signals = [tables.signals[one] for one in sorted(tables.signals)]
            blobs = {name: kept_at for name, (kept_at, _) in tables.blobs.items()}
            tags, published, paused = dict(tables.tags), dict(tables.published), tuple(self.paused_schedules())
            queues = tuple(self.queues())
            made = tuple(self.successes())
            return Snapshot(self._ordered(), signals, self.workers(), published, blobs, tags, queues, paused, made)
