"""What every store promises. Its writes stand in `operations`, what it keeps in `rows`.

1. What `write` returned for is kept: after `kill -9` of this process, and, in a store on disk, after a loss of
   power.
2. Each operation is atomic, and operations happen in one order for all who look.
3. A write about a run by one who no longer holds it is refused with `LeaseLostError`, and changes nothing.
4. Rows are the truth. A listener is called soon after a change that others may wait for (`Operation.is_news`),
   perhaps for nothing and perhaps not at all; whoever waits looks again from time to time.
5. Nothing that is stored is executed, imported or unpickled.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeVar, cast
from weakref import WeakSet

from woflo.errors import StoreError
from woflo.kernel.state import RunState
from woflo.stores.blobs import is_reference, lightened
from woflo.stores.grouping import Committer
from woflo.stores.refusals import inherited
from woflo.stores.rows import QueueRow, Row, Signal, Success, WorkerRow

if TYPE_CHECKING:
    from woflo.stores.operations import Claimed, Operation

__all__ = ["ALWAYS", "Inherited", "Listener", "Search", "Snapshot", "Span", "Store", "Transaction"]

T = TypeVar("T")
Listener = Callable[[], object]
"""Called in any thread after something was written. It returns at once."""


class Span(NamedTuple):
    """Times from `since` on and before `until`; None for no bound."""

    since: float | None = None
    until: float | None = None

    def has(self, time: float | None) -> bool:
        """True where it lies within; what has no time yet lies within ALWAYS alone."""
        if time is None:
            return self == ALWAYS
        return (self.since is None or time >= self.since) and (self.until is None or time < self.until)


ALWAYS = Span()


class Search(NamedTuple):
    """Which runs are meant, as `Store.select` says it; what is empty or None says nothing."""

    states: tuple[RunState, ...] = ()
    tasks: tuple[str, ...] = ()
    key: str | None = None
    tags: Mapping[str, str] = {}
    created: Span = ALWAYS
    ended: Span = ALWAYS
    newest_first: bool = False


class Snapshot(NamedTuple):
    """All that a store holds, in the order of ids: what two stores must agree on after the same operations."""

    runs: list[Row]
    signals: list[Signal]
    workers: list[WorkerRow]
    published: dict[tuple[str, str], str]
    blobs: dict[str, float] = {}  # noqa: RUF012 - never changed
    """The names of large values, and when each was kept last."""
    tags: dict[tuple[str, str], str] = {}  # noqa: RUF012
    queues: tuple[QueueRow, ...] = ()
    paused_schedules: tuple[str, ...] = ()
    successes: tuple[Success, ...] = ()


class Transaction(ABC):
    """Rows of the user that are kept together with one operation, or not at all. Good for one `commit`."""

    connection: Any
    """What the user writes through: a connection of the database; of the memory store, a dictionary."""

    @abstractmethod
    def commit(self, operation: Claimed[T]) -> T:
        """Apply the operation and keep it together with what was written through `connection`.

        Where it is refused, nothing is kept and its error is raised. What is written through `connection` later is
        not kept. Raises `StoreError` the second time. Values over a megabyte are taken out of the operation first.
        """


class Store(ABC):
    """Where runs are kept. One object may be used by all threads of a process, and not after a fork."""

    has_transactions: ClassVar[bool] = True
    """False where `transaction` is a named error."""
    has_limits: ClassVar[bool] = True
    """False where limits and pauses of queues, and pauses of schedules, are a named error."""
    keeps_logs: ClassVar[bool] = False
    """True where `log` keeps what it is given."""

    def __init__(self) -> None:
        self._committer = Committer(self._apply_and_look, self._tell_news)
        self._has_news = False
        """True where something was kept of which nobody was told yet."""
        self._listeners: tuple[Listener, ...] = ()
        _opened.add(self)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The store that the URL names, opened."""
        raise StoreError(f"{cls.__name__} cannot be opened by a URL ({url})")

    # -- writing ---------------------------------------------------------------------------------------

    def write(self, operation: Operation[T]) -> T:
        """Do it, and return when it is kept. Writes of several threads may share one commit."""
        return self._committer.write(lightened(operation))  # type: ignore[no-any-return]  # what the operation says

    def submit(self, operations: Sequence[Operation[Any]], done: Callable[[list[Any]], object]) -> None:
        """The same without waiting: `done(results)` is called in another thread when all are kept.

        The result of one that was refused is its exception. `done` returns at once and writes nothing itself, but by
        `submit`.
        """
        self._committer.submit([lightened(one) for one in operations], done)

    @abstractmethod
    def apply(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        """Do several operations in their order, each atomic, and return when all are kept.

        The result of one that is refused is its exception; the others are not affected. Called by one thread at a
        time. Raises only where nothing was kept at all.
        """

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Transaction]:
        """Write rows of one's own together with an operation. Other writers wait meanwhile.

        Left without `commit`, nothing is kept. Raises `StoreError` where the store cannot do that. A `write` by the
        same thread inside of it is refused with `StoreError`: it would wait for itself.
        """

    # -- reading ---------------------------------------------------------------------------------------

    @abstractmethod
    def get(self, run_id: str) -> Row | None:
        """The run of this id."""

    def changed_among(self, known: Mapping[str, RunState]) -> dict[str, Row | None]:
        """Those of these runs that are in another state than `known` says, or WAITING; None for those that are gone.

        For who follows many runs, of which a few have changed. A store that can, asks for all of them at once.
        """
        found = {run_id: self.get(run_id) for run_id in known}
        return {
            run_id: row
            for run_id, row in found.items()
            if row is None or row.state is not known[run_id] or row.state is RunState.WAITING
        }

    @abstractmethod
    def find(self, task: str, key: str) -> Row | None:
        """The run that has this key."""

    @abstractmethod
    def steps(self, parent_id: str) -> list[Row]:
        """All that a run has called, in the order of the ids."""

    def select(
        self,
        *,
        states: Iterable[RunState] = (),
        tasks: Iterable[str] = (),
        key: str | None = None,
        tags: Mapping[str, str] | None = None,
        created: Span = ALWAYS,
        ended: Span = ALWAYS,
        newest_first: bool = False,
        after: str = "",
        limit: int = 100,
    ) -> list[Row]:
        """Runs in the order of their ids, from the one behind `after` on: those for which all that is given holds.

        The order is that of their calls; with `newest_first` it is turned round. Of one of these states, of one of
        these tasks, with this key, with all of these tags, created and ended within these times. Without tags only
        runs that nobody called from inside; with tags also those that others called.
        """
        search = Search(tuple(states), tuple(tasks), key, dict(tags or {}), created, ended, newest_first)
        return self._select(search, after, limit)

    @abstractmethod
    def _select(self, search: Search, after: str, limit: int) -> list[Row]:
        """What `select` returns."""

    @abstractmethod
    def tags(self, run_id: str) -> dict[str, str]:
        """The tags of a run, by name."""

    @abstractmethod
    def signals(self, run_id: str) -> list[Signal]:
        """What was sent to a run, taken or not, in the order in which it was sent."""

    @abstractmethod
    def next_time(self, queues: Iterable[str] = (), after: float = 0.0) -> float | None:
        """The earliest `run_after` of all runs that wait for theirs, or `next_at` behind `after` of these queues."""

    @abstractmethod
    def queues(self) -> list[QueueRow]:
        """The queues for which something is set, in the order of their names."""

    @abstractmethod
    def paused_schedules(self) -> list[str]:
        """The tasks whose schedules are paused, in their order."""

    @abstractmethod
    def workers(self) -> list[WorkerRow]:
        """All that have given a sign of life and have not left, in the order of their ids."""

    @abstractmethod
    def asked_to_stop(self, worker: str) -> list[str]:
        """The ids of the runs that this worker executes, and of which a stop is requested."""

    @abstractmethod
    def published(self, run_id: str) -> dict[str, str]:
        """What the run has published last, by name."""

    @abstractmethod
    def successes(self, targets: Iterable[str] | None = None) -> list[Success]:
        """How these targets were made last, as far as that is known, in their order; without `targets` all of them."""

    def whole(self, text: str) -> str:
        """The value for which `text` stands in a row: itself, but for one over a megabyte, which is read here.

        Raises `StoreError` where that is missing.
        """
        return "".join(self._blob(text)) if is_reference(text) else text

    def whole_row(self, row: Row) -> Row:
        """The row with its values themselves."""
        if not (is_reference(row.args) or is_reference(row.result) or is_reference(row.error)):
            return row  # as most are: each recorded step that is replayed comes by here
        given = {"args": row.args, "result": row.result, "error": row.error}
        return row.changed(**{name: self.whole(text) for name, text in given.items() if text and is_reference(text)})

    @abstractmethod
    def _blob(self, name: str) -> Iterable[str]:
        """The parts of a large value. Raises `StoreError`."""

    def log(self, run_id: str, lines: Sequence[str]) -> None:  # noqa: B027 - most stores have no such place
        """Lines for people about a run, beside it, where the store has such a place; elsewhere without effect.

        Nothing is promised of them. Raises `StoreError` where the store itself fails.
        """

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """All that is kept, as one moment shows it."""

    @abstractmethod
    def close(self) -> None:
        """Give up files and connections. Writes that wait are done before, later ones are refused with `StoreError`."""

    # -- hearing of changes ----------------------------------------------------------------------------

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have `listener()` called after changes. Returns what ends that."""
        self._listeners = (*self._listeners, listener)

        def end() -> None:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

        return end

    def _apply_and_look(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        results = self.apply(operations)
        for operation, result in zip(operations, results, strict=True):
            if self._has_news:
                break
            self._has_news = not isinstance(result, Exception) and operation.is_news(result)
        return results

    def _tell_news(self) -> None:
        if self._has_news:
            self._has_news = False
            self._changed()

    def _changed(self) -> None:
        for listener in self._listeners:
            try:
                listener()
            except Exception:
                from woflo.kernel.bus import complain

                complain(f"{listener!r} raised; it listens to a store, in which all is as it should be")

    @property
    def is_inherited(self) -> bool:
        """True in a process that got it by a fork, where it cannot be used."""
        return isinstance(self._committer, Inherited)

    def reopened(self) -> Store:
        """The same store once more, for a process that got this one by a fork. Or raises `StoreError`."""
        raise inherited()

    def _inherit(self) -> None:
        """In a forked child, where neither its threads nor its locks are of any use."""
        self._committer = cast("Committer", Inherited())


class Inherited:
    """Stands for what a forked child must not use: its locks may be held by threads that are not there."""

    def __getattr__(self, name: str) -> Any:
        raise inherited()

    def __enter__(self) -> Any:
        raise inherited()

    def __exit__(self, *exc: object) -> None:
        """Never entered."""


_opened: WeakSet[Store] = WeakSet()


def _inherit_all() -> None:
    for store in list(_opened):
        store._inherit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_inherit_all)


def unwrap(result: Any) -> Any:
    """A result of `apply`, or its exception raised."""
    if isinstance(result, Exception):
        raise result
    return result
