"""A store in PostgreSQL: for processes of many machines. It needs psycopg 3, which the extra `postgres` brings.

`store` keeps the contract. `server` knows the database and connects to it, also again; `preparing` brings the schema to
its present version. `writer` has the one connection that writes and sees to it that a transaction is kept once;
`batches` puts many operations into few round trips, and `gathering` many statements into one; `lending` is that
connection in the hands of users. `readers` are the others, by `wakeups` processes hear of each other, and `failures`
knows what is said when something fails.
"""

from __future__ import annotations

from woflo.errors import StoreError

try:
    import psycopg  # noqa: F401 - here to be missed by name
except ImportError as _error:
    raise StoreError(
        f"a store in PostgreSQL needs psycopg 3 ({_error}); install it with: pip install 'woflo[postgres]'"
    ) from _error

from woflo.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
