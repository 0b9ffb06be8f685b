"""Values as they may be shown: shortened, and secrets hidden."""

from __future__ import annotations

import re
from collections.abc import Mapping
from reprlib import Repr
from typing import Any

__all__ = ["MASK", "mask", "shorten_call"]

MASK = "***"
_SECRET_NAME = re.compile(r"passw|token|secret|(^|_|\b)(api_?)?key($|_|\b)|credential", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@/]+@", re.IGNORECASE)

_short = Repr()
_short.maxstring = _short.maxother = 60
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = 4
_short.maxlevel = 3


def mask(name: str, value: Any) -> Any:
    """`value`, or `***` where its name says that it is a secret; mappings are masked inside."""
    if _SECRET_NAME.search(name):
        return MASK
    if isinstance(value, Mapping):
        return {key: mask(str(key), item) for key, item in value.items()}
    return value


def shorten_call(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], limit: int = 200) -> str:
    """A call as text, such as `fetch('https://…', token=***)`, at most about `limit` characters."""
    parts = [_shown("", value) for value in args]
    parts += [f"{key}={_shown(key, value)}" for key, value in kwargs.items()]
    text = _PASSWORD_IN_URL.sub(rf"\1:{MASK}@", ", ".join(parts))
    return f"{name}({text if len(text) <= limit else text[:limit] + '…'})"


def _shown(name: str, value: Any) -> str:
    """A short repr that never raises: this is shown when something has gone wrong already."""
    value = mask(name, value)
    if isinstance(value, str) and value == MASK:
        return MASK
    try:
        return str(_short.repr(value))
    except Exception as error:
        return f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
