"""Opening the file: connections that write or read, and the schema brought to its present version."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from woflo.errors import StoreError
from woflo.stores.refusals import closed
from woflo.stores.sql import migrations, without_comments
from woflo.stores.sqlite.failures import telling
from woflo.stores.sqlite.forking import inside
from woflo.stores.sqlite.lending import COMMIT, ROLLBACK, LentConnection

__all__ = ["APPLICATION_ID", "STATEMENTS", "Readers", "check_version", "open_reader", "open_writer"]

APPLICATION_ID = int.from_bytes(b"wofl", "big")
"""By which `file` and others can tell whose database it is."""
STATEMENTS = 256
"""Kept prepared by each connection: all there are, and the forms that `batches` makes of some."""


def open_writer(path: str, patience: float) -> LentConnection:
    """The connection that writes, on a database in the present version. No other process opens one meanwhile.

    `patience`: seconds for which programs that know nothing of woflo are waited for.
    """
    connection = sqlite3.connect(
        path,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS,
        factory=LentConnection,
    )
    try:
        _prepare(connection, path)
    except BaseException:
        connection.really_close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    version = check_version(connection, path)
    if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        raise StoreError(f"{path}: SQLite cannot use its write-ahead log there; name a folder on a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -16000")  # in KiB
    if version < len(migrations("sqlite")):
        _migrate(connection, version)


def check_version(connection: sqlite3.Connection, path: str) -> int:
    """The number of steps that led to the schema of the file."""
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if owner not in (0, APPLICATION_ID) or (owner == 0 and version):
        raise StoreError(f"{path}: this is a database of another program (application id {owner}); name another file")
    known = len(migrations("sqlite"))
    if version > known:
        raise StoreError(
            f"{path}: its schema has the version {version}, and this woflo knows those up to {known}; "
            f"install a newer woflo, or name another file"
        )
    return int(version)


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    """All steps or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for text in migrations("sqlite")[version:]:
            for statement in without_comments(text).split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(migrations('sqlite'))}")
        connection.execute(COMMIT)
    except BaseException:
        if connection.in_transaction:
            connection.execute(ROLLBACK)
        raise


def open_reader(path: str) -> sqlite3.Connection:
    """A connection that only reads. The file must be there."""
    connection = sqlite3.connect(
        Path(path).as_uri() + "?mode=rw",
        uri=True,
        timeout=60,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS,
    )
    connection.execute("PRAGMA query_only = 1")
    return connection


class Readers:
    """Connections that read, one for each thread that does so at the moment, and some kept for the next."""

    KEPT = 16

    def __init__(self, path: str, opens: Callable[[str], sqlite3.Connection] = open_reader) -> None:
        self._path = path
        self._opens = opens
        self._idle: deque[sqlite3.Connection] = deque()
        self._is_closed = False

    @contextmanager
    def one(self) -> Iterator[sqlite3.Connection]:
        """Where it fails, the connection is not used again."""
        with inside, telling(self._path):
            connection = self._taken()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._give_back(connection)

    def _taken(self) -> sqlite3.Connection:
        if self._is_closed:
            raise closed()
        try:
            return self._idle.pop()
        except IndexError:
            return self._opens(self._path)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        self._idle.append(connection)
        while self._idle and (self._is_closed or len(self._idle) > self.KEPT):
            self._idle.popleft().close()

    def close(self) -> None:
        """At once, or when they are given back."""
        self._is_closed = True
        while self._idle:
            self._idle.popleft().close()

    def idle(self) -> list[sqlite3.Connection]:
        """Those that nobody uses."""
        return list(self._idle)
