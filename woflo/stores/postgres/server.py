"""The database that a URL names: how it is called in errors, and how one connects to it, also again."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar
from urllib.parse import unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from woflo.errors import StoreError
from woflo.stores.postgres.failures import failed
from woflo.stores.sql import statements

__all__ = ["SCHEMA", "Server", "spelled"]

C = TypeVar("C", bound=psycopg.Connection[Any])
SCHEMA = "woflo"
"""Where the tables are, unless the URL says `?schema=…`."""

_URL = re.compile(r"postgres(?:ql)?://(?P<user>(?:[^/?]*@)?)[^/?#@]*(?:/[^?@]*)?", re.IGNORECASE)
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,49}")
_LONGEST_PAUSE = 1.0
_DEFAULTS: dict[str, Any] = {
    "fallback_application_name": "woflo",
    "connect_timeout": 10,
    # A machine that is gone without a word is noticed within a minute.
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 50_000,
}
"""Options of libpq that hold unless the URL says otherwise."""
_PLANNING = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
"""All that a statement looks for has an index. Of tables that are new the planner thinks that reading them whole is
quicker, and keeps to that plan when they have become large."""


class Server:
    """Where a store is. `patience`: seconds for which a server that is gone is waited for."""

    def __init__(self, url: str, patience: float) -> None:
        self._conninfo: str
        self.schema: str
        self._conninfo, self.schema = _split(url)
        self.name: str = re.sub(r"//.*@", "//", self._conninfo.partition("?")[0])
        """The URL as it may be shown: without user, password and options."""
        self.patience = patience
        self._defaults = {name: value for name, value in _DEFAULTS.items() if f"{name}=" not in self._conninfo}
        if not _SCHEMA.fullmatch(self.schema):
            raise StoreError(f"{self.name}: {self.schema!r} is no schema for woflo; use a to z, 0 to 9 and _")

    def connect(self, kind: type[C], *, autocommit: bool = False) -> C:
        """A new connection. Raises `psycopg.OperationalError` where there is no server, or it refuses."""
        given = conninfo_to_dict(self._conninfo).get("options") or ""
        settings = {**self._defaults, "client_encoding": "utf8", "options": f"{given} {_PLANNING}"}
        made = kind.connect(self._conninfo, autocommit=autocommit, **settings)
        made.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        made.prepared_max = 500  # the statements there are, with the types of their values
        return made

    def first(self, kind: type[C]) -> C:
        """The connection that shows that the URL is good: nothing is waited for."""
        try:
            return self.connect(kind)
        except psycopg.ProgrammingError:
            raise StoreError(f"{self.name}: that is no URL that PostgreSQL understands") from None  # it may be quoted
        except psycopg.Error as error:
            raise failed(self.name, error) from error

    def tries(self) -> Iterator[bool]:
        """One after the other with pauses between them, until patience ends; False with the last one."""
        end, pause = time.monotonic() + self.patience, 0.02
        while (left := end - time.monotonic()) > 0:
            yield True
            threading.Event().wait(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)
        yield False

    def connect_patiently(self, kind: type[C], *, autocommit: bool = False) -> C:
        """The same after a loss: a server that is gone is waited for."""
        for goes_on in self.tries():
            try:
                return self.connect(kind, autocommit=autocommit)
            except psycopg.OperationalError:
                if not goes_on:
                    raise
        raise AssertionError  # never: the last try returns or raises


def _split(url: str) -> tuple[str, str]:
    """What libpq understands, and the schema."""
    found = _URL.match(url)
    user = found["user"][:-1] if found else ""
    if not found or "@" in user or url[found.end() : found.end() + 1] not in ("", "?"):
        raise StoreError(
            "that is no URL of a PostgreSQL database: write postgresql://user:password@host:5432/database, with the "
            "special characters of the password as %40, %2F and the like"
        )
    head, _, query = url.partition("?")
    options = query.split("&") if query else []
    kept = [one for one in options if not one.startswith("schema=")]
    named = [unquote(one.removeprefix("schema=")) for one in options if one.startswith("schema=")]
    return "?".join([head, *filter(None, ["&".join(kept)])]), (named or [SCHEMA])[-1]


@cache
def spelled(schema: str) -> dict[str, str]:
    """Every named statement, about the tables in that schema."""
    return {name: in_schema(text, schema) for name, text in statements("postgres").items()}


def in_schema(sql: str, schema: str) -> str:
    """The SQL about the tables of another schema than its files speak of."""
    return sql if schema == SCHEMA else re.sub(rf"\b{SCHEMA}\.", f'"{schema}".', sql)
