"""The writing connection in the hands of users: they write rows of their own in the store's transaction.

Its own ways to end a transaction are refused by name. SQL that ends it is no way round: what the store has written
first violates a constraint that is looked at when a transaction is committed, until the store takes that back.
"""

from __future__ import annotations

from typing import Any, NoReturn

import psycopg
from psycopg.rows import tuple_row

from woflo.errors import StoreError

__all__ = ["LentConnection"]


class LentConnection(psycopg.Connection[Any]):
    """A connection that refuses, while it is lent, what is not for users to do."""

    is_lent: bool = False

    def take_back(self) -> None:
        """From now on only the store uses it, as it was before."""
        self.is_lent = False
        plain: psycopg.Connection[Any] = self
        plain.row_factory, plain.cursor_factory = tuple_row, psycopg.Cursor

    def commit(self) -> None:
        """Refused by name."""
        self._refuse_if_lent("commit")
        super().commit()

    def rollback(self) -> None:
        """Refused by name."""
        self._refuse_if_lent("rollback")
        super().rollback()

    def close(self) -> None:
        """Refused by name."""
        self._refuse_if_lent("close")
        super().close()

    def __enter__(self) -> NoReturn:
        raise _refusal("with")

    def _refuse_if_lent(self, what: str) -> None:
        if self.is_lent:
            raise _refusal(what)


def _refusal(what: str) -> StoreError:
    return StoreError(
        f"{what} is not for this connection: what is written through it is kept by the transaction's "
        f"`commit(operation)`, or dropped when its block is left"
    )
