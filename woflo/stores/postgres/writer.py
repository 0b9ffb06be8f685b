"""The connection that writes. A transaction is kept once, whatever happens to the connection meanwhile.

Where the connection is lost before the end is sent, nothing is kept, and all is done again. Where it is lost after
that, the row of this writer tells: each transaction writes its number there.
"""

from __future__ import annotations

import secrets
from _thread import interrupt_main
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

import psycopg

from woflo.errors import StoreError
from woflo.stores.operations import Operation
from woflo.stores.postgres import gathering
from woflo.stores.postgres.batches import Ask, Done, alone
from woflo.stores.postgres.failures import failed, is_collision, is_lost, telling
from woflo.stores.postgres.lending import LentConnection
from woflo.stores.postgres.preparing import prepare
from woflo.stores.postgres.server import Server, spelled
from woflo.stores.sql.asking import Answer, Statement, Values

__all__ = ["Writer"]

T = TypeVar("T")
MOST_COLLISIONS = 8
"""So often a transaction that got in the way of others' is tried again."""
MILLISECONDS_TO_END = 5000
"""For what a lost connection has left on the server."""


class Writer:
    """Transactions in turns; for one thread at a time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._sql = spelled(server.schema)
        self._id = secrets.token_hex(8)
        self._number = 0
        """Of the transaction under way, or the last."""
        self._backend: tuple[Any, ...] = (None, None)
        """The server's process behind the connection, and when it began."""
        self.connection: LentConnection = server.first(LentConnection)
        try:
            prepare(self.connection, server)
            with telling(server.name):
                self._introduce()
                self.ask([("forget_writers", {})])
                self.connection.commit()
        except BaseException:
            self.connection.close()
            raise

    @property
    def backend(self) -> int | None:
        """The number under which the server knows the connection."""
        number: int | None = self._backend[0]
        return number

    def ask(self, statements: Sequence[Statement]) -> list[Answer]:
        """The answers to statements, in one round trip.

        One alone needs no pipeline; in one, what goes back to a savepoint would have psycopg forget too late what the
        server has prepared.
        """
        with self.connection.pipeline() if len(statements) > 1 else nullcontext():
            asked = [
                self._asked(name, [values for _, values in same]) for name, same in groupby(statements, itemgetter(0))
            ]
        return [answer for answers in asked for answer in answers()]

    def _asked(self, name: str, same: list[Values]) -> Callable[[], Iterable[Answer]]:
        """Ask neighbours, the same but for their values; gives what tells the answers when the server has answered."""
        if len(same) == 1:
            return partial(_answers, self.connection.execute(self._sql[name], same[0], prepare=True))
        ids = gathering.ids_of(name, same)
        if ids is None:  # psycopg takes half as long for many of them as one by one
            cursor = self.connection.cursor()
            cursor.executemany(self._sql[name], same, returning=True)
            return partial(_answers, cursor)
        sql = self._sql[f"{name}_together"]
        cursors = [self.connection.execute(sql, (text,), prepare=True) for text in gathering.texts(name, same)]
        return lambda: gathering.answers(ids, [row for cursor in cursors for row in cursor.fetchall()])

    # -- transactions that are done again --------------------------------------------------------------

    def transact(self, work: Callable[[Ask], Done]) -> list[Any]:
        """Do the work and keep it, once. Raises what it raises."""
        return self._patiently(lambda: self._try(work))

    def _try(self, work: Callable[[Ask], Done]) -> list[Any]:
        self._number += 1
        done = work(self.ask)
        if done.has_written:
            self._keep([("count_transaction", self._told()), *self._news(done.is_news)])
        else:
            self.connection.commit()  # after a rollback psycopg would prepare all statements again
        return done.results

    def add_at_once(self, values: Values) -> bool:
        """Add one run and keep it, in one round trip: if it is there already, nothing is what is kept.

        False where it is, and where nobody knows, because the answer was lost: the usual way finds that out.
        """
        return self._patiently(lambda: self._add_and_keep(values))

    def _add_and_keep(self, values: Values) -> bool:
        self._number += 1
        last = [("count_transaction", self._told()), *self._news(is_news=True)]
        kept = self._keep([("add_run", values), *last])
        return bool(kept) and kept[0].rowcount == 1

    def _patiently(self, action: Callable[[], T]) -> T:
        """Again while the server is away, or others are in the way. Nothing is kept of what failed."""
        collisions = 0
        for goes_on in self._server.tries():
            try:
                self._need_connection()
                return action()
            except BaseException as error:
                collisions += is_collision(error)
                may_go_on = is_lost(self.connection, error) or 0 < collisions < MOST_COLLISIONS
                self._drop(error)
                if not (goes_on and may_go_on and isinstance(error, psycopg.Error)):
                    raise
        raise AssertionError  # never: the last try returns or raises

    def _drop(self, error: BaseException) -> None:
        """What was begun is not kept. After an interruption nobody knows what the connection is at."""
        if isinstance(error, Exception) and not is_lost(self.connection, error):
            with suppress(psycopg.Error):
                self.connection.rollback()
                return
        self.connection.close()

    # -- the end of a transaction ----------------------------------------------------------------------

    def _keep(self, last: list[Statement]) -> list[psycopg.Cursor[Any]]:
        """Commit, together with the last statements; their cursors. Where the answer is lost, find out: then none."""
        try:
            with self.connection.pipeline():
                cursors = [self.connection.execute(self._sql[name], values, prepare=True) for name, values in last]
                self.connection.commit()
        except BaseException as error:
            was_interrupted = not isinstance(error, Exception)
            if not (was_interrupted or is_lost(self.connection, error)) or not self._was_kept():
                raise
            if was_interrupted:
                interrupt_main()  # when those who wait for what is kept have been told
            return []
        return cursors

    def _was_kept(self) -> bool:
        """Leaves no connection where it was not."""
        self.connection.close()
        try:
            is_kept = self._patiently(self._last_transaction) == self._number
        except psycopg.Error as error:
            raise StoreError(
                f"{self._server.name}: the connection was lost at the very end of a transaction, and the server has "
                f"stayed away since: nobody can tell whether what was to be written is kept"
            ) from failed(self._server.name, error)
        if not is_kept:
            self.connection.close()
        return is_kept

    def _last_transaction(self) -> int:
        (answer,) = self.ask([("last_transaction", self._told())])
        self.connection.commit()
        return int(answer.rows[0][0])

    def _told(self) -> dict[str, Any]:
        return {"writer": self._id, "number": self._number}

    def _news(self, is_news: bool) -> list[Statement]:
        return [("notify", {"channel": self._server.schema})] if is_news else []

    # -- the connection --------------------------------------------------------------------------------

    def _need_connection(self) -> None:
        if self.connection.closed:
            self.connection = self._server.connect(LentConnection)
            self._introduce()

    def _introduce(self) -> None:
        """See that a lost connection does nothing any more on the server, and remember this one."""
        number, start = self._backend
        self.ask([("end_backend", {"pid": number, "start": start, "patience": MILLISECONDS_TO_END})])
        (found,) = self.ask([("own_backend", {})])
        self.connection.commit()
        self._backend = found.rows[0]

    def close(self) -> None:
        """Nothing is left of it on the server."""
        with suppress(psycopg.Error):
            if not self.connection.closed:
                self.ask([("forget_writer", self._told())])
                self.connection.commit()
        self.connection.close()

    # -- in the hands of a user ------------------------------------------------------------------------

    def lend(self) -> LentConnection:
        """The connection, in a transaction that only `keep_lent` can commit."""
        self._number += 1
        self._patiently(lambda: self.ask([("lend", self._told()), ("plan_as_usual", {})]))
        self.connection.is_lent = True
        return self.connection

    def keep_lent(self, operation: Operation[T]) -> T:
        """What the user has written, and the operation."""
        self.connection.take_back()
        try:
            (answer,) = self.ask([("take_back", self._told())])
            if not answer.changed:
                raise StoreError(
                    f"{self._server.name}: a statement of the transaction ended it, and nothing of it is kept"
                )
            result = alone(operation, self.ask)
            self._keep(self._news(True))
        except BaseException as error:
            self._drop(error)
            raise
        return result

    def take_back(self) -> None:
        """Drop what was not kept."""
        self.connection.take_back()
        with suppress(psycopg.Error):
            self.connection.rollback()


def _answers(cursor: psycopg.Cursor[Any]) -> Iterator[Answer]:
    """To one statement, or to many that were the same."""
    goes_on: bool | None = True
    while goes_on:
        yield Answer(cursor.fetchall() if cursor.description else [], cursor.rowcount)
        goes_on = cursor.nextset()
