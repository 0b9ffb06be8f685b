"""Exceptions as JSON, and back without importing or executing what is stored."""

from __future__ import annotations

import json
import sys
from typing import Any

from woflo.errors import StoredFailureError
from woflo.kernel.exceptions import rebuild
from woflo.kernel.hiding import hide, hide_within

__all__ = ["dump_error", "load_error"]

MOST_TRACE = 20_000
"""Characters of a traceback that are kept: its end, which tells most."""
MAX_CAUSES = 5


def dump_error(error: BaseException) -> str:
    """Class, arguments, attributes and traceback of an exception, without what is known to be secret."""
    return json.dumps(_parts(error, 0), separators=(",", ":"))


def _parts(error: BaseException, depth: int) -> dict[str, Any]:
    from traceback import format_exception

    cls = type(error)
    parts = {
        "type": f"{cls.__module__}:{cls.__qualname__}",
        "message": hide(_text(error)),
        "args": [hide_within(_storable(one)) for one in error.args],
        "attributes": {name: hide_within(_storable(one)) for name, one in vars(error).items() if name != "__notes__"},
        "notes": [hide(str(one)) for one in getattr(error, "__notes__", ())],
    }
    if depth == 0:
        parts["trace"] = hide("".join(format_exception(error)))[-MOST_TRACE:]
    if error.__cause__ is not None and depth < MAX_CAUSES:
        parts["cause"] = _parts(error.__cause__, depth + 1)
    return parts


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:
        return f"<its text cannot be told: {broken!r}>"


def _storable(value: Any) -> Any:
    try:
        return value if json.loads(json.dumps(value)) == value else repr(value)
    except Exception:
        return f"<{type(value).__qualname__}>" if not isinstance(value, BaseException) else _text(value)


def load_error(text: str) -> BaseException:
    """The exception, as an instance of its class where that is known in this process.

    Nothing is imported for it: elsewhere it is a `StoredFailureError` with the same message. The traceback of its
    origin is added as a note.
    """
    parts = json.loads(text)
    error = _restored(parts)
    if parts.get("trace"):
        error.add_note(f"as it was stored:\n{parts['trace'].rstrip()}")
    return error


def _restored(parts: dict[str, Any]) -> BaseException:
    error = _instance(parts)
    for note in parts.get("notes", ()):
        error.add_note(note)
    if "cause" in parts:
        error.__cause__ = _restored(parts["cause"])
    return error


def _instance(parts: dict[str, Any]) -> BaseException:
    cls = _known_class(parts["type"])
    if cls is not None:
        try:
            error = rebuild(cls, tuple(parts["args"]))
            error.__dict__.update(parts["attributes"])
            return error
        except Exception:  # a class that cannot be made without its own code
            pass
    return StoredFailureError(f"{parts['type'].partition(':')[2]}: {parts['message']}", type_name=parts["type"])


def _known_class(told: str) -> type[BaseException] | None:
    module, _, qualname = told.partition(":")
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None
