"""What stands behind a value: the functions within decorators, and texts of what tells by itself what it is."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from functools import cached_property, partial, partialmethod
from types import FunctionType, MethodType
from typing import Any

from woflo.kernel.body import Body

__all__ = ["as_kept", "bound_to", "flat", "is_plain", "layers_of", "told"]

_PLAIN = (int, float, complex, str, bytes, bool, type(None))
_MOST_LAYERS = 100
"""Things that say of anything that they have it, stand for themselves without an end."""


def layers_of(value: Any) -> Iterator[FunctionType | type]:
    """The functions of a task, a method, a partial, or of something decorated: from the outermost to the one within."""
    for _ in range(_MOST_LAYERS):
        if isinstance(value, FunctionType | type):
            yield value
        if value is None or isinstance(value, type):
            return
        value = _inner(value)


def _inner(value: Any) -> Any:
    if isinstance(value, partial | partialmethod | cached_property):
        return value.func
    try:
        body = getattr(value, "body", None)
        if isinstance(body, Body):
            return body.fn
        inner = getattr(value, "__wrapped__", None)
        return getattr(value, "__func__", None) if inner is None else inner
    except Exception:
        return None  # something that stands for another thing, which is not there


def bound_to(value: Any) -> Iterator[Any]:
    """What the call of a partial, or of a method, is given beside its arguments."""
    for _ in range(_MOST_LAYERS):
        if isinstance(value, partial):
            yield from (*value.args, *(part for item in sorted(value.keywords.items()) for part in item))
        if isinstance(value, MethodType):
            yield value.__self__
        if value is None or isinstance(value, type):
            return
        value = _inner(value)


def as_kept(value: Any) -> str:
    """A text of any value: where nothing tells what it is, another one in each program."""
    try:
        return pickle.dumps(value, 5).hex()
    except Exception:
        return object.__repr__(value)


def is_plain(value: Any) -> bool:
    """True for what cannot change, and whose text is all that it is."""
    return isinstance(value, _PLAIN) or (isinstance(value, tuple | frozenset) and all(map(is_plain, value)))


def told(value: Any) -> str:
    """As text; sets in one order, which is another one in each program."""
    if isinstance(value, frozenset):
        return f"frozenset({sorted(map(told, value))})"
    if type(value) is tuple and any(isinstance(one, tuple | frozenset) for one in value):
        return f"({', '.join(map(told, value))})"
    return repr(value)


def flat(value: Any, deepest: int = 20) -> Iterator[Any]:
    """What is in containers, and between the kinds and ends of these."""
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, set):
        value = sorted(value, key=repr)
    if not isinstance(value, list | tuple) or not deepest:
        yield value
        return
    yield type(value).__name__
    for one in value:
        yield from flat(one, deepest - 1)
    yield ")"
