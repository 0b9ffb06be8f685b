"""Values as they may be shown: shortened, and secrets hidden, by their names and where they are known."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from reprlib import Repr
from typing import Any

from woflo.kernel.hiding import MASK, hide

__all__ = ["MASK", "mask", "mask_text", "masked", "shorten_call", "told"]

_SECRET_NAME = re.compile(r"passw|token|secret|(^|_|\b)(api_?)?key($|_|\b)|credential", re.IGNORECASE)
"""More names than those in `hiding`: what stands beside one is not shown, and not looked for in other texts either."""
_PASSWORD_IN_URL = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@/]+@", re.IGNORECASE)

# For text of any length: each pattern begins at a fixed word and goes a bounded way, so that none is tried for long.
_URL_IN_TEXT = re.compile(r"(://[^\s:/@]{0,256}):[^\s/]{1,512}@")
_NAMED_IN_TEXT = re.compile(
    r"""((?:passw(?:or)?d|passphrase|token|secret|credential|api_?key|(?<![^\W_])key(?![^\W_]))[\w-]{0,40}["']?\s{0,3}[=:]\s{0,3})"""
    r"""(?:"[^"\n]{1,4096}"|'[^'\n]{1,4096}'|[^\s,;&"')}\]]{1,4096})""",
    re.IGNORECASE,
)
_BEARER_IN_TEXT = re.compile(r"\b(bearer|basic)( {1,3})[\w.~+/=-]{8,4096}", re.IGNORECASE)
_WORDS = ("://", "passw", "passphrase", "token", "secret", "credential", "key", "bearer", "basic")
"""Where none of them is, the patterns find nothing: to look for words is twenty times as fast."""

_MOST_TEXT, _MOST_ITEMS = 10_000, 20
"""How much of a value is looked at: no more than a few of its items are shown."""
_short = Repr()
_short.maxstring = _short.maxother = 60
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = 4
_short.maxlevel = 3


def mask(name: str, value: Any, depth: int = 4) -> Any:
    """`value`, or `***` where its name says that it is a secret. Passwords in URLs, and what is inside, too."""
    if _SECRET_NAME.search(name):
        return MASK
    if isinstance(value, str):
        return _PASSWORD_IN_URL.sub(rf"\1:{MASK}@", hide(value)[:_MOST_TEXT])
    if depth and isinstance(value, Mapping):
        return {key: mask(str(key), item, depth - 1) for key, item in islice(value.items(), _MOST_ITEMS)}
    if depth and isinstance(value, list | tuple):
        return [mask("", item, depth - 1) for item in value[:_MOST_ITEMS]]
    return value


def masked(name: str, value: Any, depth: int = 200) -> Any:
    """The same for programs, and for what is kept: all of the value, but for secrets. What lies deeper is hidden."""
    if _SECRET_NAME.search(name):
        return MASK
    if isinstance(value, str):
        return _URL_IN_TEXT.sub(rf"\1:{MASK}@", hide(value))
    if not isinstance(value, Mapping | list | tuple):
        return value
    if not depth:
        return MASK
    if isinstance(value, Mapping):
        return {key: masked(str(key), item, depth - 1) for key, item in value.items()}
    return [masked("", item, depth - 1) for item in value]


def mask_text(text: str) -> str:
    """`text` without the passwords in its URLs, and without what stands behind `password=`, `token:` and the like.

    And without what is known to be secret, see `hiding`. Others are known by their names, in the same line.
    """
    text = hide(text)
    if not _may_hold_secret(text):
        return text
    return "\n".join(_masked_line(line) if _may_hold_secret(line) else line for line in text.split("\n"))


def _may_hold_secret(text: str) -> bool:
    text = text.lower()
    return any(word in text for word in _WORDS)


def _masked_line(text: str) -> str:
    text = _URL_IN_TEXT.sub(rf"\1:{MASK}@", text)
    text = _BEARER_IN_TEXT.sub(rf"\1\2{MASK}", text)
    return _NAMED_IN_TEXT.sub(rf"\1{MASK}", text)


def told(error: BaseException) -> str:
    """The type and the message of an exception, masked. Never raises."""
    name = type(error).__name__
    try:
        text = str(error)
    except Exception as why:
        text = f"<its message cannot be shown: {type(why).__name__}>"
    return f"{name}: {mask_text(text)}" if text else name


def shorten_call(
    name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], names: Sequence[str] = (), limit: int = 200
) -> str:
    """A call as text, such as `fetch('https://…', token=***)`, at most about `limit` characters.

    `names` are those of the parameters in their order: a secret may be given by its place.
    """
    parts = [_shown(names[at] if at < len(names) else "", value) for at, value in enumerate(args)]
    parts += [f"{key}={_shown(key, value)}" for key, value in kwargs.items()]
    text = ", ".join(parts)
    return f"{name}({text if len(text) <= limit else text[:limit] + '…'})"


def _shown(name: str, value: Any) -> str:
    """A short repr that never raises: this is shown when something has gone wrong already."""
    try:
        masked = mask(name, value)
        if isinstance(masked, str) and masked == MASK:
            return MASK
        if isinstance(value, tuple) and isinstance(masked, list):
            masked = tuple(masked)
        return _PASSWORD_IN_URL.sub(rf"\1:{MASK}@", hide(str(_short.repr(masked))))
    except Exception as error:
        return f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
