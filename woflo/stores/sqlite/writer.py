"""The connection that writes, and how operations are asked of it.

Imported with the first write: most commands only look.
"""

from __future__ import annotations

import sqlite3
from _thread import interrupt_main
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from woflo.errors import StoreError
from woflo.stores.operations import Claimed, Operation
from woflo.stores.sql.asking import drive
from woflo.stores.sql.writing import do
from woflo.stores.sqlite.batches import FEW, Asking, neighbours, together
from woflo.stores.sqlite.failures import failed, telling
from woflo.stores.sqlite.lending import COMMIT, ROLLBACK, LentConnection

__all__ = ["Writer"]

T = TypeVar("T")


class Writer:
    """Used by one thread at a time, which has the turn of this machine."""

    def __init__(self, connection: LentConnection, path: str) -> None:
        self._connection = connection
        self._path = path
        self._ask = Asking(connection)

    def apply(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        """See `Store.apply`."""
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
        before = self._connection.total_changes
        try:
            return self._do(operation)
        except StoreError as refusal:
            if self._connection.total_changes != before:
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
            return failed(self._path, error)

    def _transact(self, work: Callable[[], T]) -> T:
        done: list[T] = []
        try:
            self.begin()
            done.append(work())
            self._connection.execute(COMMIT)
        except BaseException as error:
            if self.roll_back() or not done or not isinstance(error, KeyboardInterrupt):
                raise
            interrupt_main()  # it came when all was kept already: first the writers are told so
        return done[0]

    # -- with what users write -------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin a transaction. Raises `StoreError`."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise failed(self._path, error) from error

    def roll_back(self) -> bool:
        """False where there was nothing to take back, because it was kept, or SQLite did so itself."""
        was_open = self._connection.in_transaction
        if was_open:
            self._connection.execute(ROLLBACK)
        return was_open

    def keep_with(self, operation: Claimed[T]) -> T:
        """What the user has written, and the operation."""
        self._connection.take_back()
        if not self._connection.in_transaction:
            raise StoreError(f"{self._path}: a statement of the transaction ended it, and nothing of it is kept")
        try:
            with telling(self._path):
                result = self._do(operation)
                self._connection.execute(COMMIT)
        finally:
            self.roll_back()
        return result


class _HalfWrittenError(Exception):
    """An operation was refused after it had written something."""
