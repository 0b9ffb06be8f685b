"""The writing connection in the hands of users: they write rows of their own in the store's transaction.

What begins or ends transactions, and what changes woflo's own tables, is refused: by name where it is a method, with
SQLite's "not authorized" where it is SQL.
"""

from __future__ import annotations

import sqlite3
from typing import Any, NoReturn

from woflo.errors import StoreError

__all__ = ["COMMIT", "ROLLBACK", "LentConnection"]

COMMIT, ROLLBACK = "COMMIT -- by woflo", "ROLLBACK -- by woflo"
"""In words that users do not use: what they execute is never found among the prepared statements of the store."""

OWN_TABLES = frozenset(
    {"runs", "signals", "workers", "published", "blobs", "chunks", "queues", "paused_schedules", "successes"}
)
OWN_PRAGMAS = frozenset({"application_id", "user_version"})
_WRITING = {
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_UPDATE,
    sqlite3.SQLITE_DELETE,
    sqlite3.SQLITE_DROP_TABLE,
}
_ELSEWHERE = {sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}


class LentConnection(sqlite3.Connection):
    """A connection that refuses, while it is lent, what is not for users to do."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_lent = False
        self.set_authorizer(self._authorize)

    def lend(self) -> None:
        """From now on a user has it."""
        self._is_lent = True

    def take_back(self) -> None:
        """From now on only the store uses it, as it was before."""
        self._is_lent = False
        plain: sqlite3.Connection = self
        plain.row_factory, plain.text_factory = None, str

    def really_close(self) -> None:
        """As `close` does elsewhere."""
        super().close()

    def _authorize(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        """Asked by SQLite when a statement is prepared: https://www.sqlite.org/c3ref/set_authorizer.html."""
        if not self._is_lent:
            return sqlite3.SQLITE_OK
        is_refused = (
            action in _ELSEWHERE
            or (action in _WRITING and first in OWN_TABLES)
            or (action == sqlite3.SQLITE_ALTER_TABLE and second in OWN_TABLES)
            or (action == sqlite3.SQLITE_PRAGMA and first in OWN_PRAGMAS and second is not None)
        )
        return sqlite3.SQLITE_DENY if is_refused else sqlite3.SQLITE_OK

    def commit(self) -> NoReturn:
        """Refused by name."""
        self._refuse("commit")

    def rollback(self) -> NoReturn:
        """Refused by name."""
        self._refuse("rollback")

    def close(self) -> NoReturn:
        """Refused by name."""
        self._refuse("close")

    def executescript(self, sql_script: str) -> NoReturn:
        """Refused by name: it commits first."""
        self._refuse("executescript")

    def __enter__(self) -> NoReturn:
        self._refuse("with")

    def _refuse(self, what: str) -> NoReturn:
        raise StoreError(
            f"{what} is not for this connection: what is written through it is kept by the transaction's "
            f"`commit(operation)`, or dropped when its block is left"
        )
