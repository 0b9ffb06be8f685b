"""A store at which the process dies: for finding out what a crash at any write would lose or do twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from woflo.errors import StoreError
from woflo.stores.contract import Listener, Search, Snapshot, Store, Transaction
from woflo.stores.operations import Claimed, Operation, Submit
from woflo.stores.rows import QueueRow, Row, Signal, Success, WorkerRow

__all__ = ["CrashingStore", "SimulatedCrashError"]

T = TypeVar("T")
_COUNTED = (Submit, Claimed)


class SimulatedCrashError(StoreError):
    """The process is taken for dead: nothing that it writes from here on is kept."""


class CrashingStore(Store):
    """Passes everything on to another store, up to a write at which its user is taken for dead.

    `at` is the number of that write, from 0; with `kept` it is kept before, so that the process dies without
    learning of it. Only writes about runs count: signs of life do not.
    """

    def __init__(self, store: Store, at: int | None = None, *, kept: bool = False) -> None:
        super().__init__()
        self.store: Store = store
        self.has_crashed: threading.Event = threading.Event()
        self.writes: int = 0
        """How many there were."""
        self.last: Operation[Any] | None = None
        """The write at which it crashed."""
        self._at = at
        self._kept = kept

    def apply(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        return [self._apply_one(operation) for operation in operations]

    def _apply_one(self, operation: Operation[Any]) -> Any:
        crash = self._check(operation)
        if crash is not None and not self._kept:
            return crash
        try:
            result = self.store.write(operation)
        except StoreError as error:
            return crash or error
        return crash or result

    def _check(self, operation: Operation[Any]) -> SimulatedCrashError | None:
        """The crash, where this write is the one, or comes after it."""
        told = SimulatedCrashError("the process was taken for dead at this write")
        if self.has_crashed.is_set():
            raise told
        if isinstance(operation, _COUNTED):
            number = self.writes
            self.writes += 1
            if number == self._at:
                self.last = operation
                self.has_crashed.set()
                return told
        return None

    def transaction(self) -> AbstractContextManager[Transaction]:
        return _CrashingTransaction(self, self.store.transaction())

    def checked(self, transaction: Transaction, operation: Claimed[T]) -> T:
        """Commit, unless that is the write of the crash."""
        crash = self._check(operation)
        if crash is not None and not self._kept:
            raise crash
        result = transaction.commit(operation)
        if crash is not None:
            raise crash
        return result

    # -- reading, and hearing, as ever -----------------------------------------------------------------

    def get(self, run_id: str) -> Row | None:
        return self.store.get(run_id)

    def find(self, task: str, key: str) -> Row | None:
        return self.store.find(task, key)

    def steps(self, parent_id: str) -> list[Row]:
        return self.store.steps(parent_id)

    def _select(self, search: Search, after: str, limit: int) -> list[Row]:
        return self.store._select(search, after, limit)

    def tags(self, run_id: str) -> dict[str, str]:
        return self.store.tags(run_id)

    def signals(self, run_id: str) -> list[Signal]:
        return self.store.signals(run_id)

    def next_time(self, queues: Iterable[str] = (), after: float = 0.0) -> float | None:
        return self.store.next_time(queues, after)

    def queues(self) -> list[QueueRow]:
        return self.store.queues()

    def paused_schedules(self) -> list[str]:
        return self.store.paused_schedules()

    def workers(self) -> list[WorkerRow]:
        return self.store.workers()

    def asked_to_stop(self, worker: str) -> list[str]:
        return self.store.asked_to_stop(worker)

    def published(self, run_id: str) -> dict[str, str]:
        return self.store.published(run_id)

    def successes(self, targets: Iterable[str] | None = None) -> list[Success]:
        return self.store.successes(targets)

    def _blob(self, name: str) -> Iterable[str]:
        return self.store._blob(name)

    def snapshot(self) -> Snapshot:
        return self.store.snapshot()

    def listen(self, listener: Listener) -> Callable[[], None]:
        return self.store.listen(listener)

    def close(self) -> None:
        self._committer.close()


class _CrashingTransaction(AbstractContextManager[Transaction]):
    def __init__(self, store: CrashingStore, inner: AbstractContextManager[Transaction]) -> None:
        self._store = store
        self._inner = inner

    def __enter__(self) -> Transaction:
        return _Checked(self._store, self._inner.__enter__())

    def __exit__(self, *told: Any) -> bool | None:
        return self._inner.__exit__(*told)


class _Checked(Transaction):
    def __init__(self, store: CrashingStore, transaction: Transaction) -> None:
        self.connection = transaction.connection
        self._store = store
        self._transaction = transaction

    def commit(self, operation: Claimed[T]) -> T:
        return self._store.checked(self._transaction, operation)
