"""Large values: kept once by their content, and named in rows, so that claiming and listing do not read them.

A row has `blob:DIGEST:CHARACTERS` in the place of a value that is larger than `INLINE`; no JSON begins like that. What
an operation brings is kept together with it, or before it, never after: no row names a blob that is not there. One that
nothing names any more is removed by `Sweep`, or by whatever takes runs away, `REST` seconds after it was kept last: so
long may a write take that names it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from woflo.kernel.digest import digest
from woflo.stores.rows import Row

if TYPE_CHECKING:
    from woflo.stores.operations import Operation

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
    shape = _shapes.get(type(operation)) or _shape(type(operation))
    for text in shape.texts_of(operation) if shape.texts else ():
        if text is not None and len(text) > INLINE:
            return _light(operation, shape.texts, shape.rows)
    for rows in shape.rows_of(operation) if shape.rows else ():
        for row in (rows,) if type(rows) is Row else rows:
            result, error = row.result, row.error
            if len(row.args) > INLINE or (result and len(result) > INLINE) or (error and len(error) > INLINE):
                return _light(operation, shape.texts, shape.rows)
    return operation


class _Shape(NamedTuple):
    """Which fields of an operation are values, and which are rows; and all of them at once, because each write asks."""

    texts: tuple[str, ...]
    rows: tuple[str, ...]
    texts_of: Callable[[Any], tuple[str | None, ...]]
    rows_of: Callable[[Any], tuple[Any, ...]]


_shapes: dict[type, _Shape] = {}


def _shape(kind: type) -> _Shape:
    names = {field.name for field in fields(kind)}
    texts, rows = (tuple(filter(names.__contains__, some)) for some in (_TEXTS, _ROWS))
    _shapes[kind] = made = _Shape(texts, rows, _getter(texts), _getter(rows))
    return made


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if not names:
        return lambda operation: ()  # noqa: ARG005 - there is nothing in it
    if len(names) == 1:
        (name,) = names
        return lambda operation: (getattr(operation, name),)
    return attrgetter(*names)


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
