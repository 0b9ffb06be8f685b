"""The contract, kept in PostgreSQL: one connection that writes, a few that read, and one that listens on demand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Self, TypeVar

import psycopg

from woflo.errors import StoreError
from woflo.kernel import hiding
from woflo.stores.blobs import lightened
from woflo.stores.contract import Inherited, Listener, Snapshot, Transaction
from woflo.stores.operations import Accepted, Claimed, Operation
from woflo.stores.postgres.batches import HalfWrittenError, lone_run, one_by_one, together
from woflo.stores.postgres.failures import failed, is_collision, is_lost, telling
from woflo.stores.postgres.lending import LentConnection
from woflo.stores.postgres.readers import Readers
from woflo.stores.postgres.server import Server, spelled
from woflo.stores.postgres.wakeups import Wakeups
from woflo.stores.postgres.writer import Writer
from woflo.stores.refusals import over
from woflo.stores.sql.store import Read, SqlStore

__all__ = ["PostgresStore"]

T = TypeVar("T")


class PostgresStore(SqlStore):
    """Keeps runs in a PostgreSQL database, for processes of many machines. PostgreSQL 15 or newer, psycopg 3.

    `url` is `postgresql://user:password@host:5432/database`, with the options of libpq behind a `?`, and `schema=…`
    among them where the tables are not to be in the schema "woflo". They are made where they are missing. `patience`:
    seconds for which writes and reads wait for a server that is restarted or cannot be reached.

    What is kept survives what the server's own settings (`fsync`, `synchronous_commit`) let it survive. Raises
    `StoreError` where the database cannot be used, with the reason, and without the password.
    """

    def __init__(self, url: str, *, patience: float = 60.0) -> None:
        hiding.know_url(url)
        self._url = url
        self._server = Server(url, patience)
        self._sql = spelled(self._server.schema)
        self._writer = Writer(self._server)
        self._readers = Readers(self._server)
        self._wakeups = Wakeups(self._server, lambda: self._writer.backend, self._changed)
        super().__init__()

    @classmethod
    def from_url(cls, url: str) -> Self:
        """See the class."""
        return cls(url)

    def reopened(self) -> Self:
        """See `Store.reopened`."""
        return type(self)(self._url)

    @property
    def where(self) -> str:
        """Which tables these are, without the password."""
        return f"{self._server.name} {self._server.schema}"

    # -- writing ---------------------------------------------------------------------------------------

    def apply(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        with telling(self._server.name):
            try:
                lone = lone_run(operations)
                if lone is not None and self._writer.add_at_once(lone[1]):
                    return [[Accepted(lone[0], is_new=True)]]
                return self._writer.transact(partial(together, operations))
            except (HalfWrittenError, psycopg.Error, UnicodeError) as error:
                self._blame(error)
            return self._writer.transact(partial(one_by_one, operations, told=self._blame))

    def _blame(self, error: Exception) -> StoreError:
        """What one of several operations has failed with. Raised where it was none of them."""
        if is_collision(error) or is_lost(self._writer.connection, error):
            raise error
        return failed(self._server.name, error)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """See `Store.transaction`. `connection` is a `psycopg.Connection`, not to be used after the block.

        Its own ways to end a transaction are refused; `with connection.transaction()` is a savepoint there. Its errors
        come out as they are. What is lost with the connection is not tried again.
        """
        with self._committer.alone():
            with telling(self._server.name):
                transaction = _PostgresTransaction(self._writer.lend(), self._keep_with)
            try:
                yield transaction
            finally:
                transaction.is_over = True
                self._writer.take_back()
        self._changed()

    def _keep_with(self, operation: Claimed[T]) -> T:
        with telling(self._server.name):
            return self._writer.keep_lent(operation)

    # -- reading ---------------------------------------------------------------------------------------

    def _read(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        return self._readers.read(self._sql[name], values)

    @contextmanager
    def _moment(self) -> Iterator[Read]:
        with self._readers.one() as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield lambda name: connection.execute(self._sql[name]).fetchall()
            connection.execute("COMMIT")

    def snapshot(self) -> Snapshot:
        return self._readers.patiently(super().snapshot)

    # -- hearing of changes ----------------------------------------------------------------------------

    def listen(self, listener: Listener) -> Callable[[], None]:
        """See `Store.listen`. What other processes write is heard of, too."""
        end = super().listen(listener)
        self._wakeups.listen()
        return end

    # -- the end ---------------------------------------------------------------------------------------

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._committer.close()
        self._wakeups.close()
        self._readers.close()
        self._writer.close()

    _is_closed = False

    def _inherit(self) -> None:
        """The child gives up its copies of the sockets without a word to the server, which is the parent's."""
        super()._inherit()
        inherited = [self._writer.connection, *self._readers.idle(), *self._wakeups.connections()]
        _inherited.extend(inherited)
        for connection in inherited:
            with suppress(OSError, psycopg.Error):
                os.close(connection.fileno())
        self._wakeups._drop()
        for name in ("_writer", "_readers", "_wakeups"):
            setattr(self, name, Inherited())
        self._is_closed = True


_inherited: list[Any] = []
"""In a forked child: connections of the parent, whose numbers of sockets are others' now. Never closed."""


class _PostgresTransaction(Transaction):
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
        result: T = self._keep(lightened(operation))
        return result
