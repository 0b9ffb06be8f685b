"""What a store says when SQLite or the system fails: the file, the cause, and the way out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from woflo.errors import StoreError
from woflo.stores.sqlite.holders import told_holders

__all__ = ["failed", "telling"]

_CAUSES = {
    "SQLITE_FULL": "the disk is full; make room, then write again",
    "SQLITE_BUSY": "another program holds the database locked; let it end its transaction, then write again",
    "SQLITE_LOCKED": "another program holds the database locked; let it end its transaction, then write again",
    "SQLITE_READONLY": "it cannot be written; the file, its folder and the files beside it must be writable",
    "SQLITE_PERM": "it cannot be written; the file, its folder and the files beside it must be writable",
    "SQLITE_CANTOPEN": "it cannot be opened; its folder must be there and writable",
    "SQLITE_CORRUPT": "the file is damaged; put a copy back, or save what can be read with `sqlite3 FILE .recover`",
    "SQLITE_NOTADB": "the file is damaged, or no SQLite database; put a copy back, or name another file",
    "SQLITE_IOERR": "the system cannot read or write it; look at the disk, then write again",
}
"""By the beginning of SQLite's own name for the error, https://www.sqlite.org/rescode.html."""


def failed(path: str, error: Exception) -> StoreError:
    """What SQLite, the system, or a value that cannot be stored has raised, in words."""
    name: str = getattr(error, "sqlite_errorname", "")
    cause = next((text for start, text in _CAUSES.items() if name.startswith(start)), "it was not kept")
    if name.startswith(_BUSY):
        cause += told_holders((f"{path}-shm", path))
    made = StoreError(f"{path}: {cause} ({type(error).__name__}: {error})")
    made.__cause__ = error
    return made


_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")


@contextmanager
def telling(path: str) -> Iterator[None]:
    """Raises `StoreError` in place of what SQLite and the system raise."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise failed(path, error) from error
