"""A store in memory: the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, Self, TypeVar, cast

from woflo.errors import StoreError
from woflo.stores.blobs import lightened
from woflo.stores.contract import Inherited, Transaction, unwrap
from woflo.stores.memory.calls import Calls
from woflo.stores.memory.holding import Holding
from woflo.stores.memory.keeping import Keeping
from woflo.stores.memory.large import Large
from woflo.stores.memory.outside import Outside
from woflo.stores.memory.queues import Queues
from woflo.stores.memory.successes import Successes
from woflo.stores.memory.workers import Workers
from woflo.stores.operations import (
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
)
from woflo.stores.refusals import not_understood, over

__all__ = ["MemoryStore"]

T = TypeVar("T")


class MemoryStore(Holding, Outside, Queues, Successes):
    """Keeps everything in this process, and nothing after it."""

    @classmethod
    def from_url(cls, url: str) -> Self:  # noqa: ARG003 - it says no more than that it is this store
        """A new one each time: `memory:`."""
        return cls()

    def reopened(self) -> Self:
        """An empty one: what is kept in the memory of a process is nowhere else."""
        return type(self)()

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

    def _do(self, operation: Operation[Any]) -> Any:
        handler = _HANDLERS.get(type(operation))
        if handler is None:
            raise not_understood(operation)
        return handler(self, operation)

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

    def close(self) -> None:
        self._committer.close()

    def _inherit(self) -> None:
        super()._inherit()
        self._reading = cast("Any", Inherited())


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


_HANDLERS: dict[type, Callable[[Any, Any], Any]] = {
    Submit: Calls._submit,
    ClaimReady: Calls._claim_ready,
    Beat: Workers._beat,
    Leave: Workers._leave,
    LimitQueue: Queues._limit_queue,
    PauseQueue: Queues._pause_queue,
    PauseSchedule: Queues._pause_schedule,
    Recover: Workers._recover,
    Record: Holding._record,
    Finish: Holding._finish,
    Forget: Holding._forget,
    Park: Holding._park,
    Release: Holding._release,
    TakeSignal: Holding._take_signal,
    Publish: Holding._publish,
    Send: Outside._send,
    RequestStop: Outside._request_stop,
    Complete: Outside._complete,
    Continue: Outside._continue,
    Wake: Outside._wake_up,
    Prune: Keeping._prune,
    SetAside: Keeping._set_aside,
    Adopt: Keeping._adopt,
    Sweep: Large._sweep,
    KeepSuccesses: Successes._keep_successes,
    ForgetSuccesses: Successes._forget_successes,
}
