"""The tables in their present version: made where they are missing, and brought forward where they are older."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from woflo.errors import StoreError
from woflo.stores.postgres.failures import telling
from woflo.stores.postgres.server import Server, in_schema
from woflo.stores.sql import migrations

__all__ = ["prepare"]

LOCK = int.from_bytes(b"woflo", "big")
"""Of the advisory lock under which one process changes the tables and others wait."""
OLDEST = 150000
"""The first version of the server for which this is written, as the server tells it."""


def prepare(connection: psycopg.Connection, server: Server) -> None:
    """Bring the tables forward, all steps or none. Refuses a server that is too old, and tables of a newer woflo."""
    if connection.info.server_version < OLDEST:
        found, needed = connection.info.server_version // 10000, OLDEST // 10000
        raise StoreError(f"{server.name}: the server has version {found}, and {needed} is needed")
    with telling(server.name):
        with connection.transaction():
            is_older = _version(connection, server) < len(migrations("postgres"))
        if is_older:
            with _alone(connection), connection.transaction():
                _migrate(connection, server, _version(connection, server))  # which another process may have changed


@contextmanager
def _alone(connection: psycopg.Connection) -> Iterator[None]:
    """No other process changes tables meanwhile. A transaction that begins inside sees what they have changed."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        yield
    finally:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _migrate(connection: psycopg.Connection, server: Server, version: int) -> None:
    steps = migrations("postgres")
    if not version and not _is_there(connection, "SELECT to_regnamespace(%s)", server.schema):
        connection.execute(f'CREATE SCHEMA "{server.schema}"')
    for text in steps[version:]:
        connection.execute(in_schema(text, server.schema))
    connection.execute(f'DELETE FROM "{server.schema}".version')
    connection.execute(f'INSERT INTO "{server.schema}".version VALUES (%s)', [len(steps)])


def _version(connection: psycopg.Connection, server: Server) -> int:
    """How many steps led to the tables that are there."""
    if not _is_there(connection, "SELECT to_regclass(%s)", f"{server.schema}.version"):
        return 0
    found: Any = connection.execute(f'SELECT number FROM "{server.schema}".version').fetchone()
    known = len(migrations("postgres"))
    if found[0] > known:
        raise StoreError(
            f"{server.name}: the schema {server.schema} has the version {found[0]}, and this woflo knows those up to "
            f"{known}; install a newer woflo, or name another schema (?schema=…)"
        )
    return int(found[0])


def _is_there(connection: psycopg.Connection, question: str, name: str) -> bool:
    found: Any = connection.execute(question, [name]).fetchone()
    return found[0] is not None
