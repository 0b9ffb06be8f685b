"""What a store says when PostgreSQL fails: the server, the cause, and the way out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from woflo.errors import StoreError

__all__ = ["failed", "is_collision", "is_lost", "telling"]

_CAUSES = {
    "28": "the server does not let this user in; look at user, password and pg_hba.conf",
    "3D000": "there is no such database; make it with createdb",
    "42501": "the user may not do that; grant it what `woflo` needs in this database, or use another user",
    "25006": "the server only lets read; name the one that is written to",
    "53100": "the disk of the server is full; make room, then write again",
    "53300": "the server has no connection left; raise max_connections, or open fewer stores",
    "53": "the server lacks memory or other means; look at its log",
    "08": "the connection was lost",
    "57P": "the server is shutting down or starting up",
    "55P03": "somebody holds a row locked for longer than lock_timeout allows",
    "57014": "a time limit of the server (statement_timeout), or somebody, ended the statement",
    "22": "a value cannot be stored",
    "XX": "the server is damaged, or has a defect; look at its log",
}
"""By the beginning of the code, https://www.postgresql.org/docs/current/errcodes-appendix.html; the first that fits."""


def failed(name: str, error: Exception) -> StoreError:
    """What PostgreSQL, the connection, or a value that cannot be stored has raised, in words."""
    code = getattr(error, "sqlstate", None) or ""
    causes = (text for start, text in _CAUSES.items() if code.startswith(start))
    cause = next(causes, _cause_here(error))
    made = StoreError(f"{name}: {cause} ({type(error).__name__}: {' '.join(str(error).split())})")
    made.__cause__ = error
    return made


def _cause_here(error: Exception) -> str:
    """Of what was raised before the server had said anything."""
    if isinstance(error, psycopg.DataError | UnicodeError):
        return "a value cannot be stored"
    return "the server cannot be reached" if type(error) is psycopg.OperationalError else "it was not kept"


@contextmanager
def telling(name: str) -> Iterator[None]:
    """Raises `StoreError` in place of what psycopg raises."""
    try:
        yield
    except psycopg.Error as error:
        raise failed(name, error) from error


def is_lost(connection: psycopg.Connection, error: BaseException) -> bool:
    """The connection is of no more use. What was not committed by then is not kept."""
    severity = error.diag.severity_nonlocalized if isinstance(error, psycopg.Error) else None
    return connection.closed or severity in ("FATAL", "PANIC")


def is_collision(error: BaseException) -> bool:
    """Others were in the way, and the transaction was taken back because of that."""
    return isinstance(error, psycopg.errors.SerializationFailure | psycopg.errors.DeadlockDetected)
