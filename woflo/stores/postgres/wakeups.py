"""Hearing of what other processes wrote: a connection that LISTENs, in a thread, where somebody wants to know.

Who writes notifies within the transaction. What is lost that way, with the connection or before it was there, is found
by looking every few seconds: the rows are the truth.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable
from typing import Any

import psycopg

from woflo.stores.postgres.server import Server

__all__ = ["Wakeups"]

PAUSE = 5.0
"""Seconds after which the truth is looked at, whatever was heard."""


class Wakeups:
    """Calls `changed()` in a thread of its own when others wrote; thread and connection are made on demand.

    `own` is the number of the connection whose notifications say nothing new.
    """

    def __init__(self, server: Server, own: Callable[[], int | None], changed: Callable[[], None]) -> None:
        self._server = server
        self._own = own
        self._changed = changed
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: psycopg.Connection[Any] | None = None
        self._is_closed = threading.Event()
        self._pair: tuple[socket.socket, ...] = ()
        """What is sent by the second to the first says that all is over."""

    def listen(self) -> None:
        """From now on `changed` is called."""
        with self._lock:
            if self._thread is None and not self._is_closed.is_set():
                self._pair = socket.socketpair()
                self._thread = threading.Thread(target=self._hear, name="woflo-listen", daemon=True)
                self._thread.start()

    # -- in the thread ---------------------------------------------------------------------------------

    def _hear(self) -> None:
        """Again and again, because connections are lost."""
        while not self._is_closed.is_set():
            try:
                self._hear_by(self._server.connect(psycopg.Connection, autocommit=True))
            except psycopg.Error:
                self._is_closed.wait(0.2)

    def _hear_by(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        try:
            connection.execute(f'LISTEN "{self._server.schema}"')
            self._changed()  # nobody knows what was missed
            with selectors.DefaultSelector() as either:
                for one in (connection, self._pair[0]):
                    either.register(one, selectors.EVENT_READ)
                while self._is_worth_a_look(either, connection):
                    self._changed()
        finally:
            self._connection = None
            connection.close()

    def _is_worth_a_look(self, either: selectors.BaseSelector, connection: psycopg.Connection[Any]) -> bool:
        """After news or a while; False at the end of all."""
        while True:
            ready = either.select(PAUSE)
            if self._is_closed.is_set() or not ready or self._is_news(connection):
                return not self._is_closed.is_set()

    def _is_news(self, connection: psycopg.Connection[Any]) -> bool:
        """All that is there counts once."""
        connection.pgconn.consume_input()
        heard = list(iter(connection.pgconn.notifies, None))
        return any(one.be_pid != self._own() for one in heard)

    # -- the end ---------------------------------------------------------------------------------------

    def close(self) -> None:
        """The connection is gone, and the thread ends."""
        with self._lock:
            self._is_closed.set()
            thread, self._thread = self._thread, None
        if thread is not None:
            self._pair[1].send(b"!")
            if thread is not threading.current_thread():
                thread.join()
            self._drop()

    def _drop(self) -> None:
        """Close the sockets: all there is to do in a forked child."""
        for one in self._pair:
            one.close()

    def connections(self) -> list[psycopg.Connection[Any]]:
        """The one that listens, where there is one."""
        return [one for one in (self._connection,) if one is not None]
