"""What a call was given, in a few words: by that people tell runs of one task apart."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import PurePath
from types import FunctionType
from typing import TYPE_CHECKING, Any

from woflo.kernel.hiding import MASK, hide
from woflo.kernel.masking import mask, mask_text
from woflo.kernel.texts import plain

if TYPE_CHECKING:
    from woflo.kernel.body import Body

__all__ = ["MOST", "given_in_short", "names_in_short", "shortened"]

MOST = 40
"""Characters that are shown."""
_MOST_VALUES = 6
_MOST_TEXT = 256
"""A text that is longer tells people nothing. It is never cut before its secrets are known to be hidden."""
_ELSE = "…"


def given_in_short(body: Body, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """The arguments of a call; empty where none of them is a text, a number or a path. Calls no code of the user's."""
    if not args and not kwargs:
        return ""
    names = _names(body) if args else ()
    parts = [_shown(names[at] if at < len(names) else "", value) for at, value in enumerate(islice(args, _MOST_VALUES))]
    return _joined(parts, kwargs, len(args) + len(kwargs))


def names_in_short(given: Mapping[str, Any]) -> str:
    """The same of arguments that are all known by their names."""
    return _joined([], given, len(given))


def _joined(parts: list[str], kwargs: Mapping[str, Any], count: int) -> str:
    tells = any(one != _ELSE for one in parts)
    for name, value in islice(kwargs.items(), _MOST_VALUES - len(parts)):
        shown = _shown(name, value)
        if shown == _ELSE:
            count -= 1
            continue
        tells = True
        parts.append(f"{name}={shown}")
    if count > len(parts):
        parts.append(_ELSE)
    return ", ".join(parts) if tells else ""


def _names(body: Body) -> Any:
    fn = body.fn
    if type(fn) is FunctionType and not hasattr(fn, "__wrapped__"):
        return fn.__code__.co_varnames[: fn.__code__.co_argcount]
    return body.parameter_names()


def _shown(name: str, value: Any, depth: int = 1) -> str:
    kind = type(value)
    if kind is str or isinstance(value, PurePath):
        text = str(value)
        if len(text) > _MOST_TEXT:
            return _ELSE
        return MASK if mask(name, "") == MASK else hide(text)
    if kind is bool or value is None or kind is float or (kind is int and value.bit_length() < _MOST_TEXT):
        return MASK if mask(name, "") == MASK else str(value)
    if depth and value and kind in (list, tuple):
        first = _shown(name, value[0], depth - 1)
        return first if first == _ELSE else f"[{first}]" if len(value) == 1 else f"[{first}, {_ELSE}]"
    return _ELSE


def shortened(text: str) -> str:
    """As it may be shown: without secrets and escapes, and of a long one both ends, since paths differ at theirs."""
    text = plain(mask_text(text))
    if len(text) <= MOST:
        return text
    kept = MOST - 1
    return f"{text[: kept // 3]}…{text[-(kept - kept // 3) :]}"
