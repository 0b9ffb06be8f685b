"""A store that is only looked at: an SQLite file that cannot be written, as on a disk that is mounted read-only."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from woflo.errors import StoreError
from woflo.stores.contract import Inherited, Transaction
from woflo.stores.sql import migrations
from woflo.stores.sqlite.connections import STATEMENTS, Readers, check_version
from woflo.stores.sqlite.store import FileReading, path_of

if TYPE_CHECKING:
    from woflo.stores.operations import Operation

__all__ = ["LookedAtSQLiteStore"]


class LookedAtSQLiteStore(FileReading):
    """Reads runs from an SQLite file, and writes nothing, not even beside it. Writes are refused with `StoreError`.

    Raises `StoreError` where the file cannot be read without writing: its schema is of an older woflo, or something
    stands beside it that has to be brought into it first.
    """

    def __init__(self, where: str | os.PathLike[str]) -> None:
        self.path: str = path_of(where)
        self._readers = Readers(self.path, _open)
        super().__init__()
        with self._readers.one() as connection:
            version, known = check_version(connection, self.path), len(migrations("sqlite"))
        if version < known:
            raise StoreError(
                f"{self.path}: its schema has the version {version}, and cannot be brought to {known} where it cannot "
                f"be written; copy it to where it can"
            )

    @classmethod
    def from_url(cls, url: str) -> Self:
        """See `Store.from_url`."""
        return cls(url)

    def apply(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        raise self._refused()

    def transaction(self) -> AbstractContextManager[Transaction]:
        raise self._refused()

    def _refused(self) -> StoreError:
        return StoreError(
            f"{self.path}: it cannot be written; the file, its folder and the files beside it must be writable"
        )

    def close(self) -> None:
        self._committer.close()
        self._readers.close()

    def _inherit(self) -> None:
        super()._inherit()
        self._readers = cast("Readers", Inherited())


def _open(path: str) -> sqlite3.Connection:
    """Without a write-ahead log beside it nobody writes at the moment, and it can be taken for a file that stays."""
    try:
        return _opened(path, "mode=ro")
    except sqlite3.OperationalError:
        if os.path.exists(f"{path}-wal") and os.path.getsize(f"{path}-wal"):
            raise
        return _opened(path, "immutable=1")


def _opened(path: str, query: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{Path(path).as_uri()}?{query}",
        uri=True,
        timeout=60,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS,
    )
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection
