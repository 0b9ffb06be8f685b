"""What operations do: as in the memory store, with indexes in place of its searches."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any

from woflo.errors import StoreError
from woflo.kernel.digest import digest
from woflo.kernel.state import RunState
from woflo.stores.blobs import Blob
from woflo.stores.directory.texts import Change
from woflo.stores.memory import MemoryStore
from woflo.stores.memory.tables import GONE, Tables
from woflo.stores.operations import ClaimReady, LimitQueue, Operation, PauseQueue, PauseSchedule
from woflo.stores.refusals import no_limits
from woflo.stores.rows import Row, Signal

__all__ = ["BY_HAND", "Model", "Restart"]

BY_HAND = "moved by hand"
"""The reason of a run that somebody put back into the queue."""
_READY = (RunState.PENDING, RunState.RETRYING)


@dataclass(slots=True, kw_only=True)
class Restart(Operation[None]):
    """A person has put a run that had ended into the queue again, perhaps with other arguments.

    Refused with `StoreError` where it is not the end of that `fence`.
    """

    run_id: str
    fence: int
    args: str


class Sorted(list[Any]):
    """Entries in their order."""

    def add(self, entry: Any) -> None:
        insort(self, entry)

    def discard(self, entry: Any) -> None:
        at = bisect_left(self, entry)
        if at < len(self) and self[at] == entry:
            del self[at]


class Runs(dict[str, Row]):
    """Runs by their ids, and what leads to those that are looked for."""

    def __init__(self) -> None:
        super().__init__()
        self.keys_of: dict[tuple[str, str], str] = {}
        self.below: dict[str, set[str]] = {}
        """Ids by the parent's."""
        self.held: dict[str, set[str]] = {}
        """Ids by the worker's."""
        self.ready: dict[tuple[str, str], Sorted] = {}
        """By queue and task: priority with the sign turned, and id."""
        self.timed: Sorted = Sorted()
        """Times and ids."""

    def __setitem__(self, run_id: str, row: Row) -> None:
        self.pop(run_id, None)
        super().__setitem__(run_id, row)
        self._enter(row)

    def pop(self, run_id: str, default: Any = None) -> Any:
        row = super().pop(run_id, None)
        if row is None:
            return default
        self._leave(row)
        return row

    def _enter(self, row: Row) -> None:
        if row.key is not None:
            self.keys_of[row.task, row.key] = row.id
        if row.parent_id is not None:
            self.below.setdefault(row.parent_id, set()).add(row.id)
        if row.worker is not None:
            self.held.setdefault(row.worker, set()).add(row.id)
        if row.run_after is not None:
            self.timed.add((row.run_after, row.id))
        if row.queue is not None and row.state in _READY and row.run_after is None:
            self.ready.setdefault((row.queue, row.task), Sorted()).add((-row.priority, row.id))

    def _leave(self, row: Row) -> None:
        if row.key is not None and self.keys_of.get((row.task, row.key)) == row.id:
            del self.keys_of[row.task, row.key]
        _take_out(self.below, row.parent_id, row.id)
        _take_out(self.held, row.worker, row.id)
        if row.run_after is not None:
            self.timed.discard((row.run_after, row.id))
        if row.queue is not None:
            _take_out(self.ready, (row.queue, row.task), (-row.priority, row.id))


def _take_out(index: dict[Any, Any], key: Any, entry: Any) -> None:
    entries = index.get(key)
    if entries is not None:
        entries.discard(entry)
        if not entries:
            del index[key]


class Signals(dict[str, Signal]):
    """Signals by their ids in the order in which they were sent, and the same for each run and name."""

    def __init__(self) -> None:
        super().__init__()
        self.named: dict[tuple[str, str], dict[str, None]] = {}

    def __setitem__(self, signal_id: str, signal: Signal) -> None:
        super().__setitem__(signal_id, signal)
        self.named.setdefault((signal.run_id, signal.name), {})[signal_id] = None

    def pop(self, signal_id: str, default: Any = None) -> Any:
        signal = super().pop(signal_id, None)
        if signal is not None:
            self.named[signal.run_id, signal.name].pop(signal_id)
        return signal or default


class IndexedTables(Tables):
    """The tables, which tell what was changed."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: Runs = Runs()
        self.signals: Signals = Signals()
        self._named: dict[str, Any] = {
            "runs": self.runs,
            "signals": self.signals,
            "workers": self.workers,
            "published": self.published,
            "tags": self.tags,
            "blobs": self.blobs,
            "successes": self.successes,
        }
        self._name_of = {id(table): name for name, table in self._named.items()}

    def since(self, start: int) -> list[Change]:
        """What is another way than it was before the change of this number, each once."""
        keys = dict.fromkeys((self._name_of[id(table)], key) for table, key, _ in self._before[start:])
        return [Change(name, key, self._named[name].get(key)) for name, key in keys]

    def put(self, changes: Iterable[Change]) -> None:
        """Let it be so, for good."""
        for name, key, value in changes:
            self.set(self._named[name], key, GONE if value is None else value)
        self.keep()

    def everything(self) -> list[Change]:
        """What makes empty tables like these."""
        return [Change(name, key, value) for name, table in self._named.items() for key, value in table.items()]


class Model(MemoryStore):
    """Does operations to tables, and tells what they changed. Nothing is kept by it."""

    _tables: IndexedTables

    def __init__(self, place_blob: Callable[[Blob], str]) -> None:
        super().__init__()
        self._place = place_blob
        self.clear()

    def clear(self) -> None:
        """Hold nothing."""
        self._tables = IndexedTables()

    @property
    def tables(self) -> IndexedTables:
        """What it holds."""
        return self._tables

    def attempt(self, operation: Operation[Any]) -> tuple[Any, list[Change]]:
        """What it returns, or its refusal, and what it changed until `tables.go_back`."""
        start = self._tables.changes
        result = self._apply_one(operation)
        return result, self._tables.since(start)

    def _place_blob(self, blob: Blob) -> str:
        return self._place(blob)

    def _do(self, operation: Any) -> Any:
        if isinstance(operation, Restart):
            return self._restart(operation)
        if isinstance(operation, LimitQueue | PauseQueue | PauseSchedule):
            raise no_limits("dir")
        return super()._do(operation)

    def _restart(self, op: Restart) -> None:
        row = self._known(op.run_id)
        if not row.is_terminal or row.fence != op.fence:
            raise StoreError(f"the run {row.id} has not ended like that; it is {row.state} now")
        fresh = Row(id=row.id, task=row.task)
        names = ("state", "result", "error", "attempt", "deaths", "run_after", "stop_requested", "finished_at")
        again = {name: getattr(fresh, name) for name in names}
        self._put(row, reason=BY_HAND, args=op.args, digest=_digest(row, op.args), **again)

    # -- found by an index -----------------------------------------------------------------------------

    def find(self, task: str, key: str) -> Row | None:
        return self._tables.runs.get(self._tables.runs.keys_of.get((task, key), ""))

    def steps(self, parent_id: str) -> list[Row]:
        return self._of(self._tables.runs.below.get(parent_id, ()))

    def _of(self, ids: Iterable[str]) -> list[Row]:
        return [self._tables.runs[run_id] for run_id in sorted(ids)]

    def _first_ready(self, op: ClaimReady) -> list[Row]:
        runs = self._tables.runs
        if op.ids is not None:
            found = [runs[run_id] for run_id in dict.fromkeys(op.ids) if run_id in runs]
            ready = [row for row in found if self._is_ready(row, op)]
            return sorted(ready, key=lambda row: (-row.priority, row.id))[: op.limit]
        every = [runs.ready.get((queue, task), ()) for queue in set(op.queues) for task in set(op.tasks)]
        return [runs[run_id] for _, run_id in islice(heapq.merge(*every), op.limit)]

    def _due(self, now: float) -> list[Row]:
        timed = takewhile(lambda one: one[0] <= now, self._tables.runs.timed)
        rows = [self._tables.runs[run_id] for _, run_id in timed]
        return [row for row in rows if not row.is_terminal]

    def next_time(self, queues: Iterable[str] = (), after: float = 0.0) -> float | None:
        return self._tables.runs.timed[0][0] if self._tables.runs.timed else None

    def _held(self) -> list[Row]:
        return self._of(run_id for ids in self._tables.runs.held.values() for run_id in ids)

    def _held_by(self, worker: str) -> list[Row]:
        return self._of(self._tables.runs.held.get(worker, ()))

    def asked_to_stop(self, worker: str) -> list[str]:
        return [row.id for row in self._held_by(worker) if row.stop_requested]

    def _first_signal(self, run_id: str, name: str) -> Signal | None:
        signals = self._tables.signals
        every = (signals[one] for one in signals.named.get((run_id, name), ()))
        return next((signal for signal in every if signal.taken_by is None), None)


def _digest(row: Row, args: str) -> str:
    return row.digest if args == row.args else digest(args)
