"""Connections that read: one for each thread that does so at the moment, and some kept for the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any, TypeVar

import psycopg

from woflo.stores.postgres.failures import failed, is_lost
from woflo.stores.postgres.server import Server
from woflo.stores.refusals import closed

__all__ = ["Reader", "Readers"]

T = TypeVar("T")
Reader = psycopg.Connection[Any]


class Readers:
    """A small pool. Who finds all of them taken waits for one."""

    MOST, KEPT = 8, 4

    def __init__(self, server: Server) -> None:
        self._server = server
        self._idle: deque[Reader] = deque()
        self._places = BoundedSemaphore(self.MOST)
        self._is_closed = False

    def read(self, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        """What a statement finds."""

        def ask() -> list[tuple[Any, ...]]:
            with self.one() as connection:
                return connection.execute(sql, values, prepare=True).fetchall()

        return self.patiently(ask)

    def patiently(self, look: Callable[[], T]) -> T:
        """Again where the server was away."""
        for goes_on in self._server.tries():
            try:
                return look()
            except psycopg.OperationalError as error:
                if not goes_on:
                    raise failed(self._server.name, error) from error
            except (psycopg.Error, UnicodeError) as error:
                raise failed(self._server.name, error) from error
        raise AssertionError  # never: the last try returns or raises

    @contextmanager
    def one(self) -> Iterator[Reader]:
        """Where it fails, no connection that is as old is used again."""
        with self._places:
            connection = self._taken()
            try:
                yield connection
            except BaseException as error:
                connection.close()
                if is_lost(connection, error):
                    self._drop_idle()
                raise
            self._give_back(connection)

    def _taken(self) -> Reader:
        if self._is_closed:
            raise closed()
        try:
            return self._idle.pop()
        except IndexError:
            return self._server.connect(psycopg.Connection, autocommit=True)

    def _give_back(self, connection: Reader) -> None:
        self._idle.append(connection)
        if self._is_closed:
            self._drop_idle()
        while len(self._idle) > self.KEPT:
            self._idle.popleft().close()

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.popleft().close()

    def close(self) -> None:
        """At once, or when they are given back."""
        self._is_closed = True
        self._drop_idle()

    def idle(self) -> list[Reader]:
        """Those that nobody uses."""
        return list(self._idle)
