"""The contract, kept in an SQLite file: one connection that writes, and as many that read as there are readers."""

from __future__ import annotations

import os
import sqlite3
from _thread import interrupt_main
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar, cast
from urllib.parse import unquote

from woflo.errors import StoreError
from woflo.stores.blobs import lightened
from woflo.stores.contract import Inherited, Listener, Transaction
from woflo.stores.operations import Claimed, Operation
from woflo.stores.refusals import over
from woflo.stores.sql import statements
from woflo.stores.sql.asking import drive
from woflo.stores.sql.store import Read, SqlStore
from woflo.stores.sql.writing import do
from woflo.stores.sqlite.batches import FEW, Asking, neighbours, together
from woflo.stores.sqlite.connections import Readers, open_writer
from woflo.stores.sqlite.failures import failed, telling
from woflo.stores.sqlite.lending import COMMIT, ROLLBACK, LentConnection
from woflo.stores.sqlite.mounts import refuse_network
from woflo.stores.sqlite.turnstile import Turnstile, check_system
from woflo.stores.sqlite.wakeups import Wakeups, socket_folder

__all__ = ["SQLiteStore"]

T = TypeVar("T")
_SQL = statements("sqlite")


class SQLiteStore(SqlStore):
    """Keeps runs in an SQLite file, for all processes of this machine.

    `where` is a path, or a URL as `sqlite:///relative.db` and `sqlite:////absolute.db`. The folder is made where it is
    missing, for this user only. `patience`: seconds for which another program that holds the file locked is waited for.

    Raises `StoreError` where the file cannot be used, with the reason: it is on a network file system, damaged, of
    another program, of a newer woflo, or cannot be written.
    """

    def __init__(self, where: str | os.PathLike[str], *, patience: float = 60.0) -> None:
        check_system()
        self.path: str = _path_of(where)
        folder = os.path.dirname(self.path)
        refuse_network(folder)
        with telling(self.path):
            os.makedirs(folder, mode=0o700, exist_ok=True)
            beside = f"{self.path}-peers"
            os.makedirs(beside, mode=0o700, exist_ok=True)
            self._turnstile = Turnstile(beside)
            self._writer = self._opened(patience)
            self._ask = Asking(self._writer)
            self._wakeups = Wakeups(self.path, socket_folder(beside), super()._changed)
        self._readers = Readers(self.path)
        super().__init__()

    @classmethod
    def from_url(cls, url: str) -> Self:
        """See the class."""
        return cls(url)

    def reopened(self) -> Self:
        """See `Store.reopened`."""
        return type(self)(self.path)

    def _opened(self, patience: float) -> LentConnection:
        try:
            with self._turnstile:
                return open_writer(self.path, patience)
        except BaseException:
            self._turnstile.close()
            raise

    # -- writing ---------------------------------------------------------------------------------------

    def apply(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        with self._turnstile:
            if len(operations) > 1:
                try:
                    return self._transact(lambda: self._attempt_all(operations))
                except StoreError:
                    raise  # it could not even begin
                except Exception:
                    pass  # all is taken back, and each gets a transaction of its own
            return [self._alone(one) for one in operations]

    def _attempt_all(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        results: list[Any] = []
        for group in neighbours(operations):
            if len(group) > FEW:
                results += self._attempt_group(group)
            else:
                results += map(self._attempt, group)
        return results

    def _attempt_group(self, group: list[Operation[Any]]) -> list[Any]:
        try:
            return together(group, self._ask)
        except StoreError as refusal:  # of one of them, when others were written
            raise _HalfWrittenError from refusal

    def _attempt(self, operation: Operation[Any]) -> Any:
        """Its result; its refusal only where nothing of it was written."""
        before = self._writer.total_changes
        try:
            return self._do(operation)
        except StoreError as refusal:
            if self._writer.total_changes != before:
                raise _HalfWrittenError from refusal
            return refusal

    def _do(self, operation: Operation[T]) -> T:
        return drive(do(operation), self._ask)

    def _alone(self, operation: Operation[Any]) -> Any:
        try:
            return self._transact(lambda: self._do(operation))
        except StoreError as refusal:
            return refusal
        except Exception as error:
            return failed(self.path, error)

    def _transact(self, work: Callable[[], T]) -> T:
        done: list[T] = []
        try:
            self._begin()
            done.append(work())
            self._writer.execute(COMMIT)
        except BaseException as error:
            if self._rolled_back() or not done or not isinstance(error, KeyboardInterrupt):
                raise
            interrupt_main()  # it came when all was kept already: first the writers are told so
        return done[0]

    def _begin(self) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise failed(self.path, error) from error

    def _rolled_back(self) -> bool:
        """False where there was nothing to take back, because it was kept, or SQLite did so itself."""
        was_open = self._writer.in_transaction
        if was_open:
            self._writer.execute(ROLLBACK)
        return was_open

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """See `Store.transaction`. `connection` is a `sqlite3.Connection`, not to be used after the block.

        Its own ways to begin and to end a transaction are refused, and so is writing to the tables of woflo.
        """
        with self._committer.alone(), self._turnstile:
            self._begin()
            transaction = _SQLiteTransaction(self._writer, self._keep_with)
            self._writer.lend()
            try:
                yield transaction
            finally:
                transaction.is_over = True
                self._writer.take_back()
                self._rolled_back()
        self._changed()

    def _keep_with(self, operation: Claimed[T]) -> T:
        """What the user has written, and the operation."""
        self._writer.take_back()
        if not self._writer.in_transaction:
            raise StoreError(f"{self.path}: a statement of the transaction ended it, and nothing of it is kept")
        try:
            with telling(self.path):
                result = self._do(operation)
                self._writer.execute(COMMIT)
        finally:
            self._rolled_back()
        return result

    # -- reading ---------------------------------------------------------------------------------------

    def _read(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        with self._readers.one() as connection:
            return connection.execute(_SQL[name], values).fetchall()

    @contextmanager
    def _moment(self) -> Iterator[Read]:
        with self._readers.one() as connection:
            connection.execute("BEGIN")
            yield lambda name: connection.execute(_SQL[name]).fetchall()
            connection.execute("COMMIT")

    # -- hearing of changes ----------------------------------------------------------------------------

    def listen(self, listener: Listener) -> Callable[[], None]:
        """See `Store.listen`. What other processes write is heard of, too."""
        end = super().listen(listener)
        self._wakeups.listen()
        return end

    def _changed(self) -> None:
        super()._changed()
        self._wakeups.send()

    # -- the end ---------------------------------------------------------------------------------------

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._committer.close()
        self._wakeups.close()
        self._readers.close()
        self._writer.really_close()
        self._turnstile.close()

    _is_closed = False

    def _inherit(self) -> None:
        """The child closes what it can; its copies of connections stay, or SQLite would give up the parent's locks."""
        super()._inherit()
        if self._is_closed:
            return  # the numbers of its descriptors are those of others by now
        _inherited.append((self._writer, self._readers.idle()))
        self._turnstile.close_inherited()
        self._wakeups._drop()
        for name in ("_writer", "_ask", "_readers", "_turnstile", "_wakeups"):
            setattr(self, name, Inherited())
        self._is_closed = True


_inherited: list[Any] = []
"""In a forked child: connections of the parent."""


class _HalfWrittenError(Exception):
    """An operation was refused after it had written something."""


class _SQLiteTransaction(Transaction):
    def __init__(self, connection: LentConnection, keep: Callable[[Claimed[Any]], Any]) -> None:
        self._connection = connection
        self._keep = keep
        self.is_over = False

    @property
    def connection(self) -> LentConnection:
        """What the user writes through."""
        if self.is_over:
            raise over()
        return self._connection

    def commit(self, operation: Claimed[T]) -> T:
        if self.is_over:
            raise over()
        self.is_over = True
        return cast("T", self._keep(lightened(operation)))


def _path_of(where: str | os.PathLike[str]) -> str:
    """The real path of the file: two names of one file must find the same locks."""
    path = os.fspath(where)
    if path.startswith("sqlite:"):
        if not path.startswith("sqlite:///"):
            raise StoreError(f"{path} names no file: write sqlite:///relative.db or sqlite:////absolute.db")
        path = unquote(path.removeprefix("sqlite:///"))
    if not path or path.startswith(":memory:") or path.endswith(os.sep):
        raise StoreError(f"{os.fspath(where)!r} names no file; for a store that is not kept use 'memory:'")
    return os.path.realpath(path)
