"""Large values: kept once by their content, and named in rows, so that claiming and listing do not read them.

A row has `blob:DIGEST:CHARACTERS` in the place of a value that is larger than `INLINE`; no JSON begins like that. What
an operation brings is kept together with it, or before it, never after: no row names a blob that is not there. One that
nothing names any more is removed by `Sweep`, or by whatever takes runs away, `REST` seconds after it was kept last: so
long may a write take that names it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from woflo.kernel.digest import digest

if TYPE_CHECKING:
    from woflo.stores.operations import Operation
    from woflo.stores.rows import Row

__all__ = ["REST", "Blob", "chunks", "is_reference", "lightened"]

O = TypeVar("O", bound="Operation[Any]")  # noqa: E741 - an operation

INLINE = 1024 * 1024
"""Characters of a value that stands in the row itself."""
CHUNK = 1024 * 1024
"""Characters of a large one that are written at a time."""
REST = 24 * 3600.0
"""Seconds."""
MARK = "blob:"
_TEXTS = ("args", "result", "error", "value")
_ROW = "row"
_ROWS = ("runs", "calls", "steps", "notes", "successors", _ROW)


class Blob(NamedTuple):
    """A large value, and what rows call it."""

    name: str
    text: str


def is_reference(text: str | None) -> bool:
    """Whether this stands for a large value."""
    return text is not None and text.startswith(MARK)


def lightened(operation: O) -> O:
    """The same operation with the names of its large values, which it brings along; mostly that very operation."""
    texts, rows = _shape(type(operation))
    for name in texts:
        if len(getattr(operation, name) or "") > INLINE:
            return _light(operation, texts, rows)
    for name in rows:
        for row in _rows(operation, name):
            if len(row.args) > INLINE or len(row.result or "") > INLINE or len(row.error or "") > INLINE:
                return _light(operation, texts, rows)
    return operation


_shapes: dict[type, tuple[tuple[str, ...], tuple[str, ...]]] = {}


def _shape(kind: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which fields of an operation are values, and which are rows."""
    found = _shapes.get(kind)
    if found is None:
        names = {field.name for field in fields(kind)}
        found = _shapes[kind] = tuple(filter(names.__contains__, _TEXTS)), tuple(filter(names.__contains__, _ROWS))
    return found


def _light(operation: O, texts: tuple[str, ...], rows: tuple[str, ...]) -> O:
    blobs: dict[str, Blob] = {}
    changes: dict[str, Any] = {name: _named(getattr(operation, name), blobs) for name in texts}
    for name in rows:
        light = tuple(_light_row(row, blobs) for row in _rows(operation, name))
        changes[name] = light[0] if name == _ROW else light
    return replace(operation, blobs=tuple(blobs.values()), **changes)


def _rows(operation: Operation[Any], name: str) -> tuple[Row, ...]:
    found = getattr(operation, name)
    return (found,) if name == _ROW else found


def _light_row(row: Row, blobs: dict[str, Blob]) -> Row:
    given = {name: getattr(row, name) for name in ("args", "result", "error")}
    return row.changed(**{name: _named(text, blobs) for name, text in given.items()})


def _named(text: str | None, blobs: dict[str, Blob]) -> str | None:
    if text is None or len(text) <= INLINE:
        return text
    name = f"{MARK}{digest(text.encode(errors='surrogatepass'))}:{len(text)}"
    blobs[name] = Blob(name, text)
    return name


def chunks(text: str) -> Iterator[tuple[int, str]]:
    """Its parts, numbered from 0."""
    return ((number, text[at : at + CHUNK]) for number, at in enumerate(range(0, len(text), CHUNK)))
