"""Rows, and changes of them, as JSON: what the log holds.

A change is what a row is afterwards, so that whoever reads it need not know what an operation does: machines with
different versions of woflo agree on what is kept.
"""

from __future__ import annotations

import json
from dataclasses import fields
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from woflo.errors import StoreError
from woflo.kernel.state import RunState
from woflo.stores.rows import Row, Signal, Success, WorkerRow

__all__ = ["Change", "as_fields", "changes_of", "dump_changes", "row_of"]

T = TypeVar("T", Row, Signal, WorkerRow)


class Change(NamedTuple):
    """A row of one table, as it is from now on."""

    table: str
    """ "runs", "signals", "workers", "published", "tags", "blobs" or "successes"."""
    key: Any
    """An id; for what is published, and for tags, the id of the run and the name."""
    value: Any
    """The row, or None where it is gone."""


_encode = json.JSONEncoder(separators=(",", ":")).encode
_NAMES = {kind: tuple(one.name for one in fields(kind)) for kind in (Row, Signal, WorkerRow)}
_DEFAULTS = {kind: tuple(one.default for one in fields(kind)) for kind in (Row, Signal, WorkerRow)}
_VALUES = {kind: attrgetter(*names) for kind, names in _NAMES.items()}
_KINDS: dict[str, Any] = {"runs": Row, "signals": Signal, "workers": WorkerRow}


def as_fields(row: Row | Signal | WorkerRow) -> dict[str, Any]:
    """The fields that are not as they are by default."""
    kind = type(row)
    every = zip(_NAMES[kind], _VALUES[kind](row), _DEFAULTS[kind], strict=True)
    return {name: value for name, value, default in every if value is not default and value != default}


def row_of(given: dict[str, Any]) -> Row:
    """A run of its fields."""
    return _made(Row, given)


def _made(kind: type[T], given: dict[str, Any]) -> T:
    if kind is Row:
        given = {
            **given,
            "state": RunState(given.get("state", "PENDING")),
            "waits_for": tuple(given.get("waits_for", ())),
        }
    return kind(**given)


def dump_changes(changes: list[Change]) -> str:
    """As JSON, without brackets around. Raises `StoreError` for a value that JSON cannot have."""
    try:
        return _encode([_plain(change) for change in changes])[1:-1]
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"this cannot be stored: {error}") from error


def _plain(change: Change) -> list[Any]:
    table, key, value = change
    return [table, key, as_fields(value) if table in _KINDS and value is not None else value]


def changes_of(plain: list[Any]) -> list[Change]:
    """What `dump_changes` has written, parsed. Raises `ValueError` or `TypeError` for what it has not."""
    return [_change_of(*one) for one in plain]


def _change_of(table: str, key: Any, value: Any) -> Change:
    if table in ("published", "tags"):
        run_id, name = key
        return Change(table, (run_id, name), value)
    if table == "blobs":
        return Change(table, key, value and (float(value[0]), str(value[1])))
    if table == "successes":
        return Change(table, key, value and Success(*value))
    return Change(table, key, value and _made(_KINDS[table], value))
