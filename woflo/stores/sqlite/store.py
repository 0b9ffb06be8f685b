"""The contract, kept in an SQLite file: one connection that writes, and as many that read as there are readers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast
from urllib.parse import unquote

from woflo.errors import StoreError
from woflo.stores.blobs import lightened
from woflo.stores.contract import Inherited, Listener, Transaction
from woflo.stores.refusals import over
from woflo.stores.sql import statements
from woflo.stores.sql.store import Read, SqlStore
from woflo.stores.sqlite.connections import Readers, open_writer
from woflo.stores.sqlite.failures import telling
from woflo.stores.sqlite.forking import inside
from woflo.stores.sqlite.lending import LentConnection
from woflo.stores.sqlite.mounts import refuse_network
from woflo.stores.sqlite.turnstile import Turnstile, check_system
from woflo.stores.sqlite.wakeups import Wakeups, socket_folder

if TYPE_CHECKING:
    from woflo.stores.operations import Claimed, Operation
    from woflo.stores.sqlite.writer import Writer

__all__ = ["SQLiteStore", "path_of"]

T = TypeVar("T")
_SQL = statements("sqlite")


class FileReading(SqlStore):
    """How the file is read, by whoever may write it or not."""

    _readers: Readers

    def _read(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        with self._readers.one() as connection:
            return connection.execute(_SQL[name], values).fetchall()

    @contextmanager
    def _moment(self) -> Iterator[Read]:
        with self._readers.one() as connection:
            connection.execute("BEGIN")
            yield lambda name: connection.execute(_SQL[name]).fetchall()
            connection.execute("COMMIT")


class SQLiteStore(FileReading):
    """Keeps runs in an SQLite file, for all processes of this machine.

    `where` is a path, or a URL as `sqlite:///relative.db` and `sqlite:////absolute.db`. The folder is made where it is
    missing, for this user only. `patience`: seconds for which another program that holds the file locked is waited for.

    Raises `StoreError` where the file cannot be used, with the reason: it is on a network file system, damaged, of
    another program, of a newer woflo, or cannot be written.
    """

    def __init__(self, where: str | os.PathLike[str], *, patience: float = 60.0) -> None:
        check_system()
        self.path: str = path_of(where)
        folder = os.path.dirname(self.path)
        refuse_network(folder)
        with telling(self.path):
            os.makedirs(folder, mode=0o700, exist_ok=True)
            beside = f"{self.path}-peers"
            os.makedirs(beside, mode=0o700, exist_ok=True)
            self._turnstile = Turnstile(beside)
            self._writer = self._opened(patience)
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
            with self._turnstile, inside:
                return open_writer(self.path, patience)
        except BaseException:
            self._turnstile.close()
            raise

    # -- writing ---------------------------------------------------------------------------------------

    def apply(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        with self._turnstile:
            writing = self._writing
            with inside:
                return writing.apply(operations)

    @cached_property
    def _writing(self) -> Writer:
        from woflo.stores.sqlite.writer import Writer

        return Writer(self._writer, self.path)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """See `Store.transaction`. `connection` is a `sqlite3.Connection`, not to be used after the block.

        Its own ways to begin and to end a transaction are refused, and so is writing to the tables of woflo.
        """
        with self._committer.alone(), self._turnstile:
            writing = self._writing
            with inside:
                writing.begin()
            transaction = _SQLiteTransaction(self._writer, writing.keep_with)
            self._writer.lend()
            try:
                yield transaction
            finally:
                transaction.is_over = True
                self._writer.take_back()
                writing.roll_back()
        self._changed()

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
        for name in ("_writer", "_writing", "_readers", "_turnstile", "_wakeups"):
            setattr(self, name, Inherited())
        self._is_closed = True


_inherited: list[Any] = []
"""In a forked child: connections of the parent."""


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


def path_of(where: str | os.PathLike[str]) -> str:
    """The real path of the file: two names of one file must find the same locks."""
    path = os.fspath(where)
    if path.startswith("sqlite:"):
        if not path.startswith("sqlite:///"):
            raise StoreError(f"{path} names no file: write sqlite:///relative.db or sqlite:////absolute.db")
        path = unquote(path.removeprefix("sqlite:///"))
    if not path or path.startswith(":memory:") or path.endswith(os.sep):
        raise StoreError(f"{os.fspath(where)!r} names no file; for a store that is not kept use 'memory:'")
    return os.path.realpath(path)
