"""A store in an SQLite file: for all processes of one machine.

`store` keeps the contract, with one connection that writes and several that read. `connections` opens them and
brings the schema to its present version; `lending` is the writing one in the hands of users. With `turnstile`
processes write in turns, by `wakeups` they hear of each other. `mounts` knows where SQLite must not be used, and
`failures` what is said when it or the system fails.
"""

from __future__ import annotations

from woflo.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
